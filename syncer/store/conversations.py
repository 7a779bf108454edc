"""Conversations: one per contact and business number, with its customer service window (X6) and its handoffs (R32)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from syncer.store.base import metadata, moment, primary_key

conversations = Table(
    "conversations",
    metadata,
    primary_key(),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("phone_number_id", Text, nullable=False),
    moment("opened_at", nullable=False),
    moment("last_inbound_at"),
    moment("window_until"),
    # Messages of the customer since a person last took over; decides when a conversation has become long (R33).
    Column("unattended", Integer, nullable=False, server_default="0"),
    moment("handed_over_at"),
    UniqueConstraint("contact_id", "phone_number_id"),
)

handoffs = Table(
    "handoffs",
    metadata,
    primary_key(),
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("rule", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("priority", Text, nullable=False),
    moment("created_at", nullable=False),
    UniqueConstraint("message_id", "rule"),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A customer said something on one of our numbers."""

    contact_id: int
    phone_number_id: str
    at: datetime
    window_until: datetime


def hear(tx: Connection, heard: Sequence[Heard]) -> dict[tuple[int, str], Row[Any]]:
    """Open the conversations or refresh them; messages out of order never shorten a window. Returns them by
    (contact, number)."""
    latest: dict[tuple[int, str], Heard] = {}
    count: dict[tuple[int, str], int] = {}
    for one in sorted(heard, key=lambda item: item.at):
        key = (one.contact_id, one.phone_number_id)
        latest[key] = one
        count[key] = count.get(key, 0) + 1
    keys = sorted(latest)
    statement = text("""
        insert into conversations (contact_id, phone_number_id, opened_at, last_inbound_at, window_until, unattended)
        select c, n, at, at, until, heard from unnest(cast(:contacts as bigint[]), cast(:numbers as text[]),
            cast(:at as timestamptz[]), cast(:until as timestamptz[]), cast(:heard as int[])) w(c, n, at, until, heard)
        on conflict (contact_id, phone_number_id) do update set
            last_inbound_at = greatest(conversations.last_inbound_at, excluded.last_inbound_at),
            window_until = greatest(conversations.window_until, excluded.window_until),
            unattended = conversations.unattended + excluded.unattended
        returning *""")
    values = {
        "contacts": [key[0] for key in keys],
        "numbers": [key[1] for key in keys],
        "at": [latest[key].at for key in keys],
        "until": [latest[key].window_until for key in keys],
        "heard": [count[key] for key in keys],
    }
    return {(row.contact_id, row.phone_number_id): row for row in tx.execute(statement, values)}


def open_for(tx: Connection, pairs: Sequence[tuple[int, str]], now: datetime) -> dict[tuple[int, str], int]:
    """The conversation of each (contact, number), begun where we speak first."""
    statement = text("""
        insert into conversations (contact_id, phone_number_id, opened_at)
        select distinct c, n, cast(:now as timestamptz)
        from unnest(cast(:contacts as bigint[]), cast(:numbers as text[])) w(c, n)
        order by c, n
        on conflict (contact_id, phone_number_id) do update set opened_at = conversations.opened_at
        returning id, contact_id, phone_number_id""")
    values = {"now": now, "contacts": [pair[0] for pair in pairs], "numbers": [pair[1] for pair in pairs]}
    return {(row.contact_id, row.phone_number_id): row.id for row in tx.execute(statement, values)}


def attended(tx: Connection, ids: Sequence[int]) -> None:
    """A person has answered in these: start counting anew."""
    if ids:
        tx.execute(text("update conversations set unattended = 0 where id = any(:ids)"), {"ids": list(ids)})


def attended_people(tx: Connection, contact_ids: Sequence[int]) -> None:
    """The same in all conversations with these people."""
    if contact_ids:
        change = text("update conversations set unattended = 0 where contact_id = any(:ids) and unattended > 0")
        tx.execute(change, {"ids": list(contact_ids)})


def windows(tx: Connection, contact_ids: Sequence[int]) -> dict[tuple[int, str], datetime]:
    """Until when each (contact, number) may be written to freely, for those a customer has ever opened."""
    statement = text("""
        select contact_id, phone_number_id, window_until from conversations
        where contact_id = any(:ids) and window_until is not null""")
    rows = tx.execute(statement, {"ids": list(contact_ids)})
    return {(row.contact_id, row.phone_number_id): row.window_until for row in rows}


def hand_over(tx: Connection, **values: Any) -> int | None:
    """Record a handoff and start counting anew; None when this message was handed over by this rule already."""
    statement = insert(handoffs).values(**values).on_conflict_do_nothing(index_elements=["message_id", "rule"])
    handoff_id = tx.execute(statement.returning(handoffs.c.id)).scalar_one_or_none()
    if handoff_id is not None:
        change = text("update conversations set unattended = 0, handed_over_at = :now where id = :id")
        tx.execute(change, {"now": values["created_at"], "id": values["conversation_id"]})
    return handoff_id


def handoffs_by_ids(tx: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Handoffs by number."""
    return {row.id: row for row in tx.execute(select(handoffs).where(handoffs.c.id.in_(sorted(set(ids)))))}
