"""What a CRM has to be told of a person it knows: fields that it keeps for us, that differ from what its rows say, and
that were changed by a word somebody said.

Such words are ours (an edit, a conversation), another CRM's change that we saw, and whatever the master says. How rows
differed when we met them is the company's own affair: a first sync writes nothing over.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncer.domain.contact import Edit, SourceRecord
from syncer.policies.merging import Said
from syncer.policies.ownership import LONG_AGO, NOTHING, Law, Word, block, moment, same, winner, words

#: Fields with a rule of their own below; the others follow `ownership.winner`.
BY_THEMSELVES = frozenset({"phone", "tags", "blocked", "marketing_consent", "transactional_consent"})


@dataclass(frozen=True, slots=True)
class ConsentSaid:
    """The word of one tier that holds for a person; `own` if it is the customer's own and no import, given `at`."""

    granted: bool
    own: bool = False
    at: datetime = LONG_AGO


@dataclass(frozen=True)
class Person:
    """Everything that decides what CRMs are told of a contact. `given_up` are numbers that lead to them no more,
    `unread` the rows that we have written or made and not read since."""

    rows: Sequence[SourceRecord]
    phone: str | None = None
    tags: Collection[str] = ()
    consents: Mapping[str, ConsentSaid] = field(default_factory=dict)
    edits: Mapping[str, Edit] = field(default_factory=dict)
    said: Said = field(default_factory=dict)
    given_up: Collection[str] = ()
    unread: Collection[tuple[str, str]] = ()

    def rows_of(self, crm: str) -> list[SourceRecord]:
        """Their rows in one CRM, the leading one first."""
        return sorted((row for row in self.rows if row.crm == crm), key=lambda row: row.crm_id)


Due = dict[str, dict[str, Word]]
"""The CRM's id of a row -> field -> the word to be written there."""


def due(person: Person, crm: str, law: Law) -> Due:
    """What each of a person's rows in this CRM lacks; rows that lack nothing are absent."""
    rows = person.rows_of(crm)
    if not rows or crm not in law.rules:
        return {}
    found: Due = {rows[0].crm_id: _plain(person, rows[0], crm, law) | _labels(person, rows, crm, law)}
    for row in rows:
        found.setdefault(row.crm_id, {}).update(
            _phone(person, row, law, leading=row is rows[0]) | _blocked(person, row, law) | _consent(person, row, law)
        )
    return {crm_id: fields for crm_id, fields in found.items() if fields}


def introduction(person: Person, crm: str, law: Law) -> dict[str, Any]:
    """What a CRM that does not know this person yet is told beside name, number, labels and consent."""
    found = {}
    for name in sorted(law.rules.get(crm, {}).keys() - BY_THEMSELVES):
        word = news(name, words(person.rows, name, person.edits, person.said), crm, law)
        if law.writes(crm, name) and word and word.value not in NOTHING:
            found[name] = word.value
    blocked = block(person.rows, person.edits, person.said)
    return found | ({"blocked": True} if blocked.value and law.writes(crm, "blocked") else {})


def news(name: str, said: Sequence[Word], crm: str, law: Law) -> Word | None:
    """The word of these that this CRM has to hear of, if any: another's that stands, and that we saw being said or that
    is the master's. Where the CRM's own people have changed the field and their word does not stand, any."""
    stands = winner(name, said, law)
    if stands is None or stands.crm == crm:
        return None
    rejected = any(word.crm == crm and word.seen for word in said)
    return stands if stands.seen or law.is_master(stands.crm) or rejected else None


def _plain(person: Person, row: SourceRecord, crm: str, law: Law) -> dict[str, Word]:
    found = {}
    spoken = {name for one in person.rows if one.crm != crm for name in one.fields.keys() | one.stamps.keys()}
    for name in sorted((spoken | person.edits.keys()) - BY_THEMSELVES):
        if law.writes(crm, name):
            word = news(name, words(person.rows, name, person.edits, person.said), crm, law)
            if word and not same(word.value, row.fields.get(name)):
                found[name] = word
    return found


def _labels(person: Person, rows: Sequence[SourceRecord], crm: str, law: Law) -> dict[str, Word]:
    """Labels are added to those of the leading row, never taken away; one that any row of the CRM has is there."""
    if not law.writes(crm, "tags"):
        return {}
    there = {label for row in rows for label in row.fields.get("tags") or ()}
    others = [row for row in person.rows if row.crm != crm]
    missing = [label for label in person.tags if label not in there and _is_label_news(label, others, law)]
    if not missing:
        return {}
    return {"tags": Word(sorted({*(rows[0].fields.get("tags") or ()), *missing}), LONG_AGO)}


def _is_label_news(label: str, others: Sequence[SourceRecord], law: Law) -> bool:
    holders = [row for row in others if label in (row.fields.get("tags") or ())]
    return not holders or any("tags" in row.stamps or law.is_master(row.crm) for row in holders)


def _phone(person: Person, row: SourceRecord, law: Law, *, leading: bool) -> dict[str, Word]:
    """A number that the person has given up is replaced in every row; the leading row without any gets what was said on
    our side."""
    if not person.phone or row.phone == person.phone or not law.writes(row.crm, "phone"):
        return {}
    unread = row.phone is None and (row.crm, row.crm_id) in person.unread
    old = row.phone in person.given_up or (unread and bool(person.given_up))
    edit = person.edits.get("phone")
    if old or (leading and row.phone is None and edit is not None and edit.value == person.phone):
        return {"phone": Word(person.phone, LONG_AGO)}
    return {}


def _blocked(person: Person, row: SourceRecord, law: Law) -> dict[str, Word]:
    word = block(person.rows, person.edits, person.said)
    if not law.writes(row.crm, "blocked") or bool(row.fields.get("blocked")) == word.value:
        return {}
    return {"blocked": word} if word.seen or (law.is_master(word.crm) and word.crm != row.crm) else {}


def _consent(person: Person, row: SourceRecord, law: Law) -> dict[str, Word]:
    """The word that holds goes to every row. The customer's own stands above what staff enter later; a refusal that
    staff have entered stands above a yes that was only imported (R7)."""
    found = {}
    for name, said in person.consents.items():
        there = row.fields.get(name)
        if there == said.granted or not law.writes(row.crm, name):
            continue
        later_refusal = there is False and moment(row, name, person.said) > said.at
        if said.own or (not (said.granted and later_refusal) and _is_consent_news(person, row, name, said, law)):
            found[name] = Word(said.granted, LONG_AGO)
    return found


def _is_consent_news(person: Person, row: SourceRecord, name: str, said: ConsentSaid, law: Law) -> bool:
    holders = [other for other in person.rows if other.fields.get(name) == said.granted]
    return any(name in other.stamps or (law.is_master(other.crm) and other.crm != row.crm) for other in holders)
