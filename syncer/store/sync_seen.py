"""The rows that a contact sync has seen: what is new among them, and at its end which known rows it has not met (R25).

Rows are written by COPY and compared where they lie, so that of a million unchanged rows none comes back. The table is
unlogged: a crash of PostgreSQL, or a change to its replica, leaves it empty. A run's first line is a mark; a run whose
mark is missing proves nothing about what it has not seen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, Table, Text, text

from syncer.domain.crm_record import RawRow
from syncer.store.base import metadata
from syncer.store.bulk import copy

sync_seen = Table(
    "sync_seen",
    metadata,
    Column("run_id", BigInteger, nullable=False),
    # Rows that were staged together; the mark is in none.
    Column("batch", BigInteger),
    Column("crm_id", Text),
    Column("digest", LargeBinary),
    prefixes=["UNLOGGED"],
)
# By which a batch is found among millions of rows. One by id would cost a first sync more than it ever gives back.
Index("ix_sync_seen_batch", sync_seen.c.run_id, sync_seen.c.batch)


def mark(tx: Connection, run_id: int) -> None:
    """A run begins."""
    tx.execute(text("insert into sync_seen (run_id) values (:run)"), {"run": run_id})


def stage(tx: Connection, run_id: int, batch: int, crm: str, rows: Sequence[RawRow]) -> list[str]:
    """Note rows as seen; returns the ids of those that are unknown or not as they were stored. `batch` is a number that
    this run has not used yet."""
    copy(tx, "sync_seen", ("run_id", "batch", "crm_id", "digest"), ((run_id, batch, row[0], row[1]) for row in rows))
    # One look into the key of each: a plan made for a table that was empty a moment ago must not read it whole.
    statement = text("""
        select s.crm_id from sync_seen s
        where s.run_id = :run and s.batch = :batch and s.digest is distinct from (
            select k.digest from contact_sources k where k.crm = :crm and k.crm_id = s.crm_id)""")
    return list(tx.execute(statement, {"run": run_id, "batch": batch, "crm": crm}).scalars())


def note(tx: Connection, run_id: int, crm_ids: Sequence[str]) -> None:
    """These rows are there, though no page has shown them."""
    copy(tx, "sync_seen", ("run_id", "crm_id"), ((run_id, crm_id) for crm_id in crm_ids))


def is_whole(tx: Connection, run_id: int, seen: int) -> bool:
    """Whether everything that this run has seen is still here; it counted `seen` rows."""
    statement = text("""
        select count(*) filter (where crm_id is null) = 1 and count(crm_id) >= :seen
        from sync_seen where run_id = :run""")
    return bool(tx.execute(statement, {"run": run_id, "seen": seen}).scalar_one())


def unseen(tx: Connection, run_id: int, crm: str) -> int:
    """How many known rows of a CRM this run has not met."""
    _plan_for_many(tx)
    return int(tx.execute(text(f"select count(*) {_UNSEEN}"), {"run": run_id, "crm": crm}).scalar_one())


def unseen_ids(tx: Connection, run_id: int, crm: str, *, sample: int | None = None) -> list[str]:
    """Their ids, in order; or of a `sample` of them, drawn evenly."""
    _plan_for_many(tx)
    order = "k.crm_id" if sample is None else "md5(k.crm_id)"
    statement = text(f"select k.crm_id {_UNSEEN} order by {order} limit :most")
    return list(tx.execute(statement, {"run": run_id, "crm": crm, "most": sample}).scalars())


_UNSEEN = """
    from contact_sources k where k.crm = :crm and not exists (
        select 1 from sync_seen s where s.run_id = :run and s.crm_id = k.crm_id)"""


def _plan_for_many(tx: Connection) -> None:
    """Until autovacuum has looked at a table its size is guessed at, and a guess of a few rows would compare each row
    with each."""
    tx.execute(text("select set_config('enable_nestloop', 'off', true), set_config('work_mem', '64MB', true)"))


def forget(tx: Connection, run_id: int) -> None:
    """The run is over."""
    tx.execute(text("delete from sync_seen where run_id = :run"), {"run": run_id})


def forget_others(tx: Connection, living: Collection[int]) -> None:
    """What is left of runs that are over: a worker that had lost its run may have staged one batch too many."""
    tx.execute(text("delete from sync_seen where run_id <> all(:living)"), {"living": sorted(living)})
