"""Campaigns and their batches of at most 100 recipients (R27)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from syncer.store.base import metadata, moment, primary_key

campaigns = Table(
    "campaigns",
    metadata,
    primary_key(),
    Column("name", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("language", Text, nullable=False),
    # The language that was wanted, where another one had to be taken.
    Column("asked_language", Text),
    Column("category", Text, nullable=False),
    Column("phone_number_id", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="running"),
    Column("idempotency_key", Text, unique=True),
    # Of what was asked for under the key: the same key with another wish is a mistake.
    Column("fingerprint", LargeBinary),
    # Why the platform's verdict on its template holds it; a person's pause needs no reason.
    Column("held_reason", Text),
    moment("created_at", nullable=False),
)

batches = Table(
    "batches",
    metadata,
    primary_key(),
    Column("campaign_id", BigInteger, ForeignKey("campaigns.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    # A throttled batch rests until then; resting is not failing and holds no worker (law 8).
    moment("not_before"),
    moment("started_at"),
    moment("finished_at"),
)
Index("ix_batches_open", batches.c.campaign_id, postgresql_where=batches.c.finished_at.is_(None))


def create(tx: Connection, values: Mapping[str, Any]) -> tuple[int, bool]:
    """A campaign's number and whether it is new; the same idempotency key always means the same campaign."""
    statement = insert(campaigns).values(**values).on_conflict_do_nothing(index_elements=["idempotency_key"])
    created = tx.execute(statement.returning(campaigns.c.id)).scalar_one_or_none()
    if created is not None:
        return int(created), True
    known = select(campaigns.c.id).where(campaigns.c.idempotency_key == values["idempotency_key"])
    return int(tx.execute(known).scalar_one()), False


def by_key(tx: Connection, idempotency_key: str) -> Row[Any] | None:
    """The campaign that was planned under this key."""
    return tx.execute(select(campaigns).where(campaigns.c.idempotency_key == idempotency_key)).one_or_none()


def by_id(tx: Connection, campaign_id: int) -> Row[Any] | None:
    """One campaign, locked."""
    return tx.execute(select(campaigns).where(campaigns.c.id == campaign_id).with_for_update()).one_or_none()


def add_batch(tx: Connection, campaign_id: int, position: int, size: int) -> int:
    """One batch's number."""
    statement = insert(batches).values(campaign_id=campaign_id, position=position, size=size).returning(batches.c.id)
    return int(tx.execute(statement).scalar_one())


def change_state(tx: Connection, campaign_id: int, before: str, after: str) -> bool:
    """Move a campaign from one state to another; false when it was not in the first."""
    statement = text("update campaigns set state = :after, held_reason = null where id = :id and state = :before")
    return tx.execute(statement, {"after": after, "id": campaign_id, "before": before}).rowcount == 1


def hold(tx: Connection, template: str, language: str, reason: str, *, campaign_id: int | None = None) -> list[int]:
    """Let running campaigns with this template wait (or one paused campaign that was to go on), and say why; those that
    wait already hear the newest reason. Returns the numbers of those that have to wait now."""
    statement = text("""
        with before as (select id, state from campaigns
            where template = :template and language = :language and (state in ('running', 'held') or id = :id)
            order by id for update)
        update campaigns c set state = 'held', held_reason = :reason from before b where b.id = c.id
        returning c.id, b.state""")
    values = {"template": template, "language": language, "reason": reason, "id": campaign_id}
    return [row[0] for row in tx.execute(statement, values) if row[1] != "held"]


def release(tx: Connection, template: str, language: str) -> list[int]:
    """Let campaigns go on that waited for this template; returns their numbers."""
    statement = text("""
        update campaigns set state = 'running', held_reason = null
        where template = :template and language = :language and state = 'held' returning id""")
    return list(tx.execute(statement, {"template": template, "language": language}).scalars())


def templates_in_use(tx: Connection) -> set[tuple[str, str]]:
    """(name, language) of the templates of campaigns that are not done."""
    columns = campaigns.c
    statement = select(columns.template, columns.language).where(columns.state != "done").distinct()
    return {(row[0], row[1]) for row in tx.execute(statement)}


def progress(tx: Connection, campaign_id: int) -> dict[str, Any] | None:
    """Counts of a campaign's messages by send state, and of those accepted by status."""
    campaign = tx.execute(select(campaigns).where(campaigns.c.id == campaign_id)).one_or_none()
    if campaign is None:
        return None
    sends = text("select state, count(*) from outgoing where campaign_id = :id group by state")
    climbs = text("""
        select m.status, count(*) from messages m join outgoing o on o.id = m.outgoing_id
        where o.campaign_id = :id group by m.status""")
    return {
        "id": campaign.id,
        "name": campaign.name,
        "template": campaign.template,
        "language": campaign.language,
        "asked_language": campaign.asked_language,
        "category": campaign.category,
        "state": campaign.state,
        "held_reason": campaign.held_reason,
        "sends": {row[0]: row[1] for row in tx.execute(sends, {"id": campaign_id})},
        "statuses": {row[0]: row[1] for row in tx.execute(climbs, {"id": campaign_id})},
    }


def batches_of(tx: Connection, campaign_ids: Collection[int]) -> list[int]:
    """Batches of these campaigns that are not finished."""
    statement = select(batches.c.id).where(batches.c.campaign_id.in_(campaign_ids), batches.c.finished_at.is_(None))
    return list(tx.execute(statement.order_by(batches.c.id)).scalars())


def open_batches(tx: Connection, now: datetime, limit: int = 20) -> list[int]:
    """Batches of running campaigns with messages still to be sent, that are not resting."""
    statement = text("""
        select b.id from batches b join campaigns c on c.id = b.campaign_id
        where b.finished_at is null and c.state = 'running' and (b.not_before is null or b.not_before <= :now)
          and exists (select 1 from outgoing o where o.batch_id = b.id and o.state = 'planned')
        order by b.id limit :limit""")
    return list(tx.execute(statement, {"now": now, "limit": limit}).scalars())


def reopen_batches(tx: Connection, batch_ids: Sequence[int]) -> None:
    """These have something to send again."""
    statement = text("update batches set finished_at = null, not_before = null where id = any(:ids)")
    tx.execute(statement, {"ids": sorted(batch_ids)})


def rest(tx: Connection, batch_id: int, until: datetime) -> None:
    """Let a throttled batch rest."""
    tx.execute(text("update batches set not_before = :until where id = :id"), {"until": until, "id": batch_id})


def close_finished(tx: Connection, now: datetime, batch_ids: Sequence[int]) -> None:
    """Mark batches of which nothing is left to send or to settle, and the campaigns all of whose batches are marked."""
    if not batch_ids:
        return
    finished = text("""
        update batches b set finished_at = :now where b.id = any(:ids) and b.finished_at is null
          and not exists (select 1 from outgoing o where o.batch_id = b.id
                          and o.state in ('planned', 'claimed', 'sending', 'waiting', 'unknown'))""")
    tx.execute(finished, {"now": now, "ids": list(batch_ids)})
    done = text("""
        update campaigns c set state = 'done', held_reason = null where c.state <> 'done'
          and c.id in (select campaign_id from batches where id = any(:ids))
          and not exists (select 1 from batches b where b.campaign_id = c.id and b.finished_at is null)""")
    tx.execute(done, {"ids": list(batch_ids)})
