"""One page of changed CRM rows becomes contacts, in one transaction and in sets (law 5).

what is stored around the rows -> whose row is each (`policies.placement`) -> what to believe of each person
(`policies.merging`) -> the ledger (`policies.consent_import`) -> one statement per table -> what other sides have to be
told of it

A row that says what we know already, such as the echo of what we wrote ourselves, changes nothing (law 13).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import GoldenRecord, SourceRecord
from syncer.flows import crm_records
from syncer.flows.contacts import returning, surroundings, words_along
from syncer.flows.contacts.households import Households, first_sights, with_stamps, witnessed
from syncer.policies import consent_import, placement, witness
from syncer.policies.ownership import Law
from syncer.policies.placement import Housing, Key, Neighbourhood, Resident, Rows, key_of
from syncer.store import conflicts, contact_words, crm_writes, hooks
from syncer.store import contact_neighbours as stored
from syncer.store import contact_staging as staging
from syncer.store.bulk import Unstorable, all_or_nothing, streaming
from syncer.store.contact_neighbours import Ledger
from syncer.store.contact_staging import Absorption, ContactRow
from syncer.store.crm_writes import HOOKS, Topic, Want

log = logging.getLogger(__name__)

#: What a single row's content can raise. Everything else concerns the whole page or the whole run.
POISON = (Unstorable, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
#: No CRM is told anything; of two words the newer stands.
NO_LAW = Law()

Held = Mapping[int, tuple[GoldenRecord, Row[Any]]]
"""Contacts as they stand, locked."""


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


def take_in(
    tx: Connection,
    crm: str,
    records: Sequence[SourceRecord],
    now: datetime,
    *,
    shared_above: int,
    by_email: bool = False,
    law: Law = NO_LAW,
    sealing_keys: Sequence[bytes] = (),
) -> Result:
    """Write everything these rows change; `law` says whose word stands and which CRMs may be told, `sealing_keys` have
    sealed who was erased. If they cannot be written together they are halved until the bad one is alone; it is left out
    and the others are in. Raises `TryAgain` when the transaction has to be repeated."""
    try:
        with all_or_nothing(tx):
            return Result(_Page(tx, crm, now, shared_above, by_email, law, sealing_keys).write(records), [])
    except POISON as error:
        if len(records) == 1:
            return parked(crm, records[0].crm_id, error)
    middle = len(records) // 2
    halves = (records[:middle], records[middle:])
    terms: dict[str, Any] = {"shared_above": shared_above, "by_email": by_email, "law": law}
    first, second = (take_in(tx, crm, half, now, sealing_keys=sealing_keys, **terms) for half in halves)
    return first + second


def rehouse(
    tx: Connection,
    crm: str,
    rows: Rows,
    near: Neighbourhood,
    housing: Housing,
    now: datetime,
    law: Law = NO_LAW,
) -> None:
    """Write where rows go that somebody else than a sync has decided about, such as a person who takes them apart."""
    _Page(tx, crm, now, shared_above=0, law=law).settle(rows, near, housing)


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
    by_email: bool = False
    law: Law = NO_LAW
    sealing_keys: Sequence[bytes] = ()

    def write(self, records: Sequence[SourceRecord]) -> Counter[str]:
        """Everything, in the order that `store.contact_neighbours` explains."""
        stored.take_turn(self.tx)
        asked = {key_of(record): record for record in records}
        near = surroundings.of(self.tx, self.crm, asked, self.shared_above, by_email=self.by_email)
        fresh = {key: record for key, record in asked.items() if not _known(near.residents.get(key), record)}
        echoes = {key for key, record in fresh.items() if _is_echo(near.residents.get(key), record)}
        contact_words.read_again(self.tx, self.crm, [fresh.pop(key) for key in sorted(echoes)], self.now)
        if not fresh:
            return Counter(echoed=len(echoes))
        rows = placement.share(fresh, near, self.shared_above)
        housing = self._house(rows, near)
        told = self.settle(rows, near, housing)
        strangers = [row for key, row in rows.items() if key not in near.residents]
        returning.refuse_for_the_returned(self.tx, self.sealing_keys, strangers, housing.homes, self.now)
        return _count(fresh, rows, near, housing) + Counter(echoed=len(echoes)) + told

    def settle(self, rows: Rows, near: Neighbourhood, housing: Housing) -> Counter[str]:
        """Contacts, what leads to them, and rows, as it was decided; and what follows from it for others."""
        moments = contact_words.moments_of(self.tx, {r.contact_id for r in near.residents.values()})
        rows, near = witnessed(rows, near, moments, self.now), with_stamps(near, moments)
        people = Households(rows, near, housing, first_sights(rows, moments, self.now), self.law)
        taken = words_along.take_words(self.tx, rows, near, housing)
        self._write_new(people, rows, near)
        staging.add_forms(self.tx, placement.claims(rows, near, housing))
        own_words, changed = self._write_present(people)
        words_along.give_words(self.tx, taken, housing, self.now)
        self._change_sources(rows, near, housing)
        found = list(people.collisions())
        conflicts.note(self.tx, found, self.now)
        told = self._tell(people.interested() | own_words)
        self._tell_subscribers((changed | set(housing.made)) - set(housing.removed))
        return Counter(conflicts=len(found), told=told)

    def _tell(self, ids: Collection[int]) -> int:
        """Let the CRMs know whose rows of these persons now lack something; returns how many writes were asked for."""
        asked = 0
        for crm, lacking in crm_records.lacking(self.tx, ids, self.law).items() if ids else ():
            crm_writes.request(self.tx, [crm], [Want(Topic.CONTACT, one, one) for one in lacking], self.now)
            asked += len(lacking)
        return asked

    def _tell_subscribers(self, ids: Collection[int]) -> None:
        """Let the subscribers of hooks hear of new and changed contacts; where there are none, that costs one look."""
        if ids and hooks.listens(self.tx, Topic.CONTACT):
            crm_writes.request(self.tx, [HOOKS], [Want(Topic.CONTACT, one, one) for one in ids], self.now)

    def _house(self, rows: Rows, near: Neighbourhood) -> Housing:
        moves = placement.settle(rows, near)
        phoned = stored.lock_phones(self.tx, moves.emptied)
        rooted = stored.rooted(self.tx, moves.emptied)
        new_ids = stored.new_ids(self.tx, len(moves.needs))
        return placement.house(moves, near, new_ids, rooted=rooted, phoned=phoned)

    def _write_new(self, people: Households, rows: Rows, near: Neighbourhood) -> None:
        """All that is new, while what to say of those that were there before is being thought of."""
        housing, said = people.housing, list[ConsentEntry]()
        staging.take_phones(self.tx, housing.kept.keys() | housing.removed)
        with streaming(self.tx) as stream:
            staging.add_contacts(stream, self._made(people, said), self.now)
            staging.give_phones(stream, {**housing.made, **housing.kept})
            staging.add_sources(
                stream, [(housing.homes[key], row) for key, row in rows.items() if key not in near.residents], self.now
            )
            staging.enter_consents(stream, said, self.now)
            people.foresee()

    def _write_present(self, people: Households) -> tuple[set[int], set[int]]:
        """Those that were there before. Returns those of them who have said themselves whether they want to be written
        to, and those who are not as they were."""
        held = stored.lock_contacts(self.tx, people.present | people.housing.removed)
        ledgers = stored.ledgers(self.tx, people.present)
        people.hear(contact_words.edits_of(self.tx, people.present))
        revised = list(self._revise(people, held, ledgers))
        staging.change_contacts(self.tx, [row for row, _ in revised if row], self.now)
        staging.enter_consents(self.tx, [entry for _, entries in revised for entry in entries], self.now)
        changed = {row.id for row, _ in revised if row} | {one.contact_id for _, entries in revised for one in entries}
        return {contact_id for contact_id, ledger in ledgers.items() if ledger.explicit}, changed

    def _made(self, people: Households, entries: list[ConsentEntry]) -> Iterator[ContactRow]:
        """New contacts, one after the other, so that each is thought of while PostgreSQL stores those before it; what
        their rows say of consent goes to `entries`."""
        for contact_id in people.housing.made:
            said = consent_import.said(people.after(contact_id))
            if said:
                entries += consent_import.news(contact_id, said, {}, self.crm, self.now)
            words = {tier: one.word for tier, one in said.items()}
            yield _contact_row(contact_id, people.golden(contact_id), words)

    def _revise(
        self, people: Households, held: Held, ledgers: Mapping[int, Ledger]
    ) -> Iterator[tuple[ContactRow | None, list[ConsentEntry]]]:
        """Contacts that were there before: what of them changes."""
        for contact_id in sorted(people.present & held.keys()):
            ours, row = held[contact_id]
            ledger = ledgers.get(contact_id, stored.EMPTY)
            said = consent_import.said(people.after(contact_id))
            words = {Tier.TRANSACTIONAL: Word(row.transactional), Tier.MARKETING: Word(row.marketing)}
            own = {tier: words[tier] for tier in ledger.explicit}
            before = consent_import.said(people.before(contact_id))
            entries = consent_import.news(
                contact_id, said, ledger.imported, self.crm, self.now, explicit=own, before=before
            )
            heard = words | {entry.tier: entry.word for entry in entries if entry.tier not in ledger.explicit}
            believed = people.believe(contact_id, ours)
            changed = (believed, heard) != (ours, words)
            yield (_contact_row(contact_id, believed, heard) if changed else None), entries

    def _change_sources(self, rows: Rows, near: Neighbourhood, housing: Housing) -> None:
        homes, before = housing.homes, near.residents
        staging.change_sources(self.tx, [(homes[key], row) for key, row in rows.items() if key in before], self.now)
        moved = {key for key in rows if key in before and before[key].contact_id != homes[key]}
        staging.undo_merges(self.tx, [(*key, before[key].contact_id) for key in moved], self.now)
        staging.journal(self.tx, _absorptions(rows, near, housing), self.now)
        staging.remove_contacts(self.tx, housing.removed)


def _known(before: Resident | None, record: SourceRecord) -> bool:
    return before is not None and before.record.digest == record.digest


def _is_echo(before: Resident | None, record: SourceRecord) -> bool:
    return before is not None and witness.is_echo(before.record, record)


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
        yield Absorption(housing.homes[key], rows[key], contact_id, said, housing.reasons.get(key, ""))


def _count(fresh: Rows, rows: Rows, near: Neighbourhood, housing: Housing) -> Counter[str]:
    known: set[Key] = fresh.keys() & near.residents.keys()
    counts = Counter(f"invalid:{rows[key].phone_problem}" for key in fresh if rows[key].phone_problem)
    counts["new"] = len(fresh) - len(known)
    counts["changed"] = len(known)
    counts["merged"] = len(housing.absorbed)
    counts["contacts"] = len(housing.made)
    counts["opted_out"] = sum(consent_import.refuses(record) for record in fresh.values())
    return counts
