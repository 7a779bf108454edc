"""`webhook_ack`: deliveries acknowledged per second, each durable before its answer (law 1, R20).

Ours is the web process as it runs in production. Plain is the same server with one INSERT and commit per request; limit
is the same server that stores nothing. All three are real processes; the deliveries come signed, one message each, over
connections that are kept open, from one more process on the same cores - and PostgreSQL is there, too.

The percentiles are those of ours at 500 deliveries a second, each counted from the moment at which it was due; like the
rates, they are medians over the rounds.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median
from typing import Any

import uvloop
from sqlalchemy import text

from benchmarks.frame import Result, percentile, rounds
from config.settings import Settings, load
from syncer import bootstrap, services
from syncer.domain.inbox import InboxItem
from syncer.embedded.servers import acquire, create_database
from syncer.store import schema
from syncer.store.session import Store, open_engine
from syncer.web import app
from syncer.web.committer import Committer
from syncer.web.server import listen, run, serve
from tasks.queueing import CeleryJobs

SECRET = "bench-secret"
NUMBER = "106540352242922"
CONNECTIONS = 64
#: Deliveries of one measurement: some two seconds each.
COUNTS = {"ours": 10_000, "plain": 2_000, "limit": 20_000}
#: The paced part of each round: deliveries a second, and how many.
PACE, PACED = 500, 1_500


def webhook_ack(full: bool) -> Result:
    """Rounds of ours, plain, limit and paced."""
    home = load().home / "bench"
    with acquire(home) as servers, ExitStack() as stack:
        database_url = create_database(servers, "webhook_ack")
        store = Store(open_engine(database_url))
        stack.callback(store.close)
        schema.upgrade(store)
        ports = {
            name: stack.enter_context(_server(name, database_url, servers.redis_url))
            for name in ("ours", "plain", "limit")
        }
        for port in ports.values():
            _deliver(port, 500)
        paced: list[list[float]] = []
        measures = {name: partial(_measure, store, name, ports[name]) for name in ports}
        measures["paced"] = partial(_pace, ports["ours"], paced)
        medians = rounds(measures, 9 if full else 3)
    return Result(
        what="signed deliveries acknowledged, each durable before its answer; percentiles at 500/s",
        unit="deliveries/s",
        ours=medians["ours"],
        plain=medians["plain"],
        limit=medians["limit"],
        p50_ms=median(percentile(seconds, 0.50) for seconds in paced) * 1000,
        p99_ms=medians["paced"] * 1000,
    )


def _measure(store: Store, name: str, port: int) -> float:
    """Deliveries per second. What was acknowledged must be there."""
    with store.begin() as tx:
        tx.execute(text("truncate inbox"))
    count = COUNTS[name]
    taken = _deliver(port, count)["took"]
    with store.begin() as tx:
        stored = tx.execute(text("select count(*) from inbox")).scalar_one()
    assert stored == (0 if name == "limit" else count), (
        f"{name}: {stored} of {count} acknowledged deliveries are stored"
    )
    return float(count / taken)


def _pace(port: int, paced: list[list[float]]) -> float:
    """The 99th percentile at `PACE`, seconds; every delivery's own is added to `paced`."""
    paced.append(_deliver(port, PACED, PACE)["seconds"])
    return percentile(paced[-1], 0.99)


# The server's side


@contextmanager
def _server(name: str, database_url: str, redis_url: str) -> Iterator[int]:
    """The port of a web process of its own."""
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    module = ["syncer.web"] if name == "ours" else ["benchmarks.webhook", "serve", name]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
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
    """The plain way: a thread and a transaction for every request."""

    _threads = ThreadPoolExecutor(10)

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Store and return."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._receive, items)


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


# The sender's side


def _deliver(port: int, count: int, rate: float = 0) -> dict[str, Any]:
    """Let another process deliver; `took` and each of `seconds` as it measured them."""
    command = [sys.executable, "-m", "benchmarks.webhook", "load", str(port), str(count), str(rate)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def _request(run_id: str, number: int) -> bytes:
    wa_id = f"8869{number % 100_000_000:08d}"
    message = {
        "from": wa_id,
        "id": f"wamid.{run_id}.{number}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": "請問我的訂單什麼時候會到？"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
        "contacts": [{"profile": {"name": "王小明"}, "wa_id": wa_id}],
        "messages": [message],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    head = (
        f"POST /webhooks/whatsapp HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Sender(asyncio.Protocol):
    """One kept-alive connection with at most one delivery under way."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def connection_made(self, transport: Any) -> None:
        """Wait for work."""
        self._transport = transport
        self._load.idle(self)

    def send(self, request: bytes, due: float) -> None:
        """Deliver; its time counts from `due`."""
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """An acknowledgement has no body, so it comes in one piece."""
        if not data.startswith(b"HTTP/1.1 200") or not data.endswith(b"\r\n\r\n"):
            sys.exit(f"not acknowledged: {data!r}")
        self._load.seconds.append(time.perf_counter() - self._due)
        self._load.idle(self)


class Load:
    """All deliveries of one run: as fast as they are answered, or `rate` a second whether they are or not."""

    def __init__(self, requests: Sequence[bytes], rate: float) -> None:
        self.seconds: list[float] = []
        self._requests = requests
        self._rate = rate
        self._next = 0
        self._free: list[Sender] = []
        self._started = 0.0
        self._done = asyncio.Event()

    async def run(self, port: int) -> float:
        """Seconds that it took."""
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: Sender(self), "127.0.0.1", port)
        self._started = time.perf_counter()
        if self._rate:
            while self._next < len(self._requests):
                self._send()
                now = time.perf_counter()
                await asyncio.sleep(max(0.0, self._due(now) - now))
        else:
            self._send()
        await self._done.wait()
        return time.perf_counter() - self._started

    def idle(self, sender: Sender) -> None:
        """This connection is free."""
        self._free.append(sender)
        if len(self.seconds) == len(self._requests):
            self._done.set()
        elif self._started:
            self._send()

    def _due(self, now: float) -> float:
        return self._started + self._next / self._rate if self._rate else now

    def _send(self) -> None:
        """Whatever is due by now and finds a free connection."""
        now = time.perf_counter()
        while self._free and self._next < len(self._requests) and (due := self._due(now)) <= now:
            self._free.pop().send(self._requests[self._next], due)
            self._next += 1


async def _load(port: int, count: int, rate: float) -> None:
    run_id = f"{time.time_ns():x}"
    load = Load([_request(run_id, number) for number in range(count)], rate)
    took = await load.run(port)
    print(json.dumps({"took": took, "seconds": load.seconds}))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        run(partial(_serve, {"plain": OneByOne, "limit": Nowhere}[sys.argv[2]]))
    else:
        uvloop.run(_load(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
