"""Rows leave their contacts: what is left of each person is reckoned anew, in sets and in the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import Edit, GoldenRecord, SourceRecord
from syncer.domain.phone import PhoneProblem
from syncer.flows.contacts import page, surroundings
from syncer.policies import consent_import, placement
from syncer.policies.merging import golden, labels, reconcile
from syncer.policies.neighbourhood import Key, key_of
from syncer.policies.ownership import Law
from syncer.store import contact_joins, contact_words, departures
from syncer.store import contact_neighbours as stored
from syncer.store import contact_staging as staging
from syncer.store.contact_staging import ContactRow


@dataclass(frozen=True, slots=True)
class Terms:
    """By which terms persons are reckoned, as in the contact sync."""

    shared_above: int
    by_email: bool
    law: Law


def leave(tx: Connection, crm: str, fates: Mapping[str, str], now: datetime, terms: Terms) -> int:
    """Let rows of `crm` go, each with its fate, after `take_turn`; returns how many were there. A contact that has no
    row and no root any more goes too; one with roots stays as it is."""
    homes = departures.homes(tx, crm, fates)
    persons = _Persons.around(tx, {(crm, crm_id) for crm_id in homes}, set(homes.values()))
    held = stored.lock_contacts(tx, persons.before.keys())
    edits = contact_words.edits_of(tx, persons.before.keys())
    revised = list(_revise(tx, persons, held, edits, crm, now, terms.law))
    staging.change_contacts(tx, [row for row, _ in revised if row], now)
    staging.enter_consents(tx, [entry for _, entries in revised for entry in entries], now)
    departures.depart(tx, crm, fates, now)
    staging.undo_merges(tx, [(crm, crm_id, contact_id) for crm_id, contact_id in homes.items()], now)
    staging.remove_contacts(tx, persons.removed)
    _give_back(tx, departures.freed(tx, persons.shared, terms.shared_above), now, terms)
    return len(homes)


def follow(tx: Connection, crm: str, crm_id: str, into: str, now: datetime, terms: Terms) -> Counter[str]:
    """One row is part of another now, after `take_turn`: its person becomes that of the other row - unless somebody has
    taken the two apart - and it leaves. Returns what came of it: nothing for a row that we do not know, `unanswered`
    where we do not know the other."""
    homes = departures.homes(tx, crm, {crm_id, into})
    if crm_id not in homes:
        return Counter()
    if into not in homes:
        return Counter(unanswered=1)
    absorb, keep = homes[crm_id], homes[into]
    if keep != absorb and not contact_joins.were_separated(tx, keep, absorb):
        contact_joins.join(tx, keep, absorb, f"merged in {crm}: {crm_id} into {into}", now)
    leave(tx, crm, {crm_id: f"merged:{into}"}, now, terms)
    return Counter(followed=1)


@dataclass(frozen=True)
class _Persons:
    """The contacts that rows leave, and when each row said what it says. `shared` are numbers of leaving rows that were
    too many people's."""

    before: Mapping[int, Sequence[SourceRecord]]
    after: Mapping[int, Sequence[SourceRecord]]
    said: Mapping[Key, datetime]
    removed: frozenset[int]
    shared: frozenset[str]

    @classmethod
    def around(cls, tx: Connection, leaving: Collection[Key], ids: Collection[int]) -> _Persons:
        """Locked so that none of them gets a root or is found by its phone meanwhile."""
        before: dict[int, list[SourceRecord]] = {contact_id: [] for contact_id in ids}
        after: dict[int, list[SourceRecord]] = {contact_id: [] for contact_id in ids}
        said: dict[Key, datetime] = {}
        shared = set()
        for one in contact_words.rows_of(tx, ids):
            key = key_of(one.record)
            before[one.contact_id].append(one.record)
            if one.said_at is not None:
                said[key] = one.said_at
            if key not in leaving:
                after[one.contact_id].append(one.record)
            elif one.record.phone and one.record.phone_problem == PhoneProblem.SHARED:
                shared.add(one.record.phone)
        emptied = {contact_id for contact_id, rows in after.items() if not rows}
        stored.lock_phones(tx, emptied)
        return cls(before, after, said, frozenset(emptied - stored.rooted(tx, emptied)), frozenset(shared))

    def believe(self, contact_id: int, ours: GoldenRecord, edits: Mapping[str, Edit], law: Law) -> GoldenRecord:
        """What a contact says without the rows that leave; one whom all have left says what it said."""
        before, after = self.before[contact_id], self.after[contact_id]
        if not after:
            return ours
        base, left = (golden(rows, edits, law, self.said) for rows in (before, after))
        return replace(reconcile(ours, base, left), tags=labels(ours.tags, before, after))


def _revise(
    tx: Connection,
    persons: _Persons,
    held: Mapping[int, tuple[GoldenRecord, Row[Any]]],
    edits: Mapping[int, Mapping[str, Edit]],
    crm: str,
    now: datetime,
    law: Law,
) -> Iterator[tuple[ContactRow | None, list[ConsentEntry]]]:
    """Contacts that stay: what of them changes."""
    staying = held.keys() - persons.removed
    ledgers = stored.ledgers(tx, staying)
    for contact_id in sorted(staying):
        ours, row = held[contact_id]
        ledger = ledgers.get(contact_id, stored.EMPTY)
        said = consent_import.said(persons.after[contact_id])
        words = {Tier.TRANSACTIONAL: Word(row.transactional), Tier.MARKETING: Word(row.marketing)}
        own = {tier: words[tier] for tier in ledger.explicit}
        before = consent_import.said(persons.before[contact_id])
        entries = consent_import.news(contact_id, said, ledger.imported, crm, now, explicit=own, before=before)
        heard = words | {entry.tier: entry.word for entry in entries if entry.tier not in ledger.explicit}
        believed = persons.believe(contact_id, ours, edits.get(contact_id, {}), law)
        changed = (believed, heard) != (ours, words)
        line = ContactRow(contact_id, believed, heard[Tier.TRANSACTIONAL].value, heard[Tier.MARKETING].value)
        yield (line if changed else None), entries


def _give_back(tx: Connection, freed: Mapping[Key, str], now: datetime, terms: Terms) -> None:
    """Numbers that too many had shared and few do now lead to their people again; `freed` names one row of each."""
    for crm in sorted({key[0] for key in freed}):
        keys = [key for key in freed if key[0] == crm]
        homes = departures.homes(tx, crm, [crm_id for _, crm_id in keys])
        found = {key_of(one.record): one.record for one in contact_words.rows_of(tx, set(homes.values()))}
        asked = {key: found[key] for key in keys}
        near = surroundings.of(tx, crm, asked, terms.shared_above, by_email=terms.by_email)
        rows = placement.share(asked, near, terms.shared_above)
        moves = placement.settle(rows, near)
        phoned = stored.lock_phones(tx, moves.emptied)
        rooted = stored.rooted(tx, moves.emptied)
        new_ids = stored.new_ids(tx, len(moves.needs))
        housing = placement.house(moves, near, new_ids, rooted=rooted, phoned=phoned)
        page.rehouse(tx, crm, rows, near, housing, now, terms.law)
