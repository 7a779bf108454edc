"""What a CRM still has to be told. A row says "make your record of this the same as ours", not "apply this change":
several changes in a row become one write, and a repeated write does no harm (R23, R24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Row, Table, Text, UniqueConstraint, and_, text

from syncer.store import claims
from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

#: Not a CRM: whoever subscribed to hooks (`store.hooks`).
HOOKS = "hooks"


class Topic(StrEnum):
    """What a write is about, in the order in which a CRM is told; `subject_id` is the number of a contact, of an
    agent's reply, of a message or of a handoff."""

    CONTACT = "contact"
    REPLY = "reply"
    MESSAGE = "message"
    HANDOFF = "handoff"


_PLACES = {topic: place for place, topic in enumerate(Topic)}


class Line(StrEnum):
    """What of one person waits for what: rows of a line are told one after the other. A message needs its contact to be
    there; what changes about a contact that the CRM has already, or a handoff of it, keeps no message waiting."""

    PERSON = "person"
    CONTACT = "contact"


class Lane(StrEnum):
    """Which rows are claimed together. Messages are many and take a request or two. What changes about known contacts
    takes several, and nobody waits for it. A stranger's contact takes several too, and their messages wait for it."""

    MESSAGES = "messages"
    CONTACTS = "contacts"
    STRANGERS = "strangers"


crm_writes = Table(
    "crm_writes",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
    # Chosen when the row is asked for, by whether the CRM knows the contact then.
    Column("line", Text, nullable=False, server_default=Line.PERSON.value),
    # Raised by every change; a write settles the revision it read, so a change during the write is written again.
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("written_revision", Integer, nullable=False, server_default="0"),
    moment("requested_at", nullable=False),
    moment("first_written_at"),
    *claim_columns("pending"),
    UniqueConstraint("crm", "topic", "subject_id"),
)
Index("ix_crm_writes_ready", crm_writes.c.crm, crm_writes.c.id, postgresql_where=crm_writes.c.state == "pending")
Index(
    "ix_crm_writes_line",
    crm_writes.c.contact_id,
    postgresql_where=crm_writes.c.state.in_(["pending", "claimed", "waiting"]),
)
# Whose contact is to be told, which is what parts the lanes.
Index(
    "ix_crm_writes_people",
    crm_writes.c.crm,
    crm_writes.c.contact_id,
    postgresql_where=and_(crm_writes.c.state == "pending", crm_writes.c.topic == "contact"),
)
Index(
    "ix_crm_writes_contacts",
    crm_writes.c.crm,
    crm_writes.c.id,
    postgresql_where=and_(crm_writes.c.state == "pending", crm_writes.c.line == "contact"),
)

WRITES = Claimable(crm_writes, turn=3, order="id", order_key=("crm", "contact_id", "line"))


@dataclass(frozen=True, slots=True)
class Want:
    """One thing a CRM has to know."""

    topic: Topic
    subject_id: int
    contact_id: int


def request(tx: Connection, crms: Iterable[str], wants: Sequence[Want], now: datetime) -> None:
    """Ask for writes to every CRM; for a subject already written, ask again. One that waits for its retry or is held by
    a worker keeps its place and notices the new revision. Subscribers of hooks are asked for where there are any."""
    unique = {(want.topic, want.subject_id): want for want in wants}
    # In the order of the topics, which is that of their ids from now on: a message never stands before its contact or
    # before the reply that it came from.
    rows = sorted(unique.values(), key=lambda want: (want.contact_id, _PLACES[want.topic], want.subject_id))
    values = {
        "topics": [str(want.topic) for want in rows],
        "subjects": [want.subject_id for want in rows],
        "contacts": [want.contact_id for want in rows],
        "now": now,
    }
    for crm in crms if rows else ():
        tx.execute(_FOR_SUBSCRIBERS if crm == HOOKS else _FOR_ALL, values | {"crm": crm})


_REQUEST = """
    insert into crm_writes (crm, topic, subject_id, contact_id, requested_at, line)
    select :crm, topic, subject, contact, cast(:now as timestamptz), {line}
    from unnest(cast(:topics as text[]), cast(:subjects as bigint[]), cast(:contacts as bigint[]))
        with ordinality w(topic, subject, contact, position)
    where {whom} order by position
    on conflict (crm, topic, subject_id) do update set revision = crm_writes.revision + 1,
        requested_at = excluded.requested_at,
        line = case when crm_writes.state in ('done', 'ignored') then excluded.line else crm_writes.line end,
        state = case when crm_writes.state in ('done', 'ignored') then 'pending' else crm_writes.state end"""
_LINE = """case when topic in ('contact', 'handoff')
        and exists (select 1 from contact_sources s where s.crm = :crm and s.contact_id = contact)
    then 'contact' else 'person' end"""
_FOR_ALL = text(_REQUEST.format(whom="true", line=_LINE))
_SOMEBODY_LISTENS = "topic in (select s.topic from hook_subscriptions s where s.state = 'active')"
_FOR_SUBSCRIBERS = text(_REQUEST.format(whom=_SOMEBODY_LISTENS, line="'person'"))

_AFTER_CONTACT = """r.line = 'person' and {negated} exists (
    select 1 from crm_writes c where c.crm = r.crm and c.contact_id = r.contact_id
    and c.topic = 'contact' and c.line = 'person' and c.state = 'pending' {fence})"""
_LANES = {
    # Fenced: row by row in their order until there are enough. As a join it is computed for all that wait: with 100,000
    # of them 400 ms instead of 10.
    Lane.MESSAGES: f"r.crm = :crm and {_AFTER_CONTACT.format(negated='not', fence='offset 0')}",
    Lane.CONTACTS: "r.crm = :crm and r.line = 'contact'",
    Lane.STRANGERS: f"r.crm = :crm and {_AFTER_CONTACT.format(negated='', fence='')}",
    None: "r.crm = :crm",
}


def claim(
    tx: Connection, worker: int, crm: str, lane: Lane | None, *, now: datetime, lease_seconds: float, limit: int
) -> Sequence[Row[Any]]:
    """Take up to `limit` rows of one CRM for `worker`, of one lane or of all. All that stands in one line is in
    one lane, so its order is kept."""
    return claims.claim(
        tx, WRITES, worker, now=now, lease_seconds=lease_seconds, limit=limit, where=_LANES[lane], values={"crm": crm}
    )


def settle_written(tx: Connection, worker: int, claimed: Sequence[Row[tuple[object, ...]]], now: datetime) -> int:
    """These rows are in the CRM now, as of the revision that was read when they were claimed; returns how many of them
    changed meanwhile and are due again."""
    statement = text("""
        update crm_writes w set written_revision = c.revision, claimed_by = null, lease_until = null, reason = null,
            settled_at = :now, first_written_at = coalesce(w.first_written_at, cast(:now as timestamptz)), attempts = 0,
            state = case when w.revision > c.revision then 'pending' else 'done' end
        from unnest(cast(:ids as bigint[]), cast(:revisions as int[])) c(id, revision)
        where w.id = c.id and w.claimed_by = :worker and w.state = 'claimed' returning w.state""")
    values = {"ids": [row.id for row in claimed], "revisions": [row.revision for row in claimed]}
    states = tx.execute(statement, values | {"now": now, "worker": worker}).scalars()
    return sum(state == "pending" for state in states)


def pending(tx: Connection) -> list[str]:
    """CRMs that have something to be told now."""
    return list(tx.execute(text("select distinct crm from crm_writes where state = 'pending'")).scalars())
