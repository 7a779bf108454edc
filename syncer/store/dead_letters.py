"""Dead letters: what the engine could not settle by itself, until a person does (R26, X7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, select, text, update
from sqlalchemy.dialects.postgresql import insert

from syncer.domain.work import Subject
from syncer.store.base import metadata, moment, primary_key

dead_letters = Table(
    "dead_letters",
    metadata,
    primary_key(),
    Column("subject", Text, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("error_code", Text),
    Column("reason", Text, nullable=False),
    moment("created_at", nullable=False),
    moment("deadline_at", nullable=False),
    moment("alarm_at", nullable=False),
    moment("alarmed_at"),
    moment("resolved_at"),
    Column("resolution", Text),
)
_OPEN = dead_letters.c.resolved_at.is_(None)
Index("uq_dead_letters_open", dead_letters.c.subject, dead_letters.c.subject_id, unique=True, postgresql_where=_OPEN)
Index("ix_dead_letters_alarm", dead_letters.c.alarm_at, postgresql_where=_OPEN)


@dataclass(frozen=True, slots=True)
class Burial:
    """Why one row is given to a person."""

    subject_id: int
    reason: str
    error_code: str = ""


def bury(
    tx: Connection, subject: Subject, burials: Iterable[Burial], now: datetime, *, deadline: timedelta, alarm: timedelta
) -> None:
    """Open dead letters; a row that has one open already keeps it. `deadline` and `alarm` count from now."""
    rows = [
        {
            "subject": subject,
            "subject_id": b.subject_id,
            "error_code": b.error_code or None,
            "reason": b.reason,
            "created_at": now,
            "deadline_at": now + deadline,
            "alarm_at": now + alarm,
        }
        for b in burials
    ]
    if rows:
        statement = insert(dead_letters).values(rows)
        tx.execute(statement.on_conflict_do_nothing(index_elements=["subject", "subject_id"], index_where=_OPEN))


def listing(tx: Connection, *, limit: int = 100) -> Sequence[Row[tuple[object, ...]]]:
    """Open dead letters, the nearest deadline first."""
    return tx.execute(select(dead_letters).where(_OPEN).order_by(dead_letters.c.deadline_at).limit(limit)).fetchall()


def find(tx: Connection, letter_id: int) -> Row[tuple[object, ...]] | None:
    """One dead letter, open or resolved."""
    return tx.execute(select(dead_letters).where(dead_letters.c.id == letter_id)).one_or_none()


def resolve(tx: Connection, letter_id: int, resolution: str, now: datetime) -> bool:
    """Close an open letter (`replayed`, `discarded`, `settled`); false when somebody was faster."""
    statement = update(dead_letters).where(dead_letters.c.id == letter_id, _OPEN)
    return tx.execute(statement.values(resolved_at=now, resolution=resolution)).rowcount == 1


def resolve_for(tx: Connection, subject: Subject, ids: Sequence[int], resolution: str, now: datetime) -> None:
    """Close the letters of rows that evidence has settled meanwhile."""
    if ids:
        statement = update(dead_letters).where(
            dead_letters.c.subject == subject, dead_letters.c.subject_id.in_(list(ids)), _OPEN
        )
        tx.execute(statement.values(resolved_at=now, resolution=resolution))


def take_alarms(tx: Connection, now: datetime) -> Sequence[Row[tuple[object, ...]]]:
    """Letters whose alarm is due and has not sounded; marked so that it sounds once."""
    statement = text("""
        update dead_letters set alarmed_at = :now
        where resolved_at is null and alarmed_at is null and alarm_at <= :now
        returning id, subject, subject_id, reason, deadline_at""")
    return tx.execute(statement, {"now": now}).fetchall()
