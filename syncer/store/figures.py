"""Figures over several tables: read-only queries for reports, the console and /metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


def _seconds(tx: Connection, statement: str, **values: Any) -> list[float]:
    return [float(value) for value in tx.execute(text(statement), values).scalars()]


def inbound_delays(tx: Connection, since: datetime) -> list[float]:
    """Seconds from a customer's message being stored to the first write of it to a CRM."""
    return _seconds(
        tx,
        """
        select extract(epoch from w.first_written_at - i.received_at)
        from inbox i
        join messages m on m.ref = 'in-' || i.item_id
        join crm_writes w on w.topic = 'message' and w.subject_id = m.id
        where i.kind = 'message' and i.received_at >= :since and w.first_written_at is not null""",
        since=since,
    )


def reply_delays(tx: Connection, since: datetime) -> list[float]:
    """Seconds from a customer's message being stored to its automatic reply being accepted."""
    return _seconds(
        tx,
        """
        select extract(epoch from o.accepted_at - i.received_at)
        from outgoing o
        join messages m on m.id = o.answers_message_id
        join inbox i on i.kind = 'message' and i.phone_number_id = m.phone_number_id and i.item_id = m.wamid
        where o.planned_at >= :since and o.accepted_at is not null""",
        since=since,
    )


def handoff_delays(tx: Connection, since: datetime) -> list[float]:
    """Seconds from a customer's message being stored to the first write of its handoff to a CRM."""
    return _seconds(
        tx,
        """
        select extract(epoch from w.first_written_at - i.received_at)
        from handoffs h
        join messages m on m.id = h.message_id
        join inbox i on i.kind = 'message' and i.phone_number_id = m.phone_number_id and i.item_id = m.wamid
        join crm_writes w on w.topic = 'handoff' and w.subject_id = h.id
        where h.created_at >= :since and w.first_written_at is not null""",
        since=since,
    )


def statuses_written(tx: Connection, since: datetime) -> tuple[int, int]:
    """(those whose latest revision every CRM has, all of our messages with a status)."""
    statement = text("""
        select count(*) filter (where not exists (
                   select 1 from crm_writes w where w.topic = 'message' and w.subject_id = m.id
                   and w.written_revision < w.revision)), count(*)
        from messages m where m.direction = 'out' and m.recorded_at >= :since""")
    written, total = tx.execute(statement, {"since": since}).one()
    return int(written), int(total)


def busiest(tx: Connection, since: datetime, seconds: int) -> int:
    """Messages recorded, both ways, in the busiest span of that many seconds (sliding by one second)."""
    statement = text("""
        with per_second as (
            select extract(epoch from date_trunc('second', recorded_at))::bigint as s, count(*) as n
            from messages where recorded_at >= :since group by 1)
        select coalesce(max(total), 0) from (
            select sum(n) over (order by s range between cast(:span as bigint) preceding and current row) as total
            from per_second) spans""")
    return int(tx.execute(statement, {"since": since, "span": seconds - 1}).scalar_one())


def per_minute(tx: Connection, since: datetime) -> list[tuple[datetime, int, int]]:
    """(minute, messages in, messages out) since then, the oldest first; minutes without any are left out."""
    statement = text("""
        select date_trunc('minute', recorded_at) as minute, count(*) filter (where direction = 'in'),
            count(*) filter (where direction = 'out')
        from messages where recorded_at >= :since group by 1 order by 1""")
    return [(row[0], int(row[1]), int(row[2])) for row in tx.execute(statement, {"since": since})]


def latest_inbound_delays(tx: Connection, since: datetime, crms: Sequence[str], limit: int) -> list[float]:
    """As `inbound_delays`, of the latest messages only; cheap enough to be asked every second."""
    return _seconds(
        tx,
        """
        select extract(epoch from w.first_written_at - i.received_at)
        from (select id, phone_number_id, wamid from messages
              where recorded_at >= :since and direction = 'in' order by recorded_at desc limit :limit) m
        join inbox i on i.phone_number_id = m.phone_number_id and i.item_id = m.wamid and i.kind = 'message'
        join crm_writes w on w.crm = any(:crms) and w.topic = 'message' and w.subject_id = m.id
        where w.first_written_at is not null""",
        since=since,
        crms=list(crms),
        limit=limit,
    )


def latest_reply_delays(tx: Connection, since: datetime, limit: int) -> list[float]:
    """As `reply_delays`, of the latest replies only."""
    return _seconds(
        tx,
        """
        select extract(epoch from o.accepted_at - i.received_at)
        from (select outgoing_id from messages
              where recorded_at >= :since and direction = 'out' order by recorded_at desc limit :limit) m
        join outgoing o on o.id = m.outgoing_id
        join messages a on a.id = o.answers_message_id
        join inbox i on i.phone_number_id = a.phone_number_id and i.item_id = a.wamid and i.kind = 'message'
        where o.accepted_at is not null""",
        since=since,
        limit=limit,
    )


def failures_since(tx: Connection, since: datetime) -> tuple[int, int]:
    """(messages that failed or were given to a person, messages recorded), both ways, since then."""
    statement = text("""
        select count(*) filter (where status = 'failed')
             + (select count(*) from dead_letters where created_at >= :since and subject <> 'outgoing'), count(*)
        from messages where recorded_at >= :since""")
    failed, total = tx.execute(statement, {"since": since}).one()
    return int(failed), int(total)


def ignored(tx: Connection, since: datetime) -> list[tuple[str, str, int]]:
    """(kind, reason, how many) of the webhook items with which nothing was done, the most frequent first: kept raw, and
    worth a look when the platform begins to tell something new."""
    statement = text("""
        select kind, reason, count(*) from inbox where state = 'ignored' and received_at >= :since
        group by kind, reason order by count(*) desc, kind""")
    return [(row[0], row[1] or "", int(row[2])) for row in tx.execute(statement, {"since": since})]


def waiting(tx: Connection) -> dict[str, int]:
    """Rows that somebody still has to handle, counted by the partial indexes alone: cheap enough for every second."""
    statement = text("""
        select 'inbox', (select count(*) from inbox where state = 'pending')
                      + (select count(*) from inbox where state in ('claimed', 'waiting'))
        union all select 'outgoing', count(*) from outgoing
            where state in ('planned', 'claimed', 'sending', 'waiting', 'unknown')
        union all select 'crm_writes', (select count(*) from crm_writes where state = 'pending')
                      + (select count(*) from crm_writes where state in ('claimed', 'waiting'))
        union all select 'retries', count(*) from retries
        union all select 'dead_letters', count(*) from dead_letters where resolved_at is null
        union all select 'early_statuses', count(*) from early_statuses
        union all select 'media', count(*) from media where state in ('pending', 'claimed', 'waiting')
        union all select 'alerts', count(*) from alerts where ended_at is null""")
    return {row[0]: int(row[1]) for row in tx.execute(statement)}
