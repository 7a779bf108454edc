"""The CRM is told everything, once, in order, and an absent CRM costs nothing."""

from __future__ import annotations

from datetime import timedelta

from syncer.domain.errors import TryAgain
from tests.fakes.messenger import said
from tests.integration.conftest import House


def away(method: str) -> None:
    raise TryAgain("connection refused")


def test_contact_message_and_handoff_reach_the_crm(house: House) -> None:
    house.receive(said("w1", "客訴！", name="王小明"))
    assert house.crm_writes.drain(house.worker) == 3
    message = house.crm.messages["in-w1"]
    assert (message.direction, message.body, message.wamid) == ("in", "客訴！", "w1")
    assert message.crm_contact_id is not None
    assert [task.subject for task in house.crm.tasks.values()] == ["WhatsApp: complaint"]
    assert house.value("select count(*) from crm_writes where state = 'done'") == 3


def test_a_crm_that_is_away_is_waited_for_without_spending_attempts(house: House) -> None:
    house.receive(said("w1", "hi"))
    house.crm.on_call = away
    for _ in range(20):
        house.crm_writes.drain(house.worker)
        house.clock.advance(seconds=6)
        house.recovery.sweep()
    assert house.value("select max(attempts) from crm_writes") == 0
    house.crm.on_call = lambda method: None
    house.crm_writes.drain(house.worker)
    assert "in-w1" in house.crm.messages
    assert house.value("select count(*) from dead_letters") == 0


def test_one_refused_record_does_not_sink_the_others(house: House) -> None:
    house.receive(said("w1", "a", phone="+886911111111"), said("w2", "b", phone="+886922222222"))
    house.crm.refuses.add("in-w1")
    house.crm_writes.drain(house.worker)
    assert "in-w2" in house.crm.messages
    assert house.value("select count(*) from dead_letters where subject = 'crm_write'") == 1
    assert house.value("select count(*) from crm_writes where state = 'dead'") == 1


def test_a_persons_later_record_waits_for_the_earlier(house: House) -> None:
    """Order per contact: while the first write waits for its retry, the second is not claimed."""
    house.receive(said("w1", "a"))
    house.crm.locked.add("in-w1")
    house.crm_writes.drain(house.worker)
    house.receive(said("w2", "b"))
    house.crm_writes.drain(house.worker)
    assert house.crm.messages == {}
    house.crm.locked.clear()
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    house.crm_writes.drain(house.worker)
    assert list(house.crm.messages) == ["in-w1", "in-w2"]


def test_a_change_during_the_write_is_written_again(house: House) -> None:
    house.receive(said("w1", "a"))
    original = house.crm.write_messages

    def change_meanwhile(messages: list[object]) -> object:
        house.rows("update crm_writes set revision = revision + 1 where topic = 'message' returning id")
        house.crm.write_messages = original
        return original(messages)

    house.crm.write_messages = change_meanwhile
    house.crm_writes.drain(house.worker)
    row = house.rows("select * from crm_writes where topic = 'message'")[0]
    assert (row.state, row.written_revision, row.revision) == ("done", 2, 2)


def test_a_contact_the_crm_made_is_remembered_and_not_made_again(house: House) -> None:
    house.receive(said("w1", "a"))
    house.crm_writes.drain(house.worker)
    assert house.value("select count(*) from contact_sources") == 1
    house.receive(said("w2", "b"))
    house.crm_writes.drain(house.worker)
    assert house.value("select count(*) from contact_sources") == 1
    assert house.value("select revision from crm_writes where topic = 'contact'") == 1


def test_a_worker_killed_between_the_crm_and_us_writes_the_same_record_again(house: House) -> None:
    house.receive(said("w1", "a"))
    other = house.another_worker()
    house.crm_writes._claim(other.number, "sql")
    other.close()
    assert house.crm_writes.drain(house.worker) == 0
    assert house.recovery.sweep() == {"crm"}
    house.crm_writes.drain(house.worker)
    assert list(house.crm.messages) == ["in-w1"]


def test_a_refusal_for_ever_is_told_to_a_person_before_the_deadline(house: House) -> None:
    house.receive(said("w1", "a"))
    house.crm.refuses.add("in-w1")
    house.crm_writes.drain(house.worker)
    house.clock.advance(hours=19)
    house.recovery.sweep()
    assert house.value("select alarmed_at from dead_letters") is None
    house.clock.advance(hours=2)
    house.recovery.sweep()
    letter = house.rows("select * from dead_letters")[0]
    assert letter.alarmed_at < letter.deadline_at
    assert letter.deadline_at - letter.created_at == timedelta(hours=24)
