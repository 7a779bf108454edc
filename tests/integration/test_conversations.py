"""What a customer's message sets in motion."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from tests.fakes.messenger import said
from tests.integration.conftest import House


def test_a_message_becomes_a_contact_a_conversation_and_a_crm_write(house: House) -> None:
    house.receive(said("w1", "你好"))
    assert house.value("select phone from contacts") == "+886912345678"
    assert house.value("select body from messages") == "你好"
    assert {row.topic for row in house.rows("select topic from crm_writes")} == {"contact", "message"}
    assert "crm" in house.jobs.queues


def test_the_same_delivery_twice_is_one_message(house: House) -> None:
    house.receive(said("w1", "營業時間"), said("w1", "營業時間"))
    house.receive(said("w1", "營業時間"))
    assert house.value("select count(*) from messages") == 1
    assert house.value("select count(*) from outgoing") == 1


def test_a_keyword_is_answered_in_the_customers_language_and_signed(house: House) -> None:
    house.contact(language="en")
    house.receive(said("w1", "What are your HOURS?"))
    assert house.value("select body from outgoing") == "10 to 22.\n— Formosa Tea"
    assert "realtime" in house.jobs.queues


def test_a_complaint_is_handed_over_once_and_tagged(house: House) -> None:
    house.receive(said("w1", "我要客訴"))
    assert [row.reason for row in house.rows("select reason from handoffs")] == ["complaint"]
    assert house.value("select tags from contacts") == ["complaint"]
    assert house.value("select count(*) from crm_writes where topic = 'handoff'") == 1


def test_stop_revokes_marketing_with_its_proof_and_is_confirmed(house: House) -> None:
    house.contact(marketing="granted")
    house.receive(said("w1", "STOP."))
    assert house.value("select marketing from contacts") == "revoked"
    entry = house.rows("select * from consents")[0]
    assert (entry.word, entry.explicit, entry.proof) == ("revoked", True, "w1: STOP.")
    assert house.value("select body from outgoing").startswith("已停止")


def test_more_than_six_messages_bring_a_person_once(house: House) -> None:
    at = house.clock.now()
    items = [said(f"w{n}", f"嗯 {n}", at=at + timedelta(seconds=n)) for n in range(7)]
    for item in items:
        house.receive(item)
    assert [row.rule for row in house.rows("select rule from handoffs")] == ["long"]
    house.receive(said("w8", "還在嗎", at=at + timedelta(seconds=9)))
    assert house.value("select count(*) from handoffs") == 1


def test_two_robots_do_not_talk_for_ever(house: House) -> None:
    for n in range(30):
        house.receive(said(f"w{n}", "hours", at=house.clock.now()))
    assert house.value("select count(*) from outgoing") == 20


def test_a_message_out_of_order_never_shortens_the_window(house: House) -> None:
    now = house.clock.now()
    house.receive(said("late", "b", at=now))
    house.receive(said("early", "a", at=now - timedelta(hours=3)))
    assert house.value("select window_until from conversations") == now + timedelta(hours=24)


def test_a_timestamp_from_the_future_opens_no_longer_window(house: House) -> None:
    now = house.clock.now()
    house.receive(said("w1", "a", at=now + timedelta(days=3)))
    assert house.value("select window_until from conversations") == now + timedelta(hours=24)


def test_a_phone_and_a_user_id_seen_together_are_one_person(house: House) -> None:
    house.receive(said("w1", "a"))
    house.receive(said("w2", "b", user_id="TW.123"))
    house.receive(said("w3", "c", phone="", user_id="TW.123"))
    assert house.value("select count(distinct contact_id) from messages") == 1


@pytest.mark.parametrize("text", ["مرحبا بكم", "😀" * 50, "a\u202eb", "x" * 4096])
def test_any_text_is_kept_as_it_came(house: House, text: str) -> None:
    house.receive(said("w1", text))
    assert house.value("select body from messages") == text


def test_one_item_that_cannot_be_stored_costs_the_others_nothing(house: House) -> None:
    """A NUL that slipped past the reader makes the whole set fail; one by one only that item does."""
    house.receive(said("bad", "a\x00b", phone="+886911111111"), said("good", "ok"))
    assert [row.body for row in house.rows("select body from messages")] == ["ok"]
    assert house.value("select state from inbox where item_id = 'bad'") == "waiting"
    house.recovery.sweep()
    house.intake.drain(house.worker)
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    house.intake.drain(house.worker)
    assert house.value("select state from inbox where item_id = 'bad'") == "dead"
    letter = house.rows("select * from dead_letters")[0]
    assert letter.deadline_at - letter.created_at == timedelta(hours=24)


def test_an_unknown_kind_is_kept_and_ignored_with_its_reason(house: House) -> None:
    house.receive(dataclasses.replace(said("w1", "x"), kind="other:calls"))
    row = house.rows("select state, reason, payload from inbox")[0]
    assert (row.state, row.reason) == ("ignored", "unknown kind other:calls")
    assert "x" in row.payload
