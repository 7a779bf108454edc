"""Telling a CRM about contacts: what it lacks, after a last look at what its people have written meanwhile, and
remembering what was written (law 13)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import WriteResult
from syncer.flows import crm_records
from syncer.flows.contacts.page import take_in
from syncer.flows.crm_records import ContactRecord
from syncer.policies.ownership import Law
from syncer.ports import CRM, Clock
from syncer.store import contact_words, contacts
from syncer.store.contact_words import Written
from syncer.store.session import Store

Moved = tuple[str, int, str | None]
"""(the CRM's id, the contact, the record it went into): a record that is there no more."""


def law_of(crms: Mapping[str, CRM]) -> Law:
    """Whose word stands and what may be written where, by the mappings of these CRMs; the first is the master."""
    return Law({name: crm.rules for name, crm in crms.items()}, tuple(crms))


@dataclass(frozen=True)
class CrmContacts:
    """Makes the CRMs' records of people the same as ours, as far as somebody's word asks for it."""

    store: Store
    crms: Mapping[str, CRM]
    clock: Clock
    shared_above: int = 20
    by_email: bool = False

    @cached_property
    def law(self) -> Law:
        """See `law_of`."""
        return law_of(self.crms)

    def write(self, crm: str, ids: Sequence[int]) -> dict[int, WriteResult]:
        """Tell a CRM what it lacks of these contacts. Their rows are looked at once more before: what the CRM's people
        have changed since our last reading is heard first, and nothing of it is written over unseen."""
        self._look_again(crm, self._records(crm, ids))
        results, stale = self._write_records(crm, self._intended(crm, ids))
        if stale:
            again, _ = self._write_records(crm, self._intended(crm, stale))
            results |= again
        return results

    def _records(self, crm: str, ids: Collection[int]) -> list[ContactRecord]:
        with self.store.begin() as tx:
            return crm_records.contact_records(tx, crm, ids, self.law)

    def _intended(self, crm: str, ids: Collection[int]) -> list[ContactRecord]:
        """What is to be written, noted down before it is."""
        return self.store.run(lambda tx: self._intend(tx, crm, ids))

    def _intend(self, tx: Connection, crm: str, ids: Collection[int]) -> list[ContactRecord]:
        records = crm_records.contact_records(tx, crm, ids, self.law)
        contact_words.intend(tx, crm, _known(records))
        return records

    def _look_again(self, crm: str, records: Sequence[ContactRecord]) -> None:
        known = {one.record.crm_id: one for one in records if one.record.crm_id is not None and one.digest is not None}
        if not known:
            return
        fates = self.crms[crm].look_up(sorted(known))
        moved = [(fate.crm_id, known[fate.crm_id].contact_id, fate.into) for fate in fates if fate.row is None]
        self.heal(crm, moved)
        news = [fate.row for fate in fates if fate.row and fate.row.digest != known[fate.crm_id].digest]
        heard = self.crms[crm].translate(news) if news else []
        if heard:
            self.store.run(lambda tx: self._hear(tx, crm, heard))

    def _hear(self, tx: Connection, crm: str, heard: Sequence[SourceRecord]) -> None:
        now = self.clock.now()
        take_in(tx, crm, heard, now, shared_above=self.shared_above, by_email=self.by_email, law=self.law)

    def heal(self, crm: str, moved: Sequence[Moved]) -> None:
        """Records are not where we thought: our row follows a merge. One that was deleted, or went into another
        person's, is made anew for a contact with whom there is a conversation to be kept; what else that means is for
        the sync to decide, which sees the whole of it."""
        if moved:
            self.store.run(lambda tx: self._heal(tx, crm, moved))

    def _heal(self, tx: Connection, crm: str, moved: Sequence[Moved]) -> None:
        talking = contact_words.in_conversation(tx, [contact_id for _, contact_id, _ in moved])
        for crm_id, contact_id, into in moved:
            followed = into is not None and contact_words.repoint(tx, crm, crm_id, into)
            if not followed and contact_id in talking:
                contact_words.forget(tx, crm, crm_id)

    def _write_records(self, crm: str, records: Sequence[ContactRecord]) -> tuple[dict[int, WriteResult], list[int]]:
        """Write, and remember what was written. Returns each contact's result, a failed one first, and the contacts
        whose records were not where we thought, and that are worth another try."""
        if not records:
            return {}, []
        results = self.crms[crm].write_contacts([one.record for one in records])
        pairs = list(zip(records, results, strict=True))
        self.store.run(lambda tx: self._learn(tx, crm, [pair for pair in pairs if pair[1].error is None]))
        moved = [
            (one.record.crm_id, one.contact_id, result.into)
            for one, result in pairs
            if one.record.crm_id is not None and (result.gone or result.into)
        ]
        self.heal(crm, moved)
        stale = sorted({one.contact_id for one, result in pairs if result.error and (result.gone or result.into)})
        by_contact: dict[int, WriteResult] = {}
        for one, result in pairs:
            if one.contact_id not in by_contact or (result.error and not by_contact[one.contact_id].error):
                by_contact[one.contact_id] = _forgiven(one, result)
        return by_contact, stale

    def _learn(self, tx: Connection, crm: str, written: Sequence[tuple[ContactRecord, WriteResult]]) -> None:
        now = self.clock.now()
        made = {one.contact_id: (r.crm_id, one.record.fields) for one, r in written if one.digest is None and r.crm_id}
        ids, fields = {k: v[0] for k, v in made.items()}, {k: v[1] for k, v in made.items()}
        contacts.learn_crm_ids(tx, crm, ids, now, fields)
        contact_words.learn_written(tx, crm, _known([one for one, _ in written]))


def _known(records: Sequence[ContactRecord]) -> list[Written]:
    return [
        Written(one.record.crm_id, one.digest, one.record.fields, one.stamps)
        for one in records
        if one.digest is not None and one.record.crm_id is not None
    ]


def _forgiven(one: ContactRecord, result: WriteResult) -> WriteResult:
    """A record that the CRM's people have deleted is no failure of ours."""
    return WriteResult(result.ref, one.record.crm_id) if result.gone and not result.into else result
