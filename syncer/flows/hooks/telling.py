"""Telling subscribers: what happened becomes one delivery for each who wants to hear of it.

The wishes of `crm_writes` for subscribers are claimed in sets; the deliveries are stored in the transaction that
settles the wishes, under keys of their own, so that neither a crash nor a second telling makes two of one. A wish says
only that something is new; which events that makes is read from the rows as they stand now.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.hook import HookEvent
from syncer.domain.message import Direction
from syncer.domain.status import Status
from syncer.domain.work import Subject
from syncer.flows.hooks import events, reading
from syncer.flows.setbacks import Setbacks
from syncer.ports import Clock, Jobs
from syncer.store import crm_writes, hook_deliveries, hook_reading, messages
from syncer.store.bulk import document
from syncer.store.crm_writes import HOOKS, WRITES, Topic
from syncer.store.hook_deliveries import News
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: A transaction may commit later than its own moment says, by this much at most; so what is this much older than the
#: last telling is told of again, and the deliveries' keys recognise the repeat ...
_LATE = timedelta(hours=1)
#: ... as long as they are kept. After that nothing older than the last telling can be new.
_KEYS_LAST = timedelta(days=1)


@dataclass(frozen=True)
class Telling:
    """`files_at` is the address below which subscribers fetch messages' files."""

    store: Store
    setbacks: Setbacks
    clock: Clock
    jobs: Jobs
    files_at: str = ""
    batch: int = 200
    lease_seconds: float = 60.0

    def tell(self, worker: int) -> int:
        """Everything that subscribers have not heard of; returns how many deliveries that made."""
        made = 0
        while rows := self._claim(worker):
            new = self._spread(worker, rows)
            if new:
                self.jobs.ring("hooks")
            made += new
        return made

    def _claim(self, worker: int) -> Sequence[Row[Any]]:
        with self.store.begin() as tx:
            now, most = self.clock.now(), self.batch
            return crm_writes.claim(tx, worker, HOOKS, None, now=now, lease_seconds=self.lease_seconds, limit=most)

    def _spread(self, worker: int, rows: Sequence[Row[Any]]) -> int:
        """One set in one transaction; if it cannot be told together it is halved until the odd one is alone."""
        try:
            return self.store.run(lambda tx: self._tell(tx, worker, rows))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if len(rows) == 1:
                log.exception("subscribers cannot be told of %s %d", rows[0].topic, rows[0].subject_id)
                self._set_back(worker, rows[0], error)
                return 0
        middle = len(rows) // 2
        return self._spread(worker, rows[:middle]) + self._spread(worker, rows[middle:])

    def _set_back(self, worker: int, row: Row[Any], error: Exception) -> None:
        with self.store.begin() as tx:
            self.setbacks.record(tx, Subject.CRM_WRITE, WRITES, worker, [(row, error)], since="requested_at")

    def _tell(self, tx: Connection, worker: int, rows: Sequence[Row[Any]]) -> int:
        found = [
            *self._contacts(tx, [row for row in rows if row.topic == Topic.CONTACT]),
            *self._messages(tx, [row for row in rows if row.topic == Topic.MESSAGE]),
            *self._handoffs(tx, [row for row in rows if row.topic == Topic.HANDOFF]),
        ]
        now = self.clock.now()
        made = hook_deliveries.spread(tx, found, now)
        crm_writes.settle_written(tx, worker, rows, now)
        return made

    def _contacts(self, tx: Connection, rows: Sequence[Row[Any]]) -> Iterator[News]:
        people = reading.people(tx, [row.subject_id for row in rows])
        now = self.clock.now()
        told = {row.subject_id: _told_until(row, now) for row in rows}
        for key, person in people.items():
            made, changed = person.row.created_at, person.row.updated_at
            if _is_new(made, told[key]):
                yield _news(events.contact(HookEvent.CONTACT_CREATED, person), made)
            if changed > made and _is_new(changed, told[key]):
                yield _news(events.contact(HookEvent.CONTACT_UPDATED, person), changed)
        words = hook_reading.words_since(tx, {key: told[key] for key in people}) if people else ()
        for word, body in reading.said(tx, words):
            yield _news(body, word.recorded_at)

    def _messages(self, tx: Connection, rows: Sequence[Row[Any]]) -> Iterator[News]:
        by_id = messages.by_ids(tx, [row.subject_id for row in rows])
        people = reading.people(tx, {message.contact_id for message in by_id.values()})
        files = reading.files(tx, by_id, self.files_at)
        for row in rows:
            message = by_id.get(row.subject_id)
            if message is None or message.contact_id not in people:
                continue
            file = files.get(message.id)
            for event, since in _of_message(message, row, events.changed_at(message, file)):
                if _is_new(since, _told_until(row, self.clock.now())):
                    yield _news(events.message(event, message, people[message.contact_id], file), since)

    def _handoffs(self, tx: Connection, rows: Sequence[Row[Any]]) -> Iterator[News]:
        bodies = reading.about_handoffs(tx, [row.subject_id for row in rows]) if rows else {}
        for row in rows:
            if row.subject_id in bodies and row.written_revision == 0:
                yield _news(bodies[row.subject_id], row.requested_at)


def _of_message(message: Row[Any], wish: Row[Any], changed: datetime | None) -> Iterable[tuple[HookEvent, datetime]]:
    """Which events a message makes, each with the moment since when it can be told of."""
    if message.direction == Direction.IN:
        yield HookEvent.MESSAGE_RECEIVED, message.recorded_at
    elif message.wamid is not None:
        yield HookEvent.MESSAGE_SENT, message.recorded_at
    if message.direction == Direction.OUT and message.status not in (None, Status.ACCEPTED):
        yield HookEvent.MESSAGE_STATUS, wish.requested_at
    if changed is not None and wish.requested_at > message.recorded_at:
        yield HookEvent.MESSAGE_UPDATED, wish.requested_at


def _told_until(wish: Row[Any], now: datetime) -> datetime | None:
    """Until when a wish has been told of; None: never."""
    if not wish.written_revision or wish.settled_at is None:
        return None
    return wish.settled_at - _LATE if now - wish.settled_at < _KEYS_LAST else wish.settled_at  # type: ignore[no-any-return]


def _is_new(since: datetime, told: datetime | None) -> bool:
    return told is None or since > told


def _news(body: events.Body, since: datetime) -> News:
    return News(HookEvent(body["event"]), body["id"], document(body), body["contact_id"], since)
