"""`crm_writes`: how fast a HubSpot that takes 100 ms for each request learns of messages and their statuses (R22, R23).

The CRM is the simulator in a process of its own, with HubSpot's rate limits. Ours is the engine's CRM writes as a `crm`
worker runs them, lanes and gathering included. Two measures:

- a day's peak: 1,000 messages a minute, each with three statuses within three seconds; one in twenty is of a stranger,
  one in twenty of a customer whose record changes with it. The percentiles are from the message's record in our
  database to its record in the CRM;
- a backlog, as after an outage: how many messages with their three statuses are told in a minute.

Plain is what a straightforward program does: one request for each message and one for each status. Limit is HubSpot's
own: full batches that hold the last status already, one after the other, with nothing else to think of.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, text

from benchmarks.frame import Result, percentile, rounds
from benchmarks.hubspot_portal import STATUSES, TOKEN, Portal, portal
from config.files import load_object_mapping
from config.settings import PACKAGED_FILES, load
from syncer.clock import SystemClock
from syncer.crm.hubspot.adapter import HubSpotCRM
from syncer.crm.hubspot.pace import HubSpotPace
from syncer.domain.message import Sender
from syncer.domain.work import Subject
from syncer.embedded.servers import acquire, create_database
from syncer.flows.contacts.sync import ContactSync
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.crm_writes import LANES, CrmWrites
from syncer.flows.setbacks import Setbacks
from syncer.policies.retry import Tiers
from syncer.store import contacts, conversations, crm_writes, messages, recognition, retries, schema
from syncer.store.crm_writes import WRITES, Topic, Want
from syncer.store.session import Store, open_engine
from syncer.store.workers import WorkerSession
from syncer.throttle.quota_memory import Budget, MemoryQuota
from tasks.abreast import Abreast

LATENCY = 0.1
#: HubSpot's, as `syncer.toml` has it: calls of an edition that serves 1,000 messages a minute, and searches.
QUOTA = {"hubspot": Budget(190, 10.0), "hubspot.search": Budget(5, 1.0)}
PER_MINUTE = 1000
KNOWN = 400
NUMBER = "106540352242922"
PEAK_SECONDS = {False: 15, True: 60}
BACKLOG = 2000
#: Seconds after a message at which its statuses come.
AFTER = (0.3, 1.0, 2.5)


def tell_crm(full: bool) -> Result:
    """Rounds of ours, plain and limit over a backlog, then the peak."""
    with _house() as house:
        measures = {"ours": house.backlog, "plain": house.portal.one_by_one, "limit": house.portal.in_batches}
        medians = rounds(measures, 5 if full else 3)
        house.rest()
        peak = house.peak(PEAK_SECONDS[full])
    return Result(
        what=f"messages with 3 statuses each, told to a CRM of {LATENCY * 1000:.0f} ms a request",
        unit="messages/min",
        ours=medians["ours"],
        plain=medians["plain"],
        limit=medians["limit"],
        p50_ms=percentile(peak.seconds, 0.50) * 1000,
        p99_ms=percentile(peak.seconds, 0.99) * 1000,
        more={
            "statuses_p99_ms": percentile(peak.statuses, 0.99) * 1000,
            "requests_per_1000": house.backlog_requests,
            "requests_per_1000_at_peak": peak.requests,
            "plain_requests_per_1000": 1000.0 * (1 + len(STATUSES)),
        },
    )


@dataclass(frozen=True, slots=True)
class Peak:
    """Seconds from each message, and from each last status, to the CRM; requests per 1,000 messages."""

    seconds: Sequence[float]
    statuses: Sequence[float]
    requests: float


class House:
    """The engine's writes between a database and a simulated HubSpot."""

    def __init__(self, store: Store, portal: Portal) -> None:
        self.store, self.portal, self.clock = store, portal, SystemClock()
        self.crm = HubSpotCRM(
            load_object_mapping(PACKAGED_FILES, "hubspot"),
            "TW",
            base_url=portal.url,
            version="2026-09",
            access_token=lambda: TOKEN,
            # One process speaks with this account: what workers share in Redis is counted here.
            pace=HubSpotPace(MemoryQuota(QUOTA, self.clock)),
        )
        self.worker = WorkerSession(store, "bench", self.clock)
        self.writes = CrmWrites(
            store, {"hubspot": self.crm}, Setbacks(self.clock, Tiers()), self.clock, CrmStanding(store, self.clock)
        )
        duties: dict[str, Callable[[], int]] = {
            name: partial(self.writes.keep_up, self.worker.number, "hubspot", lane) for name, lane in LANES.items()
        }
        self.lanes = Abreast(duties, 0.1)
        self.made = 0
        self.backlog_requests = 0.0
        self._now = 0.0
        self._coming: list[tuple[float, float, Callable[[Connection], list[Want]]]] = []
        ContactSync(store, {"hubspot": self.crm}, self.clock).run("hubspot", self.worker.number)
        with store.begin() as tx:
            self.people = list(tx.execute(text("select contact_id from contact_sources order by contact_id")).scalars())
        self._plan(1)
        self.writes.drain(self.worker.number)

    def close(self) -> None:
        """Give everything back."""
        self.lanes.close()
        self.worker.close()
        self.crm.close()

    # --- a backlog

    def backlog(self) -> float:
        """Messages a minute."""
        for _ in range(BACKLOG // 200):
            self._plan(200)
        asked, started = self.portal.requests(), time.perf_counter()
        self.writes.drain(self.worker.number, "hubspot")
        took = time.perf_counter() - started
        self.backlog_requests = (self.portal.requests() - asked) * 1000 / BACKLOG
        assert self._waiting() == 0
        return BACKLOG * 60 / took

    def _plan(self, count: int) -> None:
        """So many messages of people we know, with the last of their statuses."""
        with self.store.begin() as tx:
            ids = [self._message(tx, self._person()) for _ in range(count)]
            for key, _ in ids:
                self._climb(tx, key, "read")
            wants = [Want(Topic.MESSAGE, key, person) for key, person in ids]
            crm_writes.request(tx, ["hubspot"], wants, self.clock.now())

    # --- the peak

    def peak(self, seconds: float) -> Peak:
        """As many messages as come in these seconds at 1,000 a minute, each at its own moment."""
        with self.store.begin() as tx:
            first = tx.execute(text("select max(id) from messages")).scalar_one()
        asked = self.portal.requests()
        self._feed(int(seconds * PER_MINUTE / 60))
        deadline = time.monotonic() + 30
        while self._waiting() and time.monotonic() < deadline:
            self._keep_appointments()
            self.lanes.ring()
            time.sleep(0.5)
        assert self._waiting() == 0, "not everything was told"
        with self.store.begin() as tx:
            rows = tx.execute(_TIMES, {"first": first}).fetchall()
        count = len(rows)
        requests = (self.portal.requests() - asked) * 1000 / count
        return Peak([row.message for row in rows], [row.status for row in rows], requests)

    def _keep_appointments(self) -> None:
        """What a worker's sweeper does: rows whose time has come are ready again."""
        with self.store.begin() as tx:
            retries.wake(tx, WRITES, retries.take_due(tx, Subject.CRM_WRITE, self.clock.now()))

    def _feed(self, count: int) -> None:
        """One thread is the intake: it commits what has come together, and rings."""
        began = time.monotonic()
        self._coming = [
            (number * 60 / PER_MINUTE, float(number), partial(self._arrive, number)) for number in range(count)
        ]
        while self._coming:
            time.sleep(max(0.0, began + self._coming[0][0] - time.monotonic()))
            self._now = time.monotonic() - began
            with self.store.begin() as tx:
                wants: list[Want] = []
                while self._coming and self._coming[0][0] <= self._now:
                    wants += heappop(self._coming)[2](tx)
                crm_writes.request(tx, ["hubspot"], wants, self.clock.now())
            self._keep_appointments()
            self.lanes.ring()

    def _arrive(self, number: int, tx: Connection) -> list[Want]:
        """A message; some are of strangers, some change the customer's record."""
        now = self.clock.now()
        person = self._person()
        if number % 20 == 7:
            sender = Sender(phone=f"+88691{number:07d}", name="王小明")
            person = recognition.resolve(tx, [sender], now)[sender]
        if number % 20 == 13:
            contacts.add_tags(tx, person, [f"tag{number}"], now)
        key, _ = self._message(tx, person)
        for place, (status, after) in enumerate(zip(STATUSES, AFTER, strict=True)):
            rise = partial(self._rise, key, person, status)
            heappush(self._coming, (self._now + after, number + place / 10, rise))
        changed = [Want(Topic.CONTACT, person, person)] if number % 20 in (7, 13) else []
        return [*changed, Want(Topic.MESSAGE, key, person)]

    def _rise(self, key: int, person: int, status: str, tx: Connection) -> list[Want]:
        self._climb(tx, key, status)
        return [Want(Topic.MESSAGE, key, person)]

    # --- rows

    def _person(self) -> int:
        return int(self.people[self.made * 7 % len(self.people)])

    def _message(self, tx: Connection, person: int) -> tuple[int, int]:
        self.made += 1
        now = self.clock.now()
        conversation = conversations.open_for(tx, [(person, NUMBER)], now)[person, NUMBER]
        row = {
            "ref": f"out-{time.time_ns():x}-{self.made}",
            "conversation_id": conversation,
            "contact_id": person,
            "direction": "out",
            "phone_number_id": NUMBER,
            "wamid": f"wamid.{time.time_ns():x}{self.made}",
            "kind": "text",
            "body": f"您的訂單 A{self.made} 已出貨，預計明天送達。",
            "occurred_at": now,
            "recorded_at": now,
            "status": "accepted",
        }
        return messages.add(tx, [row])[str(row["ref"])], person

    def _climb(self, tx: Connection, key: int, status: str) -> None:
        statement = text(f"update messages set status = :status, {status}_at = :now where id = :key")
        tx.execute(statement, {"status": status, "now": self.clock.now(), "key": key})

    def _waiting(self) -> int:
        with self.store.begin() as tx:
            return int(tx.execute(text("select count(*) from crm_writes where state <> 'done'")).scalar_one())

    def rest(self) -> None:
        """HubSpot's ten seconds for 190 requests begin anew."""
        time.sleep(10)


_TIMES = text("""
    select extract(epoch from w.first_written_at - m.recorded_at)::float as message,
        extract(epoch from w.settled_at - w.requested_at)::float as status
    from crm_writes w join messages m on m.id = w.subject_id
    where w.topic = 'message' and m.id > :first""")


@contextmanager
def _house() -> Iterator[House]:
    with acquire(load().home / "bench") as servers, TemporaryDirectory() as folder:
        store = Store(open_engine(create_database(servers, "bench_crm_writes")))
        with store.begin() as tx:
            tx.execute(text("drop schema public cascade"))
            tx.execute(text("create schema public"))
        schema.upgrade(store)
        with portal(Path(folder), KNOWN, LATENCY) as simulated:
            house = House(store, simulated)
            try:
                yield house
            finally:
                house.close()
                store.close()
