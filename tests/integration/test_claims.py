"""Claims: one person to one worker, in order; what the dead held is free at once, what the stuck hold after the
lease."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from syncer.flows.intake import LostClaim
from syncer.store import claims, crm_writes
from syncer.store.crm_writes import Topic, Want
from syncer.store.inbox import INBOX
from tests.fakes.messenger import said
from tests.integration.conftest import House


def test_a_persons_items_go_to_one_worker_at_a_time(house: House) -> None:
    house.intake.receive([said("a1", "1"), said("b1", "1", phone="+886922222222")])
    first = house.intake._claim(house.worker)
    house.intake.receive([said("a2", "2"), said("c1", "1", phone="+886933333333")])
    second = house.intake._claim(house.another_worker().number)
    assert sorted(row.item_id for row in first) == ["a1", "b1"]
    assert [row.item_id for row in second] == ["c1"]


def test_a_persons_items_are_applied_in_the_providers_order(house: House) -> None:
    at = house.clock.now()
    house.intake.receive([said("late", "2", at=at), said("early", "1", at=at - timedelta(seconds=5))])
    assert [row.item_id for row in house.intake._claim(house.worker)] == ["early", "late"]


def test_the_claims_of_a_dead_worker_are_free_at_the_next_sweep(house: House) -> None:
    house.intake.receive([said("a1", "1")])
    other = house.another_worker()
    house.intake._claim(other.number)
    house.recovery.sweep()
    assert house.intake.drain(house.worker) == 0
    other.close()
    assert house.recovery.sweep() == {"realtime"}
    assert house.intake.drain(house.worker) == 1


def test_the_claims_of_a_stuck_worker_are_free_after_the_lease_and_it_settles_nothing(house: House) -> None:
    house.intake.receive([said("a1", "hours")])
    stuck = house.another_worker()
    rows = house.intake._claim(stuck.number)
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    house.intake.drain(house.worker)
    with pytest.raises(LostClaim):
        house.intake._apply(stuck.number, rows)
    assert house.value("select count(*) from messages") == 1
    assert house.value("select count(*) from outgoing") == 1


def test_a_row_that_kills_its_workers_is_parked_for_a_person(house: House) -> None:
    house.intake.receive([said("a1", "1"), said("b1", "1", phone="+886922222222")])
    for _ in range(5):
        victim = house.another_worker()
        with house.store.begin() as tx:
            claims.claim(
                tx, INBOX, victim.number, now=house.clock.now(), lease_seconds=30, limit=9, where="r.item_id = 'a1'"
            )
        victim.close()
        house.recovery.sweep()
    assert house.value("select state from inbox where item_id = 'a1'") == "dead"
    assert house.value("select error_code from dead_letters") == "poison"
    assert house.intake.drain(house.worker) == 1


def test_a_worker_whose_lock_was_lost_goes_on_under_a_new_number(house: House) -> None:
    old = house.worker
    house.intake.receive([said("a1", "1")])
    house.intake._claim(old)
    house.rows("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 23553")
    house.session.keep()
    assert house.worker != old
    house.recovery.sweep()
    assert house.intake.drain(house.worker) == 1


def test_a_row_that_is_being_changed_is_not_overtaken_by_the_next_in_its_line(house: House) -> None:
    """Seen when a message was written to a CRM before its contact, whose row a new message was just raising."""
    with house.store.begin() as tx:
        person = house.contact()
        wants = [
            Want(Topic.CONTACT, person, person),
            Want(Topic.MESSAGE, 1, person),
            Want(Topic.MESSAGE, 2, person + 1),
        ]
        crm_writes.request(tx, ["sql"], wants, house.clock.now())
    with house.store.begin() as changing:
        changing.execute(text("select id from crm_writes where topic = 'contact' for update"))
        assert [row.subject_id for row in house.crm_writes._claim(house.worker, "sql")] == [2]
    assert [row.topic for row in house.crm_writes._claim(house.worker, "sql")] == ["contact", "message"]
