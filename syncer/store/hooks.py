"""Subscriptions to hooks: who wants to hear of what, and at which address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Integer, Row, Table, Text, select, text

from syncer.domain.hook import HookEvent, SubscriptionState
from syncer.store.base import metadata, moment, primary_key
from syncer.store.crm_writes import Topic

hook_subscriptions = Table(
    "hook_subscriptions",
    metadata,
    primary_key(),
    # The name of the API key that made it; nobody else sees it.
    Column("owner", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("target_url", Text, nullable=False),
    # Signs the deliveries; encrypted with SYNCER_SECRET_KEY.
    Column("secret", Text, nullable=False),
    # Takes arrays of events instead of one event at a time.
    Column("batch", Boolean, nullable=False, server_default="false"),
    Column("state", Text, nullable=False, server_default=SubscriptionState.ACTIVE),
    Column("reason", Text),
    # In a row, since the last delivery that was taken; until `paused_until` the target is left in peace.
    Column("failures", Integer, nullable=False, server_default="0"),
    moment("paused_until"),
    moment("created_at", nullable=False),
    moment("last_delivered_at"),
    moment("ended_at"),
)
_THERE = hook_subscriptions.c.state != SubscriptionState.GONE
Index(
    "uq_hook_subscriptions_there",
    hook_subscriptions.c.owner,
    hook_subscriptions.c.event,
    hook_subscriptions.c.target_url,
    unique=True,
    postgresql_where=_THERE,
)
Index(
    "ix_hook_subscriptions_active",
    hook_subscriptions.c.topic,
    postgresql_where=hook_subscriptions.c.state == SubscriptionState.ACTIVE,
)

#: Which wish of `crm_writes` leads to which event. A contact's wish stands for the words on consent too.
TOPIC_OF = {
    HookEvent.MESSAGE_RECEIVED: Topic.MESSAGE,
    HookEvent.MESSAGE_SENT: Topic.MESSAGE,
    HookEvent.MESSAGE_STATUS: Topic.MESSAGE,
    HookEvent.MESSAGE_UPDATED: Topic.MESSAGE,
    HookEvent.CONTACT_CREATED: Topic.CONTACT,
    HookEvent.CONTACT_UPDATED: Topic.CONTACT,
    HookEvent.CONSENT_CHANGED: Topic.CONTACT,
    HookEvent.HANDOFF_CREATED: Topic.HANDOFF,
}


def subscribe(
    tx: Connection, owner: str, event: HookEvent, target_url: str, *, secret: str, batch: bool, now: datetime
) -> tuple[int, bool]:
    """The subscription of this owner to this event at this address, and whether it is new. One that rested is active
    again, and what waited for it leaves. `secret` (encrypted) is for a new one; another keeps its own."""
    statement = text("""
        insert into hook_subscriptions (owner, event, topic, target_url, secret, batch, created_at)
        values (:owner, :event, :topic, :target, :secret, :batch, :now)
        on conflict (owner, event, target_url) where state <> 'gone' do update set
            state = 'active', reason = null, failures = 0, paused_until = null, batch = excluded.batch
        returning id, xmax = 0""")
    values = {"owner": owner, "event": event, "topic": TOPIC_OF[event], "target": target_url}
    row = tx.execute(statement, values | {"secret": secret, "batch": batch, "now": now}).one()
    return row[0], row[1]


def end(tx: Connection, subscription_id: int, reason: str, now: datetime) -> bool:
    """Nothing more goes to this one; false when it had ended already."""
    statement = text("""
        update hook_subscriptions set state = 'gone', reason = :reason, ended_at = :now
        where id = :id and state <> 'gone'""")
    ended = tx.execute(statement, {"id": subscription_id, "reason": reason, "now": now}).rowcount == 1
    waiting = text("""
        update hook_deliveries set state = 'ignored', reason = 'the subscription has ended', settled_at = :now
        where subscription_id = :id and state in ('pending', 'waiting')""")
    tx.execute(waiting, {"id": subscription_id, "now": now})
    return ended


def rest(tx: Connection, subscription_id: int, reason: str) -> bool:
    """Leave the target in peace until somebody subscribes again; false when it was not active."""
    statement = text(
        "update hook_subscriptions set state = 'resting', reason = :reason where id = :id and state = 'active'"
    )
    return tx.execute(statement, {"id": subscription_id, "reason": reason[:300]}).rowcount == 1


def delivered(tx: Connection, subscription_id: int, now: datetime) -> None:
    """The target has taken something: all is well with it."""
    statement = text("""
        update hook_subscriptions set failures = 0, paused_until = null, reason = null, last_delivered_at = :now
        where id = :id""")
    tx.execute(statement, {"id": subscription_id, "now": now})


def failed(tx: Connection, subscription_id: int, reason: str) -> int:
    """The target has not taken something; returns how often in a row now."""
    statement = text("""
        update hook_subscriptions set failures = failures + 1, reason = :reason where id = :id returning failures""")
    return int(tx.execute(statement, {"id": subscription_id, "reason": reason[:300]}).scalar_one())


def pause(tx: Connection, subscription_id: int, until: datetime) -> None:
    """Nothing goes to this target before then."""
    statement = text("update hook_subscriptions set paused_until = :until where id = :id")
    tx.execute(statement, {"id": subscription_id, "until": until})


def find(tx: Connection, subscription_id: int) -> Row[Any] | None:
    """One subscription, whatever its state."""
    return tx.execute(select(hook_subscriptions).where(hook_subscriptions.c.id == subscription_id)).one_or_none()


def of_owner(tx: Connection, owner: str) -> Sequence[Row[Any]]:
    """An owner's subscriptions that have not ended, the oldest first, each with how many deliveries wait."""
    statement = text("""
        select s.*, (select count(*) from hook_deliveries d
            where d.subscription_id = s.id and d.state in ('pending', 'claimed', 'waiting')) as waiting
        from hook_subscriptions s where s.owner = :owner and s.state <> 'gone' order by s.id""")
    return tx.execute(statement, {"owner": owner}).fetchall()


def due(tx: Connection, now: datetime, without: Collection[int] = ()) -> Sequence[Row[Any]]:
    """Active subscriptions with something to be delivered now, the one that waits longest first."""
    statement = text("""
        select s.* from hook_subscriptions s cross join lateral (
            select min(d.id) as first from hook_deliveries d
            where d.subscription_id = s.id and d.state = 'pending') w
        where s.state = 'active' and (s.paused_until is null or s.paused_until <= :now) and w.first is not null
          and not s.id = any(:without)
        order by w.first""")
    return tx.execute(statement, {"now": now, "without": list(without)}).fetchall()


def listens(tx: Connection, topic: Topic) -> bool:
    """Whether anybody wants to hear of such things."""
    statement = text("select exists (select 1 from hook_subscriptions where state = 'active' and topic = :topic)")
    return bool(tx.execute(statement, {"topic": topic}).scalar_one())


def forget_old(tx: Connection, before: datetime) -> int:
    """Delete subscriptions that ended before then and have no deliveries any more; returns how many."""
    statement = text("""
        delete from hook_subscriptions s where state = 'gone' and ended_at < :before
            and not exists (select 1 from hook_deliveries d where d.subscription_id = s.id)""")
    return tx.execute(statement, {"before": before}).rowcount
