"""Messages of conversations, both ways, and how far each of ours has climbed (R23, R24)."""

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
    Row,
    Table,
    Text,
    UniqueConstraint,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from syncer.domain.message import Direction
from syncer.domain.status import Ladder, Pricing, Status
from syncer.store.base import metadata, moment, primary_key

messages = Table(
    "messages",
    metadata,
    primary_key(),
    # Ours, for good: `in-<wamid>` or `out-<ref of the outgoing>`; the CRM's record of the message carries it.
    Column("ref", Text, nullable=False, unique=True),
    Column("conversation_id", BigInteger, ForeignKey("conversations.id"), nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("phone_number_id", Text, nullable=False),
    Column("wamid", Text),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("payload", Text),
    Column("reply_to", Text),
    Column("outgoing_id", BigInteger),
    moment("occurred_at", nullable=False),
    moment("recorded_at", nullable=False),
    Column("status", Text),
    moment("sent_at"),
    moment("delivered_at"),
    moment("read_at"),
    moment("played_at"),
    moment("failed_at"),
    Column("error_code", Text),
    Column("error_detail", Text),
    # What the platform charges for it, as its statuses told.
    Column("price_category", Text),
    Column("price_type", Text),
    Column("billable", Boolean),
    # Set by the customer's own edit or withdrawal; `body` is the text that holds now.
    moment("edited_at"),
    moment("revoked_at"),
    # Where it was exchanged if not through us: typed in the business app, or part of the history an app handed over.
    Column("origin", Text),
    UniqueConstraint("phone_number_id", "wamid"),
)
Index("ix_messages_conversation", messages.c.conversation_id, messages.c.occurred_at)
Index("ix_messages_contact", messages.c.contact_id, messages.c.occurred_at)
Index("ix_messages_outgoing", messages.c.outgoing_id, postgresql_where=messages.c.outgoing_id.is_not(None))
Index("ix_messages_recent", messages.c.recorded_at)


#: The columns of a ladder besides its status.
_LADDER = ("sent_at", "delivered_at", "read_at", "played_at", "failed_at", "error_code", "error_detail")


def inbound_ref(wamid: str) -> str:
    """The ref of a customer's message."""
    return f"in-{wamid}"


def outbound_ref(outgoing_ref: str) -> str:
    """The ref of a message of ours, known before the platform has named it."""
    return f"out-{outgoing_ref}"


def elsewhere_ref(wamid: str) -> str:
    """The ref of a message of the company's that did not leave through us."""
    return f"app-{wamid}"


def add(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Insert messages; those whose ref, or whose wamid at this number, is known are left alone. Returns the ids of the
    new ones by ref."""
    if not rows:
        return {}
    statement = insert(messages).on_conflict_do_nothing().returning(messages.c.ref, messages.c.id)
    return {row.ref: row.id for row in tx.execute(statement, list(rows))}


def revive(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Messages that were recorded as failed and turn out to have been taken by the platform after all: ids by ref."""
    if not rows:
        return {}
    statement = text("""
        update messages m set wamid = w.wamid, status = w.status, occurred_at = w.occurred_at,
            failed_at = null, error_code = null, error_detail = null
        from unnest(cast(:ref as text[]), cast(:wamid as text[]), cast(:status as text[]),
            cast(:occurred_at as timestamptz[])) w(ref, wamid, status, occurred_at)
        where m.ref = w.ref and m.wamid is null returning m.ref, m.id""")
    names = ("ref", "wamid", "status", "occurred_at")
    values = {name: [str(row[name]) if name != "occurred_at" else row[name] for row in rows] for name in names}
    return {row.ref: row.id for row in tx.execute(statement, values)}


def by_wamid(tx: Connection, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    """Our own messages by (number, wamid), locked until the transaction ends so that two workers climb one ladder in
    turn."""
    wamids = sorted({wamid for _, wamid in pairs})
    statement = (
        select(messages)
        .where(messages.c.wamid.in_(wamids), messages.c.direction == Direction.OUT)
        .order_by(messages.c.id)
        .with_for_update()
    )
    return {(row.phone_number_id, row.wamid): row for row in tx.execute(statement)}


def ladder(row: Row[Any]) -> Ladder:
    """How far a message has climbed."""
    return Ladder(status=Status(row.status), **{name: getattr(row, name) for name in _LADDER})


def write_ladders(tx: Connection, ladders: Mapping[int, Ladder]) -> None:
    """Store how far each message has climbed, by message id."""
    if not ladders:
        return
    statement = text("""
        update messages m set
            status = w.status, sent_at = w.sent_at, delivered_at = w.delivered_at, read_at = w.read_at,
            played_at = w.played_at, failed_at = w.failed_at, error_code = w.error_code, error_detail = w.error_detail
        from unnest(cast(:id as bigint[]), cast(:status as text[]), cast(:sent_at as timestamptz[]),
            cast(:delivered_at as timestamptz[]), cast(:read_at as timestamptz[]), cast(:played_at as timestamptz[]),
            cast(:failed_at as timestamptz[]), cast(:error_code as text[]), cast(:error_detail as text[]))
            w(id, status, sent_at, delivered_at, read_at, played_at, failed_at, error_code, error_detail)
        where m.id = w.id""")
    values: dict[str, list[Any]] = {name: [getattr(one, name) for one in ladders.values()] for name in _LADDER}
    tx.execute(statement, values | {"id": list(ladders), "status": [str(one.status) for one in ladders.values()]})


def write_prices(tx: Connection, prices: Mapping[int, Pricing]) -> None:
    """What the platform charges for each message, by message id."""
    if not prices:
        return
    statement = text("""
        update messages m set price_category = w.category, price_type = w.type, billable = w.billable
        from unnest(cast(:id as bigint[]), cast(:category as text[]), cast(:type as text[]), cast(:billable as bool[]))
            w(id, category, type, billable)
        where m.id = w.id""")
    values: dict[str, list[Any]] = {
        name: [getattr(one, name) for one in prices.values()] for name in ("category", "type", "billable")
    }
    tx.execute(statement, values | {"id": list(prices)})


def revise(tx: Connection, ref: str, body: str, at: datetime, *, taken_back: bool) -> Row[Any] | None:
    """Give a message that did not leave through us its new text; None when it is unknown or a later word holds."""
    statement = text("""
        update messages set body = :body, edited_at = case when :taken_back then edited_at else :at end,
            revoked_at = case when :taken_back then :at else revoked_at end,
            payload = case when :taken_back then null else payload end
        where ref = :ref and outgoing_id is null and coalesce(greatest(edited_at, revoked_at) < :at, true)
        returning id, contact_id""")
    values = {"ref": ref, "body": body, "at": at, "taken_back": taken_back}
    return tx.execute(statement, values).one_or_none()


def ids_by_ref(tx: Connection, refs: Iterable[str]) -> dict[str, int]:
    """Messages' numbers by their refs."""
    statement = select(messages.c.ref, messages.c.id).where(messages.c.ref.in_(sorted(set(refs))))
    return {row.ref: row.id for row in tx.execute(statement)}


def heard(tx: Connection, wamid: str) -> Row[Any] | None:
    """A customer's message by the platform's id."""
    statement = select(messages).where(messages.c.ref == inbound_ref(wamid))
    return tx.execute(statement).one_or_none()


def by_ids(tx: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Messages by number."""
    return {row.id: row for row in tx.execute(select(messages).where(messages.c.id.in_(sorted(set(ids)))))}


def conversation(
    tx: Connection, contact_id: int, *, before: datetime | None = None, limit: int = 50
) -> Sequence[Row[Any]]:
    """A contact's messages, the newest first, by the provider's time."""
    statement = select(messages).where(messages.c.contact_id == contact_id)
    if before is not None:
        statement = statement.where(messages.c.occurred_at < before)
    return tx.execute(statement.order_by(messages.c.occurred_at.desc(), messages.c.id.desc()).limit(limit)).fetchall()


def of_outgoing(tx: Connection, outgoing_id: int) -> Row[Any] | None:
    """The conversation's record of one of our messages; None before the platform has taken or refused it."""
    return tx.execute(select(messages).where(messages.c.outgoing_id == outgoing_id)).one_or_none()
