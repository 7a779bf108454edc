"""The consent ledger: append-only (R7, X4). What holds now is the latest explicit word, or else the latest import."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Row,
    Table,
    Text,
    desc,
    insert,
    select,
)

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.store import contacts
from syncer.store.base import metadata, moment, primary_key

consents = Table(
    "consents",
    metadata,
    primary_key(),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("tier", Text, nullable=False),
    Column("word", Text, nullable=False),
    moment("at", nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("explicit", Boolean, nullable=False),
    moment("recorded_at", nullable=False),
)
Index("ix_consents_contact", consents.c.contact_id, consents.c.tier, consents.c.at)


def record(tx: Connection, entry: ConsentEntry, now: datetime) -> Word:
    """Append a word and let the contact show what holds now; returns that."""
    row = {
        "contact_id": entry.contact_id,
        "tier": entry.tier,
        "word": entry.word,
        "at": entry.at,
        "source": entry.source,
        "proof": entry.proof,
        "explicit": entry.explicit,
        "recorded_at": now,
    }
    tx.execute(insert(consents).values(row))
    holds = current(tx, entry.contact_id, entry.tier)
    contacts.set_consent(tx, entry.contact_id, entry.tier, holds, now)
    return holds


def current(tx: Connection, contact_id: int, tier: Tier) -> Word:
    """The word that counts: explicit before imported, then the latest."""
    statement = (
        select(consents.c.word)
        .where(consents.c.contact_id == contact_id, consents.c.tier == tier)
        .order_by(desc(consents.c.explicit), desc(consents.c.at), desc(consents.c.id))
        .limit(1)
    )
    word = tx.execute(statement).scalar_one_or_none()
    return Word(word) if word else Word.UNKNOWN


def history(tx: Connection, contact_id: int) -> Sequence[Row[tuple[object, ...]]]:
    """Every word of a contact, the oldest first."""
    statement = select(consents).where(consents.c.contact_id == contact_id).order_by(consents.c.at, consents.c.id)
    return tx.execute(statement).fetchall()
