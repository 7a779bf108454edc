"""CRM writes: the CRM's records are made the same as ours - contacts, then their messages, then the handoffs (R23,
R24)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.crm_record import WriteResult
from syncer.domain.errors import DeliveryError, OutcomeUnknown, TryAgain, TryLater
from syncer.domain.work import Subject
from syncer.flows import crm_records
from syncer.flows.crm_contacts import CrmContacts
from syncer.flows.setbacks import Setbacks
from syncer.ports import CRM, Clock
from syncer.store import claims, crm_writes
from syncer.store.crm_writes import WRITES, Topic
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: The order in which a batch's topics are written: a message needs its contact to be there.
ORDER = (Topic.CONTACT, Topic.MESSAGE, Topic.HANDOFF)


@dataclass(frozen=True)
class CrmWrites:
    """Tells every CRM what it does not know yet. `away_wait` is how long a CRM that does not answer is left in peace;
    that costs no item an attempt; `files_at` the address below which the CRM's users fetch messages' files;
    `shared_above` and `by_email` as for the contact sync."""

    store: Store
    crms: Mapping[str, CRM]
    setbacks: Setbacks
    clock: Clock
    files_at: str = ""
    batch: int = 100
    lease_seconds: float = 60.0
    away_wait: timedelta = timedelta(seconds=5)
    shared_above: int = 20
    by_email: bool = False

    @cached_property
    def people(self) -> CrmContacts:
        """Telling CRMs about contacts."""
        return CrmContacts(self.store, self.crms, self.clock, self.shared_above, self.by_email)

    def drain(self, worker: int, crm: str | None = None) -> int:
        """Write everything that waits for one CRM, or for all of them; returns how many rows were handled."""
        return sum(self._drain_one(worker, name) for name in ([crm] if crm else self.crms))

    def _drain_one(self, worker: int, crm: str) -> int:
        handled = 0
        while rows := self._claim(worker, crm):
            failures = self._write(crm, rows)
            self.store.run(lambda tx, rows=rows, failed=failures: self._settle(tx, worker, rows, failed))  # type: ignore[misc]
            handled += len(rows)
        return handled

    def _claim(self, worker: int, crm: str) -> Sequence[Row[Any]]:
        with self.store.begin() as tx:
            return claims.claim(
                tx,
                WRITES,
                worker,
                now=self.clock.now(),
                lease_seconds=self.lease_seconds,
                limit=self.batch,
                where="r.crm = :crm",
                values={"crm": crm},
            )

    def _write(self, crm: str, rows: Sequence[Row[Any]]) -> dict[int, Exception]:
        """Write one claimed set, topic by topic; returns what failed, by row id. A contact's failure holds back what
        belongs to it."""
        failures: dict[int, Exception] = {}
        lost: dict[int, Exception] = {}
        for topic in ORDER:
            mine = [row for row in rows if row.topic == topic]
            failures |= {row.id: lost[row.contact_id] for row in mine if row.contact_id in lost}
            free = [row for row in mine if row.contact_id not in lost]
            failed = self._write_topic(crm, topic, free) if free else {}
            failures |= failed
            if topic is Topic.CONTACT:
                lost = {row.contact_id: failed[row.id] for row in free if row.id in failed}
        return failures

    def _write_topic(self, crm: str, topic: Topic, rows: Sequence[Row[Any]]) -> dict[int, Exception]:
        write = {Topic.CONTACT: self._contacts, Topic.MESSAGE: self._messages, Topic.HANDOFF: self._tasks}[topic]
        try:
            results = write(crm, rows)
        except DeliveryError as error:
            return dict.fromkeys([row.id for row in rows], _as_wait(error, self.away_wait))
        except Exception as error:
            log.exception("writing %d %s records to %s failed", len(rows), topic, crm)
            return dict.fromkeys([row.id for row in rows], error)
        return {row.id: result.error for row in rows if (result := results.get(row.id)) and result.error}

    def _contacts(self, crm: str, rows: Sequence[Row[Any]]) -> dict[int, WriteResult]:
        """One result for each row whose contact lacked something; the others are as they should be without a call."""
        by_contact = self.people.write(crm, [row.subject_id for row in rows])
        return {row.id: by_contact[row.subject_id] for row in rows if row.subject_id in by_contact}

    def _messages(self, crm: str, rows: Sequence[Row[Any]]) -> dict[int, WriteResult]:
        return self._of_people(crm, rows, self._message_records, self.crms[crm].write_messages)

    def _tasks(self, crm: str, rows: Sequence[Row[Any]]) -> dict[int, WriteResult]:
        return self._of_people(crm, rows, self._task_records, self.crms[crm].write_tasks)

    def _message_records(self, crm: str, ids: Sequence[int]) -> Mapping[int, Any]:
        with self.store.begin() as tx:
            return crm_records.message_records(tx, crm, ids, self.files_at)

    def _task_records(self, crm: str, ids: Sequence[int]) -> Mapping[int, Any]:
        with self.store.begin() as tx:
            return crm_records.task_records(tx, crm, ids)

    def _of_people(
        self,
        crm: str,
        rows: Sequence[Row[Any]],
        read: Callable[[str, Sequence[int]], Mapping[int, Any]],
        write: Callable[[Sequence[Any]], list[WriteResult]],
    ) -> dict[int, WriteResult]:
        """Write what belongs to people. Where the CRM says that a person's record is not there any more, it is put
        right, and what belongs to it is written again."""
        records = read(crm, [row.subject_id for row in rows])
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
        return results | _by_row(stale, read(crm, [row.subject_id for row in stale]), write)

    def _settle(self, tx: Connection, worker: int, rows: Sequence[Row[Any]], failures: Mapping[int, Exception]) -> None:
        crm_writes.settle_written(tx, worker, [row for row in rows if row.id not in failures], self.clock.now())
        failed = [(row, failures[row.id]) for row in rows if row.id in failures]
        if failed:
            self.setbacks.record(tx, Subject.CRM_WRITE, WRITES, worker, failed, since="requested_at")


def _by_row(
    rows: Sequence[Row[Any]], records: Mapping[int, Any], write: Callable[[Sequence[Any]], list[WriteResult]]
) -> dict[int, WriteResult]:
    """Write the records of `rows` (by subject id) and return each row's result; what we no longer have needs none."""
    present = [row for row in rows if row.subject_id in records]
    results = write([records[row.subject_id] for row in present]) if present else []
    return {row.id: result for row, result in zip(present, results, strict=True)}


def _as_wait(error: DeliveryError, pause: timedelta) -> DeliveryError:
    """The whole CRM is away: its rows wait and lose no attempt. Writes are idempotent, so an unknown outcome is one
    too."""
    if isinstance(error, TryAgain | OutcomeUnknown):
        return TryLater(error.detail, code=error.code, wait_seconds=pause.total_seconds())
    return error
