"""Deliveries to subscribers of hooks: one row per subscription and event, with the event as it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from syncer.domain.hook import HookEvent
from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

hook_deliveries = Table(
    "hook_deliveries",
    metadata,
    primary_key(),
    Column("subscription_id", BigInteger, ForeignKey("hook_subscriptions.id"), nullable=False),
    Column("event", Text, nullable=False),
    # The event's own id: what is told twice is stored once.
    Column("event_id", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    moment("created_at", nullable=False),
    # The target's last answer.
    Column("answered", Integer),
    moment("answered_at"),
    *claim_columns("pending"),
    UniqueConstraint("subscription_id", "event_id"),
)
_READY = hook_deliveries.c.state == "pending"
Index("ix_hook_deliveries_ready", hook_deliveries.c.subscription_id, hook_deliveries.c.id, postgresql_where=_READY)
Index(
    "ix_hook_deliveries_line",
    hook_deliveries.c.contact_id,
    hook_deliveries.c.subscription_id,
    postgresql_where=hook_deliveries.c.state.in_(["pending", "claimed", "waiting"]),
)
Index("ix_hook_deliveries_contact", hook_deliveries.c.contact_id)
Index("ix_hook_deliveries_created", hook_deliveries.c.created_at)

#: One subscriber hears of one person in order.
DELIVERIES = Claimable(hook_deliveries, turn=6, order="id", order_key=("subscription_id", "contact_id"))


@dataclass(frozen=True, slots=True)
class News:
    """One event for whoever has subscribed to it before `since`, when it came about."""

    event: HookEvent
    event_id: str
    payload: str
    contact_id: int
    since: datetime


def spread(tx: Connection, news: Sequence[News], now: datetime) -> int:
    """Each event becomes one delivery for each of its active subscriptions that does not have it yet; returns how
    many."""
    if not news:
        return 0
    statement = text("""
        insert into hook_deliveries (subscription_id, event, event_id, payload, contact_id, created_at)
        select s.id, n.event, n.event_id, n.payload, n.contact_id, cast(:now as timestamptz)
        from unnest(cast(:events as text[]), cast(:ids as text[]), cast(:payloads as text[]),
            cast(:contacts as bigint[]), cast(:since as timestamptz[])) with ordinality
            n(event, event_id, payload, contact_id, since, position)
        join hook_subscriptions s on s.event = n.event and s.state = 'active' and s.created_at <= n.since
        order by n.position, s.id
        on conflict (subscription_id, event_id) do nothing""")
    values = {
        "events": [str(one.event) for one in news],
        "ids": [one.event_id for one in news],
        "payloads": [one.payload for one in news],
        "contacts": [one.contact_id for one in news],
        "since": [one.since for one in news],
        "now": now,
    }
    return tx.execute(statement, values).rowcount


def note_answers(tx: Connection, answers: Sequence[tuple[int, int | None]], now: datetime) -> None:
    """(delivery, status) of what targets have answered; None: nothing."""
    statement = text("""
        update hook_deliveries d set answered = w.status, answered_at = :now
        from unnest(cast(:ids as bigint[]), cast(:statuses as int[])) w(id, status) where d.id = w.id""")
    values = {"ids": [one[0] for one in answers], "statuses": [one[1] for one in answers], "now": now}
    tx.execute(statement, values)


def latest(tx: Connection, subscription_id: int, limit: int) -> Sequence[Row[Any]]:
    """What happened lately, the newest first; without the events' content."""
    statement = text("""
        select id, event, event_id, state, attempts, answered, answered_at, reason, created_at, settled_at
        from hook_deliveries where subscription_id = :id order by id desc limit :limit""")
    return tx.execute(statement, {"id": subscription_id, "limit": limit}).fetchall()


def forget_old(tx: Connection, before: datetime) -> int:
    """Delete deliveries that ended before then, and those that waited since then for a subscription that rests; returns
    how many. What a person is asked about stays."""
    statement = text("""
        delete from hook_deliveries d where created_at < :before and (
            (state in ('done', 'ignored') and settled_at < :before)
            or (state in ('pending', 'waiting') and exists (
                select 1 from hook_subscriptions s where s.id = d.subscription_id and s.state <> 'active')))""")
    return tx.execute(statement, {"before": before}).rowcount
