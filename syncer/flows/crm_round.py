"""One claimed set, told to its CRM topic by topic: what single records came to, and what the CRM as a whole did not
serve."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.crm_record import WriteResult
from syncer.domain.errors import DeliveryError, FixCredentials, OverQuota, SyncerError
from syncer.flows import crm_records
from syncer.flows.crm_contacts import CrmContacts
from syncer.policies import breaker
from syncer.ports import CRM, Clock
from syncer.store.crm_writes import Line, Topic
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: Where the failure of one record holds back what else of that person is in the set: a message needs its contact to be
#: there, and the agent's record that it came from to bear its name.
_HOLDS_BACK = (Topic.CONTACT, Topic.REPLY)
#: So many records one by one that an adapter stumbles over, and it is not the records.
_STUMBLES = 3

Rows = Sequence[Row[Any]]
Results = Mapping[int, WriteResult]


@dataclass
class Told:
    """What became of one set. `failures`: why single records were refused, by row id. `unserved`: topics of which a
    call as a whole was not served, and why; `put_off`: the rows that come back because of that; `held`: those that stay
    behind another row of their person. `served`: topics of which the CRM has answered a call."""

    failures: dict[int, Exception] = field(default_factory=dict)
    unserved: dict[Topic, Exception] = field(default_factory=dict)
    put_off: dict[int, Exception] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    served: set[Topic] = field(default_factory=set)


@dataclass(frozen=True)
class CrmRound:
    """Tells CRMs about sets of rows. `files_at`, `shared_above` and `by_email` as for `CrmWrites`."""

    store: Store
    crms: Mapping[str, CRM]
    clock: Clock
    files_at: str = ""
    shared_above: int = 20
    by_email: bool = False

    @cached_property
    def people(self) -> CrmContacts:
        """Telling CRMs about contacts."""
        return CrmContacts(self.store, self.crms, self.clock, self.shared_above, self.by_email)

    def tell(self, crm: str, rows: Rows) -> Told:
        """Tell a CRM, contacts first. After a call that was not served nothing more is asked of it, unless it only
        refuses our credentials: they may be good for another topic."""
        told = Told()
        lost: set[int] = set()
        for topic in Topic:
            mine = [row for row in rows if row.topic == topic]
            stopped = next((one for one in told.unserved.values() if not isinstance(one, FixCredentials)), None)
            if stopped is not None:
                told.put_off |= {row.id: stopped for row in mine}
                continue
            told.held |= {row.id for row in mine if row.contact_id in lost}
            self._tell_topic(crm, topic, [row for row in mine if row.contact_id not in lost], told)
            if topic in _HOLDS_BACK:
                failed = told.failures.keys() | told.put_off.keys()
                lost |= {row.contact_id for row in mine if row.id in failed and row.line == Line.PERSON}
        return told

    def _tell_topic(self, crm: str, topic: Topic, rows: Rows, told: Told) -> None:
        try:
            results = self._written(crm, topic, rows) if rows else {}
        except Exception as error:
            if isinstance(error, SyncerError) and not isinstance(error, DeliveryError):
                raise
            self._not_served(crm, topic, rows, error, told)
            return
        refused = ((row.id, results[row.id].error) for row in rows if row.id in results)
        told.failures |= {key: error for key, error in refused if error is not None}
        if results:
            told.served.add(topic)

    def _not_served(self, crm: str, topic: Topic, rows: Rows, error: Exception, told: Told) -> None:
        own = not isinstance(error, DeliveryError) and all(row.attempts > 1 for row in rows)
        if isinstance(error, OverQuota):
            # It was not even asked, and another topic may need another budget.
            told.put_off |= dict.fromkeys([row.id for row in rows], error)
            return
        if own or not breaker.counts(error):
            # Stumbled over before, while others of the same call were served: it is these records.
            told.failures |= dict.fromkeys([row.id for row in rows], error)
            return
        if not isinstance(error, DeliveryError):
            # Of several rows the traceback was logged before they were told one by one.
            log.error("%s takes no %s: %r", crm, topic, error, exc_info=error if len(rows) == 1 else None)
        told.unserved[topic] = error
        told.put_off |= dict.fromkeys([row.id for row in rows], error)

    def _written(self, crm: str, topic: Topic, rows: Rows) -> Results:
        """One call for all of them. Where the adapter stumbles over one that it did not foresee, they are told one by
        one, and the others are none the worse for it. Raises what the CRM as a whole refuses with."""
        write = self._ways[topic]
        try:
            return write(crm, rows)
        except Exception as error:
            known = isinstance(error, SyncerError) and not _of_records(error)
            if known or len(rows) == 1:
                raise
            log.exception("telling %s of %d %s rows failed; now one by one", crm, len(rows), topic)
        return self._one_by_one(crm, write, rows)

    def _one_by_one(self, crm: str, write: Callable[[str, Rows], Results], rows: Rows) -> Results:
        found: dict[int, WriteResult] = {}
        stumbles = 0
        for row in rows:
            try:
                found |= write(crm, [row])
            except SyncerError as error:
                if not _of_records(error):
                    raise
                found[row.id] = WriteResult("", error=error)
            except Exception as error:
                stumbles += 1
                if stumbles == min(_STUMBLES, len(rows)) == len(found) + 1:
                    raise
                found[row.id] = WriteResult("", error=error)
        return found

    @cached_property
    def _ways(self) -> Mapping[Topic, Callable[[str, Rows], Results]]:
        return {
            Topic.CONTACT: self._contacts,
            Topic.REPLY: self._replies,
            Topic.MESSAGE: self._messages,
            Topic.HANDOFF: self._tasks,
        }

    def _contacts(self, crm: str, rows: Rows) -> Results:
        """One result for each row whose contact lacked something; the others are as they should be without a call."""
        by_contact = self.people.write(crm, [row.subject_id for row in rows])
        return {row.id: by_contact[row.subject_id] for row in rows if row.subject_id in by_contact}

    def _replies(self, crm: str, rows: Rows) -> Results:
        return _by_row(rows, self._read(crm_records.reply_records, crm, rows), self.crms[crm].take_replies)

    def _messages(self, crm: str, rows: Rows) -> Results:
        def read(tx: Connection, crm: str, ids: Sequence[int]) -> Mapping[int, Any]:
            return crm_records.message_records(tx, crm, ids, self.files_at)

        return self._of_people(crm, rows, read, self.crms[crm].write_messages)

    def _tasks(self, crm: str, rows: Rows) -> Results:
        return self._of_people(crm, rows, crm_records.task_records, self.crms[crm].write_tasks)

    def _read(
        self, read: Callable[[Connection, str, Sequence[int]], Mapping[int, Any]], crm: str, rows: Rows
    ) -> Mapping[int, Any]:
        with self.store.begin() as tx:
            return read(tx, crm, [row.subject_id for row in rows])

    def _of_people(
        self,
        crm: str,
        rows: Rows,
        read: Callable[[Connection, str, Sequence[int]], Mapping[int, Any]],
        write: Callable[[Sequence[Any]], list[WriteResult]],
    ) -> Results:
        """Write what belongs to people. Where the CRM says that a person's record is not there any more, it is put
        right, and what belongs to it is written again."""
        records = self._read(read, crm, rows)
        results = _by_row(rows, records, write)
        moved = {
            row.id: (records[row.subject_id].crm_contact_id, row.contact_id, result.into)
            for row in rows
            if (result := results.get(row.id)) and (result.gone or result.into)
            if records[row.subject_id].crm_contact_id is not None
        }
        if not moved:
            return results
        self.people.heal(crm, sorted(set(moved.values()), key=str))
        self.people.write(crm, sorted({contact_id for _, contact_id, _ in moved.values()}))
        stale = [row for row in rows if row.id in moved and results[row.id].error]
        return results | _by_row(stale, self._read(read, crm, stale), write)


def _of_records(error: SyncerError) -> bool:
    """Whether it may be about single records of the call."""
    return isinstance(error, DeliveryError) and not breaker.keeps_waiting(error)


def _by_row(
    rows: Rows, records: Mapping[int, Any], write: Callable[[Sequence[Any]], list[WriteResult]]
) -> dict[int, WriteResult]:
    """Write the records of `rows` (by subject id) and return each row's result; what we no longer have needs none."""
    present = [row for row in rows if row.subject_id in records]
    results = write([records[row.subject_id] for row in present]) if present else []
    return {row.id: result for row, result in zip(present, results, strict=True)}
