"""What events say: people with what leads to them, and which things are the newest of their kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from syncer.domain.hook import HookEvent


def people(tx: Connection, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Contacts by number: their columns, `user_id`, `crm_ids` by CRM, and `merged`, the numbers of contacts that were
    joined to them."""
    statement = text("""
        select c.*, (
                select max(value) from identities i where i.contact_id = c.id and i.kind = 'user_id') as user_id, (
                select jsonb_object_agg(crm, crm_id) from (
                    select crm, min(crm_id) as crm_id from contact_sources s where s.contact_id = c.id group by crm) r
            ) as crm_ids, array(
                select absorbed_id from contact_joins j where j.kept_id = c.id and j.undone_at is null order by 1
            ) as merged
        from contacts c where c.id = any(:ids)""")
    return {row.id: row for row in tx.execute(statement, {"ids": sorted(set(ids))})} if ids else {}


def words_since(tx: Connection, since: Mapping[int, datetime | None]) -> Sequence[Row[Any]]:
    """What was entered in the ledger about these contacts after each one's moment (None: ever), the oldest first."""
    statement = text("""
        select l.* from consents l
        join unnest(cast(:ids as bigint[]), cast(:since as timestamptz[])) w(contact_id, since)
            on l.contact_id = w.contact_id and (w.since is null or l.recorded_at > w.since)
        order by l.id""")
    return tx.execute(statement, {"ids": list(since), "since": list(since.values())}).fetchall()


def words(tx: Connection, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Words of the ledger by number."""
    rows = tx.execute(text("select * from consents where id = any(:ids)"), {"ids": sorted(ids)})
    return {row.id: row for row in rows}


#: The newest of each kind, by when we learnt of it.
_NEWEST: Mapping[HookEvent, str] = {
    HookEvent.MESSAGE_RECEIVED: "select id from messages where direction = 'in' order by recorded_at desc, id desc",
    HookEvent.MESSAGE_SENT: """
        select id from messages where direction = 'out' and wamid is not null order by recorded_at desc, id desc""",
    HookEvent.MESSAGE_STATUS: """
        select id from messages where direction = 'out' and status is not null order by recorded_at desc, id desc""",
    HookEvent.MESSAGE_UPDATED: """
        select m.id from messages m left join media f on f.message_id = m.id
        where greatest(m.edited_at, m.revoked_at, f.fetched_at) is not null order by m.recorded_at desc, m.id desc""",
    HookEvent.CONTACT_CREATED: "select id from contacts order by id desc",
    HookEvent.CONTACT_UPDATED: "select id from contacts order by id desc",
    HookEvent.CONSENT_CHANGED: "select id from consents order by id desc",
    HookEvent.HANDOFF_CREATED: "select id from handoffs order by id desc",
}


def newest(tx: Connection, event: HookEvent, limit: int) -> list[int]:
    """Numbers of messages, contacts, words or handoffs that such an event could be about, the newest first."""
    return list(tx.execute(text(f"{_NEWEST[event]} limit :limit"), {"limit": limit}).scalars())
