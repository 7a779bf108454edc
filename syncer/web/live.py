"""The live picture that the console and `/api/v1/reports/live` show: read once a second, however many look."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.flows.reports import Live
from syncer.web.health import Cached

#: How far back the messages per minute go.
MINUTES = 60
#: Rows of each list.
LENGTH = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """`minutes`: messages (in, out) of each of the last sixty minutes, the present one last. The lists hold rows with
    the names of `syncer.store.listings`, `syncer.store.alerts` and `syncer.store.dead_letters`."""

    live: Live
    minutes: Sequence[tuple[datetime, int, int]]
    alerts: Sequence[Any]
    campaigns: Sequence[Any]
    failures: Sequence[Any]
    sync_runs: Sequence[Any]
    handoffs: Sequence[Any]


class LiveView:
    """`get()` is the present picture. Minutes that are over are remembered, not counted again."""

    def __init__(self, runtime: Runtime, pool: Executor) -> None:
        self._reports = runtime.reports
        self._lookups = parts.lookups(runtime)
        self._crms = runtime.settings.crm.names
        self._minutes: dict[datetime, tuple[int, int]] = {}
        self._counted_until: datetime | None = None
        self._cached = Cached(self._look, pool)

    async def get(self) -> Picture:
        """Not older than a second. Raises `Unreachable`."""
        return await self._cached.get()

    def _look(self) -> Picture:
        since = self._counted_until or self._reports.clock.now() - timedelta(minutes=MINUTES)
        live = self._reports.live(self._crms, minutes_since=since)
        return Picture(
            live,
            self._remember(live),
            self._lookups.alerts(LENGTH),
            self._lookups.campaigns(LENGTH),
            self._lookups.failures(LENGTH),
            self._lookups.sync_runs(LENGTH),
            self._lookups.handoffs(LENGTH),
        )

    def _remember(self, live: Live) -> list[tuple[datetime, int, int]]:
        present = live.at.replace(second=0, microsecond=0)
        span = [present - timedelta(minutes=back) for back in range(MINUTES - 1, -1, -1)]
        self._minutes |= {minute: (incoming, out) for minute, incoming, out in live.per_minute}
        self._minutes = {minute: self._minutes.get(minute, (0, 0)) for minute in span}
        # The last minute is counted once more: a transaction that was under way may still have belonged to it.
        self._counted_until = present - timedelta(minutes=1)
        return [(minute, *self._minutes[minute]) for minute in span]


def as_json(picture: Picture) -> dict[str, Any]:
    """The figures as plain values; delays in seconds, the error rate as a fraction."""
    live = picture.live
    return {
        "at": live.at.isoformat(),
        "messages_per_minute": sum(picture.minutes[-2][1:]),
        "minutes": [{"minute": m.isoformat(), "in": i, "out": o} for m, i, o in picture.minutes],
        "inbound_delay": asdict(live.inbound),
        "reply_delay": asdict(live.replies),
        "error_rate": live.error_rate,
        "failed": live.failed,
        "messages": live.total,
        "waiting": dict(live.waiting),
        "alerts": _plain(picture.alerts),
        "campaigns": _plain(picture.campaigns),
        "failures": _plain(picture.failures),
        "sync_runs": _plain(picture.sync_runs),
        "handoffs": _plain(picture.handoffs),
    }


def _plain(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{name: _value(value) for name, value in row._mapping.items()} for row in rows]


def _value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
