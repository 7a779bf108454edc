"""What happened, for tests and for the KPI report: sends, refusals, deliveries of webhooks, customers' messages.

Every time is a unix second as float. Each log keeps the newest `limit` rows (config `log_limit`, a million by default);
`dropped` in `GET /_sim/stats` tells whether older ones were lost.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from syncer.simulators.whatsapp.state import InboundMessage, SentMessage

DEFAULT_PAGE = 100_000
_RECENT_DELIVERIES = 100_000


@dataclass(slots=True)
class Refusal:
    """A send that was refused; whatever of the request could be read."""

    refused_at: float
    code: int
    http: int
    details: str
    phone_number_id: str
    to: str | None
    kind: str | None
    template: str | None
    biz_opaque_callback_data: str | None
    fault: str | None = None


@dataclass(slots=True)
class Attempt:
    """One HTTP request to the webhook. `status` 0: no answer, see `error`."""

    delivery: int
    attempt: int
    items: int
    kinds: dict[str, int]
    bytes: int
    started_at: float
    milliseconds: float
    status: int
    error: str | None


class Journal:
    """The four logs and the counters that outlive their rows."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.sends: deque[SentMessage] = deque(maxlen=self._limit)
        self.refusals: deque[Refusal] = deque(maxlen=self._limit)
        self.attempts: deque[Attempt] = deque(maxlen=self._limit)
        self.inbound: deque[InboundMessage] = deque(maxlen=self._limit)
        self._inbound_by_wamid: dict[str, InboundMessage] = {}
        self._sends_by_wamid: dict[str, SentMessage] = {}
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.refused_by_code: Counter[str] = Counter()

    def accepted(self, message: SentMessage) -> None:
        """A send was accepted."""
        if len(self.sends) == self._limit:
            self._sends_by_wamid.pop(self.sends[0].wamid, None)
        self.sends.append(message)
        self._sends_by_wamid[message.wamid] = message
        self.counts["accepted"] += 1

    def refused(self, refusal: Refusal) -> None:
        """A send was refused."""
        self.refusals.append(refusal)
        self.counts["refused"] += 1
        self.refused_by_code[str(refusal.code)] += 1

    def spoken(self, message: InboundMessage) -> None:
        """A customer's message was asked for."""
        if len(self.inbound) == self._limit:
            self._inbound_by_wamid.pop(self.inbound[0].wamid, None)
        self.inbound.append(message)
        self._inbound_by_wamid[message.wamid] = message
        self.counts["inbound"] += 1

    def attempted(self, attempt: Attempt) -> None:
        """A webhook request ended."""
        self.attempts.append(attempt)
        self.counts["attempts"] += 1
        self.counts["attempts_failed"] += attempt.status != 200

    def inbound_by_wamid(self, wamid: str) -> InboundMessage | None:
        """A customer's message by its id."""
        return self._inbound_by_wamid.get(wamid)

    def sent_by_wamid(self, wamid: str) -> SentMessage | None:
        """An accepted send by its id."""
        return self._sends_by_wamid.get(wamid)

    def knows(self, wamid: str) -> bool:
        """Whether a message of either direction has this id."""
        return wamid in self._inbound_by_wamid or wamid in self._sends_by_wamid

    def sends_page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`GET /_sim/log/sends`: `accepted` and `refused`, oldest first, each paged alone by `offset` and `limit`."""
        accepted = [message.row() for message in _page(self.sends, query)]
        refused = [asdict(refusal) for refusal in _page(self.refusals, query)]
        totals = {"accepted_total": len(self.sends), "refused_total": len(self.refusals)}
        return {"accepted": accepted, "refused": refused, **totals}

    def callbacks_page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`GET /_sim/log/callbacks`: every attempt, oldest first."""
        return {"attempts": [asdict(row) for row in _page(self.attempts, query)], "total": len(self.attempts)}

    def inbound_page(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`GET /_sim/log/inbound`: every customer's message, oldest first."""
        return {"messages": [row.row() for row in _page(self.inbound, query)], "total": len(self.inbound)}

    def stats(self, *, recipients: bool) -> dict[str, Any]:
        """The counters, the percentiles of the webhook's answers, sends per recipient and callback data sent twice."""
        counts = self.counts
        return {
            "sends": {
                "accepted": counts["accepted"],
                "refused": counts["refused"],
                "refused_by_code": dict(self.refused_by_code),
                "by_kind": dict(Counter(message.kind for message in self.sends)),
                "dropped": counts["accepted"] - len(self.sends),
            },
            "sends_by_recipient": dict(Counter(message.to for message in self.sends)) if recipients else None,
            "doubled_callback_data": _more_than_once(message.callback_data for message in self.sends),
            "statuses": dict(self.statuses),
            "inbound": self._inbound_stats(),
            "callbacks": self._callback_stats(),
        }

    def _inbound_stats(self) -> dict[str, int]:
        rows = self.inbound
        return {
            "asked": self.counts["inbound"],
            "sent": sum(row.sent_at is not None for row in rows),
            "answered": sum(row.answered_at is not None for row in rows),
            "replied": sum(row.replied_at is not None for row in rows),
        }

    def _callback_stats(self) -> dict[str, Any]:
        recent = islice(reversed(self.attempts), _RECENT_DELIVERIES)
        taken = sorted(row.milliseconds for row in recent if row.status)
        names = (
            "deliveries",
            "attempts",
            "attempts_failed",
            "abandoned",
            "items",
            "items_answered",
            "dropped",
            "duplicated",
        )
        percentiles = {f"p{share}_ms": _percentile(taken, share) for share in (50, 95, 99)}
        return {**{name: self.counts[name] for name in names}, **percentiles, "max_ms": taken[-1] if taken else None}


def _page(rows: deque[Any], query: Mapping[str, str]) -> list[Any]:
    offset, limit = int(query.get("offset", 0)), int(query.get("limit", DEFAULT_PAGE))
    return list(islice(rows, offset, offset + limit))


def _more_than_once(values: Iterable[str | None]) -> dict[str, int]:
    counted = Counter(value for value in values if value is not None)
    return {value: times for value, times in counted.items() if times > 1}


def _percentile(ordered: list[float], share: int) -> float | None:
    """The nearest-rank percentile of sorted values."""
    return round(ordered[math.ceil(len(ordered) * share / 100) - 1], 3) if ordered else None
