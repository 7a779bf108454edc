"""Lists for people to look at, over several tables, the newest first; read-only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text


def campaigns(tx: Connection, limit: int) -> Sequence[Row[Any]]:
    """Campaigns with `total` recipients, of whom `left` are neither settled nor given to a person."""
    statement = text("""
        with latest as (select * from campaigns order by id desc limit :limit),
        open_batches as (select batch_id, count(*) as rows from outgoing
            where state in ('planned', 'sending', 'waiting', 'unknown') and batch_id is not null group by batch_id),
        sizes as (select b.campaign_id, sum(b.size) as total, coalesce(sum(o.rows), 0) as "left"
            from batches b left join open_batches o on o.batch_id = b.id
            where b.campaign_id in (select id from latest) group by b.campaign_id)
        select c.id, c.name, c.template, c.language, c.state, c.created_at,
            coalesce(s.total, 0)::bigint as total, coalesce(s."left", 0)::bigint as "left"
        from latest c left join sizes s on s.campaign_id = c.id order by c.id desc""")
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
