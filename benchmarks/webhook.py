"""`webhook_ack`, `webhook_items`: what one web process acknowledges, each item durable before the answer (law 1, R20).

- `webhook_ack`: deliveries of one message each, per second. Ours is the web process as it runs in production; plain is
  the same server with a transaction for every request; limit is the same server that verifies, splits and answers, but
  stores nothing. The percentiles are those of ours at 500 deliveries a second, each counted from the moment at which it
  was due; `p99_full_ms` is the one at full load, `of_limit` is ours / limit.
- `webhook_items`: deliveries of a hundred items, in items per second. Plain is an INSERT and commit for every item, as
  most integrations do; limit is PostgreSQL's COPY of the same rows, without any server. The percentiles are those of a
  whole delivery at full load.

The servers are real processes; the deliveries come from one more (`deliveries`), and PostgreSQL is on the same cores.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median
from typing import Any

from sqlalchemy import text

from benchmarks import deliveries
from benchmarks.frame import Result, percentile, rounds
from config.settings import Settings, load
from syncer import bootstrap, services
from syncer.domain.inbox import InboxItem
from syncer.embedded.servers import Servers, acquire, create_database
from syncer.store import schema
from syncer.store.session import Store, open_engine
from syncer.web import app
from syncer.web.committer import Committer
from syncer.web.server import listen, run, serve
from syncer.whatsapp.webhooks import WhatsAppWebhooks
from tasks.queueing import CeleryJobs

SECRET = "bench-secret"
NUMBER = "106540352242922"
CONNECTIONS = 64
#: Deliveries of one measurement: some two seconds each.
COUNTS = {"ours": 10_000, "plain": 2_000, "limit": 20_000}
#: The paced part of each round: deliveries a second, and how many.
PACE, PACED = 500, 1_500

#: Of `webhook_items`: items of a delivery, deliveries of one measurement, and how many are under way at once.
ITEMS = 100
ITEM_COUNTS = {"ours": 400, "plain": 15, "limit": 400}
ITEM_CONNECTIONS = 16


def webhook_ack(full: bool) -> Result:
    """Rounds of ours, plain, limit and paced."""
    loaded, paced = Run(1, CONNECTIONS), Run(1, CONNECTIONS)
    with _house("webhook_ack", ("ours", "plain", "limit")) as (store, ports):
        measures: dict[str, Callable[[], float]] = {
            name: partial(_measure, store, name, port, loaded, COUNTS[name]) for name, port in ports.items()
        }
        measures["paced"] = lambda: percentile(paced.deliver("paced", ports["ours"], PACED, PACE), 0.99)
        medians = rounds(measures, 9 if full else 3)
    return Result(
        what="signed deliveries acknowledged, each durable before its answer; percentiles at 500/s",
        unit="deliveries/s",
        ours=medians["ours"],
        plain=medians["plain"],
        limit=medians["limit"],
        p50_ms=paced.milliseconds("paced", 0.50),
        p99_ms=medians["paced"] * 1000,
        more={"p99_full_ms": loaded.milliseconds("ours", 0.99), "of_limit": medians["ours"] / medians["limit"]},
    )


def webhook_items(full: bool) -> Result:
    """Rounds of ours, plain and limit."""
    loaded = Run(ITEMS, ITEM_CONNECTIONS)
    with _house("webhook_items", ("ours", "item-by-item")) as (store, ports):
        ways = {"ours": ports["ours"], "plain": ports["item-by-item"]}
        measures: dict[str, Callable[[], float]] = {
            name: partial(_measure, store, name, port, loaded, ITEM_COUNTS[name]) for name, port in ways.items()
        }
        measures["limit"] = partial(_copy, store, ITEM_COUNTS["limit"])
        medians = rounds(measures, 9 if full else 3)
    return Result(
        what=f"items acknowledged in signed deliveries of {ITEMS}, each durable before its answer",
        unit="items/s",
        ours=medians["ours"],
        plain=medians["plain"],
        limit=medians["limit"],
        p50_ms=loaded.milliseconds("ours", 0.50),
        p99_ms=loaded.milliseconds("ours", 0.99),
        more={"of_limit": medians["ours"] / medians["limit"]},
    )


class Run:
    """Deliveries of `items` items over `connections`, by a process of their own, and the seconds of each."""

    def __init__(self, items: int, connections: int) -> None:
        self.items = items
        self._connections = connections
        self._seconds: dict[str, list[list[float]]] = {}
        self.took = 0.0

    def deliver(self, name: str, port: int, count: int, rate: float = 0) -> list[float]:
        """The seconds of each delivery; `took` is what all of them took."""
        given = [port, count, self.items, rate, self._connections, SECRET, NUMBER]
        command = [sys.executable, "-m", "benchmarks.deliveries", *map(str, given)]
        told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        self.took = told["took"]
        self._seconds.setdefault(name, []).append(told["seconds"])
        return list(told["seconds"])

    def milliseconds(self, name: str, share: float) -> float:
        """A percentile of the deliveries of one name, the median over the rounds."""
        return median(percentile(seconds, share) for seconds in self._seconds[name]) * 1000


def _measure(store: Store, name: str, port: int, load: Run, count: int) -> float:
    """Items per second. What was acknowledged must be there."""
    with store.begin() as tx:
        tx.execute(text("truncate inbox"))
    load.deliver(name, port, count)
    with store.begin() as tx:
        stored = tx.execute(text("select count(*) from inbox")).scalar_one()
    expected = 0 if name == "limit" else count * load.items
    assert stored == expected, f"{name}: {stored} of {expected} acknowledged items are stored"
    return count * load.items / load.took


def _copy(store: Store, count: int) -> float:
    """Rows per second of one COPY of the items of `count` deliveries, committed."""
    hooks, run_id = WhatsAppWebhooks([SECRET]), f"{time.time_ns():x}"
    bodies = (deliveries.body(run_id, number, ITEMS, NUMBER) for number in range(count))
    lines = "".join(_line(item) for told in bodies for item in hooks.split(told))
    columns = "source, phone_number_id, item_id, kind, order_key, occurred_at, received_at, payload"
    with store.begin() as tx:
        tx.execute(text("truncate inbox"))
    started = time.perf_counter()
    with store.begin() as tx, tx.connection.cursor() as cursor:
        cursor.copy_expert(f"copy inbox ({columns}) from stdin", io.StringIO(lines))
    return count * ITEMS / (time.perf_counter() - started)


def _line(item: InboxItem) -> str:
    at = item.occurred_at.isoformat()
    payload = item.payload.replace("\\", "\\\\")
    parts = (item.source, item.phone_number_id, item.item_id, item.kind, item.order_key, at, at, payload)
    return "\t".join(parts) + "\n"


# The server's side


@contextmanager
def _house(database: str, ways: Sequence[str]) -> Iterator[tuple[Store, Mapping[str, int]]]:
    """An empty database, and the port of a warm web process for each way."""
    with acquire(load().home / "bench") as servers, ExitStack() as stack:
        url = create_database(servers, database)
        store = Store(open_engine(url))
        stack.callback(store.close)
        schema.upgrade(store)
        ports = {name: stack.enter_context(_server(name, url, servers)) for name in ways}
        for port in ports.values():
            Run(1, CONNECTIONS).deliver("warm", port, 500)
        yield store, ports


@contextmanager
def _server(name: str, database_url: str, servers: Servers) -> Iterator[int]:
    """The port of a web process of its own."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    module = ["syncer.web"] if name == "ours" else ["benchmarks.webhook", name]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "DATABASE_URL": database_url,
        "REDIS_URL": servers.redis_url,
        "PORT": str(port),
        "WHATSAPP_APP_SECRET": SECRET,
        "WHATSAPP_VERIFY_TOKEN": "word",
        "WHATSAPP_ACCESS_TOKEN": "EAAbench",
        "WHATSAPP_PHONE_NUMBER_ID": NUMBER,
        "COMPANY_NAME": "Formosa Tea Co.",
        "CRM": "sql",
        "SYNCER_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen([sys.executable, "-m", *module], env=environment)
    try:
        _wait_for(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class OneByOne(Committer):
    """The plain way of `webhook_ack`: a thread and a transaction for every request."""

    _threads = ThreadPoolExecutor(10)

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Store and return."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._receive, items)


class ItemByItem(OneByOne):
    """The plain way of `webhook_items`: a transaction for every item."""

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Store and return."""
        for item in items:
            await super().commit([item])


class Nowhere(Committer):
    """The limit: nothing is stored."""

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Return."""


def _serve(way: type[Committer], settings: Settings) -> None:
    where = services.locate(settings)
    jobs = CeleryJobs(where.redis_url)
    runtime = bootstrap.build(where, jobs=jobs, settings=settings)
    try:
        serve(app.build(runtime, way(runtime.intake.receive)), settings.bind, settings.port, "PORT")
    finally:
        jobs.close()
        runtime.close()


if __name__ == "__main__":
    run(partial(_serve, {"plain": OneByOne, "item-by-item": ItemByItem, "limit": Nowhere}[sys.argv[1]]))
