"""`contacts_first` and `contacts_again`: a dirty customer table read for the first time, and read again unchanged
(R25).

Ours is the whole of movement 1, from the company's table to merged contacts with their ledger. Plain is the loop that
most integrations are: find the row by its id, insert or update it, commit - no cleaning, no merging, no consent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any

from sqlalchemy import Column, Connection, Engine, MetaData, Table, create_engine, select, text

from benchmarks.frame import Result, percentile, rounds
from config.files import load_mapping
from config.settings import PACKAGED_FILES, load
from syncer.acceptance import customers
from syncer.acceptance.customer_tables import customers as source
from syncer.clock import SystemClock
from syncer.crm.sql.adapter import SqlCRM
from syncer.embedded.servers import acquire, create_database
from syncer.flows.contacts.sync import ContactSync
from syncer.store import schema
from syncer.store.session import Store, open_engine
from syncer.store.workers import WorkerSession

PAGE = 1000
#: The plain way is slow and steady, so a part of the rows tells its speed.
SLICE = 1000

_target = Table(
    "plain_contacts",
    MetaData(),
    *(Column(column.name, column.type, primary_key=column.primary_key) for column in source.columns),
)


@dataclass(frozen=True)
class _Bench:
    """A company's database with `size` customers, and an engine beside it."""

    company: Engine
    store: Store
    sync: ContactSync
    worker: int
    size: int

    def empty(self) -> None:
        """As on the first day."""
        with self.store.begin() as tx:
            tx.execute(text("truncate contacts, identities, contact_sources, merges, consents, sync_runs cascade"))
            _target.drop(tx, checkfirst=True)
            _target.create(tx)

    def first(self) -> float:
        """Rows per second of a first sync."""
        self.empty()
        return self.again()

    def again(self) -> float:
        """Rows per second of a sync of what is there now."""
        started = time.perf_counter()
        outcome = self.sync.run("sql", self.worker)
        assert outcome.seen == self.size, outcome
        return self.size / (time.perf_counter() - started)

    def rows(self) -> list[dict[str, Any]]:
        """The company's customers, read before any clock runs."""
        with self.company.connect() as connection:
            return [dict(row) for row in connection.execute(select(source)).mappings()]

    def pages(self) -> list[float]:
        """Milliseconds to read each page of the company's table, and to do nothing with it."""
        times: list[float] = []
        last, ordered = 0, select(source).order_by(source.c.customer_id).limit(PAGE)
        while True:
            started = time.perf_counter()
            with self.company.connect() as connection:
                rows = connection.execute(ordered.where(source.c.customer_id > last)).fetchall()
            if not rows:
                return times
            times.append((time.perf_counter() - started) * 1000)
            last = rows[-1].customer_id


@contextmanager
def _bench(size: int) -> Iterator[_Bench]:
    with acquire(load().home / "bench", redis=False) as servers, ExitStack() as stack:
        company = create_engine(create_database(servers, "contacts_company"))
        stack.callback(company.dispose)
        customers.rebuild(company, rows=size)
        store = Store(open_engine(create_database(servers, "contacts_engine")))
        stack.callback(store.close)
        schema.upgrade(store)
        crm = SqlCRM(company.url.render_as_string(hide_password=False), load_mapping(PACKAGED_FILES, "sql"), "TW")
        stack.callback(crm.close)
        session = WorkerSession(store, "bench", SystemClock())
        stack.callback(session.close)
        sync = ContactSync(store, {crm.name: crm}, SystemClock(), page_size=PAGE)
        yield _Bench(company, store, sync, session.number, size)


def contacts_first(full: bool) -> Result:
    """A first sync, against the loop and against a bare COPY of the same rows into one table."""
    with _bench(200_000 if full else 10_000) as bench:
        rows = bench.rows()
        lines = _as_copy(rows)
        measures: dict[str, Callable[[], float]] = {
            "ours": bench.first,
            "plain": lambda: _plain(bench, rows[:SLICE], fresh=True),
            "limit": lambda: _copy(bench, lines, len(rows)),
        }
        found = rounds(measures, 3 if full else 5)
    return Result(
        f"first sync of {bench.size:,} dirty customers", "rows/s", found["ours"], found["plain"], found["limit"]
    )


def contacts_again(full: bool) -> Result:
    """A sync that finds nothing new, against the loop and against merely reading the company's table."""
    with _bench(200_000 if full else 10_000) as bench:
        rows = bench.rows()[:SLICE]
        bench.first()
        _plain(bench, rows, fresh=True)
        read: list[float] = []
        measures: dict[str, Callable[[], float]] = {
            "ours": bench.again,
            "plain": lambda: _plain(bench, rows, fresh=False),
            "limit": lambda: bench.size / (sum(_kept(read, bench.pages())) / 1000),
        }
        found = rounds(measures, 5 if full else 9)
    what = f"unchanged sync of {bench.size:,} customers (p50, p99: reading one page of {PAGE})"
    pages = {"p50_ms": percentile(read, 0.5), "p99_ms": percentile(read, 0.99)}
    return Result(what, "rows/s", found["ours"], found["plain"], found["limit"], pages["p50_ms"], pages["p99_ms"])


def _kept(into: list[float], times: list[float]) -> list[float]:
    into += times
    return times


def _plain(bench: _Bench, rows: Sequence[dict[str, Any]], *, fresh: bool) -> float:
    """Rows per second of the loop: select by id, then insert or update, one commit each."""
    if fresh:
        with bench.store.begin() as tx:
            tx.execute(_target.delete())
    started = time.perf_counter()
    for row in rows:
        with bench.store.begin() as tx:
            _save(tx, row)
    return len(rows) / (time.perf_counter() - started)


def _save(tx: Connection, row: dict[str, Any]) -> None:
    mine = _target.c.customer_id == row["customer_id"]
    known = tx.execute(select(_target).where(mine)).mappings().one_or_none()
    if known is None:
        tx.execute(_target.insert().values(row))
    elif dict(known) != row:
        tx.execute(_target.update().where(mine).values(row))


def _as_copy(rows: Sequence[dict[str, Any]]) -> str:
    def form(value: Any) -> str:
        return r"\N" if value is None else str(value).replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n")

    return "".join("\t".join(form(row[column.name]) for column in _target.columns) + "\n" for row in rows)


def _copy(bench: _Bench, lines: str, count: int) -> float:
    """Rows per second of PostgreSQL's own bulk load, of text made beforehand."""
    with bench.store.begin() as tx:
        tx.execute(_target.delete())
    started = time.perf_counter()
    with bench.store.begin() as tx:
        names = ", ".join(column.name for column in _target.columns)
        tx.connection.cursor().copy_expert(f"copy {_target.name} ({names}) from stdin", StringIO(lines))
    return count / (time.perf_counter() - started)
