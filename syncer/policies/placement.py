"""Whose row is this? Rows of any CRM with the same usable phone are one person; everything else is a person of its own
(R4, R5).

    touched rows -> share -> settle -> (the flow asks who has roots) -> house

A number is the same in each of its forms (`domain.phone_variants`). A row whose phone has changed moves to the person
of the new number. What becomes of a person whom all rows have left
depends on whether it has roots: messages, a word of consent, an identity besides its phone. With roots it stays, number
and all; without, it is the same record with another number, and keeps its id where the new number is still free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncer.domain.contact import SourceRecord
from syncer.domain.phone import PhoneProblem
from syncer.domain.phone_variants import canonical, variants
from syncer.policies.merging import usable_phone

Key = tuple[str, str]
"""(CRM, the CRM's id): one row."""
Rows = dict[Key, SourceRecord]


def key_of(record: SourceRecord) -> Key:
    """The row's name."""
    return record.crm, record.crm_id


@dataclass(frozen=True, slots=True)
class Resident:
    """A stored row and the contact it lives with."""

    contact_id: int
    record: SourceRecord


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is stored around some touched rows: all rows of every contact they could meet, who holds which phone, and
    which phones a contact has given up, as far as a row could still name one."""

    residents: Mapping[Key, Resident]
    holders: Mapping[str, int]
    given_up: Mapping[int, Collection[str]] = field(default_factory=dict)

    def holder(self, phone: str) -> int | None:
        """Whose number this is: of who holds it as it is written, else of the one contact that holds another form of
        it. Of two such, nobody's."""
        exact = self.holders.get(phone)
        if exact is not None:
            return exact
        others = {self.holders[form] for form in variants(phone)[1:] if form in self.holders}
        return others.pop() if len(others) == 1 else None

    def households(self) -> dict[int, list[Resident]]:
        """Every contact's rows."""
        found: dict[int, list[Resident]] = {}
        for resident in self.residents.values():
            found.setdefault(resident.contact_id, []).append(resident)
        return found


def share(touched: Rows, near: Neighbourhood, limit: int) -> Rows:
    """The touched rows, with every row of a number that more than `limit` rows carry marked as shared, so that a
    switchboard does not make five hundred customers one; rows of a number that no longer is are freed of the mark.
    Stored rows whose mark changes are touched too."""
    untouched = {key: r.record for key, r in near.residents.items() if key not in touched}
    count = Counter(record.phone for rows in (touched, untouched) for record in rows.values() if record.phone)
    left = (near.residents[key].record for key in touched if key in near.residents)
    numbers = {record.phone for record in (*touched.values(), *left) if record.phone}
    marked = dict(touched)
    for key, record in (*touched.items(), *untouched.items()):
        if record.phone in numbers and record.phone_problem in (None, PhoneProblem.SHARED):
            problem = PhoneProblem.SHARED.value if count[record.phone] > limit else None
            if problem != record.phone_problem:
                marked[key] = replace(record, phone_problem=problem)
    return marked


@dataclass(frozen=True)
class Moves:
    """Where each touched row goes: `homes` for rows whose contact is there, `needs` for groups that have none yet (a
    number nobody holds, or a single row without one), `emptied` for contacts whom all their rows have left."""

    homes: Mapping[Key, int]
    needs: Sequence[tuple[str | None, Sequence[Key]]]
    emptied: frozenset[int]


def settle(touched: Rows, near: Neighbourhood) -> Moves:
    """Decide for every touched row."""
    homes: dict[Key, int] = {}
    needs: dict[str | Key, list[Key]] = {}
    for key, record in touched.items():
        phone = usable_phone(record)
        home = _home(phone, near.residents.get(key), near)
        if home is None:
            needs.setdefault(canonical(phone) if phone else key, []).append(key)
        else:
            homes[key] = home
    stayed = {r.contact_id for key, r in near.residents.items() if key not in touched} | set(homes.values())
    emptied = {near.residents[key].contact_id for key in touched if key in near.residents} - stayed
    groups = [(usable_phone(touched[keys[0]]), keys) for keys in needs.values()]
    return Moves(homes, groups, frozenset(emptied))


def _home(phone: str | None, before: Resident | None, near: Neighbourhood) -> int | None:
    """A row whose phone is what it was stays where it is - also where the person has another number by now, by the
    platform's own word, and the old one leads to nobody or to somebody else; and so does a row of ours that is read
    for the first time since. A row without a phone stays too, unless it was there because of its phone."""
    if before is not None:
        old = phone in near.given_up.get(before.contact_id, ())
        if old or usable_phone(before.record) == phone:
            return before.contact_id
    return near.holder(phone) if phone else None


@dataclass(frozen=True)
class Housing:
    """The end of it: every touched row's contact, and what happens to contacts.

    `made` and `kept` map contacts to the phone they now get, if any: new ones, and old ones that live on with another
    number. `deserted` have roots and no row; `removed` have neither.
    """

    homes: Mapping[Key, int]
    made: Mapping[int, str | None]
    kept: Mapping[int, str | None]
    removed: frozenset[int] = frozenset()
    deserted: frozenset[int] = frozenset()
    absorbed: Sequence[Key] = field(default_factory=list)


def house(
    moves: Moves, near: Neighbourhood, new_ids: Iterable[int], *, rooted: Collection[int], phoned: Collection[int]
) -> Housing:
    """Give the groups in need a contact each: an emptied one that is theirs, or the next of `new_ids`. `rooted` names
    the emptied contacts with roots, `phoned` those that hold a phone."""
    homes, supply = dict(moves.homes), iter(new_ids)
    made: dict[int, str | None] = {}
    kept: dict[int, str | None] = {}
    vacant = {contact_id for contact_id in moves.emptied if contact_id not in rooted or contact_id not in phoned}
    for phone, keys in moves.needs:
        old = _first_vacant(keys, near, vacant)
        contact_id = next(supply) if old is None else old
        (made if old is None else kept)[contact_id] = phone
        homes.update(dict.fromkeys(keys, contact_id))
    left = moves.emptied - kept.keys()
    deserted = left & frozenset(rooted)
    absorbed = list(_absorbed(homes, near))
    return Housing(homes, made, kept, removed=left - deserted, deserted=deserted, absorbed=absorbed)


def _first_vacant(keys: Sequence[Key], near: Neighbourhood, vacant: set[int]) -> int | None:
    for key in keys:
        before = near.residents.get(key)
        if before is not None and before.contact_id in vacant:
            vacant.remove(before.contact_id)
            return before.contact_id
    return None


def _absorbed(homes: Mapping[Key, int], near: Neighbourhood) -> Iterator[Key]:
    """Rows that join a contact which has another row already: merges, to be written down."""
    occupied = {r.contact_id for key, r in near.residents.items() if homes.get(key, r.contact_id) == r.contact_id}
    for key, contact_id in homes.items():
        before = near.residents.get(key)
        if before is not None and before.contact_id == contact_id:
            continue
        if contact_id in occupied:
            yield key
        occupied.add(contact_id)
