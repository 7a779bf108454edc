"""Conflicts: a field that a CRM's people and somebody else have both changed since the two sides last agreed. One word
stands by the rule; the other is kept here until a person has looked at it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from syncer.store.base import metadata, moment, primary_key
from syncer.store.bulk import document

#: `base` is what both sides agreed on, `theirs` what the CRM said then, `ours` what we should have written there, and
#: `kept` which of the two stands by the rule: "ours" or "theirs".
contact_conflicts = Table(
    "contact_conflicts",
    metadata,
    primary_key(),
    Column("contact_id", BigInteger, nullable=False),
    Column("crm", Text, nullable=False),
    Column("crm_id", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("base", JSONB),
    Column("ours", JSONB),
    Column("theirs", JSONB),
    Column("kept", Text, nullable=False),
    moment("noticed_at", nullable=False),
    moment("settled_at"),
    Column("settled_by", Text),
    Column("settled_as", JSONB),
)
_OF_ROW = (contact_conflicts.c.crm, contact_conflicts.c.crm_id, contact_conflicts.c.field)
#: A row lives with one contact at a time, so this is one open conflict of a contact, a row and a field.
Index("uq_contact_conflicts_open", *_OF_ROW, unique=True, postgresql_where=contact_conflicts.c.settled_at.is_(None))
Index("ix_contact_conflicts_contact_id", contact_conflicts.c.contact_id)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One field of one row; see `contact_conflicts`."""

    contact_id: int
    crm: str
    crm_id: str
    field: str
    base: Any
    ours: Any
    theirs: Any
    kept: str


def note(tx: Connection, conflicts: Iterable[Conflict], now: datetime) -> None:
    """Keep what lost. Where one is open already it keeps its beginning and gets today's words."""
    rows = [{**_plain(one), "noticed_at": now} for one in conflicts]
    if not rows:
        return
    statement = text("""
        insert into contact_conflicts (contact_id, crm, crm_id, field, base, ours, theirs, kept, noticed_at)
        select contact_id, crm, crm_id, field, base, ours, theirs, kept, noticed_at
        from jsonb_to_recordset(cast(:rows as jsonb)) r(contact_id bigint, crm text, crm_id text, field text,
            base jsonb, ours jsonb, theirs jsonb, kept text, noticed_at timestamptz)
        order by crm, crm_id, field
        on conflict (crm, crm_id, field) where settled_at is null do update set contact_id = excluded.contact_id,
            ours = excluded.ours, theirs = excluded.theirs, kept = excluded.kept, noticed_at = excluded.noticed_at""")
    tx.execute(statement, {"rows": document(rows)})


def _plain(one: Conflict) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Conflict.__slots__}


def open_conflicts(
    tx: Connection, *, contact_id: int | None = None, after: int = 0, limit: int = 100
) -> Sequence[Row[Any]]:
    """Conflicts that wait for a person, the oldest first, with the contact's name: of one contact or of all. The next
    page: `after` the last one's `id`."""
    statement = text("""
        select f.*, c.full_name from contact_conflicts f left join contacts c on c.id = f.contact_id
        where f.settled_at is null and f.id > :after and (cast(:contact as bigint) is null or f.contact_id = :contact)
        order by f.id limit :limit""")
    return tx.execute(statement, {"contact": contact_id, "after": after, "limit": limit}).fetchall()


def lock_open(tx: Connection, conflict_id: int) -> Row[Any] | None:
    """An open conflict, held until the transaction ends, with `lives_with`: the contact that its row lives with now."""
    statement = text("""
        select f.*, coalesce((select contact_id from contact_sources s where s.crm = f.crm and s.crm_id = f.crm_id),
            f.contact_id) as lives_with
        from contact_conflicts f where f.id = :id and f.settled_at is null for update""")
    return tx.execute(statement, {"id": conflict_id}).one_or_none()


def settle(tx: Connection, conflict_id: int, by: str, value: Any, now: datetime) -> None:
    """A person has decided that the field is `value`."""
    statement = text("""
        update contact_conflicts set settled_at = :now, settled_by = :by, settled_as = cast(:value as jsonb)
        where id = :id and settled_at is null""")
    tx.execute(statement, {"id": conflict_id, "by": by, "value": document(value), "now": now})


def follow(tx: Connection, ids: Collection[int]) -> None:
    """Contacts that are there no more: what is open about their rows is about the rows' contacts, the rest goes."""
    statement = text("""
        update contact_conflicts f set contact_id = s.contact_id from contact_sources s
        where f.contact_id = any(:ids) and s.crm = f.crm and s.crm_id = f.crm_id and s.contact_id <> f.contact_id""")
    for one in (statement, text("delete from contact_conflicts where contact_id = any(:ids)")):
        if ids:
            tx.execute(one, {"ids": sorted(ids)})
