"""A second look at single rows of a CRM, by their ids, between two syncs: what the sync would make of them is made of
them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import Fate
from syncer.flows.contacts.departures import ALWAYS_BELIEVED
from syncer.flows.contacts.leaving import Terms, follow, leave
from syncer.flows.contacts.page import take_in
from syncer.ports import CRM
from syncer.store import contact_joins
from syncer.store import departures as journal
from syncer.store.session import Store

#: Departures within this time count together: a mass deletion comes as many notices.
TOGETHER = timedelta(hours=24)
MANY_GONE = "many rows are gone at once: left to the next full sync"
ANOTHER_UNKNOWN = "part of a row that is not known yet: left to the next full sync"


@dataclass
class SecondLook:
    """Some rows of `crm`. `ask` reads them, `apply` writes what follows and may be repeated. More than `share` of all
    rows are not let go in a day: that is for the full sync, which asks a person."""

    crm: CRM
    terms: Terms
    share: float = 0.10
    sealing_keys: Sequence[bytes] = ()
    records: Sequence[SourceRecord] = ()
    parts: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def ask(self, store: Store, crm_ids: Sequence[str]) -> None:
        """The CRM's word on these rows, and on those that they have become part of and that we do not know. Raises as
        `CRM.look_up`."""
        fates = self.crm.look_up(list(crm_ids))
        intos = {fate.into for fate in fates if fate.row is None and fate.into}
        with store.begin() as tx:
            unknown = sorted(intos - journal.homes(tx, self.crm.name, intos).keys() - set(crm_ids)) if intos else []
        fates += self.crm.look_up(unknown) if unknown else []
        self._understand({fate.crm_id: fate for fate in fates})

    def _understand(self, fates: dict[str, Fate]) -> None:
        self.records = self.crm.translate([fate.row for fate in fates.values() if fate.row is not None])
        absent = {crm_id: fate.into for crm_id, fate in fates.items() if fate.row is None}
        ends = {crm_id: _end(absent, crm_id) for crm_id in absent}
        self.gone = {crm_id for crm_id, end in ends.items() if end is None}
        self.parts = {crm_id: end for crm_id, end in ends.items() if end is not None}

    def apply(self, tx: Connection, now: datetime) -> tuple[dict[str, str], int]:
        """Write what follows. Returns the rows of which nothing came, each with the reason, and how many writes to CRMs
        were asked for."""
        crm, terms = self.crm.name, self.terms
        ignored: dict[str, str] = {}
        contact_joins.take_turn(tx)
        told = self._take_in(tx, now, ignored)
        for crm_id, into in self.parts.items():
            if follow(tx, crm, crm_id, into, now, terms)["unanswered"]:
                ignored[crm_id] = ANOTHER_UNKNOWN
        leaving = journal.homes(tx, crm, self.gone)
        if self._are_too_many(tx, len(leaving), now):
            return ignored | dict.fromkeys(leaving, MANY_GONE), told
        if leaving:
            leave(tx, crm, dict.fromkeys(leaving, "gone"), now, terms)
        return ignored, told

    def _take_in(self, tx: Connection, now: datetime, ignored: dict[str, str]) -> int:
        if not self.records:
            return 0
        result = take_in(
            tx,
            self.crm.name,
            self.records,
            now,
            shared_above=self.terms.shared_above,
            by_email=self.terms.by_email,
            law=self.terms.law,
            sealing_keys=self.sealing_keys,
        )
        ignored.update({one.crm_id: one.reason for one in result.parked})
        return result.counts["told"]

    def _are_too_many(self, tx: Connection, leaving: int, now: datetime) -> bool:
        if not leaving:
            return False
        together = leaving + journal.gone_since(tx, self.crm.name, now - TOGETHER)
        return together > max(ALWAYS_BELIEVED, int(self.share * journal.known(tx, self.crm.name)))


def _end(absent: Mapping[str, str | None], crm_id: str) -> str | None:
    """The row that this one is part of at last; None where that is gone, and with it this one."""
    at: str | None = crm_id
    for _ in absent:
        if at is None or at not in absent:
            break
        at = absent[at]
    return None if at in absent else at
