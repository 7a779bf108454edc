"""The due-table: what waits for a time, and why (law 9). One row at most per subject; a row is a promise, not a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, Text, UniqueConstraint, delete, text
from sqlalchemy.dialects.postgresql import insert

from syncer.domain.work import Subject
from syncer.store.base import metadata, moment, primary_key
from syncer.store.claims import Claimable

retries = Table(
    "retries",
    metadata,
    primary_key(),
    Column("subject", Text, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("tier", Integer, nullable=False),
    moment("due_at", nullable=False),
    moment("planned_at", nullable=False),
    Column("error_code", Text),
    Column("reason", Text),
    UniqueConstraint("subject", "subject_id"),
)
Index("ix_retries_due", retries.c.subject, retries.c.due_at)


@dataclass(frozen=True, slots=True)
class Appointment:
    """One row to come back to. `tier` is R26's (1 at once, 2 after 30 s); 0 marks a wait that is no retry."""

    subject_id: int
    tier: int
    due_at: datetime
    reason: str
    error_code: str = ""


def plan(tx: Connection, subject: Subject, appointments: Iterable[Appointment], now: datetime) -> None:
    """Enter appointments; a newer one for the same subject replaces the older."""
    rows = [
        {
            "subject": subject,
            "subject_id": a.subject_id,
            "tier": a.tier,
            "due_at": a.due_at,
            "planned_at": now,
            "error_code": a.error_code or None,
            "reason": a.reason,
        }
        for a in appointments
    ]
    if not rows:
        return
    statement = insert(retries).values(rows)
    changed = {name: statement.excluded[name] for name in ("tier", "due_at", "planned_at", "error_code", "reason")}
    tx.execute(statement.on_conflict_do_update(index_elements=["subject", "subject_id"], set_=changed))


def take_due(tx: Connection, subject: Subject, now: datetime, limit: int = 500) -> list[int]:
    """Remove what is due and return the subjects' ids; a concurrent taker gets others."""
    statement = text("""
        delete from retries where id in (
            select id from retries where subject = :subject and due_at <= :now
            order by due_at limit :limit for update skip locked)
        returning subject_id""")
    return list(tx.execute(statement, {"subject": subject, "now": now, "limit": limit}).scalars())


def wake(tx: Connection, rows: Claimable, ids: Sequence[int]) -> int:
    """Make waiting rows ready to be claimed again."""
    if not ids:
        return 0
    statement = text(f"update {rows.table.name} set state = :ready where id = any(:ids) and state = 'waiting'")
    return tx.execute(statement, {"ready": rows.ready, "ids": list(ids)}).rowcount


def cancel(tx: Connection, subject: Subject, ids: Sequence[int]) -> None:
    """Strike out appointments that an event has made pointless."""
    if ids:
        tx.execute(delete(retries).where(retries.c.subject == subject, retries.c.subject_id.in_(list(ids))))
