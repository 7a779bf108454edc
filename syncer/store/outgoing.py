"""Outgoing messages: planned, sent, settled - never twice (law 6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, Row, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert

from syncer.domain.message import Lane
from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

outgoing = Table(
    "outgoing",
    metadata,
    primary_key(),
    # Random, so that it means this message for ever and everywhere: in the platform's echoes and in the CRM.
    Column("ref", Text, nullable=False, unique=True, server_default=text("replace(gen_random_uuid()::text, '-', '')")),
    Column("idempotency_key", Text, nullable=False, unique=True),
    Column("lane", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("phone_number_id", Text, nullable=False),
    Column("contact_id", BigInteger, ForeignKey("contacts.id"), nullable=False),
    Column("batch_id", BigInteger, ForeignKey("batches.id")),
    Column("campaign_id", BigInteger, ForeignKey("campaigns.id")),
    Column("kind", Text, nullable=False),
    # Frozen when planned: {"body": ...} or {"name", "language", "parameters"}; `body` is what the customer will read.
    Column("content", JSONB, nullable=False),
    Column("body", Text, nullable=False),
    Column("wamid", Text),
    Column("to_address", Text),
    Column("error_code", Text),
    moment("planned_at", nullable=False),
    moment("sending_at"),
    moment("accepted_at"),
    # The row whose customer message this answers, for the delay of a reply (R31).
    Column("answers_message_id", BigInteger),
    # The wamid that is quoted.
    Column("reply_to", Text),
    # What goes instead where the customer service window is closed, chosen when planned (X6): a template's content,
    # body and category, and whether it only `holds` the place of the message until the customer answers.
    Column("fallback", JSONB(none_as_null=True)),
    # What had been planned, once the fallback has taken its place.
    Column("replaced", JSONB(none_as_null=True)),
    *claim_columns("planned"),
)
Index("ix_outgoing_live", outgoing.c.id, postgresql_where=(outgoing.c.state == "planned") & (outgoing.c.lane == "live"))
Index(
    "ix_outgoing_batch",
    outgoing.c.batch_id,
    outgoing.c.id,
    postgresql_where=outgoing.c.state.in_(["planned", "claimed", "sending", "waiting", "unknown"]),
)
Index("ix_outgoing_held", outgoing.c.lease_until, postgresql_where=outgoing.c.state.in_(["claimed", "sending"]))
Index("ix_outgoing_contact", outgoing.c.contact_id, outgoing.c.planned_at)
Index("ix_outgoing_campaign", outgoing.c.campaign_id, postgresql_where=outgoing.c.campaign_id.is_not(None))
Index("ix_outgoing_replaced", outgoing.c.contact_id, postgresql_where=outgoing.c.replaced.is_not(None))
Index("ix_outgoing_accepted", outgoing.c.phone_number_id, outgoing.c.accepted_at)

#: One contact's live messages leave in the order in which they were planned; a batch holds a contact at most once. A
#: claim is no attempt yet: that is counted when the request is about to leave.
LIVE = Claimable(
    outgoing,
    turn=2,
    order="id",
    order_key=("lane", "contact_id"),
    ready="planned",
    counts=False,
    blocked_by=("claimed", "sending"),
)
BULK = Claimable(outgoing, turn=2, order="id", ready="planned", counts=False)
#: What was on its way when its worker died.
ON_THE_WAY = Claimable(outgoing, turn=2, order="id", ready="planned", held="sending", counts=False)

#: A batch's messages may leave only while its campaign runs; over `r`, for `claims.claim`.
CAMPAIGN_RUNNING = "exists (select 1 from campaigns c where c.id = r.campaign_id and c.state = 'running')"


_REPLACED = """jsonb_build_object('kind', kind, 'content', content, 'body', body, 'category', category,
    'holds', coalesce((fallback ->> 'holds')::bool, false))"""


def plan(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert messages to be sent; a known idempotency key adds nothing. Returns the ids of the new ones."""
    if not rows:
        return []
    statement = insert(outgoing).on_conflict_do_nothing(index_elements=["idempotency_key"]).returning(outgoing.c.id)
    return list(tx.execute(statement, list(rows)).scalars())


def by_ids(tx: Connection, ids: Iterable[int], *, lock: bool = False) -> dict[int, Row[Any]]:
    """Outgoing messages by number; locked in the order of their ids where the caller means to change them."""
    statement = select(outgoing).where(outgoing.c.id.in_(sorted(set(ids)))).order_by(outgoing.c.id)
    return {row.id: row for row in tx.execute(statement.with_for_update() if lock else statement)}


def owners(tx: Connection, ids: Iterable[int]) -> dict[int, int]:
    """Whom these messages go to as of now: contacts may have been joined while a send was on its way."""
    statement = select(outgoing.c.id, outgoing.c.contact_id).where(outgoing.c.id.in_(sorted(set(ids))))
    return {row.id: row.contact_id for row in tx.execute(statement)}


def by_refs(tx: Connection, refs: Iterable[str]) -> dict[str, Row[Any]]:
    """Outgoing messages by ref, locked in the order of their ids."""
    wanted = sorted(set(refs))
    if not wanted:
        return {}
    statement = select(outgoing).where(outgoing.c.ref.in_(wanted)).order_by(outgoing.c.id).with_for_update()
    return {row.ref: row for row in tx.execute(statement)}


def write_outcomes(tx: Connection, outcomes: Sequence[Mapping[str, Any]], *, from_states: Sequence[str]) -> list[int]:
    """Move messages to their next state, each only from one of `from_states`; returns the ids that moved.

    Each outcome holds id, state, reason, error_code, wamid, accepted_at.
    """
    if not outcomes:
        return []
    names = ("id", "state", "reason", "error_code", "wamid", "accepted_at")
    statement = text("""
        update outgoing o set state = w.state, reason = w.reason, error_code = w.error_code,
            wamid = coalesce(w.wamid, o.wamid), accepted_at = coalesce(w.accepted_at, o.accepted_at),
            settled_at = case when w.state in ('accepted', 'failed', 'skipped') then cast(:now as timestamptz) end,
            claimed_by = null, lease_until = null
        from unnest(cast(:id as bigint[]), cast(:state as text[]), cast(:reason as text[]), cast(:error_code as text[]),
            cast(:wamid as text[]), cast(:accepted_at as timestamptz[]))
            w(id, state, reason, error_code, wamid, accepted_at)
        where o.id = w.id and o.state = any(:from_states) returning o.id""")
    columns: dict[str, Any] = {name: [outcome.get(name) for outcome in outcomes] for name in names}
    columns |= {"from_states": list(from_states), "now": outcomes[0]["now"]}
    return list(tx.execute(statement, columns).scalars())


def start_sending(
    tx: Connection, worker: int, ids: Sequence[int], now: datetime, lease_until: datetime
) -> Sequence[Row[Any]]:
    """The requests for these leave now: count the attempt, and from here on a crash leaves a doubt. Returns those
    that are still ours to send - an echo of an earlier attempt may have settled one meanwhile."""
    statement = text("""
        update outgoing set state = 'sending', attempts = attempts + 1, sending_at = :now, lease_until = :lease
        where id = any(:ids) and state = 'claimed' and claimed_by = :worker returning *""")
    return tx.execute(statement, {"now": now, "lease": lease_until, "ids": list(ids), "worker": worker}).fetchall()


def plan_again(tx: Connection, ids: Sequence[int]) -> None:
    """Unknown sends that the evidence shows were never taken."""
    if ids:
        statement = text("update outgoing set state = 'planned' where id = any(:ids) and state = 'unknown'")
        tx.execute(statement, {"ids": list(ids)})


def fall_back(tx: Connection, ids: Sequence[int]) -> list[Row[Any]]:
    """Put the fallback in the place of free-form messages that have not been taken; returns the rows as they are now.
    Those without one are left alone."""
    statement = text(f"""
        update outgoing set kind = 'template', content = fallback -> 'content', body = fallback ->> 'body',
            category = fallback ->> 'category', fallback = null,
            replaced = {_REPLACED}
        where id = any(:ids) and fallback is not null and state in ('claimed', 'sending') returning *""")
    return list(tx.execute(statement, {"ids": list(ids)}).fetchall()) if ids else []


def plan_instead(tx: Connection, ids: Sequence[int], now: datetime) -> list[int]:
    """Plan the fallback of messages that the platform took and then did not deliver, its window being closed; once for
    each, however often its failure is told."""
    statement = text(f"""
        insert into outgoing (idempotency_key, lane, source, category, phone_number_id, contact_id, kind, content, body,
            planned_at, answers_message_id, reply_to, replaced)
        select 'instead:' || ref, lane, source, fallback ->> 'category', phone_number_id, contact_id, 'template',
            fallback -> 'content', fallback ->> 'body', :now, answers_message_id, reply_to, {_REPLACED}
        from outgoing where id = any(:ids) and fallback is not null order by id
        on conflict (idempotency_key) do nothing returning id""")
    return list(tx.execute(statement, {"ids": list(ids), "now": now}).scalars())


def release_held(tx: Connection, written: Sequence[tuple[int, str]], since: datetime, now: datetime) -> list[int]:
    """These people have written to these numbers of ours, so their windows are open: plan what a fallback had taken the
    place of since then; once for each."""
    statement = text("""
        insert into outgoing (idempotency_key, lane, source, category, phone_number_id, contact_id, kind, content, body,
            planned_at, answers_message_id, reply_to)
        select 'held:' || o.ref, o.lane, o.source, o.replaced ->> 'category', w.number, o.contact_id,
            o.replaced ->> 'kind', o.replaced -> 'content', o.replaced ->> 'body', :now, o.answers_message_id,
            o.reply_to
        from outgoing o join (select distinct on (contact) contact, number
            from unnest(cast(:contacts as bigint[]), cast(:numbers as text[])) w(contact, number)) w
            on w.contact = o.contact_id
        where o.replaced is not null and (o.replaced ->> 'holds')::bool and o.state = 'accepted'
          and o.planned_at > :since order by o.id
        on conflict (idempotency_key) do nothing returning id""")
    values = {"contacts": [pair[0] for pair in written], "numbers": [pair[1] for pair in written]}
    return list(tx.execute(statement, values | {"since": since, "now": now}).scalars()) if written else []


def disturb_batches(tx: Connection, ids: Sequence[int]) -> None:
    """Let the resting batches of these messages be looked at again, and open those that had seemed finished."""
    statement = text("""
        update batches set not_before = null, finished_at = null
        where id in (select batch_id from outgoing where id = any(:ids) and state = 'planned')""")
    tx.execute(statement, {"ids": list(ids)})


def give_back_attempt(tx: Connection, ids: Sequence[int]) -> None:
    """A wait is no attempt (law 8)."""
    if ids:
        tx.execute(text("update outgoing set attempts = attempts - 1 where id = any(:ids)"), {"ids": list(ids)})


def later_echo(tx: Connection, phone_number_id: str, sent_at: datetime) -> bool:
    """Whether the platform has sent statuses of any message that left this number after that moment. A message without
    wamid failed by our own account: that is no word of the platform's."""
    statement = text("""
        select exists (select 1 from outgoing o join messages m on m.outgoing_id = o.id
            where o.phone_number_id = :number and o.sending_at > :sent_at and m.wamid is not null
              and (m.sent_at is not null or m.delivered_at is not null or m.failed_at is not null))""")
    return bool(tx.execute(statement, {"number": phone_number_id, "sent_at": sent_at}).scalar_one())


def move(tx: Connection, changed: Mapping[int, tuple[str, str]]) -> None:
    """These claimed messages leave from other numbers than planned (R12), or as another category: (number, category)
    by message."""
    if not changed:
        return
    statement = text("""
        update outgoing o set phone_number_id = w.number, category = w.category
        from unnest(cast(:ids as bigint[]), cast(:numbers as text[]), cast(:categories as text[]))
            w(id, number, category)
        where o.id = w.id and o.state = 'claimed'""")
    numbers, categories = zip(*changed.values(), strict=True)
    values = {"ids": list(changed), "numbers": list(numbers), "categories": [str(one) for one in categories]}
    tx.execute(statement, values)


def unheard(tx: Connection, ids: Iterable[int]) -> set[int]:
    """Those of these messages of which an item of the inbox speaks that nobody has handled yet, or that a person was
    given: it may be the echo that settles them."""
    statement = text("""
        select o.id from outgoing o where o.id = any(:ids) and (
            exists (select 1 from inbox i where i.state in ('pending', 'claimed', 'waiting')
                    and position(o.ref in i.payload) > 0)
            or exists (select 1 from dead_letters d join inbox i on i.id = d.subject_id
                       where d.subject = 'inbox' and d.resolved_at is null and position(o.ref in i.payload) > 0))""")
    return set(tx.execute(statement, {"ids": sorted(set(ids))}).scalars())


def accepted_since(tx: Connection, phone_number_id: str, since: datetime, *, without: Sequence[int] = ()) -> int:
    """Non-promotional templates that this number has sent, or is sending, since then (R14), `without` these."""
    statement = select(func.count()).where(
        outgoing.c.phone_number_id == phone_number_id,
        outgoing.c.kind == "template",
        outgoing.c.category != "marketing",
        (outgoing.c.accepted_at > since) | outgoing.c.state.in_(["claimed", "sending"]),
        outgoing.c.id.not_in(list(without)),
    )
    return int(tx.execute(statement).scalar_one())


def replies_since(tx: Connection, contact_ids: Iterable[int], since: datetime) -> dict[int, int]:
    """Automatic replies planned for each of these contacts since then; what stops two robots from talking for ever."""
    columns = outgoing.c
    statement = select(columns.contact_id, func.count()).where(
        columns.contact_id.in_(sorted(set(contact_ids))), columns.lane == Lane.LIVE, columns.planned_at > since
    )
    return {row[0]: row[1] for row in tx.execute(statement.group_by(columns.contact_id))}


def by_key(tx: Connection, idempotency_key: str) -> Row[Any] | None:
    """The message that was planned under this key."""
    return tx.execute(select(outgoing).where(outgoing.c.idempotency_key == idempotency_key)).one_or_none()
