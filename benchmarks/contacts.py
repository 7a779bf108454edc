"""The contact sync, from a HubSpot-shaped source over HTTP to merged contacts with their ledger (R25).

- `contacts_first`: everything is new. Plain: `dlt` loads the same pages and merges them by id, without cleaning.
  Limit: a bare COPY of the same rows into one table without an index.
- `contacts_again`: nothing has changed. Limit: reading all pages and doing nothing with them.
- `contacts_memory`: the peak of the process that syncs, first run. Limit: the process before its first row.
- `growth`: what a row costs as the table grows, as a multiple of what it costs in the smallest one.

Source, loader and engine are processes of their own (`hubspot_source`, `contact_runs`), and each figure is measured on
an empty database. Processor time stands beside it: on a machine that others use too, it moves less than the clock.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import orjson
import psutil
from sqlalchemy import text

from benchmarks import contact_runs, hubspot_source
from benchmarks.contact_runs import Run
from benchmarks.frame import Result, percentile, rounds, warn
from config.files import load_object_mapping
from config.settings import PACKAGED_FILES, load
from syncer.embedded.servers import acquire, create_database
from syncer.store import schema
from syncer.store.session import Store, open_engine

FULL, SHORT = 1_000_000, 30_000
SIZES = {True: (10_000, 30_000, 100_000, 300_000, FULL), False: (10_000, SHORT)}
#: Each in the bench's own database, made anew every time: the tables may have changed since.
_AS_NEW = ("drop schema if exists public cascade", "create schema public")
_EMPTY = """
    do $$ begin
        execute (select 'truncate ' || string_agg(quote_ident(tablename), ', ') || ' cascade' from pg_tables
                 where schemaname = 'public' and tablename not in ('alembic_version', 'workers'));
    end $$"""
_LOADED = ("drop schema if exists plain cascade", "drop schema if exists plain_staging cascade")


@dataclass
class _Bench:
    """A source of `rows` contacts, and an engine's database beside it."""

    rows: int
    pages: Path
    source_url: str
    database_url: str
    store: Store
    server: psutil.Process
    folder: Path
    runs: dict[str, list[Run]] = field(default_factory=dict)
    database_cpu: dict[str, list[float]] = field(default_factory=dict)

    def empty(self) -> None:
        """As on the first day, with everything of before on the disk."""
        with self.store.begin() as tx:
            for statement in (*_LOADED, "drop table if exists plain_copy", _EMPTY):
                tx.execute(text(statement))
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.settle()

    def settle(self) -> None:
        """Nothing of what was measured before is still being written."""
        with self.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("checkpoint"))

    def run(self, way: str, name: str = "", *, fresh: bool = False) -> float:
        """Rows per second of one way, kept under its name."""
        if fresh:
            self.empty()
        before = self._database_seconds()
        done = contact_runs.run(way, self.database_url, self.source_url, self.folder)
        assert done.rows == self.rows, f"{way}: {done.rows} of {self.rows} rows"
        self.runs.setdefault(name or way, []).append(done)
        self.database_cpu.setdefault(name or way, []).append(self._database_seconds() - before)
        return done.rows / done.seconds

    def _database_seconds(self) -> float:
        """Of all processes of the server; those that have ended are the children's."""
        own = self.server.cpu_times()
        living = [child.cpu_times() for child in self.server.children()]
        return sum(one.user + one.system for one in living) + own.children_user + own.children_system

    def copy(self) -> float:
        """Rows per second of PostgreSQL's own bulk load of the same rows."""
        self.empty()
        with self.store.begin() as tx:
            tx.execute(text("create table plain_copy (id text, properties jsonb, created_at timestamptz)"))
        lines = _Lines(self.pages, self.rows)
        started = time.perf_counter()
        with self.store.begin() as tx:
            tx.connection.cursor().copy_expert("copy plain_copy from stdin", lines)
        return self.rows / (time.perf_counter() - started - lines.seconds)

    def cost(self, name: str) -> dict[str, float]:
        """Microseconds of a processor per row: the process's own, and the database's."""
        own = median(run.cpu for run in self.runs[name])
        return {
            f"{name}_cpu_us": own / self.rows * 1e6,
            f"{name}_database_cpu_us": median(self.database_cpu[name]) / self.rows * 1e6,
        }

    def steps(self, name: str, share: float) -> float:
        """Milliseconds from one group of pages to the next, the median over the runs."""
        return median(percentile(run.steps, share) for run in self.runs[name]) * 1000


class _Lines:
    """The rows as a file that COPY reads from; `seconds` went into making it and are not PostgreSQL's."""

    def __init__(self, pages: Path, rows: int) -> None:
        self._pages = hubspot_source.bodies(pages, rows)
        self.seconds = 0.0

    def read(self, size: int) -> bytes:
        """The next page."""
        started = time.perf_counter()
        lines = [self._line(row) for row in orjson.loads(next(self._pages, b'{"results":[]}'))["results"]]
        self.seconds += time.perf_counter() - started
        return b"".join(lines)

    @staticmethod
    def _line(row: dict[str, str]) -> bytes:
        properties = orjson.dumps(row["properties"]).replace(b"\\", b"\\\\")
        return b"\t".join((row["id"].encode(), properties, row["createdAt"].encode())) + b"\n"


@contextmanager
def _bench(rows: int) -> Iterator[_Bench]:
    home = load().home / "bench"
    mapping = load_object_mapping(PACKAGED_FILES, "hubspot").contacts
    pages = hubspot_source.prepare(home / "pages", rows, mapping)
    with acquire(home, redis=False) as servers, ExitStack() as stack:
        url = create_database(servers, "contacts_bench")
        store = Store(open_engine(url, statement_timeout_seconds=600))
        stack.callback(store.close)
        with store.begin() as tx:
            for statement in (*_LOADED, *_AS_NEW):
                tx.execute(text(statement))
        schema.upgrade(store)
        assert servers.postgres is not None
        server = psutil.Process(servers.postgres.pid)
        source_url = stack.enter_context(hubspot_source.serving(pages, rows))
        bench = _Bench(rows, pages, source_url, url, store, server, home / "loader")
        yield bench
        bench.empty()


def contacts_first(full: bool) -> Result:
    """A first sync, against the loader and against a bare COPY."""
    with _bench(FULL if full else SHORT) as bench:
        measures: dict[str, Callable[[], float]] = {
            "ours": partial(bench.run, "ours", fresh=True),
            "plain": partial(bench.run, "plain", fresh=True),
            "limit": bench.copy,
        }
        found = rounds(measures, 3)
        return Result(
            f"first sync of {bench.rows:,} dirty contacts over HTTP; plain: dlt (p50, p99: a group of pages)",
            "rows/s",
            found["ours"],
            found["plain"],
            found["limit"],
            p50_ms=bench.steps("ours", 0.5),
            p99_ms=bench.steps("ours", 0.99),
            more=bench.cost("ours") | bench.cost("plain"),
        )


def contacts_again(full: bool) -> Result:
    """A sync that finds nothing new, against the loader and against merely reading all pages."""
    with _bench(FULL if full else SHORT) as bench:
        bench.run("ours", "first", fresh=True)
        bench.run("plain", "first")
        bench.settle()
        found = rounds({name: partial(bench.run, way) for name, way in _AGAIN.items()}, 3 if full else 5)
        return Result(
            f"unchanged full sync of {bench.rows:,} contacts over HTTP; plain: dlt (p50, p99: a group of pages)",
            "rows/s",
            found["ours"],
            found["plain"],
            found["limit"],
            p50_ms=bench.steps("ours", 0.5),
            p99_ms=bench.steps("ours", 0.99),
            more=bench.cost("ours") | bench.cost("plain"),
        )


_AGAIN = {"ours": "ours", "plain": "plain", "limit": "read"}


def contacts_memory(full: bool) -> Result:
    """The peak memory of the process that syncs: a first run, and an unchanged one after it."""
    with _bench(FULL if full else SHORT) as bench:
        bench.run("ours", fresh=True)
        bench.run("ours", "again")
        bench.run("plain")
        first, again, plain = (bench.runs[name][0] for name in ("ours", "again", "plain"))
    return Result(
        f"peak memory of a first sync of {bench.rows:,} contacts; plain: dlt, limit: before the first row",
        "MB",
        ours=first.peak_mb,
        plain=plain.peak_mb,
        limit=first.start_mb,
        lower_is_better=True,
        more={"again_mb": again.peak_mb},
    )


def growth(full: bool) -> Result:
    """The curve: what a row costs in tables of several sizes, first and again."""
    points = [_point(rows) for rows in SIZES[full]]
    ratios = [points[-1][name] / points[0][name] for name in ("first", "plain")]
    lines = [f"{rows:,} rows: " + _shown(point) for rows, point in zip(SIZES[full], points, strict=True)]
    figures = {
        f"{name}_{rows}": value
        for rows, point in zip(SIZES[full], points, strict=True)
        for name, value in point.items()
    }
    return Result(
        "\n".join(
            [f"cost of a row, {SIZES[full][-1]:,} rows : {SIZES[full][0]:,} rows (us a row: first, again)", *lines]
        ),
        "times",
        ours=ratios[0],
        plain=ratios[1],
        limit=1.0,
        lower_is_better=True,
        more=figures | {"again": points[-1]["again"] / points[0]["again"]},
    )


def _point(rows: int) -> dict[str, float]:
    """Microseconds a row in a table of so many."""
    with _bench(rows) as bench:
        speeds = {"first": bench.run("ours", fresh=True)}
        bench.settle()
        speeds["again"] = bench.run("ours", "again")
        speeds["plain"] = bench.run("plain")
        point = {name: 1e6 / speed for name, speed in speeds.items()} | {"cpu": bench.runs["ours"][0].cpu / rows * 1e6}
    warn(f"  {rows:,} rows: {_shown(point)}")
    return point


def _shown(point: dict[str, float]) -> str:
    speeds: Sequence[str] = [f"{name} {point[name]:.1f} us ({1e6 / point[name]:,.0f}/s)" for name in ("first", "again")]
    return ", ".join(speeds)
