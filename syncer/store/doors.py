"""When a provider may have found our door shut: what it told then, it tells again later, out of its order."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, Table, Text, select, text

from syncer.store.base import metadata, moment

doors = Table(
    "doors",
    metadata,
    Column("name", Text, primary_key=True),
    # The moment at which it was found open again; before it, deliveries may have been turned away.
    moment("missed_until", nullable=False),
)

WHATSAPP = "whatsapp"


def reopened(tx: Connection, name: str, now: datetime) -> None:
    """The door is open now and was not all the time before."""
    statement = text("""
        insert into doors (name, missed_until) values (:name, :now) on conflict (name) do update
        set missed_until = greatest(doors.missed_until, excluded.missed_until)""")
    tx.execute(statement, {"name": name, "now": now})


def missed_until(tx: Connection, name: str) -> datetime | None:
    """Up to when deliveries may have been turned away; None if never."""
    return tx.execute(select(doors.c.missed_until).where(doors.c.name == name)).scalar_one_or_none()
