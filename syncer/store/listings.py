"""Lists for people to look at, over several tables, the newest first; read-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text


def campaigns(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """Campaigns with `total` recipients, of whom `left` are neither settled nor given to a person."""
    statement = text("""
        select c.id, c.name, c.template, c.language, c.state, c.created_at,
            (select coalesce(sum(b.size), 0) from batches b where b.campaign_id = c.id) as total,
            (select count(*) from batches b join outgoing o on o.batch_id = b.id
             where b.campaign_id = c.id and b.finished_at is null
               and o.state in ('planned', 'claimed', 'sending', 'waiting', 'unknown')) as "left"
        from campaigns c order by c.id desc limit :limit""")
    return tx.execute(statement, {"limit": limit}).fetchall()


def sync_runs(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """Contact syncs, running and ended."""
    statement = text("""
        select id, crm, mode, state, started_at, finished_at, counts, error from sync_runs
        order by started_at desc limit :limit""")
    return tx.execute(statement, {"limit": limit}).fetchall()


def handoffs(tx: Connection, crms: Sequence[str], limit: int) -> Sequence[Row[Any]]:
    """Conversations handed to a person, with the customer's name and whether any of the CRMs has the task (R32)."""
    statement = text("""
        select h.id, h.contact_id, c.full_name, c.phone, h.rule, h.reason, h.priority, h.created_at,
            exists (select 1 from crm_writes w where w.crm = any(:crms) and w.topic = 'handoff' and w.subject_id = h.id
                    and w.first_written_at is not null) as told
        from handoffs h join contacts c on c.id = h.contact_id order by h.id desc limit :limit""")
    return tx.execute(statement, {"crms": list(crms), "limit": limit}).fetchall()


def addresses(tx: Connection, contact_id: int) -> Sequence[Row[Any]]:
    """Every identity that leads to one contact (kind, value), and every CRM row (`crm:<name>`, its id)."""
    statement = text("""
        select kind, value from identities where contact_id = :id
        union all select 'crm:' || crm, crm_id from contact_sources where contact_id = :id order by 1, 2""")
    return tx.execute(statement, {"id": contact_id}).fetchall()
