"""Messages of campaigns that failed, and their second tries (law 6).

What the platform never took is the same row once more, as with a dead letter that is replayed: should it have been
taken after all, its echo finds it. What the platform took and did not deliver stays as it is, and a new row is planned
under a key made of the old one's `ref`: each message has one second try at most, however often it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

#: Begins the idempotency key of a second try; the `ref` of the first follows.
AGAIN = "again:"
#: The states in which a message has not ended.
_OPEN = "('planned', 'claimed', 'sending', 'waiting', 'unknown')"
_NOT_DELIVERED = "exists (select 1 from messages n where n.outgoing_id = {row}.id and n.status = 'failed')"


def failed(tx: Connection, campaign_id: int) -> Sequence[Row[Any]]:
    """The campaign's messages that have failed and may yet be tried again, locked, the latest first: id, contact_id,
    batch_id, `taken`, `code`, `failed_at` and `letter` as in `policies.second_try`. Nobody is among them whom another
    message of the campaign has reached or may still reach."""
    statement = text(f"""
        with lost as materialized (
            select o.id, o.contact_id, o.batch_id, o.state = 'accepted' as taken,
                coalesce(m.error_code, o.error_code, '') as code, coalesce(m.failed_at, o.settled_at) as failed_at
            from outgoing o left join messages m on m.outgoing_id = o.id
            where o.campaign_id = :id and (o.state = 'failed' or (o.state = 'accepted' and m.status = 'failed'))
              and not exists (select 1 from outgoing s where s.idempotency_key = '{AGAIN}' || o.ref)
              and not exists (select 1 from outgoing t
                  where t.campaign_id = o.campaign_id and t.contact_id = o.contact_id and t.id <> o.id
                    and (t.state in {_OPEN} or (t.state = 'accepted' and not {_NOT_DELIVERED.format(row="t")})))
            order by o.id for update of o),
        letters as (select distinct on (subject_id) subject_id, coalesce(resolution, 'open') as letter
            from dead_letters where subject = 'outgoing' and subject_id = any(array(select id from lost))
            order by subject_id, id desc)
        select l.*, d.letter from lost l left join letters d on d.subject_id = l.id order by l.id desc""")
    return tx.execute(statement, {"id": campaign_id}).fetchall()


def unknown(tx: Connection, campaign_id: int) -> int:
    """How many of the campaign's messages nobody knows the outcome of."""
    statement = text("select count(*) from outgoing where campaign_id = :id and state = 'unknown'")
    return int(tx.execute(statement, {"id": campaign_id}).scalar_one())


def reopen(tx: Connection, ids: Sequence[int], now: datetime) -> list[int]:
    """Plan these once more, of which the platform took none, with all of their attempts before them; returns the
    batches that have work again."""
    statement = text("""
        update outgoing set state = 'planned', attempts = 0, planned_at = :now, reason = null, settled_at = null,
            claimed_by = null, lease_until = null
        where id = any(:ids) and state = 'failed' returning batch_id""")
    found = tx.execute(statement, {"ids": list(ids), "now": now}).scalars()
    return sorted({batch_id for batch_id in found if batch_id is not None})


def repeat(tx: Connection, ids: Sequence[int], batch_id: int, now: datetime) -> int:
    """Plan the same for the same people, as new messages of this batch; returns how many."""
    statement = text(f"""
        insert into outgoing (idempotency_key, lane, source, category, phone_number_id, contact_id, batch_id,
            campaign_id, kind, content, body, planned_at)
        select '{AGAIN}' || o.ref, o.lane, o.source, c.category, c.phone_number_id, o.contact_id, :batch, o.campaign_id,
            o.kind, o.content, o.body, :now
        from outgoing o join campaigns c on c.id = o.campaign_id where o.id = any(:ids) order by o.id
        on conflict (idempotency_key) do nothing""")
    return tx.execute(statement, {"ids": list(ids), "batch": batch_id, "now": now}).rowcount


def overtaken(tx: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these second tries whose person has, or may have, what they hold: the first one arrived after all, by
    the platform's latest word, or they were joined with somebody who got it."""
    statement = text(f"""
        select o.id from outgoing o where o.id = any(:ids) and (
            exists (select 1 from outgoing f where f.ref = substr(o.idempotency_key, {len(AGAIN) + 1})
                    and not {_NOT_DELIVERED.format(row="f")})
            or exists (select 1 from outgoing t where t.contact_id = o.contact_id and t.campaign_id = o.campaign_id
                    and t.id <> o.id and (t.state in ('sending', 'unknown')
                        or (t.state = 'accepted' and not {_NOT_DELIVERED.format(row="t")}))))""")
    return set(tx.execute(statement, {"ids": list(ids)}).scalars())


def next_position(tx: Connection, campaign_id: int) -> int:
    """The place of the campaign's next batch."""
    statement = text("select coalesce(max(position) + 1, 0) from batches where campaign_id = :id")
    return int(tx.execute(statement, {"id": campaign_id}).scalar_one())
