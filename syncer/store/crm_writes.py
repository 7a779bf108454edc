"""What a CRM still has to be told. A row says "make your record of this the same as ours", not "apply this change":
several changes in a row become one write, and a repeated write does no harm (R23, R24)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Row, Table, Text, UniqueConstraint, text

from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

#: Not a CRM: whoever subscribed to hooks (`store.hooks`).
HOOKS = "hooks"


class Topic(StrEnum):
    """What a write is about; `subject_id` is the number of a contact, of an agent's reply, of a message or of a
    handoff."""

    CONTACT = "contact"
    REPLY = "reply"
    MESSAGE = "message"
    HANDOFF = "handoff"


crm_writes = Table(
    "crm_writes",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("contact_id", BigInteger, nullable=False),
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

WRITES = Claimable(crm_writes, turn=3, order="id", order_key=("crm", "contact_id"))


@dataclass(frozen=True, slots=True)
class Want:
    """One thing a CRM has to know."""

    topic: Topic
    subject_id: int
    contact_id: int


def request(tx: Connection, crms: Iterable[str], wants: Sequence[Want], now: datetime) -> None:
    """Ask for writes to every CRM; for a subject already written, ask again. One that waits for its retry or is held by
    a worker keeps its place and notices the new revision."""
    unique = {(want.topic, want.subject_id): want for want in wants}
    rows = sorted(unique.values(), key=lambda want: (want.contact_id, want.topic, want.subject_id))
    statement = text("""
        insert into crm_writes (crm, topic, subject_id, contact_id, requested_at)
        select :crm, topic, subject, contact, cast(:now as timestamptz)
        from unnest(cast(:topics as text[]), cast(:subjects as bigint[]), cast(:contacts as bigint[]))
            with ordinality w(topic, subject, contact, position) order by position
        on conflict (crm, topic, subject_id) do update set revision = crm_writes.revision + 1,
            requested_at = excluded.requested_at,
            state = case when crm_writes.state in ('done', 'ignored') then 'pending' else crm_writes.state end""")
    values = {
        "topics": [str(want.topic) for want in rows],
        "subjects": [want.subject_id for want in rows],
        "contacts": [want.contact_id for want in rows],
        "now": now,
    }
    for crm in crms if rows else ():
        tx.execute(statement, values | {"crm": crm})


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
