"""The business numbers on a desk: the simulated platform, the real client, the table, and short ways to all three."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from syncer.domain.notice import AccountNotice, NumberNotice
from syncer.flows.number_watch import NumberWatch
from syncer.flows.numbers import Numbers
from syncer.http import HttpClient
from syncer.policies.failover import Leave, Line, Parcel, Way, choose, present_way
from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import Behaviour, CallbackRules, Limits, SimulatorConfig
from syncer.store import alerts, numbers
from syncer.store.session import Store
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.webhooks import WhatsAppWebhooks
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.fakes.whatsapp_bench import Receiver

PRIMARY, BACKUP = "106540352242922", "106540352242923"
CUSTOMERS_PHONE = "+886912345678"


@dataclass
class NumbersDesk:
    """One account with two numbers, and us."""

    store: Store
    clock: FakeClock
    jobs: RecordingJobs
    receiver: Receiver
    simulator: RunningServer
    config: SimulatorConfig
    messenger: WhatsAppMessenger
    numbers: Numbers
    watch: NumberWatch

    def control(self, method: str, command: str, body: Any = None) -> Any:
        """Move the simulated world."""
        answer = requests.request(method, f"{self.simulator.url}/_sim/{command}", json=body, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def platform_says(self, method: str, command: str, body: Any = None) -> set[str]:
        """Move the simulated world, and hear what it tells of it by webhook; returns the queues that were rung."""
        before = len(self.receiver.bodies)
        self.control(method, command, body)
        self.receiver.wait(lambda: len(self.receiver.bodies) > before)
        return self.hear(self.receiver.bodies[before:])

    def number(self, number: str, **changes: Any) -> set[str]:
        """Change a number, announced by webhook."""
        return self.platform_says("POST", "numbers", {"id": number, "announce": True, **changes})

    def hear(self, bodies: list[bytes]) -> set[str]:
        """Deliveries, opened and applied as intake does."""
        webhooks = WhatsAppWebhooks([self.config.app_secret])
        events = [self.messenger.read(item) for body in bodies for item in webhooks.split(body)]
        notices = [event for event in events if isinstance(event, NumberNotice | AccountNotice)]
        assert notices, f"nothing of numbers in {[json.loads(body) for body in bodies]}"
        with self.store.begin() as tx:
            return self.numbers.apply(tx, notices, self.clock.now())

    def line(self) -> Line:
        """The numbers as routing sees them."""
        with self.store.begin() as tx:
            return self.numbers.line(tx)

    def way(self, parcel: Parcel | None = None) -> Way:
        """The way of a message, by default of a utility template of the primary."""
        line, now = self.line(), self.clock.now()
        return choose(parcel, line, now) if parcel else present_way(line, now)

    def goes_by(self, parcel: Parcel | None = None) -> str | None:
        """The number it leaves by, None while it waits."""
        way = self.way(parcel)
        return way.by if isinstance(way, Leave) else None

    def row(self, number: str = PRIMARY) -> Any:
        """A number's row."""
        with self.store.begin() as tx:
            return numbers.all_of_them(tx)[number]

    def troubles(self) -> dict[str, str]:
        """Open alerts: level by key."""
        with self.store.begin() as tx:
            return {row.key: row.level for row in alerts.open_alerts(tx)}

    def close(self) -> None:
        """Stop everything."""
        self.messenger_http.close()
        self.simulator.stop()
        self.receiver.close()

    messenger_http: Any = None


def open_desk(store: Store, clock: FakeClock, jobs: RecordingJobs, **config: Any) -> NumbersDesk:
    """Start a simulator; webhooks leave at once, and nothing limits the pace. Its notices carry the real time, so ours
    starts there."""
    clock.at = datetime.now(UTC)
    receiver = Receiver()
    behaviour = Behaviour(
        limits=Limits(throughput=0, pair_interval=0), callbacks=CallbackRules(window=0.005, retry_gaps=(0.0, 0.02))
    )
    wanted = SimulatorConfig(callback_url=receiver.url, verify_token="verify-me", behaviour=behaviour, seed=1, **config)
    simulator = start(wanted)
    http = HttpClient(deadline=3.5, connect=1.0)
    messenger = WhatsAppMessenger(
        http,
        base_url=simulator.url,
        version="v25.0",
        access_token=lambda: wanted.access_token,
        business_account_id=wanted.waba_id,
    )
    known = Numbers(PRIMARY, BACKUP)
    watch = NumberWatch(store, messenger, known, clock)
    desk = NumbersDesk(store, clock, jobs, receiver, simulator, wanted, messenger, known, watch)
    desk.messenger_http = http
    return desk
