"""Who said what of a contact: every CRM row with the moments of its words, and what was said on our side.

A row's field is as old as the change that we saw (`stamps`), or as our first sight of the row (`said_at`). A row that
we made ourselves and have not read yet has no first sight.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from syncer.domain.consent import Tier, Word
from syncer.domain.contact import Edit, SourceRecord
from syncer.store.bulk import document
from syncer.store.contact_staging import first_said
from syncer.store.weighing import HEAVIEST


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A CRM row as it was read last, and what we have written to it since. `read_at` is when that was."""

    contact_id: int
    record: SourceRecord
    said_at: datetime | None
    read_at: datetime


def rows_of(tx: Connection, contact_ids: Collection[int]) -> list[StoredRow]:
    """Every row of these contacts, by CRM and id."""
    if not contact_ids:
        return []
    statement = text("""
        select s.contact_id, s.crm, s.crm_id, s.digest, s.fields, s.phone, s.phone_problem, s.changed_at, s.stamps,
            s.said_at, s.synced_at
        from unnest(cast(:ids as bigint[])) w(id)
        cross join lateral (select * from contact_sources where contact_id = w.id offset 0) s""")
    found = []
    for row in tx.execute(statement, {"ids": sorted(set(contact_ids))}):
        said = (row.fields, row.phone, row.phone_problem, row.changed_at, _stamps(row.stamps))
        record = SourceRecord(row.crm, row.crm_id, bytes(row.digest), *said)
        found.append(StoredRow(row.contact_id, record, row.said_at, row.synced_at))
    return sorted(found, key=lambda one: (one.record.crm, one.record.crm_id))


@dataclass(frozen=True, slots=True)
class Moments:
    """When a row said what it says, when we read it last, and what was being written to it then: field -> (value, the
    word's own moment)."""

    stamps: Mapping[str, datetime]
    said_at: datetime | None
    read_at: datetime
    writing: Mapping[str, tuple[Any, datetime]]


def moments_of(tx: Connection, contact_ids: Collection[int]) -> dict[tuple[str, str], Moments]:
    """The moments of every row of these contacts, by (CRM, id)."""
    if not contact_ids:
        return {}
    statement = text("""
        select s.crm, s.crm_id, s.stamps, s.said_at, s.synced_at, s.writing from unnest(cast(:ids as bigint[])) w(id)
        cross join lateral (select * from contact_sources where contact_id = w.id offset 0) s""")
    rows = tx.execute(statement, {"ids": sorted(contact_ids)})
    return {
        (row.crm, row.crm_id): Moments(_stamps(row.stamps), row.said_at, row.synced_at, _writing(row.writing))
        for row in rows
    }


def _writing(stored: Mapping[str, Any] | None) -> dict[str, tuple[Any, datetime]]:
    return {name: (one["value"], datetime.fromisoformat(one["at"])) for name, one in (stored or {}).items()}


def _stamps(stored: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(at) for name, at in stored.items()} if stored else {}


def edits_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, dict[str, Edit]]:
    """What was said of these contacts on our side; those of whom nothing was said are absent. Ask after their lock."""
    if not contact_ids:
        return {}
    statement = text("select id, edits from contacts where id = any(:ids) and edits <> '{}'")
    return {row.id: as_edits(row.edits) for row in tx.execute(statement, {"ids": sorted(contact_ids)})}


def as_edits(stored: Mapping[str, Any]) -> dict[str, Edit]:
    """`contacts.edits` in words."""
    return {name: Edit(edit["value"], datetime.fromisoformat(edit["at"]), edit["by"]) for name, edit in stored.items()}


def remember_edits(tx: Connection, contact_id: int, edits: Mapping[str, Edit]) -> None:
    """Add these words to what was said of a contact before; of one field the last word is kept."""
    if not edits:
        return
    stored = {name: {"value": edit.value, "at": edit.at.isoformat(), "by": edit.by} for name, edit in edits.items()}
    statement = text("update contacts set edits = edits || cast(:edits as jsonb) where id = :id")
    tx.execute(statement, {"edits": document(stored), "id": contact_id})


@dataclass(frozen=True, slots=True)
class Holding:
    """The word of one tier that holds, and how it came: by the customer's own word or by an import, and when."""

    tier: Tier
    word: Word
    own: bool
    at: datetime


def consents_of(tx: Connection, contact_ids: Collection[int]) -> dict[int, list[Holding]]:
    """The words that hold for these contacts: explicit before imported, then the latest."""
    if not contact_ids:
        return {}
    statement = text(f"""
        select distinct on (contact_id, tier) contact_id, tier, word, explicit, at from consents
        where contact_id = any(:ids) order by contact_id, tier, {HEAVIEST}""")
    found: dict[int, list[Holding]] = {}
    for row in tx.execute(statement, {"ids": sorted(contact_ids)}):
        holding = Holding(Tier(row.tier), Word(row.word), row.explicit, row.at)
        found.setdefault(row.contact_id, []).append(holding)
    return found


def in_conversation(tx: Connection, contact_ids: Collection[int]) -> set[int]:
    """Those of these contacts who wrote to us or to whom we wrote."""
    statement = text("""
        select id from unnest(cast(:ids as bigint[])) w(id)
        where exists (select 1 from conversations where contact_id = w.id)
           or exists (select 1 from outgoing where contact_id = w.id)""")
    return set(tx.execute(statement, {"ids": sorted(contact_ids)}).scalars()) if contact_ids else set()


@dataclass(frozen=True, slots=True)
class Written:
    """What one row of a CRM holds since we have written it. `digest` is that of the row as we knew it then: one that
    was read anew meanwhile says more than we could."""

    crm_id: str
    digest: bytes
    fields: Mapping[str, Any]
    stamps: Mapping[str, datetime]


def intend(tx: Connection, crm: str, written: Iterable[Written]) -> None:
    """Note what is about to be written: should we die before we learn how it ended, the next reading knows our own
    words again, and how old they are."""
    statement = text("""
        update contact_sources s set writing = r.writing
        from jsonb_to_recordset(cast(:rows as jsonb)) r(crm_id text, digest text, writing jsonb)
        where s.crm = :crm and s.crm_id = r.crm_id and s.digest = decode(r.digest, 'hex')""")
    rows = [
        {
            "crm_id": one.crm_id,
            "digest": one.digest.hex(),
            "writing": {name: {"value": one.fields[name], "at": at.isoformat()} for name, at in one.stamps.items()},
        }
        for one in sorted(written, key=lambda one: one.crm_id)
    ]
    if rows:
        tx.execute(statement, {"rows": document(rows), "crm": crm})


def learn_written(tx: Connection, crm: str, written: Iterable[Written]) -> None:
    """Remember what was written, with the moments of the words. The row's digest is forgotten, so that the next sync
    reads it in full and sees whether it still says so (law 13)."""
    statement = text("""
        update contact_sources s set digest = ''::bytea, writing = null,
            fields = (s.fields || jsonb_strip_nulls(r.fields)) - array(
                select key from jsonb_each(r.fields) where value = 'null'::jsonb),
            stamps = s.stamps || r.stamps,
            phone = coalesce(r.fields->>'phone', s.phone),
            phone_problem = case when r.fields->>'phone' is null then s.phone_problem end
        from jsonb_to_recordset(cast(:rows as jsonb)) r(crm_id text, digest text, fields jsonb, stamps jsonb)
        where s.crm = :crm and s.crm_id = r.crm_id and s.digest = decode(r.digest, 'hex')""")
    rows = [
        {
            "crm_id": one.crm_id,
            "digest": one.digest.hex(),
            "fields": dict(one.fields),
            "stamps": {name: at.isoformat() for name, at in one.stamps.items()},
        }
        for one in sorted(written, key=lambda one: one.crm_id)
    ]
    if rows:
        tx.execute(statement, {"rows": document(rows), "crm": crm})


def read_again(tx: Connection, crm: str, rows: Sequence[SourceRecord], now: datetime) -> None:
    """Rows that say what we know already, in another form or touched by somebody."""
    if not rows:
        return
    statement = text("""
        update contact_sources s set digest = decode(r.digest, 'hex'), changed_at = r.changed_at, synced_at = :now,
            said_at = coalesce(s.said_at, r.said_at), writing = null
        from jsonb_to_recordset(cast(:rows as jsonb)) r(crm_id text, digest text, changed_at timestamptz,
            said_at timestamptz)
        where s.crm = :crm and s.crm_id = r.crm_id""")
    read = [
        {
            "crm_id": row.crm_id,
            "digest": row.digest.hex(),
            "changed_at": row.changed_at,
            "said_at": first_said(row, now),
        }
        for row in rows
    ]
    tx.execute(statement, {"rows": document(read), "crm": crm, "now": now})


def repoint(tx: Connection, crm: str, crm_id: str, into: str) -> bool:
    """The CRM has made one record part of another: our row follows, unless the other is known already."""
    statement = text("""
        update contact_sources set crm_id = :into, digest = ''::bytea
        where crm = :crm and crm_id = :id and not exists (
            select 1 from contact_sources where crm = :crm and crm_id = :into)""")
    return tx.execute(statement, {"crm": crm, "id": crm_id, "into": into}).rowcount == 1


def forget(tx: Connection, crm: str, crm_id: str) -> None:
    """The CRM has no such record any more."""
    tx.execute(text("delete from contact_sources where crm = :crm and crm_id = :id"), {"crm": crm, "id": crm_id})
