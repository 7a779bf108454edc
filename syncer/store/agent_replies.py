"""Messages that the company's people wrote in a CRM, and which of ours each became (R22).

The row is written in the transaction that plans the message, so that one record is one message for ever; then the
CRM's record is told (`Topic.REPLY` of `crm_writes`), before anything else is written about that message."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Row,
    Table,
    Text,
    UniqueConstraint,
    exists,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from syncer.store.base import metadata, moment, primary_key

agent_replies = Table(
    "agent_replies",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    # The CRM's own id of the record in which it was written.
    Column("record_id", Text, nullable=False),
    # None where it is to nobody that we know how to write to.
    Column("contact_id", BigInteger, ForeignKey("contacts.id")),
    Column("outgoing_id", BigInteger, ForeignKey("outgoing.id")),
    # As the message is known in the CRM from now on; of one that never leaves, a name of its own.
    Column("ref", Text, nullable=False),
    Column("error", Text),
    Column("author", Text),
    moment("written_at"),
    moment("planned_at", nullable=False),
    UniqueConstraint("crm", "record_id"),
)
Index("ix_agent_replies_outgoing", agent_replies.c.outgoing_id)
Index("ix_agent_replies_contact", agent_replies.c.contact_id)


def known(tx: Connection, crm: str, record_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Those of these records that were taken already, by their ids."""
    statement = select(agent_replies).where(
        agent_replies.c.crm == crm, agent_replies.c.record_id.in_(sorted(set(record_ids)))
    )
    return {row.record_id: row for row in tx.execute(statement)}


def written_in(tx: Connection, crm: str, outgoing_ids: Collection[int]) -> set[int]:
    """Which of these messages of ours (by the number of the outgoing one) were written in this CRM."""
    if not outgoing_ids:
        return set()
    column = agent_replies.c.outgoing_id
    found = select(column).where(agent_replies.c.crm == crm, column.in_(sorted(set(outgoing_ids))))
    return set(tx.execute(found).scalars())


def add(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> list[Row[Any]]:
    """Note what became of these records; one that is noted already is left alone. Returns the new rows."""
    if not rows:
        return []
    statement = insert(agent_replies).on_conflict_do_nothing(index_elements=["crm", "record_id"])
    return list(tx.execute(statement.returning(agent_replies), list(rows)).fetchall())


def by_ids(tx: Connection, ids: Iterable[int]) -> dict[int, Row[Any]]:
    """Rows by number."""
    return {row.id: row for row in tx.execute(select(agent_replies).where(agent_replies.c.id.in_(sorted(set(ids)))))}


def fail(tx: Connection, errors: Mapping[int, str]) -> list[Row[Any]]:
    """These messages of ours (by the number of the outgoing one) will not leave after all; returns the rows of those
    that an agent wrote."""
    if not errors:
        return []
    statement = text("""
        update agent_replies r set error = w.error
        from unnest(cast(:ids as bigint[]), cast(:errors as text[])) w(id, error)
        where r.outgoing_id = w.id returning r.*""")
    return list(tx.execute(statement, {"ids": list(errors), "errors": list(errors.values())}).fetchall())


def revive(tx: Connection, outgoing_ids: Sequence[int]) -> None:
    """These messages of ours had seemed to fail, and have left after all."""
    if outgoing_ids:
        change = text("update agent_replies set error = null where outgoing_id = any(:ids) and error is not null")
        tx.execute(change, {"ids": list(outgoing_ids)})


def told_before(tx: Connection, ids: Iterable[int], before: datetime) -> list[Row[Any]]:
    """Those of which their CRM was told for the last time before that moment, and of which nothing waits to be told."""
    statement = text("""
        select r.* from agent_replies r join crm_writes w
            on w.crm = r.crm and w.topic = 'reply' and w.subject_id = r.id
        where r.id = any(:ids) and w.state in ('done', 'ignored') and w.settled_at < :before order by r.id""")
    return list(tx.execute(statement, {"ids": sorted(set(ids)), "before": before}).fetchall())


#: When each CRM was asked last for what its people wrote, whichever worker did.
reply_polls = Table(
    "reply_polls",
    metadata,
    Column("crm", Text, primary_key=True),
    moment("next_at", nullable=False),
)


def is_time_to_ask(tx: Connection, crm: str, now: datetime) -> bool:
    """Whether the last question lies long enough ago. Only looks."""
    waits = exists().where(reply_polls.c.crm == crm, reply_polls.c.next_at > now)
    return not tx.execute(select(waits)).scalar_one()


def my_turn_to_ask(tx: Connection, crm: str, now: datetime, next_at: datetime) -> bool:
    """Whether it is time to ask and nobody else does: of all workers one asks, once in an interval."""
    statement = text("""
        insert into reply_polls (crm, next_at) values (:crm, :next_at) on conflict (crm) do update
        set next_at = excluded.next_at where reply_polls.next_at <= :now""")
    return tx.execute(statement, {"crm": crm, "now": now, "next_at": next_at}).rowcount == 1


def ask_again(tx: Connection, crm: str, now: datetime) -> None:
    """Whoever looks next may ask this CRM."""
    tx.execute(text("update reply_polls set next_at = :now where crm = :crm"), {"crm": crm, "now": now})
