"""Requests that may come twice, with the answers that they were given.

The row is written in the transaction of the effect (law 3): a second request with the same key waits until the first
has ended, and then finds its answer - or, if the first has failed, nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, LargeBinary, PrimaryKeyConstraint, Row, Table, Text, delete, select
from sqlalchemy import update as change
from sqlalchemy.dialects.postgresql import JSONB, insert

from syncer.store.base import metadata, moment

idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    # The name of the API key: every caller chooses idempotency keys of its own.
    Column("owner", Text, nullable=False),
    Column("key", Text, nullable=False),
    # Of what was asked for: the same key with another wish is a mistake.
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", JSONB),
    moment("created_at", nullable=False),
    PrimaryKeyConstraint("owner", "key"),
)
Index("ix_idempotent_requests_created_at", idempotent_requests.c.created_at)


def begin(tx: Connection, owner: str, key: str, fingerprint: bytes, now: datetime) -> Row[Any] | None:
    """Enter a request; the row of an earlier one with the same key, if there is one."""
    values = {"owner": owner, "key": key, "fingerprint": fingerprint, "created_at": now}
    statement = insert(idempotent_requests).values(**values).on_conflict_do_nothing()
    if tx.execute(statement).rowcount == 1:
        return None
    return tx.execute(select(idempotent_requests).where(*_of(owner, key))).one()


def answer(tx: Connection, owner: str, key: str, told: Any) -> None:
    """What the request is answered with, whenever it comes again."""
    tx.execute(change(idempotent_requests).where(*_of(owner, key)).values(answer=told))


def forget_old(tx: Connection, before: datetime) -> int:
    """Delete requests from before then; returns how many."""
    return tx.execute(delete(idempotent_requests).where(idempotent_requests.c.created_at < before)).rowcount


def _of(owner: str, key: str) -> tuple[Any, ...]:
    columns = idempotent_requests.c
    return columns.owner == owner, columns.key == key
