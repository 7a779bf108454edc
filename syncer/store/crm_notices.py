"""What a CRM has told us to look at: "record so-and-so changed", durable before it was acknowledged (law 1).

A row says "look at this again", not "apply this change": several notices in a row become one look, a repeated one does
no harm, and one that comes out of its order does none either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    select,
    text,
)

from syncer.domain.change_notice import Changed
from syncer.domain.change_notice import Kind as Kind
from syncer.store.base import claim_columns, metadata, moment, primary_key
from syncer.store.claims import Claimable

crm_notices = Table(
    "crm_notices",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # The CRM's own id of the record.
    Column("record_id", Text, nullable=False),
    # Raised by every notice; a look settles the revision it began with, so a notice during the look is looked at again.
    Column("revision", Integer, nullable=False, server_default="1"),
    moment("told_at", nullable=False),
    *claim_columns("pending"),
    UniqueConstraint("crm", "kind", "record_id"),
)
Index(
    "ix_crm_notices_ready",
    crm_notices.c.crm,
    crm_notices.c.kind,
    crm_notices.c.id,
    postgresql_where=crm_notices.c.state == "pending",
)
Index("ix_crm_notices_told", crm_notices.c.crm, crm_notices.c.kind, crm_notices.c.told_at)
Index("ix_crm_notices_held", crm_notices.c.lease_until, postgresql_where=crm_notices.c.state == "claimed")

NOTICES = Claimable(crm_notices, turn=4, order="id")


def tell(tx: Connection, crm: str, records: Iterable[Changed], now: datetime) -> int:
    """Note that these records are to be looked at; one that waits for its retry, or is being looked at, keeps its place
    and notices the new revision. Returns how many there were."""
    wanted = sorted(set(records))
    statement = text("""
        insert into crm_notices (crm, kind, record_id, told_at)
        select :crm, kind, record, cast(:now as timestamptz)
        from unnest(cast(:kinds as text[]), cast(:records as text[])) w(kind, record)
        on conflict (crm, kind, record_id) do update set revision = crm_notices.revision + 1,
            told_at = excluded.told_at,
            state = case when crm_notices.state in ('done', 'ignored') then 'pending' else crm_notices.state end""")
    values = {"crm": crm, "kinds": [str(kind) for kind, _ in wanted], "records": [record for _, record in wanted]}
    if wanted:
        tx.execute(statement, values | {"now": now})
    return len(wanted)


def waiting(tx: Connection, kind: Kind) -> list[str]:
    """The CRMs of which something of this kind is to be looked at."""
    statement = text("select distinct crm from crm_notices where state = 'pending' and kind = :kind order by crm")
    return list(tx.execute(statement, {"kind": str(kind)}).scalars())


def settle(
    tx: Connection, worker: int, claimed: Sequence[Row[tuple[object, ...]]], now: datetime, ignored: str = ""
) -> int:
    """These records were looked at, as of the revision that was claimed; `ignored` is why nothing came of it. Returns
    how many are due again."""
    statement = text("""
        update crm_notices n set claimed_by = null, lease_until = null, reason = :reason, attempts = 0,
            settled_at = :now, state = case when n.revision > c.revision then 'pending' else :ended end
        from unnest(cast(:ids as bigint[]), cast(:revisions as int[])) c(id, revision)
        where n.id = c.id and n.claimed_by = :worker and n.state = 'claimed' returning n.state""")
    values = {
        "ids": [row.id for row in claimed],
        "revisions": [row.revision for row in claimed],
        "reason": ignored or None,
        "ended": "ignored" if ignored else "done",
    }
    states = tx.execute(statement, values | {"now": now, "worker": worker}).scalars()
    return sum(state == "pending" for state in states)


def forget_settled(tx: Connection, before: datetime) -> int:
    """Delete notices that were looked at before then."""
    columns = crm_notices.c
    statement = delete(crm_notices).where(columns.settled_at < before, columns.state.in_(["done", "ignored"]))
    return tx.execute(statement).rowcount


def last_told(tx: Connection, crm: str, kind: Kind | None = None) -> datetime | None:
    """When this CRM last told us anything, or anything of this kind, as far as it is remembered."""
    statement = select(func.max(crm_notices.c.told_at)).where(crm_notices.c.crm == crm)
    if kind is not None:
        statement = statement.where(crm_notices.c.kind == kind)
    found: datetime | None = tx.execute(statement).scalar_one()
    return found
