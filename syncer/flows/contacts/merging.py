"""Merging by hand, and taking apart: two contacts that a person says are one, and what a sync or a conversation has put
together and should not have (R5, X3).

What a person has decided stays: rows that they brought together or took apart are not moved again by any key. Rows are
placed and contacts written the way a sync does it, so that both sides of an unmerge say what they would have said if
the rows had never met; what a conversation brought stays with the contact that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.domain.errors import Refused
from syncer.domain.phone_variants import canonical, variants
from syncer.flows.contacts import page, surroundings
from syncer.policies import kinship, parting
from syncer.policies.merging import golden, usable_phone
from syncer.policies.neighbourhood import Key, Neighbourhood
from syncer.policies.ownership import Law
from syncer.policies.parting import Side
from syncer.policies.placement import Housing
from syncer.ports import Clock, Jobs
from syncer.store import (
    contact_joins,
    contact_keys,
    contact_separation,
    contact_words,
    contacts,
    crm_writes,
    identities,
    row_separation,
)
from syncer.store import contact_neighbours as stored
from syncer.store import contact_staging as staging
from syncer.store.contact_staging import ContactRow
from syncer.store.crm_writes import Topic, Want
from syncer.store.session import Store


@dataclass(frozen=True, slots=True)
class AbsorbedRow:
    """A row that a sync has merged into a contact: what shows that it is the same person, and since when."""

    crm: str
    crm_id: str
    full_name: str | None
    phone: str | None
    key: str
    merged_at: datetime


@dataclass(frozen=True, slots=True)
class Join:
    """A contact that became one with another: its number then, what proved it, who did it (None: the engine)."""

    join_id: int
    absorbed_id: int
    full_name: str
    phone: str | None
    key: str
    by: str | None
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What a contact was made of, as far as it can be undone; the latest first."""

    contact_id: int
    rows: Sequence[AbsorbedRow]
    joins: Sequence[Join]


@dataclass(frozen=True)
class Merging:
    """Putting together and taking apart, each in one transaction; the CRMs are told. `by_email` is as in the
    contact sync, and so is `law`, which is asked for only when something is taken apart."""

    store: Store
    crms: Sequence[str]
    clock: Clock
    jobs: Jobs
    by_email: bool = False
    law: Callable[[], Law] = Law

    def merge(self, one: int, other: int, by: str, why: str = "") -> tuple[int, int]:
        """Make two contacts one; returns the one that is kept, and the number of the join. Raises `LookupError` when
        one of them is not there, `Refused` for a contact and itself."""
        now = self.clock.now()
        if one == other:
            raise Refused(f"contact {one} is itself already")
        done = self.store.run(lambda tx: self._merge(tx, one, other, by, why, now))
        self.jobs.ring("crm")
        return done

    def _merge(self, tx: Connection, one: int, other: int, by: str, why: str, now: datetime) -> tuple[int, int]:
        contact_joins.take_turn(tx)
        self._must_exist(tx, one, other)
        keep, absorb = contact_joins.choose(tx, [one, other])
        rows = surroundings.of_contacts(tx, [one, other]).residents
        join_id = contact_joins.join(tx, keep, absorb, f"person:{why or by}", now)
        contact_separation.sign(tx, join_id, by, contact_keys.set_apart(tx, sorted(rows)))
        self._tell(tx, [keep], now)
        return keep, join_id

    def history(self, contact_id: int) -> History:
        """What can be undone of a contact. Raises `LookupError` when it is not there."""
        with self.store.begin() as tx:
            self._must_exist(tx, contact_id)
            return self._history(tx, contact_id)

    def unmerge_row(self, contact_id: int, crm: str, crm_id: str, by: str) -> int:
        """Take one row of a CRM out of a contact; returns the contact it has from now on. Raises `LookupError` when the
        row does not live there, `Refused` when nothing would be left of the contact."""
        now = self.clock.now()
        apart = self.store.run(lambda tx: self._unmerge_row(tx, contact_id, (crm, crm_id), by, now))
        self.jobs.ring("crm")
        return apart

    def unmerge_join(self, join_id: int, by: str) -> int:
        """Undo a join; returns the contact that is there again. Raises `LookupError` when there is no such join or it
        was undone, `Refused` naming the join that has to be undone first."""
        now = self.clock.now()
        back = self.store.run(lambda tx: self._unmerge_join(tx, join_id, by, now))
        self.jobs.ring("crm")
        return back

    def unmerge_all(self, contact_id: int, by: str) -> list[int]:
        """Undo everything that made this contact, the latest join first; returns the contacts that came of it."""
        now = self.clock.now()
        found = self.store.run(lambda tx: self._unmerge_all(tx, contact_id, by, now))
        self.jobs.ring("crm")
        return found

    def _unmerge_all(self, tx: Connection, contact_id: int, by: str, now: datetime) -> list[int]:
        contact_joins.take_turn(tx)
        self._must_exist(tx, contact_id)
        made = [self._unmerge_join(tx, join.join_id, by, now) for join in self._history(tx, contact_id).joins]
        for row in self._history(tx, contact_id).rows:
            made.append(self._unmerge_row(tx, contact_id, (row.crm, row.crm_id), by, now))
        return made

    def _history(self, tx: Connection, contact_id: int) -> History:
        rows = [
            AbsorbedRow(row.crm, row.crm_id, row.full_name, row.phone, row.key, row.merged_at)
            for row in row_separation.absorbed(tx, contact_id)
        ]
        joins = [
            Join(row.id, row.absorbed_id, row.full_name, row.phone, row.key, row.by, row.joined_at)
            for row in contact_separation.joined_into(tx, contact_id)
        ]
        return History(contact_id, rows, joins)

    def _unmerge_row(self, tx: Connection, contact_id: int, key: Key, by: str, now: datetime) -> int:
        contact_joins.take_turn(tx)
        if row_separation.home_of(tx, *key) != contact_id:
            raise LookupError(f"{kinship.name_of(key)} is no row of contact {contact_id}")
        near = surroundings.of_contacts(tx, [contact_id])
        stored.lock_phones(tx, [contact_id])
        rooted = bool(stored.rooted(tx, [contact_id]))
        if len(near.residents) == 1 and not rooted:
            raise Refused(f"contact {contact_id} is nothing but {kinship.name_of(key)}")
        before = row_separation.picture(tx, contact_id)
        former = row_separation.former_number(tx, *key, contact_id)
        apart = former or stored.new_ids(tx, 1)[0]
        _move(tx, key, contact_id, apart, near, now, rooted=rooted, law=self.law())
        contact_keys.set_apart(tx, [key])
        self._settle(tx, {contact_id: [near.residents[key].record]}, {}, now)
        row_separation.show_number(tx, [contact_id])
        row_separation.note(tx, key, (contact_id, before), apart, by, now)
        self._tell(tx, [contact_id, apart], now)
        return apart

    def _unmerge_join(self, tx: Connection, join_id: int, by: str, now: datetime) -> int:
        contact_joins.take_turn(tx)
        found = contact_separation.one(tx, join_id)
        if found is None or found.undone_at is not None:
            raise LookupError(f"there is no join {join_id} that can be undone")
        if found.first is not None:
            raise Refused(f"contact {found.kept_id} was itself joined to another since: undo join {found.first} first")
        back = contact_separation.separate(tx, join_id, now)
        contact_keys.set_apart(tx, [(crm, crm_id) for crm, crm_id in found.moved.get("placed", ())], apart=False)
        contact_separation.sign_undone(tx, join_id, by)
        self._part(tx, found.kept_id, back, now)
        near = surroundings.of_contacts(tx, [found.kept_id, back])
        rows = {
            one: [r.record for r in near.residents.values() if r.contact_id == one] for one in (found.kept_id, back)
        }
        labels = {found.kept_id: found.kept_tags, back: found.absorbed_tags}
        self._settle(tx, {found.kept_id: rows[back], back: rows[found.kept_id]}, labels, now)
        self._tell(tx, [found.kept_id, back], now)
        return back

    def _part(self, tx: Connection, kept: int, back: int, now: datetime) -> None:
        """Rows that have come to the kept contact by a number that leads to the other one again follow it; rows that
        another key would bring together again are kept apart."""
        near = surroundings.of_contacts(tx, [kept, back])
        carried = {key: usable_phone(resident.record) for key, resident in near.residents.items()}
        late: list[Key] = []
        numbers: set[str] = set()
        for key, resident in near.residents.items():
            holder = near.holder(phone) if (phone := carried[key]) else None
            if resident.contact_id == kept and not resident.apart and holder == back:
                late.append(key)
            elif resident.contact_id == back and phone and holder == kept:
                numbers.update(variants(phone))
        rows = {key: near.residents[key].record for key in late}
        if rows:
            housing = Housing(dict.fromkeys(late, back), {}, {}, absorbed=late)
            page.rehouse(tx, late[0][0], rows, near, housing, now, self.law())
        theirs = {phone for key, phone in carried.items() if phone and near.residents[key].contact_id == kept}
        row_separation.give_number(tx, numbers - {form for phone in theirs for form in variants(phone)}, kept, back)
        contact_keys.set_apart(tx, _still_tied(surroundings.of_contacts(tx, [kept, back]), back, self.by_email))

    def _settle(
        self,
        tx: Connection,
        left: Mapping[int, Sequence[SourceRecord]],
        labels: Mapping[int, Collection[str]],
        now: datetime,
    ) -> None:
        """Contacts say nothing any more that only rows have said which are another's now (`left`), and what their own
        rows say."""
        held = stored.lock_contacts(tx, left)
        known = contact_words.rows_of(tx, left)
        said = {(one.record.crm, one.record.crm_id): one.said_at for one in known if one.said_at}
        numbers = identities.held_by(tx, left)
        for contact_id, (ours, row) in held.items():
            own = [one.record for one in known if one.contact_id == contact_id]
            edits = contact_words.as_edits(row.edits)
            phones = {value for kind, value in numbers[contact_id] if kind == identities.PHONE}
            side = Side(own, edits, golden(own, edits, self.law(), said), phones, labels.get(contact_id, ()))
            alone = parting.alone(ours, side, left[contact_id]) if own else ours
            if alone != ours:
                staging.change_contacts(tx, [ContactRow(contact_id, alone, row.transactional, row.marketing)], now)

    def _must_exist(self, tx: Connection, *ids: int) -> None:
        there = contacts.by_ids(tx, ids)
        missing = [contact_id for contact_id in ids if contact_id not in there]
        if missing:
            today = contact_joins.survivors(tx, missing)
            hint = f"; it is contact {today[missing[0]]} today" if missing[0] in today else ""
            raise LookupError(f"there is no contact {missing[0]}{hint}")

    def _tell(self, tx: Connection, ids: Sequence[int], now: datetime) -> None:
        crm_writes.request(tx, self.crms, [Want(Topic.CONTACT, one, one) for one in ids], now)


def _move(
    tx: Connection, key: Key, kept: int, apart: int, near: Neighbourhood, now: datetime, *, rooted: bool, law: Law
) -> None:
    """The row becomes a contact of its own, with the words that came from it - and with its number, where that leads to
    nobody else."""
    record = near.residents[key].record
    phone = usable_phone(record)
    others = {
        canonical(number)
        for other, resident in near.residents.items()
        if other != key and (number := usable_phone(resident.record))
    }
    alone = phone is not None and canonical(phone) not in others
    holder = near.holder(phone) if phone else None
    own = phone if alone and holder is None else None
    page.rehouse(tx, key[0], {key: record}, near, Housing({key: apart}, {apart: own}, {}), now, law)
    if phone and alone and holder == kept and not rooted:
        row_separation.give_number(tx, variants(phone), kept, apart)


def _still_tied(near: Neighbourhood, back: int, by_email: bool) -> list[Key]:
    """The rows of one contact that a name or an address ties to a row of another."""
    at: dict[tuple[str, ...] | tuple[str, int], set[int]] = {}
    for key, resident in near.residents.items():
        for meeting in kinship.meetings(key, resident.record, by_email):
            at.setdefault(meeting, set()).add(resident.contact_id)
    return [
        key
        for key, resident in near.residents.items()
        if resident.contact_id == back
        if any(len(at[meeting]) > 1 for meeting in kinship.meetings(key, resident.record, by_email))
    ]
