"""Joins: two contacts that turned out to be one person, and the way back (X3, R5).

Everything that hangs on the one moves to the other in the caller's transaction. The journal keeps what both looked like
and which rows moved, so that a join can be undone at any time; what came afterwards stays with the contact that was
kept.

Locks: the turn of the contact sync, identities, outgoing, messages, conversations, contacts by id - identities before
everything, as conversations take them, and outgoing before messages, as statuses do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from syncer.domain.consent import Tier
from syncer.store import crm_writes
from syncer.store.base import metadata, moment, primary_key
from syncer.store.bulk import document
from syncer.store.contact_neighbours import PLACING
from syncer.store.crm_writes import HOOKS, Topic, Want
from syncer.store.weighing import holding

#: `moved` names by table the keys of the rows that came from the absorbed contact; `kept` and `absorbed` are the two
#: contacts before, `after` is the kept one right afterwards, so that an undo takes back the join and nothing else.
contact_joins = Table(
    "contact_joins",
    metadata,
    primary_key(),
    Column("kept_id", BigInteger, nullable=False),
    Column("absorbed_id", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("kept", JSONB, nullable=False),
    Column("after", JSONB, nullable=False),
    Column("absorbed", JSONB, nullable=False),
    Column("moved", JSONB, nullable=False),
    # By number: `absorbed`, and where both had one, `kept` and `after` too.
    Column("conversations", JSONB, nullable=False),
    moment("joined_at", nullable=False),
    moment("undone_at"),
    # Who did it and who undid it, where that was a person.
    Column("by", Text),
    Column("undone_by", Text),
)
Index("ix_contact_joins_kept", contact_joins.c.kept_id)
Index("ix_contact_joins_absorbed", contact_joins.c.absorbed_id)

#: The tables whose rows follow their contact, by their key. Of CRM writes those about a contact itself stay: they find
#: nobody and end. `reached` and `conversations` are treated by themselves.
FOLLOWING: Mapping[str, tuple[str, ...]] = {
    "identities": ("kind", "value"),
    "former_identities": ("id",),
    "outgoing": ("id",),
    "agent_replies": ("id",),
    "messages": ("id",),
    "handoffs": ("id",),
    "media": ("id",),
    "contact_sources": ("crm", "crm_id"),
    "contact_conflicts": ("id",),
    "departed_sources": ("id",),
    "merges": ("id",),
    "consents": ("id",),
    "crm_writes": ("id",),
    "hook_deliveries": ("id",),
}
_EXCEPT = {"crm_writes": "topic <> 'contact'"}


def take_turn(tx: Connection) -> None:
    """Wait until no page of a contact sync is being placed and nobody else joins; the turn ends with the transaction.
    Unlike the sync's own turn it leaves the commit durable."""
    tx.execute(text("select pg_advisory_xact_lock(:cls, 0)"), {"cls": PLACING})


def choose(tx: Connection, ids: Collection[int]) -> list[int]:
    """These contacts, the one to keep first: one that a CRM knows, then the oldest. Missing ones are left out."""
    statement = text("""
        select id from contacts c where id = any(:ids)
        order by exists (select 1 from contact_sources where contact_id = c.id) desc, created_at, id""")
    return list(tx.execute(statement, {"ids": sorted(ids)}).scalars())


def were_separated(tx: Connection, one: int, other: int) -> bool:
    """Whether a join of these two was undone: what somebody has taken apart is not put together by itself again."""
    statement = text("""
        select exists (select 1 from contact_joins where undone_at is not null
            and (kept_id, absorbed_id) in ((:one, :other), (:other, :one)))""")
    return bool(tx.execute(statement, {"one": one, "other": other}).scalar_one())


def survivors(tx: Connection, ids: Iterable[int]) -> dict[int, int]:
    """Where the contacts among these that were absorbed are today; the others are absent."""
    statement = text("""
        with recursive way as (
            select absorbed_id as start, kept_id as id from contact_joins
            where absorbed_id = any(:ids) and undone_at is null
            union all
            select w.start, j.kept_id from way w join contact_joins j on j.absorbed_id = w.id and j.undone_at is null)
        select start, id from way where exists (select 1 from contacts c where c.id = way.id)""")
    return {row.start: row.id for row in tx.execute(statement, {"ids": sorted(set(ids))})}


def join(tx: Connection, keep: int, absorb: int, key: str, now: datetime) -> int:
    """Make two contacts one, after `take_turn`; returns the number of the join. `key` says what proves it, for people
    to read. Raises `LookupError` unless both are there."""
    before = _lock(tx, keep, absorb)
    told = _told_crms(tx, keep, absorb)
    opened = _join_conversations(tx, keep, absorb)
    moved = {table: _move(tx, table, keep, absorb) for table in FOLLOWING}
    moved["refusals"] = _repeat_refusals(tx, keep, before, now)
    after = _fill(tx, keep, before[absorb], now)
    _follow_reach(tx, keep, absorb)
    _cancel_doubles(tx, keep, moved["outgoing"], now)
    tx.execute(text("delete from contacts where id = :id"), {"id": absorb})
    crm_writes.request(tx, told, [Want(Topic.CONTACT, keep, keep)], now)
    statement = text("""
        insert into contact_joins (kept_id, absorbed_id, key, kept, after, absorbed, moved, conversations, joined_at)
        values (:keep, :absorb, :key, cast(:kept as jsonb), cast(:after as jsonb), cast(:absorbed as jsonb),
            cast(:moved as jsonb), cast(:opened as jsonb), :now) returning id""")
    values: dict[str, Any] = {"kept": before[keep], "after": after, "absorbed": before[absorb]}
    values |= {"moved": moved, "opened": opened}
    documents = {name: document(value) for name, value in values.items()}
    return int(tx.execute(statement, documents | {"keep": keep, "absorb": absorb, "key": key, "now": now}).scalar_one())


def _lock(tx: Connection, keep: int, absorb: int) -> dict[int, dict[str, Any]]:
    ids = {"ids": [keep, absorb]}
    moving = {"ids": [absorb]}
    for table, order, whose in (
        ("identities", "kind, value", ids),
        ("outgoing", "id", moving),
        ("messages", "id", moving),
        ("conversations", "id", ids),
    ):
        tx.execute(text(f"select 1 from {table} where contact_id = any(:ids) order by {order} for update"), whose)
    rows = tx.execute(text("select id, to_jsonb(c) from contacts c where id = any(:ids) order by id for update"), ids)
    found: dict[int, dict[str, Any]] = {row[0]: row[1] for row in rows}
    if keep == absorb or len(found) != 2:
        raise LookupError(f"contacts {keep} and {absorb} cannot be joined")
    return found


def _told_crms(tx: Connection, keep: int, absorb: int) -> list[str]:
    statement = text("""
        select distinct crm from crm_writes where contact_id = any(:ids) and crm <> :hooks order by crm""")
    return [*tx.execute(statement, {"ids": [keep, absorb], "hooks": HOOKS}).scalars(), HOOKS]


def _move(tx: Connection, table: str, keep: int, absorb: int) -> list[Any]:
    keys = FOLLOWING[table]
    statement = text(f"""
        update {table} set contact_id = :keep where contact_id = :absorb and {_EXCEPT.get(table, "true")}
        returning {", ".join(keys)}""")
    rows = tx.execute(statement, {"keep": keep, "absorb": absorb}).fetchall()
    return [row[0] if len(keys) == 1 else list(row) for row in rows]


def _join_conversations(tx: Connection, keep: int, absorb: int) -> dict[str, Any]:
    """A number's two conversations become one: the longer window, and what was unattended in either."""
    statement = text(
        "select contact_id, phone_number_id, to_jsonb(c) from conversations c where contact_id = any(:ids)"
    )
    rows = tx.execute(statement, {"ids": [keep, absorb]}).fetchall()
    ours = {row.phone_number_id: row[2] for row in rows if row.contact_id == keep}
    theirs = {row.phone_number_id: row[2] for row in rows if row.contact_id == absorb}
    opened: dict[str, Any] = {}
    for number, absorbed in theirs.items():
        opened[number] = {"absorbed": absorbed}
        if number in ours:
            after = _combine(tx, ours[number]["id"], absorbed["id"])
            opened[number] |= {"kept": ours[number], "after": after}
    tx.execute(
        text("update conversations set contact_id = :keep where contact_id = :absorb"),
        {"keep": keep, "absorb": absorb},
    )
    return opened


def _combine(tx: Connection, keep: int, absorb: int) -> dict[str, Any]:
    ids = {"keep": keep, "absorb": absorb}
    statement = text("""
        update conversations k set opened_at = least(k.opened_at, a.opened_at),
            last_inbound_at = greatest(k.last_inbound_at, a.last_inbound_at),
            window_until = greatest(k.window_until, a.window_until),
            unattended = k.unattended + a.unattended, handed_over_at = greatest(k.handed_over_at, a.handed_over_at)
        from conversations a where k.id = :keep and a.id = :absorb returning to_jsonb(k)""")
    after: dict[str, Any] = tx.execute(statement, ids).scalar_one()
    for table in ("messages", "handoffs"):
        tx.execute(text(f"update {table} set conversation_id = :keep where conversation_id = :absorb"), ids)
    tx.execute(text("delete from conversations where id = :absorb"), ids)
    return after


def _repeat_refusals(tx: Connection, keep: int, before: Mapping[int, Mapping[str, Any]], now: datetime) -> list[int]:
    """Where no word is the customer's own and the CRMs' words differ, the refusal counts, as it does among the rows of
    one person: it is entered once more, so that it is the latest."""
    tiers = [
        tier
        for tier in ("transactional", "marketing")
        if {contact[tier] for contact in before.values()} == {"granted", "revoked"}
    ]
    statement = text("""
        insert into consents (contact_id, tier, word, at, source, proof, explicit, recorded_at)
        select distinct on (c.tier) c.contact_id, c.tier, c.word,
            (select greatest(:now, max(at)) from consents l where l.contact_id = :keep and l.tier = c.tier),
            c.source, c.proof, false, :now
        from consents c
        where c.contact_id = :keep and c.tier = any(:tiers) and c.word = 'revoked' and not exists (
            select 1 from consents e where e.contact_id = :keep and e.tier = c.tier and e.explicit)
        order by c.tier, c.at desc, c.id desc returning id""")
    return list(tx.execute(statement, {"keep": keep, "tiers": tiers, "now": now}).scalars()) if tiers else []


#: The ledger's present word, as `consents.current` has it.
WORDS = ", ".join(f"{tier} = coalesce({holding(tier, 'k.id')}, 'unknown')" for tier in Tier)


def _fill(tx: Connection, keep: int, absorbed: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What the kept contact did not know is taken from the other; tags and a block hold for both."""
    statement = text(f"""
        update contacts k set full_name = coalesce(nullif(k.full_name, ''), a.full_name),
            phone = coalesce(k.phone, a.phone),
            phone_problem = case when coalesce(k.phone, a.phone) is null then k.phone_problem end,
            email = coalesce(k.email, a.email), language = coalesce(k.language, a.language),
            tags = array(select distinct unnest(k.tags || a.tags) order by 1),
            attributes = a.attributes || k.attributes, edits = a.edits || k.edits,
            blocked = k.blocked or a.blocked, unreachable = k.unreachable and a.unreachable,
            created_at = least(k.created_at, a.created_at), revision = k.revision + 1, updated_at = :now, {WORDS}
        from jsonb_populate_record(null::contacts, cast(:absorbed as jsonb)) a
        where k.id = :keep returning to_jsonb(k)""")
    after: dict[str, Any] = tx.execute(
        statement, {"keep": keep, "absorbed": document(absorbed), "now": now}
    ).scalar_one()
    return after


def _follow_reach(tx: Connection, keep: int, absorb: int) -> None:
    """Whoever was reached as the one was reached as the other; the absorbed one's count stands until tomorrow."""
    statement = text("""
        insert into reached (contact_id, reached_at) select :keep, reached_at from reached where contact_id = :absorb
        on conflict (contact_id) do update set reached_at = greatest(reached.reached_at, excluded.reached_at)""")
    tx.execute(statement, {"keep": keep, "absorb": absorb})


def _cancel_doubles(tx: Connection, keep: int, moved: Collection[int], now: datetime) -> None:
    """One campaign writes to one person once, also where it had planned for both."""
    statement = text("""
        update outgoing o set state = 'skipped', reason = 'the same person gets it already', settled_at = :now
        where o.id = any(:moved) and o.state = 'planned' and exists (
            select 1 from outgoing k where k.contact_id = :keep and k.campaign_id = o.campaign_id
              and not k.id = any(:moved) and k.state not in ('failed', 'skipped'))""")
    tx.execute(statement, {"keep": keep, "moved": list(moved), "now": now})
