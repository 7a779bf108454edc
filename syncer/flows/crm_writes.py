"""CRM writes: the CRMs' records are made the same as ours - contacts, agents' replies, messages, handoffs (R23, R24).

Each CRM is drained on its own, so that a slow one holds up nobody but itself. One that does not serve keeps its rows
waiting in their order, at no attempt's cost, until it does (`flows.crm_standing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.work import Subject
from syncer.flows.crm_round import CrmRound, Told
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.setbacks import Setbacks
from syncer.policies import breaker
from syncer.policies.breaker import Leave
from syncer.ports import CRM, Clock
from syncer.store import claims, crm_breakers, crm_writes
from syncer.store.crm_writes import WRITES, Lane
from syncer.store.session import Store

#: How a worker keeps up with one CRM, each lane in a thread of its own: nobody's message waits for what changes about
#: a contact, and strangers, who take several requests each, are met two at a time (`make bench ONLY=crm_writes`).
LANES = {
    "messages": Lane.MESSAGES,
    "contacts": Lane.CONTACTS,
    "strangers-1": Lane.STRANGERS,
    "strangers-2": Lane.STRANGERS,
}
#: With a CRM that does not count its calls: what comes while others are on their way finds another way free. One that
#: counts them would only make everybody wait.
MORE_LANES = LANES | {"messages-2": Lane.MESSAGES, "strangers-3": Lane.STRANGERS}
#: Rows with which one worker finds out, for all, whether a CRM serves again.
PROBE = 10


@dataclass(frozen=True)
class CrmWrites:
    """Tells every CRM what it does not know yet. `files_at` is the address below which the CRM's users fetch messages'
    files; `shared_above` and `by_email` as for the contact sync; `standing` says which CRM is left in peace. The lease
    is longer than a round takes of a CRM that answers each request just in time."""

    store: Store
    crms: Mapping[str, CRM]
    setbacks: Setbacks
    clock: Clock
    standing: CrmStanding
    files_at: str = ""
    batch: int = 100
    lease_seconds: float = 120.0
    shared_above: int = 20
    by_email: bool = False

    @cached_property
    def round(self) -> CrmRound:
        """Telling one set."""
        return CrmRound(self.store, self.crms, self.clock, self.files_at, self.shared_above, self.by_email)

    def drain(self, worker: int, crm: str | None = None) -> int:
        """Write everything that waits for one CRM, or for all of them; returns how many rows were handled."""
        return sum(self._rounds(worker, name, None, least=1) for name in ([crm] if crm else self.crms))

    def keep_up(self, worker: int, crm: str, lane: Lane) -> int:
        """Write what waits for a CRM in one lane, as long as the sets are full; returns how many rows were handled. If
        it is any, more may have come meanwhile, and may gather before the next call."""
        return self._rounds(worker, crm, lane, least=self.batch)

    def _rounds(self, worker: int, crm: str, lane: Lane | None, *, least: int) -> int:
        """Rounds until one has found fewer rows than `least`, or the CRM does not serve."""
        handled, found = 0, least
        while found >= least and (rows := self._claim(worker, crm, lane)):
            told = self.round.tell(crm, rows)
            self.store.run(lambda tx, rows=rows, told=told: self._settle(tx, worker, crm, rows, told))  # type: ignore[misc]
            found = len(rows)
            handled += found
        return handled

    def _claim(self, worker: int, crm: str, lane: Lane | None = None) -> Sequence[Row[Any]]:
        with self.store.begin() as tx:
            leave = self.standing.leave(tx, crm)
            if leave is Leave.NO:
                return []
            limit = PROBE if leave is Leave.PROBE else self.batch
            now = self.clock.now()
            rows = crm_writes.claim(tx, worker, crm, lane, now=now, lease_seconds=self.lease_seconds, limit=limit)
            if leave is Leave.PROBE and not rows:
                self.standing.nothing_to_ask(tx, crm)
            return rows

    def _settle(self, tx: Connection, worker: int, crm: str, rows: Sequence[Row[Any]], told: Told) -> None:
        failed = [(row, told.failures[row.id]) for row in rows if row.id in told.failures]
        open_still = told.failures.keys() | told.put_off.keys() | told.held
        done = [row for row in rows if row.id not in open_still]
        crm_writes.settle_written(tx, worker, done, self.clock.now())
        if failed:
            self.setbacks.record(tx, Subject.CRM_WRITE, WRITES, worker, failed, since="requested_at")
        self._tell_standing(tx, crm, told)
        # Behind a row that waits nobody claims them; behind one that became a person's matter they go on without it.
        claims.release(tx, WRITES, worker, told.held)
        if told.put_off:
            self._put_off(tx, worker, crm, told)

    def _tell_standing(self, tx: Connection, crm: str, told: Told) -> None:
        for topic in told.served:
            self.standing.note_served(tx, crm, topic)
        for topic, error in told.unserved.items():
            self.standing.note_failed(tx, crm, error, topic)
        if not (told.served or told.unserved):
            self.standing.nothing_to_ask(tx, crm)

    def _put_off(self, tx: Connection, worker: int, crm: str, told: Told) -> None:
        """What the CRM as a whole did not serve waits for it, however long that takes: no attempt, and no dead letter
        for each row. The alert is what tells a person."""
        now, standing, partly = self.clock.now(), crm_breakers.standing(tx, crm), bool(told.served)
        due = {
            row_id: (breaker.rest(standing, error, now, self.standing.patience, partly=partly), error)
            for row_id, error in told.put_off.items()
        }
        self.setbacks.put_off(tx, Subject.CRM_WRITE, WRITES, worker, due)
