"""What one page of a contact sync changes, written in sets: one statement per table, whatever the page's size (R25)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from syncer.domain.consent import ConsentEntry
from syncer.domain.contact import GoldenRecord, SourceRecord
from syncer.store import conflicts
from syncer.store.bulk import Stream, copy, document
from syncer.store.identities import PHONE, link

_SAID = ("full_name", "phone", "phone_problem", "email", "language", "tags", "attributes", "blocked")
_CONTACT_COLUMNS = ("id", *_SAID, "transactional", "marketing")
_SOURCE_COLUMNS = ("crm", "crm_id", "contact_id", "digest", "fields", "phone", "phone_problem", "changed_at")
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class ContactRow:
    """A contact to be written: its number, what it says, and its present word of each tier."""

    id: int
    golden: GoldenRecord
    transactional: str
    marketing: str


def add_contacts(tx: Connection | Stream, rows: Iterable[ContactRow], now: datetime) -> None:
    """New contacts."""
    stamp = now.isoformat()
    columns = (*_CONTACT_COLUMNS, "created_at", "updated_at")
    copy(tx, "contacts", columns, ((*_contact_values(row), stamp, stamp) for row in rows))


def _contact_values(row: ContactRow) -> tuple[Any, ...]:
    g = row.golden
    said = (g.full_name, g.phone, g.phone_problem, g.email, g.language, g.tags, g.attributes, g.blocked)
    return row.id, *said, row.transactional, row.marketing


def change_contacts(tx: Connection, rows: Sequence[ContactRow], now: datetime) -> None:
    """Contacts that say something else now."""
    if not rows:
        return
    statement = text(f"""
        update contacts c set {", ".join(f"{name} = r.{name}" for name in _CONTACT_COLUMNS[1:])},
            revision = c.revision + 1, updated_at = :now
        from jsonb_to_recordset(cast(:rows as jsonb)) r(id bigint, full_name text, phone text, phone_problem text,
            email text, language text, tags text[], attributes jsonb, blocked boolean, transactional text,
            marketing text)
        where c.id = r.id""")
    changed = [dict(zip(_CONTACT_COLUMNS, _contact_values(row), strict=True)) for row in rows]
    tx.execute(statement, {"rows": document(changed), "now": now})


def take_phones(tx: Connection, ids: Collection[int]) -> None:
    """These contacts lose their phones."""
    if ids:
        statement = text("delete from identities where kind = 'phone' and contact_id = any(:ids)")
        tx.execute(statement, {"ids": sorted(ids)})


def give_phones(tx: Connection | Stream, phones: Mapping[int, str | None]) -> None:
    """Identities for contacts."""
    held = sorted((phone, contact_id) for contact_id, phone in phones.items() if phone)
    copy(tx, "identities", ("kind", "value", "contact_id"), ((PHONE, *pair) for pair in held))


def add_forms(tx: Connection, phones: Mapping[str, int]) -> None:
    """Further forms of the numbers of contacts that are there."""
    link(tx, {(PHONE, phone): contact_id for phone, contact_id in phones.items()})


def add_sources(tx: Connection | Stream, rows: Iterable[tuple[int, SourceRecord]], now: datetime) -> None:
    """CRM rows seen for the first time, each with its contact."""
    stamp = now.isoformat()
    columns = (*_SOURCE_COLUMNS, "said_at", "synced_at")
    copy(tx, "contact_sources", columns, (_new_source(contact_id, row, now, stamp) for contact_id, row in rows))


def _new_source(contact_id: int, row: SourceRecord, now: datetime, stamp: str) -> tuple[Any, ...]:
    *values, changed_at = _source_values(contact_id, row)
    said_at = first_said(row, now)
    if said_at is not changed_at:
        return (*values, changed_at, said_at, stamp)
    at = said_at.isoformat()  # nearly always: put into words once
    return (*values, at, at, stamp)


def first_said(row: SourceRecord, now: datetime) -> datetime:
    """As of when a row that we see for the first time says what it says. One that claims to be of tomorrow is of today:
    it must not outlive every word to come. One that tells no time gives way to all that do."""
    return _LONG_AGO if row.changed_at is None else min(row.changed_at, now)


def _source_values(contact_id: int, s: SourceRecord) -> tuple[Any, ...]:
    return s.crm, s.crm_id, contact_id, s.digest, s.fields, s.phone, s.phone_problem, s.changed_at


def change_sources(tx: Connection, rows: Sequence[tuple[int, SourceRecord]], now: datetime) -> None:
    """CRM rows that say something else now, or live elsewhere."""
    if not rows:
        return
    statement = text("""
        update contact_sources s set contact_id = r.contact_id, digest = decode(r.digest, 'hex'), fields = r.fields,
            phone = r.phone, phone_problem = r.phone_problem, changed_at = r.changed_at, synced_at = :now,
            said_at = coalesce(s.said_at, r.said_at), stamps = s.stamps || r.stamps, writing = null
        from jsonb_to_recordset(cast(:rows as jsonb)) r(crm text, crm_id text, contact_id bigint, digest text,
            fields jsonb, phone text, phone_problem text, changed_at timestamptz, said_at timestamptz, stamps jsonb)
        where s.crm = r.crm and s.crm_id = r.crm_id""")
    changed = [_changed_source(contact_id, row, now) for contact_id, row in rows]
    tx.execute(statement, {"rows": document(changed), "now": now})


def _changed_source(contact_id: int, row: SourceRecord, now: datetime) -> dict[str, Any]:
    values = dict(zip(_SOURCE_COLUMNS, _source_values(contact_id, row), strict=True))
    return values | {"digest": row.digest.hex(), "said_at": first_said(row, now), "stamps": row.stamps}


def remove_contacts(tx: Connection, ids: Collection[int]) -> None:
    """Contacts that nothing refers to any more but their phones and what was imported about them."""
    conflicts.follow(tx, ids)
    for table, column in (
        ("identities", "contact_id"),
        ("former_identities", "contact_id"),
        ("consents", "contact_id"),
        ("contacts", "id"),
    ):
        if ids:
            tx.execute(text(f"delete from {table} where {column} = any(:ids)"), {"ids": sorted(ids)})


@dataclass(frozen=True, slots=True)
class Absorption:
    """A row that joined a contact which had others: where it was before (None: it is new) and what it said."""

    contact_id: int
    row: SourceRecord
    before_contact: int | None
    before_fields: Mapping[str, Any]
    #: What shows that it is the same person, where that is not the phone.
    key: str = ""


def journal(tx: Connection, absorbed: Iterable[Absorption], now: datetime) -> None:
    """Write merges down, so that they can be undone (R5)."""
    columns = ("contact_id", "crm", "crm_id", "key", "before", "merged_at")
    stamp = now.isoformat()
    copy(tx, "merges", columns, ((*_merge_values(one), stamp) for one in absorbed))


def _merge_values(one: Absorption) -> tuple[Any, ...]:
    before = {"contact_id": one.before_contact, "fields": one.before_fields}
    return one.contact_id, one.row.crm, one.row.crm_id, one.key or f"phone:{one.row.phone}", before


def undo_merges(tx: Connection, left: Collection[tuple[str, str, int]], now: datetime) -> None:
    """(CRM, row, contact) of rows that have left a contact: if a merge had brought them there, it is over."""
    if not left:
        return
    statement = text("""
        update merges m set undone_at = :now
        from jsonb_to_recordset(cast(:left as jsonb)) r(crm text, crm_id text, contact_id bigint)
        where m.contact_id = r.contact_id and m.crm = r.crm and m.crm_id = r.crm_id and m.undone_at is null""")
    rows = [{"crm": crm, "crm_id": crm_id, "contact_id": contact_id} for crm, crm_id, contact_id in sorted(left)]
    tx.execute(statement, {"left": document(rows), "now": now})


def enter_consents(tx: Connection | Stream, entries: Iterable[ConsentEntry], now: datetime) -> None:
    """Append to the ledger; what it means for the contacts is written with them."""
    columns = ("contact_id", "tier", "word", "at", "source", "proof", "explicit", "recorded_at")
    stamp = now.isoformat()
    copy(
        tx,
        "consents",
        columns,
        (
            (e.contact_id, e.tier, e.word, stamp if e.at is now else e.at, e.source, e.proof, e.explicit, stamp)
            for e in entries
        ),
    )
