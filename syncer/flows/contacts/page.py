"""One page of changed CRM rows becomes contacts, in one transaction and in sets (law 5).

what is stored around the rows -> whose row is each (`policies.placement`) -> what to believe of each person
(`policies.merging`) -> the ledger (`policies.consent_import`) -> one statement per table
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import GoldenRecord, SourceRecord
from syncer.domain.phone_variants import variants
from syncer.flows.contacts import surroundings
from syncer.policies import consent_import, placement
from syncer.policies.merging import golden, reconcile, usable_phone
from syncer.policies.placement import Housing, Key, Neighbourhood, Resident, Rows, key_of
from syncer.store import contact_neighbours as stored
from syncer.store import contact_staging as staging
from syncer.store.bulk import Unstorable, all_or_nothing
from syncer.store.contact_staging import Absorption, ContactRow

log = logging.getLogger(__name__)

#: What a single row's content can raise. Everything else concerns the whole page or the whole run.
POISON = (Unstorable, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Parked:
    """A row that cannot be taken in, and why. The next sync reads it again."""

    crm_id: str
    reason: str


@dataclass
class Result:
    """What came of some rows, by kind, and those that had to be left out."""

    counts: Counter[str]
    parked: list[Parked]

    @classmethod
    def nothing(cls) -> Result:
        """Of no rows."""
        return cls(Counter(), [])

    def __add__(self, other: Result) -> Result:
        return Result(self.counts + other.counts, self.parked + other.parked)


def take_in(tx: Connection, crm: str, records: Sequence[SourceRecord], now: datetime, *, shared_above: int) -> Result:
    """Write everything these rows change. If they cannot be written together they are halved until the bad one is
    alone; it is left out and the others are in. Raises `TryAgain` when the transaction has to be repeated."""
    try:
        with all_or_nothing(tx):
            return Result(_Page(tx, crm, now, shared_above).write(records), [])
    except POISON as error:
        if len(records) == 1:
            return parked(crm, records[0].crm_id, error)
    middle = len(records) // 2
    halves = (records[:middle], records[middle:])
    first, second = (take_in(tx, crm, half, now, shared_above=shared_above) for half in halves)
    return first + second


def parked(crm: str, crm_id: str, error: Exception) -> Result:
    """One row that is left out."""
    reason = f"{type(error).__name__}: {error}"[:300]
    log.warning("row %s of %s is left out: %s", crm_id[:80], crm, reason)
    return Result(Counter(parked=1), [Parked(crm_id, reason)])


@dataclass(frozen=True)
class _Page:
    tx: Connection
    crm: str
    now: datetime
    shared_above: int

    def write(self, records: Sequence[SourceRecord]) -> Counter[str]:
        """Everything, in the order that `store.contact_neighbours` explains."""
        stored.take_turn(self.tx)
        asked = {key_of(record): record for record in records}
        near = surroundings.of(self.tx, self.crm, asked, self.shared_above)
        fresh = {key: record for key, record in asked.items() if not _known(near.residents.get(key), record)}
        if not fresh:
            return Counter()
        rows = placement.share(fresh, near, self.shared_above)
        housing = self._house(rows, near)
        self._write_contacts(_People(rows, near, housing))
        staging.add_forms(self.tx, _other_forms(rows, near, housing))
        self._write_sources(rows, near, housing)
        return _count(fresh, rows, near, housing)

    def _house(self, rows: Rows, near: Neighbourhood) -> Housing:
        moves = placement.settle(rows, near)
        phoned = stored.lock_phones(self.tx, moves.emptied)
        rooted = stored.rooted(self.tx, moves.emptied)
        new_ids = stored.new_ids(self.tx, len(moves.needs))
        return placement.house(moves, near, new_ids, rooted=rooted, phoned=phoned)

    def _write_contacts(self, people: _People) -> None:
        housing = people.housing
        made = [self._make(contact_id, people.after(contact_id)) for contact_id in housing.made]
        staging.add_contacts(self.tx, [row for row, _ in made], self.now)
        staging.give_phones(self.tx, {**housing.made, **housing.kept}, housing.kept.keys() | housing.removed)
        revised = list(self._revise(people))
        staging.change_contacts(self.tx, [row for row, _ in revised if row], self.now)
        said = [entry for _, entries in (*made, *revised) for entry in entries]
        staging.enter_consents(self.tx, said, self.now)

    def _make(self, contact_id: int, rows: Sequence[SourceRecord]) -> tuple[ContactRow, list[ConsentEntry]]:
        said = consent_import.said(rows)
        words = {tier: one.word for tier, one in said.items()}
        entries = consent_import.news(contact_id, said, {}, self.crm, self.now) if said else []
        return _contact_row(contact_id, golden(rows), words), entries

    def _revise(self, people: _People) -> Iterator[tuple[ContactRow | None, list[ConsentEntry]]]:
        """Contacts that were there before: what of them changes."""
        held = stored.lock_contacts(self.tx, people.present | people.housing.removed)
        ledgers = stored.ledgers(self.tx, people.present)
        for contact_id in sorted(people.present & held.keys()):
            ours, row = held[contact_id]
            ledger = ledgers.get(contact_id, stored.EMPTY)
            said = consent_import.said(people.after(contact_id))
            entries = consent_import.news(contact_id, said, ledger.imported, self.crm, self.now)
            words = {Tier.TRANSACTIONAL: Word(row.transactional), Tier.MARKETING: Word(row.marketing)}
            heard = words | {entry.tier: entry.word for entry in entries if entry.tier not in ledger.explicit}
            believed = people.believe(contact_id, ours)
            changed = (believed, heard) != (ours, words)
            yield (_contact_row(contact_id, believed, heard) if changed else None), entries

    def _write_sources(self, rows: Rows, near: Neighbourhood, housing: Housing) -> None:
        homes, before = housing.homes, near.residents
        staging.add_sources(self.tx, [(homes[key], row) for key, row in rows.items() if key not in before], self.now)
        staging.change_sources(self.tx, [(homes[key], row) for key, row in rows.items() if key in before], self.now)
        moved = {key for key in rows if key in before and before[key].contact_id != homes[key]}
        staging.undo_merges(self.tx, [(*key, before[key].contact_id) for key in moved], self.now)
        staging.journal(self.tx, _absorptions(rows, near, housing), self.now)
        staging.remove_contacts(self.tx, housing.removed)


class _People:
    """The persons a page is about: the rows of each before and after it."""

    def __init__(self, rows: Rows, near: Neighbourhood, housing: Housing) -> None:
        self.housing = housing
        self._given_up = near.given_up
        self._before: dict[int, list[SourceRecord]] = {}
        self._after: dict[int, list[SourceRecord]] = {}
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

    def after(self, contact_id: int) -> list[SourceRecord]:
        """The rows of a contact now."""
        return self._after.get(contact_id, [])

    def believe(self, contact_id: int, ours: GoldenRecord) -> GoldenRecord:
        """What a contact says now; one whom all rows have left stays as it was, and a number that was given up is not
        taken up again."""
        if contact_id in self.housing.deserted:
            return ours
        believed = reconcile(ours, golden(self._before.get(contact_id, [])), golden(self.after(contact_id)))
        if believed.phone in self._given_up.get(contact_id, ()):
            return replace(believed, phone=ours.phone, phone_problem=ours.phone_problem)
        return believed


def _other_forms(rows: Rows, near: Neighbourhood, housing: Housing) -> dict[str, int]:
    """Numbers new to their rows that can be written in several ways and that nobody holds as these rows write them:
    each leads to the contact of its row."""
    found = {}
    for key, record in rows.items():
        phone, before = usable_phone(record), near.residents.get(key)
        home = housing.homes[key]
        new = before is None or usable_phone(before.record) != phone
        new = new and phone not in near.given_up.get(home, ())
        if phone and new and phone not in near.holders and len(variants(phone)) > 1:
            found[phone] = home
    return found


def _known(before: Resident | None, record: SourceRecord) -> bool:
    return before is not None and before.record.digest == record.digest


def _contact_row(contact_id: int, record: GoldenRecord, words: dict[Tier, Word]) -> ContactRow:
    unknown = Word.UNKNOWN
    return ContactRow(
        contact_id, record, words.get(Tier.TRANSACTIONAL, unknown).value, words.get(Tier.MARKETING, unknown).value
    )


def _absorptions(rows: Rows, near: Neighbourhood, housing: Housing) -> Iterable[Absorption]:
    for key in housing.absorbed:
        before = near.residents.get(key)
        contact_id = before.contact_id if before else None
        said = before.record.fields if before else rows[key].fields
        yield Absorption(housing.homes[key], rows[key], contact_id, said)


def _count(fresh: Rows, rows: Rows, near: Neighbourhood, housing: Housing) -> Counter[str]:
    known: set[Key] = fresh.keys() & near.residents.keys()
    counts = Counter(f"invalid:{rows[key].phone_problem}" for key in fresh if rows[key].phone_problem)
    counts["new"] = len(fresh) - len(known)
    counts["changed"] = len(known)
    counts["merged"] = len(housing.absorbed)
    counts["contacts"] = len(housing.made)
    counts["opted_out"] = sum(consent_import.refuses(record) for record in fresh.values())
    return counts
