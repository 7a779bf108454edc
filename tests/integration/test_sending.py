"""Sending: never lost, never double, and only to whom it may go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncer.domain.errors import FixCredentials, Never, OutcomeUnknown, TryAgain, TryLater
from syncer.domain.message import SendRequest
from tests.fakes.messenger import said, status
from tests.integration.conftest import House


def test_an_accepted_send_is_in_the_conversation_and_due_in_the_crm(house: House) -> None:
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    assert house.send_state(sent) == ("accepted", None)
    message, ref = house.rows("select * from messages")[0], house.value("select ref from outgoing")
    assert (message.ref, message.status, message.wamid) == (f"out-{ref}", "accepted", "wamid.1")
    assert house.value("select count(*) from crm_writes where topic = 'message'") == 1


def test_the_mark_names_message_and_attempt(house: House) -> None:
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    assert house.messenger.accepted["wamid.1"].callback_data == house.mark(sent)


@pytest.mark.parametrize(
    ("columns", "changes", "reason"),
    [
        ({"blocked": True}, {}, "blocked"),
        ({"unreachable": True}, {}, "unreachable"),
        ({"phone": None}, {}, "no_address"),
        ({"marketing": "unknown"}, {"category": "marketing"}, "no_marketing_consent"),
        ({"marketing": "revoked"}, {"category": "marketing"}, "no_marketing_consent"),
        ({"transactional": "revoked"}, {}, "transactional_revoked"),
        ({}, {"category": "service", "kind": "text", "content": {"body": "hi"}}, "window_closed"),
    ],
)
def test_what_may_not_leave_is_skipped_with_its_reason(
    house: House, columns: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    sent = house.plan(house.contact(**columns), "k1", **changes)
    house.sending.drain_live(house.worker)
    assert house.send_state(sent) == ("skipped", reason)
    assert house.messenger.accepted == {}


def test_consent_revoked_after_planning_stops_the_send(house: House) -> None:
    person = house.contact(marketing="granted")
    sent = house.plan(person, "k1", category="marketing")
    house.receive(said("w1", "stop"))
    house.sending.drain_live(house.worker)
    assert house.send_state(sent) == ("skipped", "no_marketing_consent")


def test_a_refused_connection_is_tried_again_at_once_then_after_thirty_seconds_then_by_a_person(house: House) -> None:
    def refuse(request: SendRequest) -> None:
        raise TryAgain("connection refused")

    house.messenger.on_send = refuse
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert house.send_state(sent)[0] == "waiting"
    house.clock.advance(seconds=29)
    house.recovery.sweep()
    assert house.send_state(sent)[0] == "waiting"
    house.clock.advance(seconds=2)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert house.send_state(sent)[0] == "failed"
    assert house.value("select count(*) from dead_letters") == 1
    assert house.value("select status from messages") == "failed"


def test_being_throttled_costs_no_attempt_and_slows_everybody_down(house: House) -> None:
    def throttle(request: SendRequest) -> None:
        raise TryLater("rate limit hit", code="130429", wait_seconds=5)

    house.messenger.on_send = throttle
    sent = house.plan(house.contact(), "k1")
    for _ in range(6):
        house.sending.drain_live(house.worker)
        house.clock.advance(seconds=6)
        house.recovery.sweep()
    assert house.send_state(sent)[0] == "planned"
    assert house.value("select attempts from outgoing") == 0
    assert house.throttle.slowed[0] == "100"


def test_what_the_platform_will_never_take_fails_at_once(house: House) -> None:
    def never(request: SendRequest) -> None:
        raise Never("template is missing", code="132001")

    house.messenger.on_send = never
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    assert house.send_state(sent) == ("failed", "132001: template is missing")


def test_a_bad_token_waits_for_somebody_to_renew_it(house: House) -> None:
    def expired(request: SendRequest) -> None:
        raise FixCredentials("token expired", code="190")

    house.messenger.on_send = expired
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    house.messenger.on_send = lambda request: None
    house.clock.advance(seconds=61)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert house.send_state(sent)[0] == "accepted"


def test_a_lost_answer_is_settled_by_its_echo_and_never_sent_twice(house: House) -> None:
    house.messenger.lose_answers = True
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    assert house.send_state(sent)[0] == "unknown"
    house.receive(status("wamid.1", "delivered", at=house.clock.now(), mark=house.mark(sent)))
    assert house.send_state(sent)[0] == "accepted"
    assert house.value("select status from messages") == "delivered"
    assert house.value("select count(*) from retries") == 0
    house.clock.advance(minutes=5)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert len(house.messenger.accepted) == 1


def test_an_echo_that_came_before_the_silence_settles_it_at_once(house: House) -> None:
    """The status was faster than our timeout: it waits in the room for early ones until the send is given up."""
    house.messenger.lose_answers = True
    person = house.contact()
    sent = house.plan(person, "k1")
    original = house.messenger.on_send

    def echo_first(request: SendRequest) -> None:
        original(request)
        house.receive(status("wamid.1", "sent", at=house.clock.now(), mark=request.callback_data))

    house.messenger.on_send = echo_first
    house.sending.drain_live(house.worker)
    assert house.send_state(sent)[0] == "accepted"
    assert house.value("select status from messages") == "sent"


def test_silence_is_evidence_only_while_the_channel_speaks(house: House) -> None:
    def lose(request: SendRequest) -> None:
        raise OutcomeUnknown("cut before it was taken")

    house.messenger.on_send = lose
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    house.messenger.on_send = lambda request: None
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    assert house.send_state(sent)[0] == "unknown"

    later = house.plan(house.contact("+886922222222"), "k2")
    house.sending.drain_live(house.worker)
    house.receive(status("wamid.1", "delivered", at=house.clock.now(), mark=house.mark(later)))
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert house.send_state(sent)[0] == "accepted"
    assert [r.callback_data for r in house.messenger.accepted.values()] == [house.mark(later), house.mark(sent, 2)]


def test_marketing_in_doubt_is_left_to_a_person(house: House) -> None:
    house.messenger.lose_answers = True
    sent = house.plan(house.contact(marketing="granted"), "k1", category="marketing")
    house.sending.drain_live(house.worker)
    house.messenger.lose_answers = False
    house.clock.advance(seconds=1)
    later = house.plan(house.contact("+886922222222"), "k2")
    house.sending.drain_live(house.worker)
    house.receive(status("wamid.2", "sent", at=house.clock.now(), mark=house.mark(later)))
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    assert house.send_state(sent)[0] == "unknown"
    assert house.value("select reason from dead_letters") == "a marketing message is never sent again without a person"


def test_one_persons_messages_leave_in_the_order_they_were_planned(house: House) -> None:
    person = house.contact()
    ids = [house.plan(person, f"k{n}", body=str(n)) for n in range(5)]
    house.sending.drain_live(house.worker)
    marks = [r.callback_data for r in house.messenger.accepted.values()]
    assert marks == [house.mark(key) for key in ids]


def test_the_limiter_sends_the_rest_back_unworked(house: House) -> None:
    ids = [house.plan(house.contact(f"+88691111111{n}"), f"k{n}") for n in range(4)]
    house.throttle.permits = 3
    house.throttle.wait_seconds = 2
    house.sending.drain_live(house.worker)
    assert sorted(house.send_state(key)[0] for key in ids) == ["accepted"] * 3 + ["planned"]
    assert house.value("select sum(attempts) from outgoing") == 3


def test_the_daily_quota_of_templates_is_respected(house: House) -> None:
    object.__setattr__(house.sending, "admission", replace(house.sending.admission, daily_templates=2))
    ids = [house.plan(house.contact(f"+88691111111{n}"), f"k{n}") for n in range(4)]
    house.sending.drain_live(house.worker)
    assert sorted(house.send_state(key)[0] for key in ids) == ["accepted", "accepted", "waiting", "waiting"]
    house.clock.advance(hours=24, minutes=11)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert sorted(house.send_state(key)[0] for key in ids) == ["accepted"] * 4


def test_a_worker_killed_in_mid_send_leaves_doubt_not_a_second_message(house: House) -> None:
    sent = house.plan(house.contact(), "k1")
    other = house.another_worker()

    class Killed(BaseException):
        pass

    def die(request: SendRequest) -> None:
        house.messenger.on_send = lambda request: None
        house.messenger.send(request)
        raise Killed

    house.messenger.on_send = die
    with pytest.raises(Killed):
        house.sending.drain_live(other.number)
    assert house.send_state(sent)[0] == "sending"
    other.close()
    house.recovery.sweep()
    assert house.send_state(sent)[0] == "unknown"
    house.receive(status("wamid.1", "sent", at=house.clock.now(), mark=house.mark(sent)))
    assert house.send_state(sent)[0] == "accepted"
    assert len(house.messenger.accepted) == 1


def test_a_refusal_of_our_own_is_no_echo_that_would_make_silence_evidence(house: House) -> None:
    house.messenger.lose_answers = True
    doubtful = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    house.messenger.lose_answers = False
    house.clock.advance(seconds=5)

    def refuse(request: SendRequest) -> None:
        raise Never("bad value", code="131009")

    house.messenger.on_send = refuse
    later = house.plan(house.contact("+886922222222"), "k2")
    house.sending.drain_live(house.worker)
    assert house.send_state(later)[0] == "failed"
    house.messenger.on_send = lambda request: None
    for _ in range(3):
        house.clock.advance(seconds=40)
        house.recovery.sweep()
        house.sending.drain_live(house.worker)
    assert house.send_state(doubtful)[0] == "unknown"
    assert len(house.messenger.accepted) == 1


def test_a_worker_that_was_stopped_beyond_its_lease_sends_nothing_more(house: House) -> None:
    """Two messages to one person; the worker freezes in the first request until others have given both up."""
    person = house.contact()
    first, second = house.plan(person, "k1"), house.plan(person, "k2")

    def freeze(request: SendRequest) -> None:
        house.messenger.on_send = lambda request: None
        house.clock.advance(seconds=67)
        house.recovery.sweep()

    house.messenger.on_send = freeze
    house.sending.drain_live(house.worker)
    assert [request.callback_data for request in house.messenger.accepted.values()] == [house.mark(first)]
    assert house.send_state(first)[0] == "accepted"
    assert house.send_state(second)[0] == "unknown"
    house.receive(status("wamid.1", "sent", at=house.clock.now(), mark=house.mark(first)))
