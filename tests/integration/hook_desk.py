"""Subscribers of hooks as real HTTP servers, and the flows that tell them, on a real database."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from typing import Any

from cryptography.fernet import Fernet

from syncer.crm.hooks.adapter import HookPoster
from syncer.crm.hooks.targets import Targets
from syncer.domain.hook import HookEvent
from syncer.domain.inbox import InboxItem
from syncer.flows.chronicle import Chronicle
from syncer.flows.conversations import Conversations
from syncer.flows.hooks.deliveries import Deliveries
from syncer.flows.hooks.settling import Settling
from syncer.flows.hooks.subscriptions import Subscribed, Subscriptions
from syncer.flows.hooks.telling import Telling
from syncer.flows.hooks.vault import Vault
from syncer.flows.numbers import Numbers
from syncer.flows.people import People
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Statuses
from syncer.flows.templates import Templates
from syncer.http import HttpClient
from syncer.policies.retry import Tiers
from syncer.store.crm_writes import HOOKS
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import LONG, RULES, House

TOLD = ("sql", HOOKS)
LOOPBACK = (ip_network("127.0.0.0/8"),)
KEY = Fernet.generate_key()


@dataclass(frozen=True)
class Call:
    """One request that a target got."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Target:
    """A subscriber. `answers` says of the n-th call (from 0) what becomes of it: (status, headers, body)."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    answers: Callable[[int, Call], tuple[int, dict[str, str], bytes]] = lambda n, call: (200, {}, b"")

    @property
    def ids(self) -> list[str]:
        """Of the events that came, in order."""
        found = []
        for call in self.calls:
            found += [one["id"] for one in (call.json if isinstance(call.json, list) else [call.json])]
        return found

    def always(self, status: int, **headers: str) -> None:
        self.answers = lambda n, call: (status, {name.replace("_", "-"): text for name, text in headers.items()}, b"")


@contextmanager
def target(path: str = "/hook") -> Iterator[Target]:
    """A server on loopback."""
    made = Target()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = Call(self.path, {name.lower(): text for name, text in self.headers.items()}, body, time.monotonic())
            with lock:
                number = len(made.calls)
                made.calls.append(call)
                made.connections.add(self.client_address)
            status, headers, answer = made.answers(number, call)
            self.send_response(status)
            for name, text in {"Content-Length": str(len(answer)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}{path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@dataclass
class Desk:
    """The flows of hooks around a house whose events reach subscribers."""

    house: House
    subscriptions: Subscriptions
    telling: Telling
    deliveries: Deliveries

    def subscribe(self, event: HookEvent, url: str, *, batch: bool = False, owner: str = "zapier") -> Subscribed:
        return self.subscriptions.subscribe(owner, event, url, batch=batch)

    def hear(self, *items: InboxItem) -> None:
        """Deliver to us, handle, and tell."""
        self.house.receive(*items)
        self.telling.tell(self.house.worker)

    def work(self, seconds: float = 0.0) -> int:
        """Time passes, what is due wakes, everything that may leave leaves."""
        self.house.clock.advance(seconds=seconds)
        self.house.recovery.sweep()
        self.telling.tell(self.house.worker)
        return self.deliveries.deliver(self.house.worker)

    def states(self) -> list[tuple[str, str]]:
        """(event id, state) of all deliveries, in order."""
        return [tuple(row) for row in self.house.rows("select event_id, state from hook_deliveries order by id")]

    def subscription(self, number: int) -> Any:
        return self.house.rows("select * from hook_subscriptions where id = :id", id=number)[0]


@contextmanager
def desk(house: House, *, networks: Sequence[Any] = LOOPBACK, lanes: int = 8, timeout: float = 2.0) -> Iterator[Desk]:
    """`house` with subscribers, who may be on `networks`."""
    statuses = Statuses(TOLD, house.clock)
    conversations = Conversations(RULES, TOLD, "Formosa Tea", long_rule=LONG)
    hearers = (People(TOLD), Chronicle(TOLD), conversations, statuses, Templates(), Numbers(NUMBER))
    house.intake = replace(house.intake, hearers=hearers)
    house.sending = replace(house.sending, outcomes=replace(house.outcomes, statuses=statuses))
    http = HttpClient(deadline=timeout, connect=timeout, connections=lanes)
    caller = HookPoster(http, Targets(networks), house.clock)
    vault = Vault([KEY])
    tiers = Tiers(third_after=timedelta(seconds=60))
    settling = Settling(house.store, Setbacks(house.clock, tiers), house.clock)
    pool = ThreadPoolExecutor(lanes)
    yield Desk(
        house,
        Subscriptions(house.store, caller, vault, house.clock, house.jobs, "https://sync.example.com/api/v1/media"),
        Telling(house.store, house.intake.setbacks, house.clock, house.jobs, "https://sync.example.com/api/v1/media"),
        Deliveries(house.store, caller, vault, settling, house.clock, pool, lanes=lanes),
    )
    pool.shutdown()
    http.close()
