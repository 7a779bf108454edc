"""The inbox: everything a webhook told us, durable before it was acknowledged (law 1)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

import orjson
from sqlalchemy import Column, Connection, Index, Row, Table, Text, UniqueConstraint, delete

from syncer.domain.inbox import InboxItem
from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

inbox = Table(
    "inbox",
    metadata,
    primary_key(),
    Column("source", Text, nullable=False),
    Column("phone_number_id", Text, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    moment("occurred_at", nullable=False),
    moment("received_at", nullable=False),
    # Text and not jsonb: a customer may type what jsonb refuses (an escaped NUL), and that must not cost a message.
    Column("payload", Text, nullable=False),
    *claim_columns("pending"),
    UniqueConstraint("phone_number_id", "item_id", "kind"),
)
Index("ix_inbox_ready", inbox.c.occurred_at, inbox.c.id, postgresql_where=inbox.c.state == "pending")
Index("ix_inbox_line", inbox.c.order_key, postgresql_where=inbox.c.state.in_(["pending", "claimed", "waiting"]))

INBOX = Claimable(inbox, turn=1, order="occurred_at, id", order_key=("order_key",), blocked_by=("claimed",))

# The rows travel as one JSON text: half the cost of a list of VALUES for both ends, and less than COPY into a staging
# table or arrays (python -m benchmarks --only webhook_items).
_INSERT = """
    insert into inbox (source, phone_number_id, item_id, kind, order_key, occurred_at, received_at, payload)
    select source, phone_number_id, item_id, kind, order_key, occurred_at, %s, payload
    from json_to_recordset(%s) as told (
        source text, phone_number_id text, item_id text, kind text, order_key text,
        occurred_at timestamptz, payload text)
    on conflict (phone_number_id, item_id, kind) do nothing"""


def add(tx: Connection, items: Sequence[InboxItem], received_at: datetime) -> int:
    """Store items of any number of deliveries in one statement; repeats of known items change nothing. Returns how many
    were new."""
    with closing(tx.connection.cursor()) as cursor:
        cursor.execute(_INSERT, (received_at, orjson.dumps(list(items)).decode()))
        added: int = cursor.rowcount
    return added


def as_item(row: Row[tuple[object, ...]]) -> InboxItem:
    """The item of a claimed row."""
    return InboxItem(
        row.source, row.phone_number_id, row.item_id, row.kind, row.order_key, row.occurred_at, row.payload
    )


def forget_settled(tx: Connection, before: datetime) -> int:
    """Delete handled items received before then; a repeat of one would be taken for new, so not too soon."""
    statement = delete(inbox).where(inbox.c.received_at < before, inbox.c.state.in_(["done", "ignored"]))
    return tx.execute(statement).rowcount
