"""Contacts: one row per person, however many phones, user ids and CRM rows lead to them (X3).

What leads to a contact is in `identities`, who a sender is in `recognition`; what callers need of both is here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from syncer.domain.consent import Tier, Word
from syncer.store.base import metadata, moment, primary_key
from syncer.store.bulk import document
from syncer.store.contact_joins import survivors
from syncer.store.identities import PHONE as PHONE

contacts = Table(
    "contacts",
    metadata,
    primary_key(),
    Column("full_name", Text, nullable=False, server_default=""),
    Column("phone", Text),
    Column("phone_problem", Text),
    Column("email", Text),
    Column("language", Text),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("attributes", JSONB, nullable=False, server_default="{}"),
    Column("blocked", Boolean, nullable=False, server_default="false"),
    # Set by the platform's verdict on a number (131026); only another message from it clears it.
    Column("unreachable", Boolean, nullable=False, server_default="false"),
    Column("transactional", Text, nullable=False, server_default=Word.UNKNOWN),
    Column("marketing", Text, nullable=False, server_default=Word.UNKNOWN),
    # What was said of single fields on our side: {field: {"value": ..., "at": ..., "by": ...}} (domain.contact.Edit).
    Column("edits", JSONB, nullable=False, server_default="{}"),
    Column("revision", Integer, nullable=False, server_default="1"),
    moment("created_at", nullable=False),
    moment("updated_at", nullable=False),
)

#: One row per CRM row: what it said last. A person's golden record is computed from theirs, so a merge can be undone.
contact_sources = Table(
    "contact_sources",
    metadata,
    Column("crm", Text, nullable=False),
    Column("crm_id", Text, nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("phone", Text),
    Column("phone_problem", Text),
    moment("changed_at"),
    # {field: moment} of the changes we have seen; the other fields are as old as `said_at`.
    Column("stamps", JSONB, nullable=False, server_default="{}"),
    moment("said_at"),
    # {field: {"value": ..., "at": ...}} of a write that is on its way, until we know how it ended or read the row.
    Column("writing", JSONB),
    # Taken apart from another row by a person: stays with its contact, whatever its phone.
    Column("apart", Boolean, nullable=False, server_default="false"),
    moment("synced_at", nullable=False),
    PrimaryKeyConstraint("crm", "crm_id"),
)
Index("ix_contact_sources_contact_id", contact_sources.c.contact_id)
#: Rows kept apart because more of them carry one number than a person could have; nearly empty.
_SHARED = contact_sources.c.phone_problem == "shared"
Index("ix_contact_sources_shared", contact_sources.c.phone, postgresql_where=_SHARED)

#: The journal of merges: who was absorbed by whom and what both looked like (R5).
merges = Table(
    "merges",
    metadata,
    primary_key(),
    Column("contact_id", BigInteger, nullable=False),
    Column("crm", Text, nullable=False),
    Column("crm_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("before", JSONB, nullable=False),
    moment("merged_at", nullable=False),
    moment("undone_at"),
)
Index("ix_merges_contact_id", merges.c.contact_id)


def by_ids(tx: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Contacts by number."""
    rows = tx.execute(select(contacts).where(contacts.c.id.in_(sorted(set(ids)))))
    return {row.id: row for row in rows}


def crm_ids(tx: Connection, crm: str, ids: Iterable[int]) -> dict[int, str]:
    """The CRM's own id of each contact it knows; of several rows merged into one person the oldest by id."""
    statement = select(contact_sources.c.contact_id, contact_sources.c.crm_id).where(
        contact_sources.c.crm == crm, contact_sources.c.contact_id.in_(sorted(set(ids)))
    )
    pairs = tx.execute(statement.order_by(contact_sources.c.crm_id.desc()))
    return {row.contact_id: row.crm_id for row in pairs}


def learn_crm_ids(
    tx: Connection,
    crm: str,
    created: Mapping[int, str],
    now: datetime,
    written: Mapping[int, Mapping[str, Any]] | None = None,
) -> None:
    """Remember the records a CRM has made for our contacts, and what we have `written` into each. Their digest is
    empty, so the next sync reads them in full. A record of a contact that was joined to another meanwhile is that
    other one's; one that is known already stays whose it is."""
    if not created:
        return
    moved = survivors(tx, created)
    statement = text("""
        insert into contact_sources (crm, crm_id, contact_id, digest, fields, phone, synced_at)
        select :crm, crm_id, contact_id, ''::bytea, w.fields, w.fields->>'phone', :now
        from jsonb_to_recordset(cast(:made as jsonb)) w(crm_id text, contact_id bigint, fields jsonb)
        join contacts c on c.id = contact_id
        order by crm_id on conflict (crm, crm_id) do nothing""")
    made = [
        {
            "crm_id": crm_id,
            "contact_id": moved.get(contact_id, contact_id),
            "fields": (written or {}).get(contact_id, {}),
        }
        for contact_id, crm_id in created.items()
    ]
    tx.execute(statement, {"crm": crm, "made": document(made), "now": now})


def mark_unreachable(tx: Connection, ids: Iterable[int], now: datetime) -> None:
    """The platform says that these numbers are not on WhatsApp (131026): no send until they write to us."""
    statement = update(contacts).where(contacts.c.id.in_(sorted(set(ids))), contacts.c.unreachable.is_(False))
    tx.execute(statement.values(unreachable=True, updated_at=now))


def mark_reachable(tx: Connection, ids: Iterable[int], now: datetime) -> None:
    """They wrote to us, so their number lives."""
    statement = update(contacts).where(contacts.c.id.in_(sorted(set(ids))), contacts.c.unreachable.is_(True))
    tx.execute(statement.values(unreachable=False, updated_at=now))


def set_consent(tx: Connection, contact_id: int, tier: Tier, word: Word, now: datetime) -> None:
    """Keep the contact's present word beside it; the ledger holds how it came about."""
    columns = contacts.c
    values = {tier.value: word, "updated_at": now, "revision": columns.revision + 1}
    tx.execute(update(contacts).where(columns.id == contact_id).values(values))


def add_tags(tx: Connection, contact_id: int, tags: Sequence[str], now: datetime) -> None:
    """Add what is not there yet."""
    statement = text("""
        update contacts set tags = (select array(select distinct unnest(tags || cast(:tags as text[])) order by 1)),
            updated_at = :now, revision = revision + 1
        where id = :id and not tags @> cast(:tags as text[])""")
    tx.execute(statement, {"tags": list(tags), "id": contact_id, "now": now})


def lock(tx: Connection, contact_id: int) -> Row[Any] | None:
    """One contact as it stands, held until the transaction ends."""
    return tx.execute(select(contacts).where(contacts.c.id == contact_id).with_for_update(key_share=True)).one_or_none()


def change_fields(
    tx: Connection, contact_id: int, columns: Mapping[str, Any], attributes: Mapping[str, Any], now: datetime
) -> None:
    """Let a contact say this; an attribute that is None is taken away."""
    if not columns and not attributes:
        return
    statement = text("""
        update contacts set attributes = (attributes || jsonb_strip_nulls(cast(:said as jsonb))) - cast(:gone as text[])
        where id = :id""")
    gone = [name for name, value in attributes.items() if value is None]
    tx.execute(statement, {"said": document(attributes), "gone": gone, "id": contact_id})
    values = {**columns, "updated_at": now, "revision": contacts.c.revision + 1}
    tx.execute(update(contacts).where(contacts.c.id == contact_id).values(values))
