"""Upkeep: forgetting what nobody needs any more, so that nothing grows for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from syncer.ports import Clock
from syncer.store import departures, early_statuses, inbox, recipients, workers
from syncer.store.session import Store


@dataclass(frozen=True)
class Upkeep:
    """What is kept how long. The platform repeats a delivery for up to 7 days, so inbox rows, which recognise a repeat,
    stay longer than that."""

    store: Store
    clock: Clock
    inbox_days: int = 14
    early_status_days: int = 8
    departure_days: int = 365

    def tidy(self) -> dict[str, int]:
        """Delete what has outlived its use; returns how much of each."""
        now = self.clock.now()
        with self.store.begin() as tx:
            return {
                "workers": workers.forget_old(tx, now - timedelta(days=1)),
                "inbox": inbox.forget_settled(tx, now - timedelta(days=self.inbox_days)),
                "reached": recipients.forget_old(tx, now - timedelta(hours=25)),
                "early_statuses": early_statuses.forget_old(tx, now - timedelta(days=self.early_status_days)),
                "departures": departures.forget_old(tx, now - timedelta(days=self.departure_days)),
            }
