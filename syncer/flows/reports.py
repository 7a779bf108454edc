"""Reports: what happened, as figures read from the database (R38, R41)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
