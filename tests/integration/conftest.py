"""The flows, joined as bootstrap joins them, on a real database and a platform that can be told what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain import callback
from syncer.domain.consent import Word
from syncer.domain.crm_record import CrmMessage, WriteResult
from syncer.domain.errors import TryAgain
from syncer.domain.inbox import InboxItem
from syncer.domain.message import Lane, Sender
from syncer.domain.rule import Match, Rule
from syncer.flows.admission import Admission
from syncer.flows.chronicle import Chronicle
from syncer.flows.conversations import Conversations
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.crm_writes import CrmWrites
from syncer.flows.intake import Intake
from syncer.flows.numbers import Numbers
from syncer.flows.outcomes import Outcomes
from syncer.flows.people import People
from syncer.flows.recipients import Recipients
from syncer.flows.recovery import Recovery
from syncer.flows.sending import Sending
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Statuses
from syncer.flows.templates import Templates
from syncer.flows.troubles import Troubles
from syncer.policies.retry import Tiers
from syncer.policies.rules import RuleBook
from syncer.policies.unknown import Patience
from syncer.ports import Grant
from syncer.store import outgoing, recognition
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCRM
from tests.fakes.jobs import RecordingJobs
from tests.fakes.messenger import NUMBER, FakeMessenger

RULES = RuleBook(
    [
        Rule("hours", ("營業時間", "hours"), replies={"zh_TW": "{name} 您好，每日 10 到 22 時。", "en": "10 to 22."}),
        Rule("complaint", ("客訴", "complaint"), priority=50, handoff_reason="complaint", tags=("complaint",)),
        Rule("stop", ("stop", "停止"), Match.EXACT, priority=99, marketing=Word.REVOKED, replies={"zh_TW": "已停止。"}),
    ]
)
LONG = Rule("long", (), handoff_reason="long conversation", handoff_priority="normal")


class LockableCRM(FakeCRM):
    """A CRM in which single records may be locked for a while, as Salesforce's are."""

    def __init__(self) -> None:
        super().__init__("sql")
        self.locked: set[str] = set()

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        free = iter(super().write_messages([m for m in messages if m.ref not in self.locked]))
        locked = TryAgain("the record is locked")
        return [WriteResult(m.ref, error=locked) if m.ref in self.locked else next(free) for m in messages]


class OpenThrottle:
    """Lets through `permits` at a time; remembers who was slowed down."""

    def __init__(self) -> None:
        self.permits = 10_000
        self.wait_seconds = 0.0
        self.slowed: list[str] = []

    def take(self, phone_number_id: str, wanted: int, lane: Lane) -> Grant:
        granted = min(wanted, self.permits)
        self.permits -= granted
        return Grant(granted, self.wait_seconds)

    def give_back(self, phone_number_id: str, count: int) -> None:
        self.permits += count

    def slow_down(self, phone_number_id: str, seconds: float) -> None:
        self.slowed.append(phone_number_id)


@dataclass
class House:
    """Every flow of one engine, and one worker."""

    store: Store
    clock: FakeClock
    jobs: RecordingJobs
    messenger: FakeMessenger
    throttle: OpenThrottle
    crm: Any
    intake: Intake
    sending: Sending
    statuses: Statuses
    outcomes: Outcomes
    crm_writes: CrmWrites
    recovery: Recovery
    session: WorkerSession
    sessions: list[WorkerSession] = field(default_factory=list)

    @property
    def worker(self) -> int:
        return self.session.number

    def another_worker(self) -> WorkerSession:
        """A second living worker process."""
        self.sessions.append(WorkerSession(self.store, "second", self.clock))
        return self.sessions[-1]

    def receive(self, *items: InboxItem) -> int:
        """Deliver and handle."""
        self.intake.receive(items)
        return self.intake.drain(self.worker)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Look into the database."""
        with self.store.begin() as tx:
            return list(tx.execute(text(query), values).fetchall())

    def value(self, query: str, **values: Any) -> Any:
        """One value."""
        return self.rows(query, **values)[0][0]

    def contact(self, number: str = "+886912345678", **columns: Any) -> int:
        """A person we know."""
        with self.store.begin() as tx:
            sender = Sender(phone=number, name="王小明")
            contact_id = recognition.resolve(tx, [sender], self.clock.now())[sender]
            for name, value in columns.items():
                tx.execute(
                    text(f"update contacts set {name} = :value where id = :id"), {"value": value, "id": contact_id}
                )
        return contact_id

    def plan(self, contact_id: int, key: str, **changes: Any) -> int:
        """A planned utility template."""
        row = {
            "idempotency_key": key,
            "lane": Lane.LIVE,
            "source": "api",
            "category": "utility",
            "phone_number_id": NUMBER,
            "contact_id": contact_id,
            "kind": "template",
            "content": {"name": "order_confirmation", "language": "zh_TW", "parameters": ["A1"]},
            "body": "訂單 A1",
            "planned_at": self.clock.now(),
        }
        with self.store.begin() as tx:
            return outgoing.plan(tx, [row | changes])[0]

    def mark(self, outgoing_id: int, attempt: int = 1) -> str:
        """What the platform repeats in the statuses of one attempt."""
        return callback.mark(self.value("select ref from outgoing where id = :id", id=outgoing_id), attempt)

    def send_state(self, outgoing_id: int) -> tuple[str, str | None]:
        """(state, reason) of one message."""
        row = self.rows("select state, reason from outgoing where id = :id", id=outgoing_id)[0]
        return row.state, row.reason


@pytest.fixture
def house(store: Store, clock: FakeClock, jobs: RecordingJobs) -> Iterator[House]:
    """An engine with one CRM called `sql`."""
    messenger, throttle, crm = FakeMessenger(), OpenThrottle(), LockableCRM()
    setbacks = Setbacks(clock, Tiers())
    statuses = Statuses(("sql",), clock)
    outcomes = Outcomes(statuses, setbacks, Troubles(Templates(), Numbers(NUMBER), ("sql",)), Patience())
    conversations = Conversations(RULES, ("sql",), "Formosa Tea", long_rule=LONG)
    pool = ThreadPoolExecutor(4)
    hearers = (People(("sql",)), Chronicle(("sql",)), conversations, statuses, Templates(), Numbers(NUMBER))
    house = House(
        store=store,
        clock=clock,
        jobs=jobs,
        messenger=messenger,
        throttle=throttle,
        crm=crm,
        intake=Intake(store, messenger, hearers, setbacks, clock, jobs),
        sending=Sending(
            store, messenger, throttle, Admission(Templates(), Numbers(NUMBER), Recipients()), outcomes, clock, pool
        ),
        statuses=statuses,
        outcomes=outcomes,
        crm_writes=CrmWrites(store, {"sql": crm}, setbacks, clock, CrmStanding(store, clock)),
        recovery=Recovery(store, statuses, outcomes, setbacks, clock, ("sql",), timedelta(minutes=10)),
        session=WorkerSession(store, "first", clock),
    )
    yield house
    for session in [house.session, *house.sessions]:
        session.close()
    pool.shutdown()
