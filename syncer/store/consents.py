"""The consent ledger: append-only (R7, X4). What a word weighs is said in `policies.consent`, and in SQL in `weighing`.

Nothing changes or removes a word but three: a join moves it to the person it belongs to, and its undoing back again
(`contact_joins`, `contact_separation`); what was only imported goes with its rows or its contact (`row_separation`,
`contact_staging`); the law erases (`personal_data`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

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
    insert,
    select,
    text,
)

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.store import contacts, recalls
from syncer.store.base import metadata, moment, primary_key
from syncer.store.weighing import HEAVIEST, holding

consents = Table(
    "consents",
    metadata,
    primary_key(),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("tier", Text, nullable=False),
    Column("word", Text, nullable=False),
    # When the customer said it, which may be long before `recorded_at`.
    moment("at", nullable=False),
    # How it reached us: `whatsapp:...`, `keyword:...`, `button:...`, `api:...`, `cli:...`, `crm:...`.
    Column("source", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("explicit", Boolean, nullable=False),
    moment("recorded_at", nullable=False),
)
Index("ix_consents_contact", consents.c.contact_id, consents.c.tier, consents.c.at)


def lock(tx: Connection, contact_id: int) -> bool:
    """Keep everybody else from entering a word of this contact until the transaction ends; false when there is no such
    contact (any more). Of two words at the same time the second sees the first."""
    statement = text("select 1 from contacts where id = :id for no key update")
    return tx.execute(statement, {"id": contact_id}).one_or_none() is not None


def record(tx: Connection, entry: ConsentEntry, now: datetime) -> Word:
    """Append a word, let the contact show what holds now, and hold back what was about to leave against it. Returns
    what holds. Nobody can have said anything later than now."""
    lock(tx, entry.contact_id)
    row = {
        "contact_id": entry.contact_id,
        "tier": entry.tier,
        "word": entry.word,
        "at": min(entry.at, now),
        "source": entry.source,
        "proof": entry.proof,
        "explicit": entry.explicit,
        "recorded_at": now,
    }
    tx.execute(insert(consents).values(row))
    holds = current(tx, entry.contact_id, entry.tier)
    contacts.set_consent(tx, entry.contact_id, entry.tier, holds, now)
    if holds is Word.REVOKED:
        recalls.hand_back(tx, entry.contact_id)
    return holds


def current(tx: Connection, contact_id: int, tier: Tier) -> Word:
    """The word that holds, as `policies.consent.current` has it."""
    word = tx.execute(text(f"select {holding(tier, ':id')}"), {"id": contact_id}).scalar_one()
    return Word(word) if word else Word.UNKNOWN


def confirmed(tx: Connection, ids: Collection[int], by_own_hand: Collection[str]) -> set[int]:
    """Those of these contacts whose marketing consent holds although only words given by these kinds of source count
    as a yes, as `policies.consent.confirmed` has it."""
    statement = text(f"""
        select contact_id from (
            select distinct on (contact_id) contact_id, word from consents
            where contact_id = any(:ids) and tier = 'marketing'
              and (word = 'revoked' or (explicit and split_part(source, ':', 1) = any(:hands)))
            order by contact_id, {HEAVIEST}) holds
        where word = 'granted'""")
    return set(tx.execute(statement, {"ids": sorted(set(ids)), "hands": sorted(by_own_hand)}).scalars())


def hold_still(tx: Connection, ids: Collection[int]) -> dict[int, Word]:
    """The marketing word of each of these contacts, which nobody can change until the transaction ends: what is let
    through on the strength of it is claimed by then, so that a stop that comes next finds it (`recalls`)."""
    statement = text("select id, marketing from contacts where id = any(:ids) order by id for share")
    return {row.id: Word(row.marketing) for row in tx.execute(statement, {"ids": sorted(set(ids))})}


def history(tx: Connection, contact_id: int) -> Sequence[Row[Any]]:
    """Every word of a contact, the oldest first."""
    statement = select(consents).where(consents.c.contact_id == contact_id).order_by(consents.c.at, consents.c.id)
    return tx.execute(statement).fetchall()


def ledger(tx: Connection, contact_id: int) -> list[ConsentEntry]:
    """The same as nouns."""
    return [
        ConsentEntry(row.contact_id, Tier(row.tier), Word(row.word), row.at, row.source, row.proof, row.explicit)
        for row in history(tx, contact_id)
    ]
