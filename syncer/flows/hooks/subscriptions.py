"""Subscribing: who wants to hear of what, where. One owner (an API key) knows nothing of another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.hook import HookAnswer, HookCall, HookEvent, SubscriptionState
from syncer.flows.hooks import reading
from syncer.flows.hooks.events import Body
from syncer.flows.hooks.samples import sample
from syncer.flows.hooks.settling import alert_of
from syncer.flows.hooks.vault import Vault, new_secret
from syncer.ports import Clock, HookCaller, Jobs
from syncer.store import alerts, hook_deliveries, hooks
from syncer.store.bulk import document
from syncer.store.session import Store


@dataclass(frozen=True, slots=True)
class Subscribed:
    """`secret` signs the deliveries; it is told once, to who has made the subscription."""

    id: int
    secret: str | None


@dataclass(frozen=True)
class Subscriptions:
    """`files_at` is the address below which subscribers fetch messages' files."""

    store: Store
    caller: HookCaller
    vault: Vault
    clock: Clock
    jobs: Jobs
    files_at: str = ""

    def subscribe(self, owner: str, event: HookEvent, target_url: str, *, batch: bool = False) -> Subscribed:
        """Subscribe, or find the subscription that is there: then its secret is not told again, and if it rested it
        goes on. Raises `Refused` for an address that deliveries may not go to, and where no secret can be kept."""
        self.caller.check(target_url)
        secret = new_secret()
        sealed = self.vault.close(secret)
        number, made = self.store.run(lambda tx: self._subscribe(tx, owner, event, target_url, sealed, batch))
        self.jobs.ring("hooks")
        return Subscribed(number, secret if made else None)

    def _subscribe(
        self, tx: Connection, owner: str, event: HookEvent, target_url: str, sealed: str, batch: bool
    ) -> tuple[int, bool]:
        now = self.clock.now()
        number, made = hooks.subscribe(tx, owner, event, target_url, secret=sealed, batch=batch, now=now)
        if not made:
            alerts.end(tx, alert_of(number), now)
        return number, made

    def unsubscribe(self, owner: str, subscription_id: int) -> bool:
        """Nothing more goes there, not even what waits; false when there was nothing to end."""
        with self.store.begin() as tx:
            if self._own(tx, owner, subscription_id) is None:
                return False
            alerts.end(tx, alert_of(subscription_id), self.clock.now())
            return hooks.end(tx, subscription_id, "unsubscribed", self.clock.now())

    def listing(self, owner: str) -> Sequence[Row[Any]]:
        """An owner's subscriptions, each with how many deliveries wait."""
        with self.store.begin() as tx:
            return hooks.of_owner(tx, owner)

    def deliveries(self, owner: str, subscription_id: int, limit: int) -> Sequence[Row[Any]] | None:
        """What happened lately, the newest first; None when the owner has no such subscription."""
        with self.store.begin() as tx:
            if self._own(tx, owner, subscription_id) is None:
                return None
            return hook_deliveries.latest(tx, subscription_id, limit)

    def test(self, owner: str, subscription_id: int) -> HookAnswer | None:
        """Deliver a sample now, once; None when the owner has no such subscription. It counts for nothing."""
        with self.store.begin() as tx:
            row = self._own(tx, owner, subscription_id)
        if row is None or row.state == SubscriptionState.GONE:
            return None
        event = HookEvent(row.event)
        body = document([sample(event)] if row.batch else sample(event)).encode()
        name = f"test-{row.id}-{self.clock.now():%Y%m%dT%H%M%S}"
        return self.caller.call(HookCall(row.target_url, event, name, body, self.vault.open(row.secret)))

    def samples(self, event: HookEvent, limit: int) -> list[Body]:
        """The newest such events, the newest first; where nothing has happened yet, one about nobody."""
        with self.store.begin() as tx:
            return reading.newest(tx, event, limit, self.files_at) or [sample(event)]

    def _own(self, tx: Connection, owner: str, subscription_id: int) -> Row[Any] | None:
        row = hooks.find(tx, subscription_id)
        return row if row is not None and row.owner == owner else None
