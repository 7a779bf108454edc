"""Intake: deliveries become inbox rows; inbox rows become messages, statuses and what follows from them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import Unreachable
from syncer.domain.inbox import InboxItem
from syncer.domain.message import InboundMessage
from syncer.domain.status import StatusUpdate
from syncer.domain.work import Subject, WorkState
from syncer.flows.conversations import Conversations
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Statuses
from syncer.ports import Clock, Jobs, Messenger
from syncer.store import claims, inbox
from syncer.store.inbox import INBOX
from syncer.store.session import Store

log = logging.getLogger(__name__)


class LostClaim(Exception):
    """The claims of this pass were taken from us (a lease ran out); its transaction must not commit."""


@dataclass(frozen=True)
class Intake:
    """The way in, from the raw delivery to its effects."""

    store: Store
    messenger: Messenger
    conversations: Conversations
    statuses: Statuses
    setbacks: Setbacks
    clock: Clock
    jobs: Jobs
    lease_seconds: float = 30.0
    batch: int = 100
    patience: timedelta = field(default=timedelta(hours=24))

    def receive(self, items: Sequence[InboxItem]) -> int:
        """Store items and ring the bell; returns how many were new. Raises `Unreachable` and has then stored
        nothing."""
        with self.store.begin() as tx:
            added = inbox.add(tx, items, self.clock.now())
        if added:
            self.jobs.ring("realtime")
        return added

    def drain(self, worker: int) -> int:
        """Handle everything that waits, a set at a time; returns how many items. A set that was taken from us meanwhile
        is left to whoever has it now."""
        handled = 0
        while rows := self._claim(worker):
            try:
                self._handle(worker, rows)
            except LostClaim as lost:
                log.warning("%s; nothing of that set was written", lost)
                break
            handled += len(rows)
        return handled

    def _claim(self, worker: int) -> Sequence[Row[Any]]:
        with self.store.begin() as tx:
            return claims.claim(
                tx, INBOX, worker, now=self.clock.now(), lease_seconds=self.lease_seconds, limit=self.batch
            )

    def _handle(self, worker: int, rows: Sequence[Row[Any]]) -> None:
        """The whole set in one transaction; if anything in it fails, each item in one of its own, so that one odd item
        costs the others nothing."""
        try:
            self._apply(worker, rows)
        except (Unreachable, LostClaim):
            raise
        except Exception:
            log.warning("a set of %d inbox items failed; trying them one by one", len(rows), exc_info=True)
            for row in rows:
                self._handle_alone(worker, row)

    def _handle_alone(self, worker: int, row: Row[Any]) -> None:
        try:
            self._apply(worker, [row])
        except (Unreachable, LostClaim):
            raise
        except Exception as error:
            log.exception("inbox item %d failed", row.id)
            with self.store.begin() as tx:
                self.setbacks.record(tx, Subject.INBOX, INBOX, worker, [(row, error)], since="received_at")

    def _apply(self, worker: int, rows: Sequence[Row[Any]]) -> None:
        now = self.clock.now()
        events = [(row, self.messenger.read(inbox.as_item(row))) for row in rows]
        messages = [(row, event) for row, event in events if isinstance(event, InboundMessage)]
        statuses = [event for _, event in events if isinstance(event, StatusUpdate)]
        understood = [row.id for row, event in events if isinstance(event, InboundMessage | StatusUpdate)]
        with self.store.begin() as tx:
            queues = self.conversations.hear(tx, [event for _, event in messages], now)
            queues |= self.statuses.apply(tx, statuses, now)
            self._settle(tx, worker, understood, WorkState.DONE)
            for row, event in events:
                if not isinstance(event, InboundMessage | StatusUpdate):
                    self._settle(tx, worker, [row.id], WorkState.IGNORED, event.reason)
        for queue in sorted(queues):
            self.jobs.ring(queue)

    def _settle(self, tx: Connection, worker: int, ids: list[int], state: WorkState, reason: str = "") -> None:
        if claims.settle(tx, INBOX, worker, ids, state, self.clock.now(), reason) != len(ids):
            raise LostClaim(f"worker {worker} no longer holds all of its {len(ids)} items")
