"""The waiting room: statuses that arrived before the message they speak of (X2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, Text, UniqueConstraint, delete, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert

from syncer.domain.message import Sender
from syncer.domain.status import Consequence, Pricing, Status, StatusUpdate
from syncer.store.base import metadata, moment, primary_key

early_statuses = Table(
    "early_statuses",
    metadata,
    primary_key(),
    Column("phone_number_id", Text, nullable=False),
    Column("wamid", Text, nullable=False),
    Column("status", Text, nullable=False),
    moment("at", nullable=False),
    Column("callback_data", Text),
    Column("error_code", Text),
    Column("error_detail", Text),
    # The platform's word about the person, kept with the status it came with.
    Column("consequence", Text),
    # Its price and whom it named, as the platform told them.
    Column("price", JSONB(none_as_null=True)),
    Column("recipient", JSONB(none_as_null=True)),
    UniqueConstraint("phone_number_id", "wamid", "status"),
)


def keep(tx: Connection, updates: Sequence[StatusUpdate]) -> None:
    """Let them wait; a repeated one waits once."""
    rows = [
        {
            "phone_number_id": u.phone_number_id,
            "wamid": u.wamid,
            "status": u.status,
            "at": u.at,
            "callback_data": u.callback_data,
            "error_code": u.error_code,
            "error_detail": u.error_detail,
            "consequence": u.consequence,
            "price": asdict(u.pricing) if u.pricing else None,
            "recipient": asdict(u.recipient) if u.recipient else None,
        }
        for u in updates
    ]
    if rows:
        statement = insert(early_statuses).values(rows)
        tx.execute(statement.on_conflict_do_nothing(index_elements=["phone_number_id", "wamid", "status"]))


def collect(tx: Connection, wamids: Iterable[str]) -> list[StatusUpdate]:
    """Take out everything that waited for these messages."""
    wanted = sorted(set(wamids))
    if not wanted:
        return []
    statement = delete(early_statuses).where(early_statuses.c.wamid.in_(wanted)).returning(early_statuses)
    return [_as_update(row) for row in tx.execute(statement)]


def echoes(tx: Connection, marks: Iterable[str]) -> list[StatusUpdate]:
    """Those that carry one of our marks; they stay."""
    statement = select(early_statuses).where(early_statuses.c.callback_data.in_(sorted(set(marks))))
    return [_as_update(row) for row in tx.execute(statement)]


def reunitable(tx: Connection, limit: int = 500) -> list[str]:
    """Wamids in the waiting room whose message is recorded by now."""
    statement = text("""
        select distinct e.wamid from early_statuses e
        join messages m on m.phone_number_id = e.phone_number_id and m.wamid = e.wamid limit :limit""")
    return list(tx.execute(statement, {"limit": limit}).scalars())


def _as_update(row: Row[Any]) -> StatusUpdate:
    return StatusUpdate(
        phone_number_id=row.phone_number_id,
        wamid=row.wamid,
        status=Status(row.status),
        at=row.at,
        callback_data=row.callback_data,
        error_code=row.error_code,
        error_detail=row.error_detail,
        consequence=Consequence(row.consequence) if row.consequence else None,
        pricing=Pricing(**row.price) if row.price else None,
        recipient=Sender(**row.recipient) if row.recipient else None,
    )


def forget_old(tx: Connection, before: datetime) -> int:
    """Delete those whose message never came: it was sent by somebody else's tool from the same number."""
    return tx.execute(delete(early_statuses).where(early_statuses.c.at < before)).rowcount
