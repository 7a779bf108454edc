"""Putting a number into service against the simulated platform: both ways of the code, and everything that can go wrong
on the way (R11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from syncer.domain.errors import OutcomeUnknown, Refused, TryLater
from syncer.flows.registration import CODE_LIFE, NotRegistered, Registration
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.numbers_desk import PRIMARY, NumbersDesk, open_desk

PIN = "135790"


class Somebody:
    """Reads the telephone and types; `answers` are what is typed for each code in turn: `right`, `wrong`, nothing
    (None) until the time is up, or a text as it is."""

    def __init__(self, desk: NumbersDesk, *answers: str | None, pin: str = PIN) -> None:
        self.desk, self.answers, self.typed_pin = desk, list(answers), pin
        self.asked: list[tuple[str, float]] = []
        self.heard: list[str] = []
        self.thinks = 5.0

    def pin(self) -> str:
        return self.typed_pin

    def code(self, method: str, seconds: float) -> str | None:
        self.asked.append((method, seconds))
        answer = self.answers.pop(0)
        if answer is None:
            self.desk.clock.advance(seconds=seconds)
            return None
        self.desk.clock.advance(seconds=self.thinks)
        newest = self.desk.control("GET", "codes")["codes"][-1]
        assert newest["method"] == method
        right: str = newest["code"]
        return {"right": right, "wrong": f"{(int(right) + 1) % 1_000_000:06d}"}.get(answer, answer)

    def told(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def desk(store: Store, clock: FakeClock, jobs: RecordingJobs) -> Iterator[NumbersDesk]:
    desk = open_desk(store, clock, jobs)
    fresh = {"status": "PENDING", "code_verification_status": "NOT_VERIFIED"}
    desk.control("POST", "numbers", {"id": PRIMARY, **fresh})
    yield desk
    desk.close()


def methods(desk: NumbersDesk) -> list[str]:
    return [code["method"] for code in desk.control("GET", "codes")["codes"]]


def run(desk: NumbersDesk, somebody: Somebody, **options: Any) -> Any:
    return Registration(desk.messenger, desk.clock, somebody).run(PRIMARY, **options)


def test_an_sms_code_and_the_pin_put_a_number_into_service(desk: NumbersDesk) -> None:
    somebody = Somebody(desk, "right")
    done = run(desk, somebody)
    assert (done.verified_by, done.fresh, done.state.status, done.state.name_status) == (
        "SMS",
        True,
        "CONNECTED",
        "APPROVED",
    )
    assert somebody.asked == [("SMS", CODE_LIFE.total_seconds())]
    assert desk.control("GET", "numbers")["numbers"][0]["pin"] == PIN


def test_after_sixty_seconds_without_a_code_it_comes_by_voice(desk: NumbersDesk) -> None:
    somebody = Somebody(desk, None, "right")
    began = desk.clock.now()
    assert run(desk, somebody).verified_by == "VOICE"
    assert [method for method, _ in somebody.asked] == ["SMS", "VOICE"]
    assert (desk.clock.now() - began).total_seconds() == 65
    assert methods(desk) == ["SMS", "VOICE"]


def test_voice_may_come_first_and_sms_is_then_the_other_way(desk: NumbersDesk) -> None:
    assert run(desk, Somebody(desk, None, "right"), method="VOICE").verified_by == "SMS"


def test_a_wrong_code_is_asked_for_again_within_the_same_minute(desk: NumbersDesk) -> None:
    somebody = Somebody(desk, "wrong", "wrong", "right")
    assert run(desk, somebody).verified_by == "SMS"
    assert [seconds for _, seconds in somebody.asked] == [60, 55, 50]
    assert methods(desk) == ["SMS"]


def test_three_wrong_codes_lead_to_the_other_way(desk: NumbersDesk) -> None:
    assert run(desk, Somebody(desk, "wrong", "wrong", "wrong", "right")).verified_by == "VOICE"


def test_the_minute_is_not_prolonged_by_wrong_codes(desk: NumbersDesk) -> None:
    somebody = Somebody(desk, "wrong", "wrong", "right")
    somebody.thinks = 35
    assert run(desk, somebody).verified_by == "VOICE"
    assert somebody.asked == [("SMS", 60), ("SMS", 25), ("VOICE", 60)]


def test_a_code_may_be_typed_in_groups(desk: NumbersDesk) -> None:
    somebody = Somebody(desk, "right")
    plain = somebody.code
    somebody.code = lambda method, seconds: (typed := plain(method, seconds) or "")[:3] + "-" + typed[3:]  # type: ignore[method-assign]
    assert run(desk, somebody).verified_by == "SMS"


def test_without_any_code_in_time_the_number_is_not_registered(desk: NumbersDesk) -> None:
    with pytest.raises(NotRegistered, match="neither"):
        run(desk, Somebody(desk, None, None))
    assert desk.messenger.phone_number(PRIMARY).status == "PENDING"


def test_where_no_sms_can_be_sent_the_voice_call_follows_at_once(desk: NumbersDesk) -> None:
    ask = desk.messenger.request_code

    def no_sms(number: str, method: str, language: str) -> None:
        if method == "SMS":
            raise TryLater("too many codes", code="136024x", wait_seconds=3600)
        ask(number, method, language)

    desk.messenger.request_code = no_sms  # type: ignore[method-assign]
    somebody = Somebody(desk, "right")
    assert run(desk, somebody).verified_by == "VOICE"
    assert [method for method, _ in somebody.asked] == ["VOICE"]


def test_a_verified_number_goes_on_to_registration(desk: NumbersDesk) -> None:
    desk.control("POST", "numbers", {"id": PRIMARY, "code_verification_status": "VERIFIED"})
    done = run(desk, Somebody(desk))
    assert (done.verified_by, done.state.status) == ("before", "CONNECTED")


def test_a_number_that_turns_out_to_be_verified_needs_no_code(desk: NumbersDesk) -> None:
    desk.control("POST", "numbers", {"id": PRIMARY, "code_verification_status": "VERIFIED"})
    look = desk.messenger.phone_number
    silent = lambda number: replace(look(number), code_verification_status="")  # noqa: E731
    desk.messenger.phone_number = silent  # type: ignore[method-assign]
    done = run(desk, Somebody(desk))
    assert (done.verified_by, done.state.status) == ("before", "CONNECTED")


def test_a_number_in_service_is_left_alone(desk: NumbersDesk) -> None:
    verified = {"status": "CONNECTED", "code_verification_status": "VERIFIED"}
    desk.control("POST", "numbers", {"id": PRIMARY, **verified})
    assert not run(desk, Somebody(desk)).fresh
    assert desk.control("GET", "numbers")["numbers"][0]["pin"] is None


def test_a_code_that_was_asked_for_before_is_enough(desk: NumbersDesk) -> None:
    desk.messenger.request_code(PRIMARY, "SMS", "en_US")
    code = desk.control("GET", "codes")["codes"][-1]["code"]
    assert run(desk, Somebody(desk), code=code).verified_by == "code"
    assert methods(desk) == ["SMS"]


@pytest.mark.parametrize("code", ["12345", "abcdef", "", "000000"])
def test_a_bad_code_given_in_advance_is_refused(desk: NumbersDesk, code: str) -> None:
    with pytest.raises(NotRegistered):
        run(desk, Somebody(desk), code=code)


def test_a_code_that_has_expired_at_the_platform_leads_to_the_other_way(desk: NumbersDesk) -> None:
    desk.control("POST", "settings", {"account": {"code_seconds": -1}})
    somebody = Somebody(desk, "right", "right", "right", "right", "right", "right")
    with pytest.raises(NotRegistered):
        run(desk, somebody)
    assert any("expired" in text for text in somebody.heard)


def test_a_pin_that_is_not_six_digits_never_leaves(desk: NumbersDesk) -> None:
    with pytest.raises(NotRegistered, match="PIN has six digits") as refusal:
        run(desk, Somebody(desk, pin="12345x"))
    assert "12345x" not in str(refusal.value)
    assert methods(desk) == []


def test_a_wrong_pin_is_explained_and_not_repeated(desk: NumbersDesk) -> None:
    desk.control("POST", "numbers", {"id": PRIMARY, "pin": "000000"})
    with pytest.raises(NotRegistered, match="two-step PIN is wrong") as refusal:
        run(desk, Somebody(desk, "right"))
    assert PIN not in str(refusal.value)


@pytest.mark.parametrize(
    ("settings", "pin", "said"),
    [
        ({"pin_tries": 1}, "000000", "too many wrong PINs"),
        ({"register_tries": 1}, None, "72 hours"),
    ],
)
def test_when_the_platform_takes_no_more_tries_it_is_said_until_when(
    desk: NumbersDesk, settings: dict[str, int], pin: str | None, said: str
) -> None:
    desk.control("POST", "settings", {"account": settings})
    desk.control("POST", "numbers", {"id": PRIMARY, "pin": pin, "code_verification_status": "VERIFIED"})
    if pin is None:
        desk.messenger.register(PRIMARY, PIN)
        desk.control("POST", "numbers", {"id": PRIMARY, "status": "DISCONNECTED"})
    else:
        with pytest.raises(NotRegistered):
            run(desk, Somebody(desk))
    with pytest.raises(Refused, match=said):
        run(desk, Somebody(desk))


def lost(act: Callable[..., None]) -> Callable[..., None]:
    def answerless(*told: str) -> None:
        act(*told)
        raise OutcomeUnknown("read timed out", code="timeout")

    return answerless


@pytest.mark.parametrize("step", ["request_code", "verify_code", "register"])
def test_an_answer_that_is_lost_is_looked_for_and_not_taken_for_a_failure(desk: NumbersDesk, step: str) -> None:
    setattr(desk.messenger, step, lost(getattr(desk.messenger, step)))
    done = run(desk, Somebody(desk, "right"))
    assert (done.verified_by, done.state.status) == ("SMS", "CONNECTED")
    assert methods(desk) == ["SMS"]
