"""What is stored around one page of a contact sync, and the locks that keep it so until the page is written (R25).

Locks are taken in one order - the page's turn, identities, contacts by id - which is also the order of
`recognition.resolve`, so a sync and a conversation wait for each other instead of deadlocking.

Lookups are lateral and bounded: a first sync fills its tables before PostgreSQL has any statistics of them, and a plan
made without must not read a whole table for every page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from syncer.domain.consent import Tier, Word
from syncer.domain.contact import GoldenRecord, SourceRecord
from syncer.store.bulk import document

#: First key of the advisory lock under which rows are placed: two CRMs' pages must not decide about one contact at
#: once.
PLACING = 0x5C03


def take_turn(tx: Connection) -> None:
    """Wait until no other page is being placed; the turn ends with the transaction.

    Its commit does not wait for the disk: contacts and cursor go together, so what a power cut takes back is read from
    the CRM again - and the disk is left to those whose acknowledgement depends on it (law 1, law 11).
    """
    statement = text("select set_config('synchronous_commit', 'off', true), pg_advisory_xact_lock(:cls, 0)")
    tx.execute(statement, {"cls": PLACING})


@dataclass(frozen=True, slots=True)
class Near:
    """What is stored around a page: CRM rows, each with its contact and whether a person has put it there, and who
    holds which phone."""

    rows: Sequence[tuple[int, SourceRecord, bool]]
    holders: Mapping[str, int]


def near(
    tx: Connection,
    crm: str,
    crm_ids: Sequence[str],
    phones: Sequence[str],
    most_sharing: int,
    named: Sequence[str] = (),
) -> Near:
    """Every row of every contact that the rows `crm_ids` live with or that holds one of `phones`; of numbers that too
    many share, whether they come or are left, the rows that carry them (at most `most_sharing` of each). And of the
    contacts whose rows are `named` (`crm:crm_id`), or name these or `crm_ids`; nobody is looked for where no row names
    any."""
    statement = text(f"""
        with mine as materialized (
            select s.* from json_array_elements_text(cast(:ids as json)) w(crm_id) cross join lateral (
                select contact_id, phone, phone_problem from contact_sources
                where crm = :crm and crm_id = w.crm_id limit 1) s),
        numbers as materialized (
            select phone from json_array_elements_text(cast(:phones as json)) w(phone)
            union select phone from mine where phone_problem = 'shared'),
        held as materialized (
            select n.phone, i.contact_id from numbers n cross join lateral (
                select contact_id from identities where kind = 'phone' and value = n.phone limit 1) i),
        linked as materialized (
            select 1 from contact_sources where fields ->> 'same_as' is not null order by fields ->> 'same_as' limit 1),
        names as materialized (
            select :crm || ':' || w.crm_id as name from linked, json_array_elements_text(cast(:ids as json)) w(crm_id)
            union select w.name from json_array_elements_text(cast(:named as json)) w(name)),
        near as (
            select contact_id from mine union select contact_id from held
            union select s.contact_id from numbers n cross join lateral (
                select contact_id from contact_sources
                where phone = n.phone and phone_problem = 'shared' limit :most) s
            union select s.contact_id from names n cross join lateral (
                select contact_id from contact_sources where fields ->> 'same_as' = n.name limit :most) s
            union select s.contact_id from json_array_elements_text(cast(:named as json)) w(name) cross join lateral (
                select contact_id from contact_sources
                where crm = split_part(w.name, ':', 1)
                  and crm_id = substr(w.name, strpos(w.name, ':') + 1) limit 1) s)
        {_ROWS}
        union all select contact_id, null, null, null, null, phone, null, null, null, null from held""")
    values = {"crm": crm, "ids": document(crm_ids), "phones": document(phones), "most": most_sharing}
    return _read(tx.execute(statement, values | {"named": document(named)}))


def around(tx: Connection, contact_ids: Collection[int], phones: Collection[str]) -> Near:
    """Every row of these contacts, and who holds these phones."""
    statement = text(f"""
        with near as (select contact_id from unnest(cast(:ids as bigint[])) w(contact_id)),
        held as (select value as phone, contact_id from identities where kind = 'phone' and value = any(:phones))
        {_ROWS}
        union all select contact_id, null, null, null, null, phone, null, null, null, null from held""")
    return _read(tx.execute(statement, {"ids": sorted(contact_ids), "phones": sorted(phones)}))


_ROWS = """
    select s.contact_id, s.crm, s.crm_id, s.digest, s.fields, s.phone, s.phone_problem, s.changed_at, s.stamps, s.apart
    from near cross join lateral (select * from contact_sources where contact_id = near.contact_id offset 0) s"""


def _read(found: Iterable[Any]) -> Near:
    rows: list[tuple[int, SourceRecord, bool]] = []
    holders: dict[str, int] = {}
    for contact_id, crm_name, crm_id, digest, fields, phone, problem, changed_at, stamps, apart in found:
        if crm_id is None:
            holders[phone] = contact_id
        else:
            seen = {name: datetime.fromisoformat(at) for name, at in stamps.items()} if stamps else {}
            record = SourceRecord(crm_name, crm_id, bytes(digest), fields, phone, problem, changed_at, seen)
            rows.append((contact_id, record, apart))
    return Near(sorted(rows, key=lambda row: (row[1].crm, row[1].crm_id)), holders)


def lock_phones(tx: Connection, contact_ids: Collection[int]) -> set[int]:
    """Keep conversations from finding these contacts by phone until we know what becomes of them; returns those that
    have a phone."""
    if not contact_ids:
        return set()
    statement = text("""
        select contact_id from identities where kind = 'phone' and contact_id = any(:ids) order by value for update""")
    return set(tx.execute(statement, {"ids": list(contact_ids)}).scalars())


def rooted(tx: Connection, contact_ids: Collection[int]) -> set[int]:
    """Those that are more than what CRM rows say: somebody wrote to them or they to us, gave a word of consent, or are
    known by something else than a phone. Ask after `lock_phones`."""
    if not contact_ids:
        return set()
    statement = text("""
        select id from unnest(cast(:ids as bigint[])) w(id)
        where exists (select 1 from conversations where contact_id = w.id)
           or exists (select 1 from outgoing where contact_id = w.id)
           or exists (select 1 from consents where contact_id = w.id and explicit)
           or exists (select 1 from identities where contact_id = w.id and kind <> 'phone')""")
    return set(tx.execute(statement, {"ids": list(contact_ids)}).scalars())


def new_ids(tx: Connection, count: int) -> list[int]:
    """Numbers for contacts to be made."""
    if not count:
        return []
    statement = text("""
        with numbers as materialized (select pg_get_serial_sequence('contacts', 'id')::regclass as sequence)
        select nextval(sequence) from numbers, generate_series(1, :count)""")
    return list(tx.execute(statement, {"count": count}).scalars())


def lock_contacts(tx: Connection, ids: Collection[int]) -> dict[int, tuple[GoldenRecord, Row[Any]]]:
    """The contacts as they stand, held until the transaction ends."""
    if not ids:
        return {}
    statement = text("""
        select id, full_name, phone, phone_problem, email, language, tags, attributes, blocked, transactional,
               marketing, edits
        from contacts
        where id = any(:ids) order by id for no key update""")
    return {row.id: (_as_golden(row), row) for row in tx.execute(statement, {"ids": sorted(ids)})}


def _as_golden(row: Row[Any]) -> GoldenRecord:
    return GoldenRecord(
        full_name=row.full_name,
        phone=row.phone,
        phone_problem=row.phone_problem,
        email=row.email,
        language=row.language,
        tags=tuple(sorted(row.tags)),
        blocked=row.blocked,
        attributes=row.attributes,
    )


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger holds of a contact: the last imported word of each tier, and the tiers with an explicit one."""

    imported: Mapping[Tier, Word]
    explicit: frozenset[Tier]


def ledgers(tx: Connection, ids: Collection[int]) -> dict[int, Ledger]:
    """Of each contact that has any entry. Ask after `lock_contacts`, so that no word can come between."""
    if not ids:
        return {}
    statement = text("""
        select contact_id, tier, bool_or(explicit) as explicit,
               (array_agg(word order by at desc, id desc) filter (where not explicit))[1] as imported
        from consents where contact_id = any(:ids) group by contact_id, tier""")
    imported: dict[int, dict[Tier, Word]] = {}
    explicit: dict[int, set[Tier]] = {}
    for row in tx.execute(statement, {"ids": sorted(ids)}):
        words = imported.setdefault(row.contact_id, {})
        if row.imported:
            words[Tier(row.tier)] = Word(row.imported)
        if row.explicit:
            explicit.setdefault(row.contact_id, set()).add(Tier(row.tier))
    return {key: Ledger(words, frozenset(explicit.get(key, ()))) for key, words in imported.items()}


#: Of a contact without any entry.
EMPTY = Ledger({}, frozenset())
