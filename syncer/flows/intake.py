"""Intake: deliveries become inbox rows; inbox rows become messages, statuses and what follows from them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from syncer.domain.errors import Unreachable
from syncer.domain.inbox import InboxItem
from syncer.domain.notice import IdentityChange, Unrecognised
from syncer.domain.work import Subject, WorkState
from syncer.flows.setbacks import Setbacks
from syncer.ports import Clock, Event, Jobs, Messenger
from syncer.store import claims, doors, inbox
from syncer.store.inbox import INBOX
from syncer.store.session import Store

log = logging.getLogger(__name__)


class LostClaim(Exception):
    """The claims of this pass were taken from us (a lease ran out); its transaction must not commit."""


class Hearer(Protocol):
    """A flow to which some kinds of events matter."""

    @property
    def hears(self) -> tuple[type, ...]:
        """The kinds of events it wants."""

    def apply(self, tx: Connection, events: Sequence[Any], now: datetime) -> set[str]:
        """Apply events inside the caller's transaction; returns the queues that have work now. A repeat changes
        nothing."""


class Door:
    """Whether this process has turned deliveries away since it last stored one. Threads may call both at any time."""

    def __init__(self) -> None:
        self._missed = threading.Event()

    def shuts(self) -> None:
        """A delivery was turned away, or could not be stored."""
        self._missed.set()

    def opens(self) -> bool:
        """A delivery is about to be stored; whether any was missed before it."""
        missed = self._missed.is_set()
        self._missed.clear()
        return missed


@dataclass(frozen=True)
class Intake:
    """The way in, from the raw delivery to its effects. Each kind of event goes to the one of `hearers` that wants it,
    in their order: who somebody is comes before what they said."""

    store: Store
    messenger: Messenger
    hearers: Sequence[Hearer]
    setbacks: Setbacks
    clock: Clock
    jobs: Jobs
    lease_seconds: float = 30.0
    batch: int = 100
    patience: timedelta = field(default=timedelta(hours=24))
    door: Door = field(default_factory=Door)

    def receive(self, items: Sequence[InboxItem]) -> int:
        """Store items and ring the bell; returns how many were new. Raises `Unreachable` and has then stored
        nothing."""
        missed = self.door.opens()
        try:
            with self.store.begin() as tx:
                added = inbox.add(tx, items, self.clock.now())
        except BaseException:
            self.door.shuts()
            raise
        if missed:  # in a transaction of its own: nothing may veto the storing of what a customer said
            self.open_door()
        if added:
            self.jobs.ring("realtime")
        return added

    def open_door(self) -> None:
        """This process answers the door from now on; before, nobody may have been there. Never raises: while the
        database is away, the first delivery that is stored says the same."""
        try:
            with self.store.begin() as tx:
                doors.reopened(tx, doors.WHATSAPP, self.clock.now())
        except Exception as error:
            log.warning("the door's opening was not written down: %s", error)
            self.door.shuts()

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
        queues: set[str] = set()
        with self.store.begin() as tx:
            for part in _parts([event for _, event in events]):
                queues |= self._tell(tx, part, now)
            self._settle_all(tx, worker, events)
        for queue in sorted(queues):
            self.jobs.ring(queue)

    def _tell(self, tx: Connection, events: Sequence[Event], now: datetime) -> set[str]:
        queues: set[str] = set()
        for hearer in self.hearers:
            mine = [event for event in events if isinstance(event, hearer.hears)]
            queues |= hearer.apply(tx, mine, now) if mine else set()
        return queues

    def _settle_all(self, tx: Connection, worker: int, events: Sequence[tuple[Row[Any], Event]]) -> None:
        known = tuple(kind for hearer in self.hearers for kind in hearer.hears)
        self._settle(tx, worker, [row.id for row, event in events if isinstance(event, known)], WorkState.DONE)
        ignored: dict[str, list[int]] = {}
        for row, event in events:
            if not isinstance(event, known):
                reason = event.reason if isinstance(event, Unrecognised) else f"nobody hears {type(event).__name__}"
                ignored.setdefault(reason, []).append(row.id)
        for reason, ids in ignored.items():
            self._settle(tx, worker, ids, WorkState.IGNORED, reason)

    def _settle(self, tx: Connection, worker: int, ids: list[int], state: WorkState, reason: str = "") -> None:
        if claims.settle(tx, INBOX, worker, ids, state, self.clock.now(), reason) != len(ids):
            raise LostClaim(f"worker {worker} no longer holds all of its {len(ids)} items")


def _parts(events: Sequence[Event]) -> list[list[Event]]:
    """Cut before each change of identity: what came earlier was said by who they were then. Most sets stay whole."""
    parts: list[list[Event]] = [[]]
    for event in events:
        if isinstance(event, IdentityChange) and parts[-1]:
            parts.append([])
        parts[-1].append(event)
    return parts
