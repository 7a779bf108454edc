"""What a person has to know: one row per trouble while it lasts, however often it is noticed."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, Integer, Row, Table, Text, select, text

from syncer.store.base import metadata, moment, primary_key

log = logging.getLogger(__name__)

alerts = Table(
    "alerts",
    metadata,
    primary_key(),
    # What it is about, such as `template:order_update:zh_TW`; one open alert per key.
    Column("key", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("count", Integer, nullable=False, server_default="1"),
    moment("raised_at", nullable=False),
    moment("seen_at", nullable=False),
    moment("ended_at"),
)
Index("uq_alerts_open", alerts.c.key, unique=True, postgresql_where=alerts.c.ended_at.is_(None))

WARNING, CRITICAL = "warning", "critical"


def sound(tx: Connection, key: str, message: str, now: datetime, *, level: str = WARNING) -> bool:
    """Raise an alert, or note that its trouble still lasts; true when it is new. A new one is also an error line of the
    log, for whoever watches nothing else."""
    statement = text("""
        insert into alerts (key, level, message, raised_at, seen_at) values (:key, :level, :message, :now, :now)
        on conflict (key) where ended_at is null do update set
            count = alerts.count + 1, seen_at = excluded.seen_at, message = excluded.message, level = excluded.level
        returning count = 1""")
    new = bool(tx.execute(statement, {"key": key, "level": level, "message": message, "now": now}).scalar_one())
    if new:
        log.error("alert %s: %s", key, message)
    return new


def end(tx: Connection, key: str, now: datetime) -> bool:
    """The trouble is over; false when none was open."""
    statement = text("update alerts set ended_at = :now where key = :key and ended_at is null")
    ended = tx.execute(statement, {"key": key, "now": now}).rowcount == 1
    if ended:
        log.warning("alert %s is over", key)
    return ended


def open_alerts(tx: Connection, limit: int = 100) -> Sequence[Row[Any]]:
    """What lasts, the gravest and newest first."""
    statement = select(alerts).where(alerts.c.ended_at.is_(None)).order_by(alerts.c.level, alerts.c.raised_at.desc())
    return tx.execute(statement.limit(limit)).fetchall()
