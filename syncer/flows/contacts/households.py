"""The persons that one page of rows is about: their rows before and after it, and when each said what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from syncer.domain.contact import Edit, GoldenRecord, SourceRecord
from syncer.policies import witness
from syncer.policies.merging import golden, labels, reconcile
from syncer.policies.ownership import Law
from syncer.policies.placement import Housing, Key, Neighbourhood, Rows
from syncer.store.conflicts import Conflict
from syncer.store.contact_staging import first_said
from syncer.store.contact_words import Moments


def witnessed(rows: Rows, near: Neighbourhood, moments: Mapping[Key, Moments], now: datetime) -> Rows:
    """The touched rows, each with the moments of the changes that we have seen of it."""
    found = {}
    for key, record in rows.items():
        before, known = near.residents.get(key), moments.get(key)
        if before is not None and known is not None:
            was = replace(before.record, stamps=dict(known.stamps))
            unread = known.said_at is None
            record = witness.stamped(was, record, read_at=known.read_at, unread=unread, now=now, writing=known.writing)
        found[key] = record
    return found


def first_sights(rows: Rows, moments: Mapping[Key, Moments], now: datetime) -> dict[Key, datetime]:
    """When we first saw each row: those that are stored, and those that come."""
    said = {key: one.said_at for key, one in moments.items() if one.said_at is not None}
    return said | {key: first_said(row, now) for key, row in rows.items() if key not in said}


def with_stamps(near: Neighbourhood, moments: Mapping[Key, Moments]) -> Neighbourhood:
    """The stored rows with the moments of their words."""
    stamped = {
        key: replace(resident, record=replace(resident.record, stamps=dict(moments[key].stamps)))
        for key, resident in near.residents.items()
        if key in moments and moments[key].stamps
    }
    return replace(near, residents={**near.residents, **stamped}) if stamped else near


class Households:
    """The persons a page is about. `rows` are the touched ones, `near` what is stored around them, `said` when each row
    was first seen."""

    def __init__(
        self, rows: Rows, near: Neighbourhood, housing: Housing, said: Mapping[Key, datetime], law: Law
    ) -> None:
        self.housing = housing
        self.said = said
        self._law = law
        self._rows = rows
        self._near = near
        self._edits: Mapping[int, Mapping[str, Edit]] = {}
        self._before: dict[int, list[SourceRecord]] = {}
        self._after: dict[int, list[SourceRecord]] = {}
        self._foreseen: dict[int, tuple[GoldenRecord, GoldenRecord]] = {}
        for key, resident in near.residents.items():
            self._before.setdefault(resident.contact_id, []).append(resident.record)
            if key not in rows:
                self._after.setdefault(resident.contact_id, []).append(resident.record)
        for key, record in rows.items():
            self._after.setdefault(housing.homes[key], []).append(record)
        left = {near.residents[key].contact_id for key in rows if key in near.residents}
        touched = left | set(housing.homes.values())
        #: Contacts that were there before and still are, and that the page may change.
        self.present: frozenset[int] = frozenset(touched - housing.made.keys() - housing.removed)

    def hear(self, edits: Mapping[int, Mapping[str, Edit]]) -> None:
        """What was said of these persons on our side, once nobody can say more."""
        self._edits = edits

    def before(self, contact_id: int) -> list[SourceRecord]:
        """The rows of a contact as they were."""
        return self._before.get(contact_id, [])

    def after(self, contact_id: int) -> list[SourceRecord]:
        """The rows of a contact now."""
        return self._after.get(contact_id, [])

    def golden(self, contact_id: int) -> GoldenRecord:
        """What all sides together say of a person now."""
        return golden(self.after(contact_id), self._edits.get(contact_id), self._law, self.said)

    def foresee(self) -> None:
        """Think of those that were there before, as far as it can be done before their locks: nearly always nothing was
        said of them on our side."""
        self._foreseen = {contact_id: self._before_and_after(contact_id) for contact_id in self.present}

    def _before_and_after(self, contact_id: int) -> tuple[GoldenRecord, GoldenRecord]:
        base = golden(self.before(contact_id), self._edits.get(contact_id), self._law, self.said)
        return base, self.golden(contact_id)

    def believe(self, contact_id: int, ours: GoldenRecord) -> GoldenRecord:
        """What a contact says now; one whom all rows have left stays as it was, and a number that was given up is not
        taken up again."""
        if contact_id in self.housing.deserted:
            return ours
        foreseen = None if contact_id in self._edits else self._foreseen.get(contact_id)
        base, theirs = foreseen or self._before_and_after(contact_id)
        believed = reconcile(ours, base, theirs)
        tags = labels(ours.tags, self.before(contact_id), self.after(contact_id))
        if tags != believed.tags:
            believed = replace(believed, tags=tags)
        if believed.phone in self._near.given_up.get(contact_id, ()):
            return replace(believed, phone=ours.phone, phone_problem=ours.phone_problem)
        return believed

    def interested(self) -> set[int]:
        """Persons of whom several sides speak: what one says may have to be told to another."""
        here = self.present | self.housing.made.keys()
        several = {
            one for one, rows in self._after.items() if len(rows) > 1 and one in here and len({r.crm for r in rows}) > 1
        }
        return several | (self._edits.keys() & self.present)

    def collisions(self) -> Iterable[Conflict]:
        """Fields that two sides have changed at once."""
        interested = self.interested()
        for key, record in self._rows.items() if interested else ():
            resident, home = self._near.residents.get(key), self.housing.homes[key]
            if home in interested and resident is not None and resident.contact_id == home:
                edits = dict(self._edits.get(home, {}))
                sides = self._before.get(home, []), self.after(home)
                for found in witness.collisions((resident.record, record), *sides, edits, self._law, self.said):
                    yield Conflict(home, *key, *found)
