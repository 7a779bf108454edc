"""Reports: what happened, as figures read from the database (R38, R41)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from syncer.ports import Clock
from syncer.store import figures
from syncer.store.session import Store


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds, over `count` cases; None when there were none."""

    count: int
    p50: float | None
    p99: float | None
    worst: float | None


#: What "now" means in a live view, and of how many messages at most the delays are taken.
LIVE_SPAN = timedelta(minutes=10)
LIVE_SAMPLE = 500


@dataclass(frozen=True, slots=True)
class Live:
    """How the engine is doing. `per_minute`: (minute, messages in, messages out), minutes without any left out;
    `failed` of `total` messages of the last ten minutes failed or need a person; `waiting`: rows by queue."""

    at: datetime
    per_minute: Sequence[tuple[datetime, int, int]]
    inbound: Delays
    replies: Delays
    failed: int
    total: int
    waiting: Mapping[str, int]

    @property
    def error_rate(self) -> float:
        """A fraction; 0 when there were no messages and no failures."""
        return self.failed / max(self.total, self.failed, 1)


@dataclass(frozen=True)
class Reports:
    """Reads figures; changes nothing. Every span is [since, now]."""

    store: Store
    clock: Clock

    def inbound_delays(self, since: datetime) -> Delays:
        """From a customer's message being stored to its record standing in the CRM."""
        with self.store.begin() as tx:
            return spread(figures.inbound_delays(tx, since))

    def reply_delays(self, since: datetime) -> Delays:
        """From a customer's message being stored to the platform having taken the automatic reply."""
        with self.store.begin() as tx:
            return spread(figures.reply_delays(tx, since))

    def handoff_delays(self, since: datetime) -> Delays:
        """From a complaint being stored to its task standing in the CRM (R32)."""
        with self.store.begin() as tx:
            return spread(figures.handoff_delays(tx, since))

    def statuses_written(self, since: datetime) -> tuple[int, int]:
        """(messages whose present status the CRM has, messages with a status) (R23)."""
        with self.store.begin() as tx:
            return figures.statuses_written(tx, since)

    def busiest(self, since: datetime, seconds: int = 5) -> int:
        """Messages carried, both ways, in the busiest span of `seconds`, per minute."""
        with self.store.begin() as tx:
            return figures.busiest(tx, since, seconds) * 60 // seconds

    def live(self, crms: Sequence[str], *, minutes_since: datetime | None = None) -> Live:
        """The present state in one look (R41), cheap enough for every second: delays are those of the latest messages
        only. `minutes_since` bounds `per_minute` (default: the span of the other figures)."""
        now = self.clock.now()
        since = now - LIVE_SPAN
        with self.store.begin() as tx:
            failed, total = figures.failures_since(tx, since)
            return Live(
                at=now,
                per_minute=figures.per_minute(tx, minutes_since or since),
                inbound=spread(figures.latest_inbound_delays(tx, since, crms, LIVE_SAMPLE)),
                replies=spread(figures.latest_reply_delays(tx, since, LIVE_SAMPLE)),
                failed=failed,
                total=total,
                waiting=figures.waiting(tx),
            )

    def waiting(self) -> dict[str, int]:
        """How much waits now: per queue, in the due-table, for a person."""
        with self.store.begin() as tx:
            return figures.waiting(tx)


def spread(seconds: Sequence[float]) -> Delays:
    """Nearest-rank percentiles."""
    ranked = sorted(seconds)
    if not ranked:
        return Delays(0, None, None, None)
    return Delays(len(ranked), _rank(ranked, 0.50), _rank(ranked, 0.99), ranked[-1])


def _rank(ranked: Sequence[float], share: float) -> float:
    return ranked[max(0, ceil(share * len(ranked)) - 1)]
