"""A world without a database: rows, contacts and who holds which phone, changed by `policies.placement` alone; and the
plain rule that says who is one person, for a world in which nobody has a life of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from syncer.domain.contact import SourceRecord
from syncer.domain.phone_variants import canonical
from syncer.policies import kinship, placement
from syncer.policies.merging import usable_phone
from syncer.policies.neighbourhood import Key, Neighbourhood, Resident, Rows, key_of

LIMIT = 4


@dataclass
class World:
    """What is stored. `rooted` contacts have a life of their own."""

    by_email: bool = True
    residents: dict[Key, Resident] = field(default_factory=dict)
    holders: dict[str, int] = field(default_factory=dict)
    rooted: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._ids = count(1)

    def near(self, asked: Rows) -> Neighbourhood:
        """All there is."""
        near = Neighbourhood(self.residents, self.holders, by_email=self.by_email, most=LIMIT)
        knots = kinship.knots(placement.share(asked, near, LIMIT), near)
        rooted = frozenset(self.rooted)
        return replace(near, knots=knots, rooted=rooted, open=kinship.openable(near, knots.keys(), rooted))

    def take_in(self, page: Iterable[SourceRecord]) -> placement.Housing:
        """One page of a sync."""
        asked = {key_of(record): record for record in page}
        near = self.near(asked)
        rows = placement.share(asked, near, LIMIT)
        housing = self._house(rows, near)
        leading = placement.claims(rows, near, housing)
        gone = housing.kept.keys() | housing.removed
        self.holders = {phone: who for phone, who in self.holders.items() if who not in gone}
        for who, phone in (*housing.made.items(), *housing.kept.items()):
            if phone:
                assert phone not in self.holders, "a number that somebody holds is given away"
                self.holders[phone] = who
        self.holders = leading | self.holders
        for key, record in rows.items():
            apart = key in self.residents and self.residents[key].apart
            self.residents[key] = Resident(housing.homes[key], record, apart)
        return housing

    def _house(self, rows: Rows, near: Neighbourhood) -> placement.Housing:
        moves = placement.settle(rows, near)
        phoned = set(self.holders.values())
        return placement.house(moves, near, self._ids, rooted=self.rooted & moves.emptied, phoned=phoned)

    def put_apart(self, key: Key) -> None:
        """A person takes a row out of its contact."""
        self.residents[key] = Resident(next(self._ids), self.residents[key].record, True)

    def people(self) -> set[frozenset[Key]]:
        """Who lives together."""
        found: dict[int, set[Key]] = {}
        for key, resident in self.residents.items():
            found.setdefault(resident.contact_id, set()).add(key)
        return {frozenset(keys) for keys in found.values()}


def people_of(records: Sequence[SourceRecord], by_email: bool = True) -> set[frozenset[Key]]:
    """Who is one person, by the plain rule: nothing but sets that are united while anything is shared."""
    carried = Counter(record.phone for record in records if record.phone)
    usable = {
        key_of(record): canonical(record.phone) if record.phone and carried[record.phone] <= LIMIT else None
        for record in records
    }
    namers = Counter(name for record in records if (name := kinship.named_by(record)))
    marks: dict[Key, set[str]] = {}
    for record in records:
        names = {kinship.name_of(key_of(record)), kinship.named_by(record)}
        names = {f"name {name}" for name in names if name and 0 < namers[name] <= LIMIT}
        phone = usable[key_of(record)]
        marks[key_of(record)] = names | ({f"phone {phone}"} if phone else set())
    groups = _united([({key}, found) for key, found in marks.items()])
    return set(map(frozenset, _by_address(records, groups, marks) if by_email else groups))


def _united(parts: list[tuple[set[Key], set[str]]]) -> list[set[Key]]:
    done: list[tuple[set[Key], set[str]]] = []
    for keys, marks in parts:
        keys, marks = set(keys), set(marks)
        for other in [other for other in done if other[1] & marks]:
            done.remove(other)
            keys |= other[0]
            marks |= other[1]
        done.append((keys, marks))
    return [keys for keys, _ in done]


def _by_address(records: Sequence[SourceRecord], groups: list[set[Key]], marks: dict[Key, set[str]]) -> list[set[Key]]:
    """A row that nothing leads anywhere joins the one person of its address."""
    home = {key: number for number, group in enumerate(groups) for key in group}
    carriers: dict[str, list[Key]] = {}
    for record in records:
        if email := kinship.address(record):
            carriers.setdefault(email, []).append(key_of(record))
    for keys in carriers.values():
        single = [key for key in keys if not marks[key]]
        others = {home[key] for key in keys if marks[key]}
        if len(keys) <= kinship.FAMILY and len(others) < 2 and single:
            target = others.pop() if others else home[single[0]]
            home |= dict.fromkeys(single, target)
    found: dict[int, set[Key]] = {}
    for key, number in home.items():
        found.setdefault(number, set()).add(key)
    return list(found.values())


def phones_of(world: World) -> dict[str, set[int]]:
    """Which contacts' rows carry each usable number."""
    found: dict[str, set[int]] = {}
    for resident in world.residents.values():
        if phone := usable_phone(resident.record):
            found.setdefault(phone, set()).add(resident.contact_id)
    return found
