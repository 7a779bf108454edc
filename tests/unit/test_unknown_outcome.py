"""Law 6 as a table: a send of which nobody told us how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.message import Category
from syncer.policies.unknown import LetPersonDecide, Listen, Patience, SendAgain, Silence, judge

SENT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
UTILITY, MARKETING, SERVICE = Category.UTILITY, Category.MARKETING, Category.SERVICE


def after(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("category", "attempts", "later_echo", "at", "expected"),
    [
        pytest.param(UTILITY, 1, True, 0, Listen(after(30)), id="tier 1 listens"),
        pytest.param(UTILITY, 1, True, 29.9, Listen(after(30)), id="until the quiet time is over"),
        pytest.param(UTILITY, 1, True, 30, SendAgain(), id="then a speaking channel makes silence evidence"),
        pytest.param(UTILITY, 1, False, 30, Listen(after(60)), id="a silent channel proves nothing"),
        pytest.param(UTILITY, 1, False, 3600, Listen(after(3630)), id="however long it is silent"),
        pytest.param(SERVICE, 1, True, 30, SendAgain(), id="a reply is sent again"),
        pytest.param(Category.AUTHENTICATION, 1, True, 30, SendAgain(), id="so is a code"),
        pytest.param(MARKETING, 1, True, 29, Listen(after(30)), id="marketing listens too"),
        pytest.param(MARKETING, 1, False, 3600, Listen(after(3630)), id="and waits for a silent channel"),
        pytest.param(UTILITY, 2, False, 31, Listen(after(61)), id="a second silence is listened to as well"),
    ],
)
def test_silence_is_judged_by_the_channel(
    category: Category, attempts: int, later_echo: bool, at: float, expected: SendAgain | Listen
) -> None:
    silence = Silence(category, attempts, SENT, later_echo)
    assert judge(silence, now=after(at), patience=Patience()) == expected


@pytest.mark.parametrize(
    ("category", "attempts", "later_echo", "at", "words"),
    [
        pytest.param(MARKETING, 1, True, 30, "never sent again without a person", id="marketing is not repeated"),
        pytest.param(UTILITY, 2, True, 30, "unanswered 2 times", id="nor is anything a third time"),
        pytest.param(UTILITY, 1, False, 86400, "no word of this message", id="a day of silence is a person's matter"),
        pytest.param(UTILITY, 1, True, 86400, "no word of this message", id="too late to be sent again"),
    ],
)
def test_where_the_engine_must_not_guess_a_person_decides(
    category: Category, attempts: int, later_echo: bool, at: float, words: str
) -> None:
    step = judge(Silence(category, attempts, SENT, later_echo), now=after(at), patience=Patience())
    assert isinstance(step, LetPersonDecide)
    assert words in step.reason


def test_nothing_is_sent_again_before_the_quiet_time_or_after_a_day() -> None:
    patience = Patience()
    for minute in range(0, 3 * 24 * 60, 7):
        step = judge(Silence(UTILITY, 1, SENT, True), now=SENT + timedelta(minutes=minute), patience=patience)
        if isinstance(step, SendAgain):
            assert patience.quiet <= timedelta(minutes=minute) < patience.person_after


def test_what_listens_always_looks_again_later_than_now() -> None:
    for seconds in (0, 29, 30, 31, 4000, 80000):
        step = judge(Silence(UTILITY, 1, SENT, False), now=after(seconds), patience=Patience())
        assert isinstance(step, Listen)
        assert step.at > after(seconds)


@pytest.mark.parametrize(
    ("missed_after", "unheard", "at", "listens"),
    [
        pytest.param(None, True, 31, True, id="its echo may lie in our own inbox"),
        pytest.param(None, False, 31, False, id="nothing may lie anywhere"),
        pytest.param(0, False, 31, True, id="the platform may have found the door shut when it was sent"),
        pytest.param(20, False, 31, True, id="or soon after"),
        pytest.param(20, False, 619, True, id="and repeats what it could not tell, ever more slowly"),
        pytest.param(20, False, 620, False, id="but not for ever"),
        pytest.param(-1, False, 31, False, id="what was missed before it left does not concern it"),
    ],
)
def test_an_echo_that_may_lie_somewhere_is_waited_for(
    missed_after: float | None, unheard: bool, at: float, listens: bool
) -> None:
    missed = None if missed_after is None else after(missed_after)
    step = judge(Silence(UTILITY, 1, SENT, True, unheard, missed), now=after(at), patience=Patience())
    assert isinstance(step, Listen) is listens
    assert isinstance(step, SendAgain) is not listens
