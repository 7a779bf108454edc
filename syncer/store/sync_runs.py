"""Contact sync runs: one at a time per CRM, with a lease, an epoch that fences off zombies, and a cursor (R25)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    Row,
    Table,
    Text,
    case,
    desc,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from syncer.store import sync_seen
from syncer.store.base import metadata, moment, primary_key
from syncer.store.workers import LIVING

sync_runs = Table(
    "sync_runs",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="running"),
    Column("epoch", Integer, nullable=False, server_default="1"),
    Column("owner", BigInteger),
    moment("lease_until"),
    Column("cursor", Text),
    Column("counts", JSONB, nullable=False, server_default="{}"),
    # The first rows that could not be taken in: [{"crm_id": ..., "reason": ...}].
    Column("parked", JSONB, nullable=False, server_default="[]"),
    # What the run is at: its pages, those that were lost, or the rows it has not met.
    Column("stage", Text, nullable=False, server_default="pages"),
    # Pages that could not be read or written, wholly or in part (see `LostPages`).
    Column("lost", JSONB, nullable=False, server_default="[]"),
    moment("started_at", nullable=False),
    moment("finished_at"),
    Column("error", Text),
)
Index("uq_sync_runs_running", sync_runs.c.crm, unique=True, postgresql_where=sync_runs.c.state == "running")
Index("ix_sync_runs_recent", sync_runs.c.crm, sync_runs.c.started_at)


_MOST_KEPT = 100

#: A run's stages. What was lost is tried again once all pages have come; only a full run looks for what it has missed.
PAGES, LOST, MISSING = "pages", "lost", "missing"


class LostLease(Exception):
    """Another worker has taken this run over; whatever this one still wanted to write must not be written."""


@dataclass(frozen=True, slots=True)
class LostPages:
    """`pages` pages after the cursor `after` that could not be read or written, wholly or in part. `counted` of their
    rows are among those that the run has seen; `again` says that they were tried a second time."""

    after: str | None
    pages: int
    counted: int
    reason: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a run. Each takeover raises `epoch`, so a write of the previous holder finds no row."""

    run_id: int
    crm: str
    mode: str
    epoch: int
    cursor: str | None
    started_at: datetime
    counts: dict[str, int]
    stage: str
    lost: tuple[LostPages, ...]


def start(tx: Connection, crm: str, mode: str, worker: int, now: datetime, lease_seconds: float) -> Lease | None:
    """Begin a run, or take over one whose holder is dead or silent. A full run takes the place of one of changes,
    whoever is on it: it must not wait. None: a living worker is on it."""
    if mode == "full":
        _supersede(tx, crm, now)
    lease_until = now + timedelta(seconds=lease_seconds)
    statement = insert(sync_runs).values(crm=crm, mode=mode, owner=worker, lease_until=lease_until, started_at=now)
    statement = statement.on_conflict_do_nothing(index_elements=["crm"], index_where=text("state = 'running'"))
    created = tx.execute(statement.returning(sync_runs)).one_or_none()
    if created is None:
        return _take_over(tx, crm, worker, now, lease_until)
    if mode == "full":
        running = select(sync_runs.c.id).where(sync_runs.c.state == "running")
        sync_seen.forget_others(tx, tx.execute(running).scalars().all())
    sync_seen.mark(tx, created.id)
    return _lease(created)


def _supersede(tx: Connection, crm: str, now: datetime) -> None:
    statement = text("""
        update sync_runs set state = 'superseded', finished_at = :now, owner = null, lease_until = null
        where crm = :crm and state = 'running' and mode = 'changed' returning id""")
    for run_id in tx.execute(statement, {"crm": crm, "now": now}).scalars().all():
        sync_seen.forget(tx, run_id)


def _take_over(tx: Connection, crm: str, worker: int, now: datetime, lease_until: datetime) -> Lease | None:
    statement = text(f"""
        update sync_runs set owner = :worker, lease_until = :lease, epoch = epoch + 1
        where crm = :crm and state = 'running' and (lease_until < :now or owner not in ({LIVING})) returning *""")
    row = tx.execute(statement, {"worker": worker, "lease": lease_until, "crm": crm, "now": now}).one_or_none()
    return _lease(row) if row else None


def _lease(row: Row[Any]) -> Lease:
    lost = tuple(LostPages(**pages) for pages in row.lost)
    return Lease(row.id, row.crm, row.mode, row.epoch, row.cursor, row.started_at, dict(row.counts), row.stage, lost)


def advance(tx: Connection, lease: Lease, *, now: datetime, lease_seconds: float, **progress: Any) -> None:
    """Record what was done in the same transaction as its contacts: `cursor`, `counts`, `stage`, `lost`. Raises
    `LostLease`."""
    if "lost" in progress:
        progress["lost"] = [asdict(pages) for pages in progress["lost"]]
    _write(tx, lease, **progress, lease_until=now + timedelta(seconds=lease_seconds))


def rest(tx: Connection, lease: Lease, *, cursor: str | None, counts: dict[str, int], until: datetime) -> None:
    """Let go of a run until a moment; whoever starts a sync of this CRM afterwards goes on from the cursor. Raises
    `LostLease`."""
    _write(tx, lease, cursor=cursor, counts=counts, owner=None, lease_until=until)


def park(tx: Connection, lease: Lease, rows: Sequence[tuple[str, str]]) -> None:
    """Remember (row, reason) of what could not be taken in; a run keeps the first hundred. Raises `LostLease`."""
    if rows:
        more = [{"crm_id": crm_id, "reason": reason} for crm_id, reason in rows[:_MOST_KEPT]]
        kept = case((func.jsonb_array_length(sync_runs.c.parked) < _MOST_KEPT, sync_runs.c.parked.concat(more)))
        _write(tx, lease, parked=func.coalesce(kept, sync_runs.c.parked))


def finish(tx: Connection, lease: Lease, *, counts: dict[str, int], now: datetime, error: str | None = None) -> None:
    """End the run, well or with the error that stopped it, and forget what it has seen. Raises `LostLease`."""
    state = "failed" if error else "done"
    _write(tx, lease, state=state, counts=counts, finished_at=now, error=error, owner=None, lease_until=None)
    sync_seen.forget(tx, lease.run_id)


def _write(tx: Connection, lease: Lease, **values: object) -> None:
    mine = (sync_runs.c.id == lease.run_id, sync_runs.c.epoch == lease.epoch, sync_runs.c.state == "running")
    if tx.execute(update(sync_runs).where(*mine).values(**values)).rowcount != 1:
        raise LostLease(f"sync run {lease.run_id} was taken over")


def last(tx: Connection, crm: str, *, state: str | None = None, mode: str | None = None) -> Row[Any] | None:
    """The most recent run of a CRM, if any (of that state, in that mode)."""
    wanted = [sync_runs.c.crm == crm]
    wanted += [sync_runs.c.state == state] if state else []
    wanted += [sync_runs.c.mode == mode] if mode else []
    statement = select(sync_runs).where(*wanted).order_by(desc(sync_runs.c.started_at), desc(sync_runs.c.id)).limit(1)
    return tx.execute(statement).one_or_none()


def interrupted(tx: Connection, now: datetime) -> list[str]:
    """CRMs whose running sync has lost its worker."""
    statement = text(f"""
        select crm from sync_runs where state = 'running' and (lease_until < :now or owner not in ({LIVING}))""")
    return list(tx.execute(statement, {"now": now}).scalars())
