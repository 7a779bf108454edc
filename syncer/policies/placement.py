"""Whose row is this? Rows of any CRM with the same usable phone are one person; everything else is a person of its own
(R4, R5). Keys besides the phone are in `kinship` and `ties`.

    touched rows -> share -> settle -> (the flow asks who has roots) -> house -> claims

A number is the same in each of its forms (`domain.phone_variants`). A row whose phone has changed moves to the person
of the new number. What becomes of a person whom all rows have left
depends on whether it has roots: messages, a word of consent, an identity besides its phone. With roots it stays, number
and all; without, it is the same record with another number, and keeps its id where the new number is still free.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncer.domain.phone import PhoneProblem
from syncer.domain.phone_variants import canonical, variants
from syncer.policies.kinship import reopened
from syncer.policies.merging import usable_phone
from syncer.policies.neighbourhood import Key as Key
from syncer.policies.neighbourhood import Neighbourhood as Neighbourhood
from syncer.policies.neighbourhood import Resident as Resident
from syncer.policies.neighbourhood import Rows as Rows
from syncer.policies.neighbourhood import home_by_phone
from syncer.policies.neighbourhood import key_of as key_of
from syncer.policies.ties import Tied, tie

_NOTHING_TIED = Tied({}, [], {})


def share(touched: Rows, near: Neighbourhood, limit: int) -> Rows:
    """The touched rows, with every row of a number that more than `limit` rows carry marked as shared, so that a
    switchboard does not make five hundred customers one; rows of a number that no longer is are freed of the mark.
    Stored rows whose mark changes are touched too, and those that a touched row is knotted with."""
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
    return reopened(marked, near) if near.knots else marked


@dataclass(frozen=True)
class Moves:
    """Where each touched row goes: `homes` for rows whose contact is there, `needs` for groups that have none yet (a
    number nobody holds, or a single row without one), `emptied` for contacts whom all their rows have left.
    `renumbered` are contacts whose number a row that stays has changed, `reasons` says what brought a row to others
    where that is not its phone."""

    homes: Mapping[Key, int]
    needs: Sequence[tuple[str | None, Sequence[Key]]]
    emptied: frozenset[int]
    renumbered: Mapping[int, str | None] = field(default_factory=dict)
    reasons: Mapping[Key, str] = field(default_factory=dict)


def settle(touched: Rows, near: Neighbourhood) -> Moves:
    """Decide for every touched row."""
    tied = tie(touched, near) if near.knots else _NOTHING_TIED
    homes: dict[Key, int] = dict(tied.homes)
    needs: dict[str | Key, list[Key]] = {}
    for key, record in touched.items():
        if key in near.knots:
            continue
        phone = usable_phone(record)
        home = home_by_phone(phone, near.residents.get(key), near)
        if home is None:
            needs.setdefault(canonical(phone) if phone else key, []).append(key)
        else:
            homes[key] = home
    stayed = {r.contact_id for key, r in near.residents.items() if key not in touched} | set(homes.values())
    emptied = {near.residents[key].contact_id for key in touched if key in near.residents} - stayed
    groups = [*tied.needs, *((usable_phone(touched[keys[0]]), keys) for keys in needs.values())]
    return Moves(homes, groups, frozenset(emptied), _renumbered(touched, near), tied.reasons)


def _renumbered(touched: Rows, near: Neighbourhood) -> dict[int, str | None]:
    """Where a row that a person has put there has another number now, and its contact is nothing but its rows and has
    one number at most, the old number leads there no more."""
    changed = {
        before.contact_id
        for key, record in touched.items()
        if (before := near.residents.get(key)) and before.apart and usable_phone(before.record) != usable_phone(record)
    } - near.rooted
    found: dict[int, str | None] = {}
    for contact_id, rows in near.households().items() if changed else ():
        if contact_id in changed:
            records = (touched.get(key_of(r.record), r.record) for r in rows)
            phones = {
                phone for phone in map(usable_phone, records) if phone and near.holder(phone) in (None, contact_id)
            }
            if len(phones) < 2:
                found[contact_id] = min(phones, default=None)
    return found


@dataclass(frozen=True)
class Housing:
    """The end of it: every touched row's contact, and what happens to contacts.

    `made` and `kept` map contacts to the phone they now get, if any: new ones, and old ones that live on with another
    number. `deserted` have roots and no row; `removed` have neither. `absorbed` rows have joined others, `reasons` says
    why where that is not their phone.
    """

    homes: Mapping[Key, int]
    made: Mapping[int, str | None]
    kept: Mapping[int, str | None]
    removed: frozenset[int] = frozenset()
    deserted: frozenset[int] = frozenset()
    absorbed: Sequence[Key] = field(default_factory=list)
    reasons: Mapping[Key, str] = field(default_factory=dict)


def house(
    moves: Moves, near: Neighbourhood, new_ids: Iterable[int], *, rooted: Collection[int], phoned: Collection[int]
) -> Housing:
    """Give the groups in need a contact each: an emptied one that is theirs, or the next of `new_ids`. `rooted` names
    the emptied contacts with roots, `phoned` those that hold a phone."""
    homes, supply = dict(moves.homes), iter(new_ids)
    made: dict[int, str | None] = {}
    taken = {phone for phone, _ in moves.needs}
    kept = {contact_id: None if phone in taken else phone for contact_id, phone in moves.renumbered.items()}
    vacant = {contact_id for contact_id in moves.emptied if contact_id not in rooted or contact_id not in phoned}
    for phone, keys in moves.needs:
        old = _first_vacant(keys, near, vacant)
        contact_id = next(supply) if old is None else old
        (made if old is None else kept)[contact_id] = phone
        homes.update(dict.fromkeys(keys, contact_id))
    left = moves.emptied - kept.keys()
    deserted = left & frozenset(rooted)
    absorbed = list(_absorbed(homes, near))
    return Housing(homes, made, kept, left - deserted, deserted, absorbed, moves.reasons)


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


def claims(rows: Rows, near: Neighbourhood, housing: Housing) -> dict[str, int]:
    """Numbers new to their contacts that nobody holds as these rows write them: each leads to the contact of its
    row. The one number that `housing` gives to a contact is not among them."""
    found = {}
    for key, record in rows.items():
        phone, before = usable_phone(record), near.residents.get(key)
        if phone is None or not (key in near.knots or _further(phone, before)):
            continue
        home, holder = housing.homes[key], near.holders.get(phone)
        free = holder is None or (key in near.knots and (holder in housing.kept or holder in housing.removed))
        if free and phone not in near.given_up.get(home, ()):
            found[phone] = home
    given = {*housing.made.values(), *housing.kept.values()} if found else ()
    return {phone: home for phone, home in found.items() if phone not in given}


def _further(phone: str, before: Resident | None) -> bool:
    """Whether the row has a new number that could be a further one of its contact: one that can be written in several
    ways, or that of a row which a person has put where it is."""
    if before is not None and usable_phone(before.record) == phone:
        return False
    return len(variants(phone)) > 1 or (before is not None and before.apart)
