"""A CRM that does not serve is left in peace: nothing is lost, no attempt is used up, nobody else waits, a person is
told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from syncer.domain.errors import FixCredentials, TryAgain, TryLater
from syncer.monitoring import metrics
from syncer.policies import breaker
from syncer.store import crm_breakers, crm_writes
from syncer.store.crm_writes import Lane, Topic, Want
from tasks.abreast import Abreast
from tests.fakes.crm import FakeCRM
from tests.fakes.messenger import said
from tests.integration.conftest import House

ALERT = "select * from alerts where key = 'crm:sql' and ended_at is null"


@pytest.fixture
def say(house: House) -> Callable[..., str]:
    """A customer says something; returns the ref of the message."""
    numbers = count(1)

    def speak(person: int = 1, text: str = "hi") -> str:
        wamid = f"w{next(numbers)}"
        house.receive(said(wamid, text, phone=f"+8869{person:08d}"))
        return f"in-{wamid}"

    return speak


def refusing(error: Exception, *methods: str) -> Callable[[str], None]:
    """A CRM whose calls, or these calls, all end so."""

    def answer(method: str) -> None:
        if not methods or method in methods:
            raise error

    return answer


def served(method: str) -> None:
    """All is well."""


AWAY = refusing(TryAgain("connection refused"))


def drain(house: House) -> int:
    return house.crm_writes.drain(house.worker)


def later(house: House, seconds: float) -> int:
    """Time passes, what is due is due, and the CRM is told."""
    house.clock.advance(seconds=seconds)
    house.recovery.sweep()
    return drain(house)


def break_down(house: House, say: Callable[..., str], people: int = 3) -> None:
    """The CRM goes away, and so many people's messages find out."""
    house.crm.on_call = AWAY
    for person in range(people):
        say(person)
        drain(house)
    assert house.value("select count(*) from crm_breakers where open_since is not null") == 1


def test_after_three_failures_in_a_row_nobody_asks_and_nothing_loses_an_attempt(
    house: House, say: Callable[..., str]
) -> None:
    break_down(house, say)
    asked = len(house.crm.calls)
    say(7)
    assert drain(house) == 0
    assert house.crm_writes.drain(house.another_worker().number) == 0
    assert len(house.crm.calls) == asked
    assert house.value("select max(attempts) from crm_writes") == 0
    assert house.value("select state from crm_writes where contact_id = (select max(id) from contacts)") == "pending"


def test_after_the_pause_one_worker_asks_for_all_and_with_little(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    for person in range(30):
        say(person)
    house.clock.advance(seconds=2)
    house.recovery.sweep()
    probe = house.crm_writes._claim(house.worker, "sql")
    assert len(probe) == 10
    assert house.crm_writes._claim(house.another_worker().number, "sql") == []
    assert not house.crm_writes.standing.may_ask("sql")


def test_of_two_who_see_the_end_of_the_pause_one_is_the_prober(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    now = house.clock.advance(seconds=2)
    with house.store.begin() as tx:
        assert crm_breakers.take_probe(tx, "sql", now, now + breaker.PROBE)
    with house.store.begin() as tx:
        assert not crm_breakers.take_probe(tx, "sql", now, now + breaker.PROBE)


def test_a_prober_with_nothing_to_ask_leaves_it_to_the_next(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    house.rows("delete from crm_writes returning id")
    house.clock.advance(seconds=2)
    assert drain(house) == 0
    assert house.crm_writes.standing.may_ask("sql")


def test_after_a_call_that_was_not_served_the_round_asks_nothing_more(house: House, say: Callable[..., str]) -> None:
    say(1)
    drain(house)
    house.crm.on_call, asked = AWAY, len(house.crm.calls)
    say(1)
    say(2)
    drain(house)
    assert [method for method, _ in house.crm.calls[asked:]] == ["write_contacts"]


def test_a_probe_that_is_served_lets_everybody_through_at_once(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    for person in range(30):
        say(person)
    house.crm.on_call = served
    later(house, 2)
    assert house.value("select count(*) from crm_writes where state <> 'done'") == 0
    assert house.crm_writes.standing.may_ask("sql")


def test_each_probe_that_fails_doubles_the_pause(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    asked = []
    for _ in range(12):
        before = len(house.crm.calls)
        later(house, 1)
        asked.append(len(house.crm.calls) - before)
    assert asked == [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]  # after 2 s, 4 s more, 5 s at most


def test_a_prober_that_dies_is_followed_by_another(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    house.crm.on_call = served
    house.clock.advance(seconds=2)
    house.recovery.sweep()
    other = house.another_worker()
    assert house.crm_writes._claim(other.number, "sql") != []
    other.close()
    assert later(house, 1) == 0
    later(house, 30)
    assert house.value("select count(*) from crm_writes where state <> 'done'") == 0


def test_a_minutes_outage_loses_nothing_and_keeps_every_persons_order(house: House, say: Callable[..., str]) -> None:
    expected: dict[int, list[str]] = {}
    recovered_after = None
    for second in range(90):
        house.crm.on_call = AWAY if 10 <= second < 70 else served
        expected.setdefault(second % 7, []).append(say(second % 7))
        later(house, 1)
        told = len(house.crm.messages)
        if second >= 70 and recovered_after is None and told == second + 1:
            recovered_after = second - 70
    assert recovered_after is not None
    assert recovered_after <= 5
    written = list(house.crm.messages)
    for refs in expected.values():
        assert [ref for ref in written if ref in refs] == refs
    assert house.value("select count(*) from dead_letters") == 0
    assert house.value("select count(*) from crm_writes where state <> 'done'") == 0


def test_days_of_outage_make_no_dead_letter_and_one_alert(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    refs = [say(person) for person in range(5)]
    for _ in range(60):
        later(house, 3600)
    assert house.value("select count(*) from dead_letters") == 0
    assert [row.count > 1 for row in house.rows(ALERT)] == [True]
    house.crm.on_call = served
    later(house, 3600)
    assert set(refs) <= set(house.crm.messages)
    assert house.rows(ALERT) == []


def test_the_figures_and_the_doctor_tell_which_crms_are_left_in_peace(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    away = house.crm_writes.standing.away()
    assert away == {"sql": "connection refused"}
    metrics.crms(["sql", "zoho"], away)
    told = metrics.exposition().decode()
    assert 'syncer_crm_open{crm="sql"} 1.0' in told
    assert 'syncer_crm_open{crm="zoho"} 0.0' in told
    house.crm.on_call = served
    later(house, 2)
    assert house.crm_writes.standing.away() == {}


def test_a_short_outage_is_nobodys_matter(house: House, say: Callable[..., str]) -> None:
    break_down(house, say)
    later(house, 60)
    assert house.rows(ALERT) == []


def test_refusals_of_single_records_say_nothing_of_the_crm(house: House, say: Callable[..., str]) -> None:
    house.crm.refuses |= {"in-w1", "in-w2"}
    house.crm.locked |= {"in-w3", "in-w4"}
    for person in range(5):
        say(person)
        drain(house)
    assert house.rows("select * from crm_breakers") == []
    assert list(house.crm.messages) == ["in-w5"]


def test_a_named_wait_is_kept_by_everybody(house: House, say: Callable[..., str]) -> None:
    house.crm.on_call = refusing(TryLater("ten secondly limit", code="429", wait_seconds=7))
    say(1)
    drain(house)
    house.crm.on_call, asked = served, len(house.crm.calls)
    ref = say(2)
    later(house, 6.9)
    assert len(house.crm.calls) == asked
    later(house, 0.2)
    assert ref in house.crm.messages


def test_refused_credentials_wait_for_a_person_who_is_told_at_once(house: House, say: Callable[..., str]) -> None:
    house.crm.on_call = refusing(FixCredentials("the token was revoked", code="401"))
    refs = [say(person) for person in range(4)]
    drain(house)
    [alert] = house.rows(ALERT)
    assert (alert.level, "the token was revoked" in alert.message) == ("critical", True)
    for hour in range(72):
        refs.append(say(hour))
        later(house, 3600)
    assert house.value("select count(*) from dead_letters") == 0
    house.crm.on_call = served
    later(house, 30)
    later(house, 30)
    assert set(refs) == set(house.crm.messages)
    assert house.rows(ALERT) == []


def test_a_permission_that_is_missing_for_handoffs_alone_stops_nothing_else(
    house: House, say: Callable[..., str]
) -> None:
    house.crm.on_call = refusing(FixCredentials("missing scope: tickets"), "write_tasks")
    for person in range(5):
        say(person, "客訴")
        drain(house)
    refs = [say(person) for person in range(10, 20)]
    drain(house)
    assert set(refs) <= set(house.crm.messages)
    assert len(house.rows(ALERT)) == 1
    house.crm.on_call = served
    later(house, 30)
    assert len(house.crm.tasks) == 5
    assert house.rows(ALERT) == []


def test_an_adapter_that_stumbles_over_one_record_writes_the_others(house: House, say: Callable[..., str]) -> None:
    refs = [say(person) for person in range(6)]
    original = house.crm.write_messages

    def stumble(messages: list[Any]) -> Any:
        if any(message.ref == refs[2] for message in messages):
            raise KeyError("no such picklist")
        return original(messages)

    house.crm.write_messages = stumble
    drain(house)
    assert set(house.crm.messages) == {*refs} - {refs[2]}
    assert house.value("select max(failures) from crm_breakers") is None
    for _ in range(3):
        later(house, 31)
    assert house.value("select reason from dead_letters") == "'no such picklist'"


def test_an_adapter_that_stumbles_over_everything_is_an_outage(house: House, say: Callable[..., str]) -> None:
    house.crm.on_call = refusing(ZeroDivisionError("the answer has another shape now"), "write_messages")
    refs = [say(person) for person in range(6)]
    for _ in range(20):
        later(house, 31)
    assert house.value("select max(attempts) from crm_writes") == 0
    assert "another shape" in house.rows(ALERT)[0].message
    house.crm.on_call = served
    later(house, 31)
    assert set(refs) == set(house.crm.messages)


def test_what_others_ask_of_a_crm_opens_and_closes_it_too(house: House, say: Callable[..., str]) -> None:
    standing = house.crm_writes.standing
    for _ in range(3):
        assert standing.may_ask("sql")
        standing.failed("sql", TryAgain("away"), "replies")
    assert not standing.may_ask("sql")
    assert standing.resting("sql")
    say(1)
    assert drain(house) == 0
    house.clock.advance(seconds=2)
    assert standing.may_ask("sql")
    standing.served("sql", "replies")
    assert drain(house) == 2


def test_a_killed_worker_in_the_middle_of_an_outage_costs_nothing(house: House, say: Callable[..., str]) -> None:
    refs = [say(1), say(1), say(2)]
    other = house.another_worker()
    rows = house.crm_writes._claim(other.number, "sql")
    house.crm_writes.round.tell("sql", rows[:3])  # half of it reached the CRM, and nobody noted it
    other.close()
    house.crm.on_call = AWAY
    later(house, 1)
    later(house, 1)
    later(house, 1)
    house.crm.on_call = served
    later(house, 5)
    assert list(house.crm.messages) == refs
    assert house.value("select count(*) from crm_writes where state <> 'done'") == 0


# Side by side


def test_a_crm_that_hangs_holds_up_neither_another_nor_whoever_rings(house: House, say: Callable[..., str]) -> None:
    go_on, told = threading.Event(), threading.Event()
    slow, quick = house.crm, FakeCRM("zoho")
    slow.on_call = lambda method: go_on.wait(20)
    quick.on_call = lambda method: told.set() if method == "write_messages" else None
    house.crm_writes.crms["zoho"] = quick  # type: ignore[index]
    ref = say(1)
    contact_id, message_id = house.rows("select contact_id, id from messages")[0]
    wants = [Want(Topic.CONTACT, contact_id, contact_id), Want(Topic.MESSAGE, message_id, contact_id)]
    with house.store.begin() as tx:
        crm_writes.request(tx, ["zoho"], wants, house.clock.now())
    abreast = Abreast({name: lambda name=name: drain_one(house, name) for name in ("sql", "zoho")}, 0)  # type: ignore[misc]
    try:
        abreast.ring()
        assert told.wait(10)
        assert slow.messages == {}
    finally:
        go_on.set()
        abreast.close()
    assert ref in quick.messages


def drain_one(house: House, crm: str) -> int:
    return house.crm_writes.drain(house.worker, crm)


def test_messages_of_people_whom_the_crm_knows_do_not_wait_for_strangers(house: House, say: Callable[..., str]) -> None:
    say(1)
    drain(house)
    stranger, known = say(2), say(1)
    assert house.crm_writes.keep_up(house.worker, "sql", Lane.MESSAGES) == 1
    assert known in house.crm.messages
    assert stranger not in house.crm.messages
    assert house.crm_writes.keep_up(house.worker, "sql", Lane.STRANGERS) == 2
    assert stranger in house.crm.messages


def test_what_changes_about_somebody_known_keeps_no_message_of_theirs_waiting(
    house: House, say: Callable[..., str]
) -> None:
    say(1)
    drain(house)
    ref = say(1, "客訴")
    (contact_id,) = house.rows("select contact_id from messages where ref = :ref", ref=ref)[0]
    assert [row.line for row in house.rows("select line from crm_writes where topic = 'handoff'")] == ["contact"]

    def fails(method: str) -> None:
        if method in ("look_up", "write_contacts"):
            raise TryAgain("the contacts are locked")

    house.crm.on_call = fails
    house.crm_writes.keep_up(house.worker, "sql", Lane.CONTACTS)
    assert house.crm_writes.keep_up(house.worker, "sql", Lane.MESSAGES) >= 1
    assert ref in house.crm.messages
    house.crm.on_call = lambda method: None
    house.clock.advance(seconds=60)
    house.recovery.sweep()
    drain(house)
    assert house.value("select tags from contacts where id = :id", id=contact_id) == ["complaint"]
    assert house.rows("select 1 from crm_writes where state <> 'done'") == []
    assert len(house.crm.tasks) == 1


def test_a_new_message_of_somebody_known_costs_one_call(house: House, say: Callable[..., str]) -> None:
    say(1)
    drain(house)
    house.crm.calls.clear()
    say(1)
    drain(house)
    assert house.crm.calls == [("write_messages", 1)]
