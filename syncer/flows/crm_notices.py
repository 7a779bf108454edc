"""CRM notices: what a CRM told us to look at is looked at, within a second and by the record's id (R22, R25).

    claim -> the CRM's word on each record -> one transaction: what is there taken in, what was merged followed,
                                              what is gone let go, and the notices settled

A notice says no more than "look again", so that repeated and disordered ones do no harm; what was never told is found
by the contact sync. An agent's message goes its own way (`agent_replies`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.change_notice import Kind
from syncer.domain.errors import DeliveryError, Unreachable
from syncer.domain.work import Subject
from syncer.flows.contacts.leaving import Terms
from syncer.flows.contacts.second_look import SecondLook
from syncer.flows.crm_contacts import law_of
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.setbacks import Setbacks
from syncer.policies import breaker
from syncer.policies.breaker import Leave
from syncer.ports import CRM, Clock, Jobs
from syncer.store import claims, crm_notices
from syncer.store.crm_notices import NOTICES
from syncer.store.session import Store

log = logging.getLogger(__name__)

Rows = Sequence[Row[Any]]
Replies = Callable[[str, Sequence[str]], int]
"""Takes the agents' messages in these records of a CRM; raises as `CRM.replies`."""

#: What a call is about, for how the CRM stands: each may need a permission of its own.
ABOUT = {Kind.CONTACT: "contacts", Kind.REPLY: "replies"}


@dataclass(frozen=True)
class CrmNotices:
    """Looks at what the CRMs told. One that does not serve is left in peace, as `standing` has it, which costs no
    notice an attempt; `shared_above`, `by_email`, `most_deleted_share` and `sealing_keys` as for the contact sync."""

    store: Store
    crms: Mapping[str, CRM]
    replies: Replies
    standing: CrmStanding
    setbacks: Setbacks
    clock: Clock
    jobs: Jobs
    batch: int = 100
    lease_seconds: float = 60.0
    shared_above: int = 20
    by_email: bool = False
    most_deleted_share: float = 0.10
    sealing_keys: tuple[bytes, ...] = ()

    @cached_property
    def terms(self) -> Terms:
        """By which persons are reckoned."""
        return Terms(self.shared_above, self.by_email, law_of(self.crms))

    def drain(self, worker: int, kind: Kind) -> int:
        """Look at everything of this kind that waits; returns how many notices were handled."""
        with self.store.begin() as tx:
            waiting = crm_notices.waiting(tx, kind)
        return sum(self._drain_one(worker, crm, kind) for crm in waiting if crm in self.crms)

    def _drain_one(self, worker: int, crm: str, kind: Kind) -> int:
        """One CRM's, set by set while there are whole sets and it serves: what comes meanwhile gathers for the next
        round, so that the calls do not grow with the notices."""
        handled, more = 0, True
        while more and (rows := self._claim(worker, crm, kind)):
            more = self._handle(worker, crm, kind, rows) and len(rows) == self.batch
            handled += len(rows)
        return handled

    def _claim(self, worker: int, crm: str, kind: Kind) -> Rows:
        """The next ones, unless the CRM is to be left in peace."""
        with self.store.begin() as tx:
            leave = self.standing.leave(tx, crm)
            if leave is Leave.NO:
                return []
            rows = self._take(tx, worker, crm, kind)
            if leave is Leave.PROBE and not rows:
                self.standing.nothing_to_ask(tx, crm)
            return rows

    def _take(self, tx: Connection, worker: int, crm: str, kind: Kind) -> Rows:
        return claims.claim(
            tx,
            NOTICES,
            worker,
            now=self.clock.now(),
            lease_seconds=self.lease_seconds,
            limit=self.batch,
            where="r.crm = :crm and r.kind = :kind",
            values={"crm": crm, "kind": str(kind)},
        )

    def _handle(self, worker: int, crm: str, kind: Kind, rows: Rows) -> bool:
        """Look at one claimed set; false when the CRM does not serve, and then all of it waits. If the set fails for
        any other reason its halves are tried, down to the one odd record, which costs the others nothing."""
        look = self._contacts if kind is Kind.CONTACT else self._agents
        try:
            look(worker, crm, rows)
        except Unreachable:
            raise
        except DeliveryError as error:
            self._wait(worker, crm, kind, rows, error)
            return False
        except Exception as error:
            if len(rows) > 1:
                half = len(rows) // 2
                served = [self._handle(worker, crm, kind, part) for part in (rows[:half], rows[half:])]
                return all(served)
            log.exception("looking at %s %s of %s failed", kind, rows[0].record_id, crm)
            odd = error
            self.store.run(lambda tx: self._put_off(tx, worker, rows, odd))
        return True

    def _contacts(self, worker: int, crm: str, rows: Rows) -> None:
        look = SecondLook(self.crms[crm], self.terms, self.most_deleted_share, self.sealing_keys)
        look.ask(self.store, [row.record_id for row in rows])

        def settle(tx: Connection) -> int:
            now = self.clock.now()
            self.standing.note_served(tx, crm, ABOUT[Kind.CONTACT])
            ignored, told = look.apply(tx, now)
            crm_notices.settle(tx, worker, [row for row in rows if row.record_id not in ignored], now)
            for row in rows:
                if row.record_id in ignored:
                    crm_notices.settle(tx, worker, [row], now, ignored[row.record_id])
            return told

        if self.store.run(settle):
            self.jobs.ring("crm")

    def _agents(self, worker: int, crm: str, rows: Rows) -> None:
        self.replies(crm, [row.record_id for row in rows])
        with self.store.begin() as tx:
            self.standing.note_served(tx, crm, ABOUT[Kind.REPLY])
            crm_notices.settle(tx, worker, rows, self.clock.now())

    def _wait(self, worker: int, crm: str, kind: Kind, rows: Rows, error: DeliveryError) -> None:
        """The CRM did not serve; looking changes nothing there, so whatever kept it from answering is a wait."""

        def put_off(tx: Connection) -> None:
            standing = self.standing.note_failed(tx, crm, error, ABOUT[kind])
            if not breaker.keeps_waiting(error):
                self._put_off(tx, worker, rows, error)
                return
            at = breaker.rest(standing, error, self.clock.now(), self.standing.patience, partly=False)
            self.setbacks.put_off(tx, Subject.CRM_NOTICE, NOTICES, worker, {row.id: (at, error) for row in rows})

        self.store.run(put_off)

    def _put_off(self, tx: Connection, worker: int, rows: Rows, error: Exception) -> None:
        failed = [(row, error) for row in rows]
        self.setbacks.record(tx, Subject.CRM_NOTICE, NOTICES, worker, failed, since="told_at")
