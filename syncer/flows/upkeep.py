"""Upkeep: forgetting what nobody needs any more, so that nothing grows for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from syncer.ports import Clock
from syncer.store import (
    crm_notices,
    departures,
    early_statuses,
    hook_deliveries,
    hooks,
    idempotent_requests,
    inbox,
    recipients,
    workers,
)
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
    request_days: int = 7
    notice_days: int = 7
    hook_days: float = 7

    def tidy(self) -> dict[str, int]:
        """Delete what has outlived its use; returns how much of each."""
        now = self.clock.now()
        with self.store.begin() as tx:
            return {
                "workers": workers.forget_old(tx, now - timedelta(days=1)),
                "inbox": inbox.forget_settled(tx, now - timedelta(days=self.inbox_days)),
                "reached": recipients.forget_old(tx, now - timedelta(hours=25)),
                "early_statuses": early_statuses.forget_old(tx, now - timedelta(days=self.early_status_days)),
                "crm_notices": crm_notices.forget_settled(tx, now - timedelta(days=self.notice_days)),
                "idempotent_requests": idempotent_requests.forget_old(tx, now - timedelta(days=self.request_days)),
                "hook_deliveries": hook_deliveries.forget_old(tx, now - timedelta(days=self.hook_days)),
                "hook_subscriptions": hooks.forget_old(tx, now - timedelta(days=self.hook_days)),
                "departures": departures.forget_old(tx, now - timedelta(days=self.departure_days)),
            }
