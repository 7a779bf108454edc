"""The messaging limit and the rate per person, counted over all workers (R14, X5)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from syncer.domain.message import Lane
from syncer.flows.recipients import NEAR, SOONEST, Budget, Recipients
from syncer.policies.recipients import PAIR_BURST, PAIR_INTERVAL
from syncer.store import numbers, outgoing, recipients
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House


def limit(store: Store, clock: FakeClock, value: int | None) -> None:
    with store.begin() as tx:
        numbers.save(tx, [{"phone_number_id": NUMBER, "messaging_limit": value, "changed_at": clock.now()}])


def ask(counter: Recipients, store: Store, clock: FakeClock, people: Sequence[int], lane: Lane = Lane.LIVE) -> Budget:
    with store.begin() as tx:
        return counter.budget(tx, people, clock.now(), lane)


@pytest.fixture
def counter() -> Recipients:
    return Recipients()


def test_without_a_limit_everybody_may_be_written_to(counter: Recipients, store: Store, clock: FakeClock) -> None:
    assert ask(counter, store, clock, range(1000)) == Budget(set(range(1000)))
    limit(store, clock, None)
    assert ask(counter, store, clock, range(1000)) == Budget(set(range(1000)))


def test_the_first_ones_go_and_the_others_wait(counter: Recipients, store: Store, clock: FakeClock) -> None:
    limit(store, clock, 250)
    assert ask(counter, store, clock, range(200)) == Budget(set(range(200)))
    budget = ask(counter, store, clock, range(200, 300))
    assert budget.may_go == set(range(200, 250))
    assert budget.wait_until == clock.now() + timedelta(minutes=10)


def test_whoever_was_reached_already_costs_nothing(counter: Recipients, store: Store, clock: FakeClock) -> None:
    limit(store, clock, 250)
    ask(counter, store, clock, range(250))
    assert ask(counter, store, clock, [7, 249, 250]).may_go == {7, 249}


def test_room_comes_back_a_day_after_each_was_reached(counter: Recipients, store: Store, clock: FakeClock) -> None:
    limit(store, clock, 250)
    ask(counter, store, clock, range(100))
    clock.advance(hours=23, minutes=55)
    ask(counter, store, clock, range(100, 250))
    budget = ask(counter, store, clock, [300])
    assert budget == Budget(set(), clock.now() + timedelta(minutes=5))
    clock.advance(minutes=4, seconds=59)
    assert ask(counter, store, clock, [300]) == Budget(set(), clock.now() + SOONEST)
    clock.advance(seconds=1)
    assert ask(counter, store, clock, range(300, 450)).may_go == set(range(300, 400))


def test_campaigns_leave_a_share_to_live_templates(counter: Recipients, store: Store, clock: FakeClock) -> None:
    limit(store, clock, 1000)
    assert len(ask(counter, store, clock, range(1000), Lane.BULK).may_go) == 950
    assert len(ask(counter, store, clock, range(1000, 2000), Lane.LIVE).may_go) == 50


def test_far_from_the_limit_a_count_is_believed_for_some_seconds_and_near_it_never(
    counter: Recipients, store: Store, clock: FakeClock
) -> None:
    counts: list[str] = []
    event.listen(
        store.engine,
        "before_cursor_execute",
        lambda *told: counts.append(told[2]) if "count(*) from reached" in told[2] else None,
    )
    limit(store, clock, NEAR + 100)
    for person in range(99):
        ask(counter, store, clock, [person])
    assert len(counts) == 1
    clock.advance(seconds=5)
    ask(counter, store, clock, [99])
    assert len(counts) == 2
    for person in range(100, 110):
        ask(counter, store, clock, [person])
    assert len(counts) == 12


def test_several_workers_together_stay_below_the_limit(store: Store, clock: FakeClock) -> None:
    limit(store, clock, 500)

    def work(worker: int, gone: list[int]) -> None:
        mine = Recipients()
        for start in range(worker * 400, worker * 400 + 400, 16):
            gone.extend(ask(mine, store, clock, range(start, start + 16)).may_go)

    gone: list[list[int]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=work, args=(worker, gone[worker])) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(map(len, gone)) == 500
    with store.begin() as tx:
        assert recipients.count(tx, clock.now() - timedelta(hours=24)) == 500


def test_what_was_not_committed_was_not_used_up(counter: Recipients, store: Store, clock: FakeClock) -> None:
    limit(store, clock, 250)
    with store.engine.connect() as tx:
        assert len(counter.budget(tx, range(250), clock.now(), Lane.LIVE).may_go) == 250
        tx.rollback()
    assert len(ask(counter, store, clock, range(250, 500)).may_go) == 250


# One person


def sent(
    house: House, contact: int, moments: Sequence[datetime], number: str = NUMBER, state: str = "accepted"
) -> None:
    with house.store.begin() as tx:
        for position, moment in enumerate(moments):
            key = f"{contact}:{number}:{state}:{position}"
            row: dict[str, Any] = {
                "idempotency_key": key, "lane": "live", "source": "api", "category": "service",
                "phone_number_id": number, "contact_id": contact, "kind": "text", "content": {"body": "x"}, "body": "x",
                "planned_at": moment, "sending_at": moment, "state": state,
            }  # fmt: skip
            outgoing.plan(tx, [row])


def planned(house: House, contact: int, count: int, number: str = NUMBER) -> list[Any]:
    ids = [house.plan(contact, f"next:{contact}:{number}:{n}", phone_number_id=number) for n in range(count)]
    return house.rows("select * from outgoing where id = any(:ids) order by id", ids=ids)


def late(house: House, counter: Recipients, rows: Sequence[Any]) -> dict[int, datetime]:
    with house.store.begin() as tx:
        return counter.over_pair_rate(tx, rows, house.clock.now())


def test_a_person_who_was_sent_a_burst_gets_the_next_message_six_seconds_later(
    house: House, counter: Recipients
) -> None:
    person, other = house.contact(), house.contact("+886912345679")
    now = house.clock.now()
    sent(house, person, [now - timedelta(milliseconds=n) for n in range(PAIR_BURST - 1, -1, -1)])
    rows = [*planned(house, person, 2), *planned(house, other, 1)]
    found = late(house, counter, rows)
    assert set(found) == {rows[0].id, rows[1].id}
    assert now < found[rows[0].id] <= now + PAIR_INTERVAL
    house.clock.advance(seconds=6)
    assert set(late(house, counter, rows)) == {rows[1].id}


def test_the_messages_of_the_set_itself_count_too(house: House, counter: Recipients) -> None:
    person = house.contact()
    sent(house, person, [house.clock.now()] * (PAIR_BURST - 2))
    rows = planned(house, person, 4)
    assert set(late(house, counter, rows)) == {rows[2].id, rows[3].id}


def test_each_number_has_a_rate_of_its_own_and_refused_messages_do_not_count(house: House, counter: Recipients) -> None:
    person = house.contact()
    sent(house, person, [house.clock.now()] * PAIR_BURST, number="200")
    sent(house, person, [house.clock.now()] * PAIR_BURST, state="waiting")
    assert late(house, counter, planned(house, person, 1)) == {}
    assert len(late(house, counter, planned(house, person, 1, number="200"))) == 1


def test_people_reached_long_ago_are_forgotten(store: Store, clock: FakeClock) -> None:
    with store.begin() as tx:
        recipients.enter(tx, [1, 2], clock.now() - timedelta(hours=26))
        recipients.enter(tx, [2, 3], clock.now())
        assert recipients.forget_old(tx, clock.now() - timedelta(hours=25)) == 1
        assert set(tx.execute(text("select contact_id from reached")).scalars()) == {2, 3}
