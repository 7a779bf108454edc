"""What is stored around some touched rows, as far as it decides whose rows they are (R4, R5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from syncer.domain.contact import SourceRecord
from syncer.domain.phone_variants import variants
from syncer.policies.merging import usable_phone

Key = tuple[str, str]
"""(CRM, the CRM's id): one row."""
Rows = dict[Key, SourceRecord]


def key_of(record: SourceRecord) -> Key:
    """The row's name."""
    return record.crm, record.crm_id


@dataclass(frozen=True, slots=True)
class Resident:
    """A stored row and the contact it lives with. One that is `apart` was put there by a person, and stays."""

    contact_id: int
    record: SourceRecord
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What is stored around some touched rows: all rows of every contact they could meet, who holds which phone, and
    which phones a contact has given up, as far as a row could still name one.

    Where rows have other keys than their phone (`policies.kinship`) there is more: `knots` numbers the groups of rows
    among which such a key plays a part, `open` are the contacts among them that are nothing but their rows, and
    `rooted` those with a life of their own. `most` rows may share one number or name one row.
    """

    residents: Mapping[Key, Resident]
    holders: Mapping[str, int]
    given_up: Mapping[int, Collection[str]] = field(default_factory=dict)
    knots: Mapping[Key, int] = field(default_factory=dict)
    open: frozenset[int] = frozenset()
    rooted: frozenset[int] = frozenset()
    by_email: bool = False
    most: int = 20

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

    def after(self, touched: Rows) -> Rows:
        """Every row as it is once these are."""
        return {key: resident.record for key, resident in self.residents.items()} | touched


def home_by_phone(phone: str | None, before: Resident | None, near: Neighbourhood) -> int | None:
    """A row whose phone is what it was stays where it is - also where the person has another number by now, by the
    platform's own word, and the old one leads to nobody or to somebody else; and so does a row of ours that is read
    for the first time since. A row without a phone stays too, unless it was there because of its phone. One that a
    person has put where it is stays whatever it says."""
    if before is not None:
        old = phone in near.given_up.get(before.contact_id, ())
        if before.apart or old or usable_phone(before.record) == phone:
            return before.contact_id
    return near.holder(phone) if phone else None
