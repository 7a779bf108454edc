"""Questions of the double opt-in (R7): who said that the customer ticked a box, what was asked, what was answered.

A question is the message that asks it; whose it is, is said there, so it follows its customer through every join.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, Row, Table, Text, insert, text

from syncer.domain.consent import Tier
from syncer.store.base import metadata, moment, primary_key

opt_ins = Table(
    "opt_ins",
    metadata,
    primary_key(),
    Column("outgoing_id", BigInteger, ForeignKey("outgoing.id", ondelete="CASCADE"), nullable=False),
    Column("tier", Text, nullable=False),
    # The first step: who says so (`api:shop`, `cli:...`), and what proves it.
    Column("asked_by", Text, nullable=False),
    Column("proof", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="asked"),
    moment("asked_at", nullable=False),
    moment("answered_at"),
    # The wamid of the answer.
    Column("answer", Text),
)
Index("ix_opt_ins_outgoing_id", opt_ins.c.outgoing_id, unique=True)


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to be written down with its message."""

    outgoing_id: int
    tier: Tier
    asked_by: str
    proof: str
    asked_at: datetime


def add(tx: Connection, asking: Asking) -> int:
    """Write a question down, in the transaction that plans its message; returns its number."""
    row = {name: getattr(asking, name) for name in ("outgoing_id", "tier", "asked_by", "proof", "asked_at")}
    return int(tx.execute(insert(opt_ins).values(row).returning(opt_ins.c.id)).scalar_one())


def waiting(tx: Connection, contact_ids: Collection[int]) -> Sequence[Row[Any]]:
    """The unanswered questions of these contacts that have left or may have: `contact_id`, `wamid` (None: not known to
    be taken), `since` when they wait, and whether they were `overtaken` by another message of ours."""
    statement = text("""
        select q.id, q.tier, q.asked_by, q.proof, o.contact_id, o.wamid, coalesce(o.accepted_at, q.asked_at) as since,
            exists (select 1 from messages m where m.contact_id = o.contact_id and m.direction = 'out'
                and m.outgoing_id is distinct from o.id and m.status is distinct from 'failed'
                and m.occurred_at >= coalesce(o.accepted_at, q.asked_at)) as overtaken
        from outgoing o join opt_ins q on q.outgoing_id = o.id
        where o.contact_id = any(:ids) and q.state = 'asked' and o.state not in ('failed', 'skipped')
        order by q.id""")
    return tx.execute(statement, {"ids": sorted(set(contact_ids))}).fetchall()


def last_asked(tx: Connection, contact_id: int, tier: Tier) -> datetime | None:
    """When this contact was last asked; a question that was never sent does not count."""
    statement = text("""
        select max(coalesce(o.accepted_at, q.asked_at)) from outgoing o join opt_ins q on q.outgoing_id = o.id
        where o.contact_id = :id and q.tier = :tier and o.state not in ('failed', 'skipped')""")
    found: datetime | None = tx.execute(statement, {"id": contact_id, "tier": tier}).scalar_one()
    return found


def settle(tx: Connection, question_id: int, state: str, answer: str, at: datetime) -> bool:
    """Write an answer down; false when the question has one already."""
    statement = text("""
        update opt_ins set state = :state, answer = :answer, answered_at = :at
        where id = :id and state = 'asked' returning id""")
    values = {"id": question_id, "state": state, "answer": answer, "at": at}
    return tx.execute(statement, values).one_or_none() is not None


def history(tx: Connection, contact_id: int) -> Sequence[Row[Any]]:
    """Every question that was ever planned for a contact, the oldest first, with `send_state` and `wamid` of its
    message."""
    statement = text("""
        select q.*, o.wamid, o.state as send_state, coalesce(o.accepted_at, q.asked_at) as since
        from outgoing o join opt_ins q on q.outgoing_id = o.id where o.contact_id = :id order by q.id""")
    return tx.execute(statement, {"id": contact_id}).fetchall()


def unconfirmed(tx: Connection, by_own_hand: Collection[str], limit: int) -> list[int]:
    """Contacts whose offers are allowed by a word that did not come through WhatsApp and who were never asked, the
    longest known first."""
    statement = text("""
        select c.id from contacts c
        where c.marketing = 'granted' and c.transactional <> 'revoked' and not c.blocked and not c.unreachable
          and c.phone is not null
          and not exists (select 1 from consents e where e.contact_id = c.id and e.tier = 'marketing' and e.explicit
              and e.word = 'granted' and split_part(e.source, ':', 1) = any(:hands))
          and not exists (select 1 from outgoing o join opt_ins q on q.outgoing_id = o.id where o.contact_id = c.id)
        order by c.id limit :limit""")
    return list(tx.execute(statement, {"hands": sorted(by_own_hand), "limit": limit}).scalars())
