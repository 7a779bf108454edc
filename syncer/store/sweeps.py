"""When the house was last swept: every worker comes round, but one sweep serves them all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Connection, Integer, Table, text

from syncer.store.base import metadata, moment
from syncer.store.claims import try_turn

sweeps = Table("sweeps", metadata, Column("id", Integer, primary_key=True), moment("swept_at", nullable=False))


def begin(tx: Connection, now: datetime, not_since: datetime) -> bool:
    """Whether this caller sweeps now: nobody else is at it, and nobody has swept after `not_since`."""
    if not try_turn(tx, "sweep"):
        return False
    statement = text("""
        insert into sweeps (id, swept_at) values (1, :now)
        on conflict (id) do update set swept_at = excluded.swept_at where sweeps.swept_at <= :not_since
        returning id""")
    return tx.execute(statement, {"now": now, "not_since": not_since}).one_or_none() is not None
