"""Failover and return (R12) with the real flows, the real client and the simulated platform: a campaign runs while its
number is taken away and given back - nothing is lost, nothing leaves twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from syncer.domain.message import Accepted, Lane, SendRequest
from syncer.flows.admission import Admission
from syncer.flows.intake import Intake
from syncer.flows.outcomes import Outcomes
from syncer.flows.recipients import Recipients
from syncer.flows.recovery import Recovery
from syncer.flows.sending import Sending
from syncer.flows.setbacks import Setbacks
from syncer.flows.templates import Templates
from syncer.flows.troubles import Troubles
from syncer.policies.failover import SETTLED
from syncer.policies.retry import Tiers
from syncer.policies.unknown import Patience
from syncer.store import campaigns, outgoing
from syncer.whatsapp.webhooks import WhatsAppWebhooks
from tests.fakes.whatsapp_bench import until
from tests.integration.conftest import House
from tests.integration.numbers_desk import BACKUP, PRIMARY, NumbersDesk, open_desk

PEOPLE = 48


class Engine:
    """The flows of one engine around a simulated account with two numbers."""

    def __init__(self, house: House, desk: NumbersDesk) -> None:
        self.house, self.desk = house, desk
        self.pool = ThreadPoolExecutor(4)
        setbacks = Setbacks(desk.clock, Tiers())
        outcomes = Outcomes(house.statuses, setbacks, Troubles(Templates(), desk.numbers, ("sql",)), Patience())
        admission = Admission(Templates(), desk.numbers, Recipients())
        send = desk.messenger.send
        desk.messenger.send = self._watched(send)  # type: ignore[method-assign]
        self.sending = Sending(
            desk.store, desk.messenger, house.throttle, admission, outcomes, desk.clock, self.pool, set_size=4
        )
        hearers = (house.statuses, desk.numbers)
        self.intake = Intake(desk.store, desk.messenger, hearers, setbacks, desk.clock, desk.jobs)
        self.recovery = Recovery(desk.store, house.statuses, outcomes, setbacks, desk.clock, ("sql",), SETTLED * 2)
        self.webhooks = WhatsAppWebhooks([desk.config.app_secret])
        self.heard = 0
        self.sent = 0
        self.at: dict[int, Callable[[], object]] = {}

    def _watched(self, send: Callable[[SendRequest], Accepted]) -> Callable[[SendRequest], Accepted]:
        def watched(request: SendRequest) -> Accepted:
            accepted = send(request)
            self.sent += 1
            if happens := self.at.pop(self.sent, None):
                happens()
            return accepted

        return watched

    def campaign(self, category: str = "utility") -> int:
        """One batch that everybody is to get from the primary."""
        now = self.desk.clock.now()
        people = [self.house.contact(f"+8869{n:08d}", marketing="granted") for n in range(PEOPLE)]
        content = {"name": "order_confirmation", "language": "zh_TW", "parameters": ["王小明", "A1", "1,280"]}
        with self.desk.store.begin() as tx:
            named = {"name": "orders", "template": "order_confirmation", "language": "zh_TW", "created_at": now}
            campaign, _ = campaigns.create(tx, {**named, "category": category, "phone_number_id": PRIMARY})
            batch = campaigns.add_batch(tx, campaign, 0, PEOPLE)
            common: dict[str, Any] = {
                "lane": Lane.BULK, "source": "campaign", "category": category, "phone_number_id": PRIMARY,
                "batch_id": batch, "campaign_id": campaign, "kind": "template", "content": content, "body": "x",
                "planned_at": now,
            }  # fmt: skip
            outgoing.plan(tx, [{**common, "contact_id": one, "idempotency_key": f"c:{one}"} for one in people])
        return batch

    def turn(self, batch: int) -> None:
        """One round of everything that the workers of an engine do."""
        self.hear()
        if ("upkeep", None) in self.desk.jobs.rung:
            self.desk.jobs.rung.clear()
            self.desk.watch.check()
        self.desk.watch.check_if_late()
        self.recovery.sweep()
        if batch in self.sending.open_batches():
            self.sending.send_batch(self.house.worker, batch)

    def hear(self) -> None:
        """Every delivery that has come."""
        for body in self.desk.receiver.bodies[self.heard :]:
            self.heard += 1
            self.intake.receive(self.webhooks.split(body))
        self.intake.drain(self.house.worker)

    def run(self, batch: int, done: Callable[[], bool], *, most: int = 60, **step: float) -> None:
        """Turns, with the clock moving on by `step` after each, until `done`."""
        for _ in range(most):
            self.turn(batch)
            if done():
                return
            self.desk.clock.advance(**(step or {"seconds": 10}))
        raise AssertionError(f"not done after {most} turns: {self.states()}")

    def states(self) -> Counter[str]:
        """Messages by state."""
        return Counter(row.state for row in self.house.rows("select state from outgoing"))

    def carried(self) -> Counter[str]:
        """What the platform took, by number."""
        return Counter(row["phone_number_id"] for row in self.accepted())

    def accepted(self) -> list[dict[str, Any]]:
        """What the platform took."""
        rows: list[dict[str, Any]] = self.desk.control("GET", "log/sends")["accepted"]
        return rows


@pytest.fixture
def engine(house: House) -> Iterator[Engine]:
    desk = open_desk(house.store, house.clock, house.jobs)
    engine = Engine(house, desk)
    engine.desk.watch.check()
    yield engine
    engine.pool.shutdown()
    desk.close()


def everybody_once(engine: Engine) -> None:
    to = Counter(row["to"] for row in engine.accepted())
    assert (len(to), set(to.values())) == (PEOPLE, {1})
    assert engine.states() == {"accepted": PEOPLE}


def announce(engine: Engine, number: str, status: str) -> Callable[[], object]:
    body = {"id": number, "status": status, "announce": True}
    return lambda: engine.desk.control("POST", "numbers", body)


@pytest.mark.parametrize("status", ["RESTRICTED", "BANNED", "DISCONNECTED"])
def test_the_rest_of_a_campaign_leaves_by_the_backup_and_messages_return_when_the_primary_does(
    engine: Engine, status: str
) -> None:
    batch = engine.campaign()
    engine.at[10] = announce(engine, PRIMARY, status)
    engine.run(batch, lambda: engine.carried()[BACKUP] >= 1)
    early = engine.carried()[PRIMARY]
    assert 10 <= early <= 13  # at most those of the set that were on their way
    engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE})
    everybody_once(engine)
    assert engine.carried() == {PRIMARY: early, BACKUP: PEOPLE - early}

    announce(engine, PRIMARY, "CONNECTED")()
    until(lambda: bool(engine.turn(batch) or engine.desk.row().status == "CONNECTED"))
    late = engine.house.contact("+886955555555")
    content = {"name": "order_confirmation", "language": "zh_TW", "parameters": ["王小明", "A1", "1,280"]}
    for key, by in (("soon", BACKUP), ("settled", PRIMARY)):
        engine.turn(batch)
        message = engine.house.plan(late, key, content=content, phone_number_id=PRIMARY)
        engine.sending.drain_live(engine.house.worker)
        row = engine.house.rows("select state, phone_number_id from outgoing where id = :id", id=message)[0]
        assert (row.state, row.phone_number_id) == ("accepted", by)
        engine.desk.clock.advance(seconds=SETTLED.total_seconds() + 1)


def test_a_number_that_is_restricted_without_a_word_is_left_on_its_refusals(engine: Engine) -> None:
    batch = engine.campaign()
    quietly = {"id": PRIMARY, "status": "RESTRICTED"}
    engine.at[10] = lambda: engine.desk.control("POST", "numbers", quietly)
    engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE})
    everybody_once(engine)
    assert engine.carried()[BACKUP] >= PEOPLE - 13


def test_a_campaign_that_nobody_can_carry_waits_and_goes_on_where_it_stopped(engine: Engine) -> None:
    batch = engine.campaign()

    def both() -> None:
        for number in (PRIMARY, BACKUP):
            announce(engine, number, "RESTRICTED")()

    engine.at[10] = both
    with pytest.raises(AssertionError, match="not done"):
        engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE}, most=20)
    waiting = engine.states()
    assert waiting["failed"] == waiting["skipped"] == 0
    attempts = engine.house.value("select max(attempts) from outgoing where state <> 'accepted'")
    assert attempts == 0
    announce(engine, PRIMARY, "CONNECTED")()
    engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE})
    everybody_once(engine)


def test_marketing_waits_for_a_number_of_bad_quality_rather_than_spoil_the_other(engine: Engine) -> None:
    engine.desk.control("POST", "templates", {"templates": [
        {"name": "order_confirmation", "language": "zh_TW", "category": "MARKETING"}]})  # fmt: skip
    batch = engine.campaign("marketing")
    engine.desk.control("POST", "numbers", {"id": PRIMARY, "quality_rating": "RED", "status": "RESTRICTED"})
    engine.desk.watch.check()
    with pytest.raises(AssertionError, match="not done"):
        engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE}, most=5)
    assert engine.carried() == {}
    engine.desk.control("POST", "numbers", {"id": PRIMARY, "quality_rating": "YELLOW", "status": "CONNECTED"})
    engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE}, seconds=60)
    everybody_once(engine)


def test_statuses_of_both_numbers_find_their_messages(engine: Engine) -> None:
    batch = engine.campaign()
    engine.at[10] = announce(engine, PRIMARY, "RESTRICTED")
    engine.run(batch, lambda: engine.states() == {"accepted": PEOPLE})

    def all_delivered() -> bool:
        engine.hear()
        climbed = "select count(*) from messages where status in ('delivered', 'read')"  # delivered may be skipped
        return bool(engine.house.value(climbed) == PEOPLE)

    until(all_delivered, 10.0)
    by_number = engine.house.rows("select phone_number_id, count(*) from messages group by 1")
    assert {row[0]: row[1] for row in by_number} == dict(engine.carried())
