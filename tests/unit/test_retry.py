"""R26's three tiers, as a table: which error, which attempt, how long due - and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.errors import (
    AskPerson,
    FixCredentials,
    Never,
    OptedOut,
    OutcomeUnknown,
    PauseNumber,
    PauseTemplate,
    SendAsTemplate,
    StopAccount,
    TryAgain,
    TryLater,
    WrongTemplate,
)
from syncer.policies.retry import GiveToPerson, RetryAt, Tiers, decide, doubled

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TIERS = Tiers()


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("error", "attempts", "expected"),
    [
        pytest.param(TryAgain("refused"), 1, RetryAt(NOW, 1, "refused"), id="tier 1 is at once"),
        pytest.param(TryAgain("refused"), 2, RetryAt(after(30), 2, "refused"), id="tier 2 is after 30 s"),
        pytest.param(TryAgain("refused"), 3, GiveToPerson("refused"), id="tier 3 is a person"),
        pytest.param(TryAgain("refused"), 9, GiveToPerson("refused"), id="and stays one"),
        pytest.param(TryAgain("busy", code="131016"), 1, RetryAt(NOW, 1, "131016: busy"), id="the code is kept"),
        pytest.param(OutcomeUnknown("cut"), 1, RetryAt(NOW, 1, "cut"), id="an idempotent call may be repeated"),
        pytest.param(KeyError("x"), 1, RetryAt(NOW, 1, "'x'"), id="a defect of ours gets its tiers too"),
        pytest.param(ValueError(), 2, RetryAt(after(30), 2, "ValueError"), id="a wordless error is told by its type"),
        pytest.param(ValueError(), 3, GiveToPerson("ValueError"), id="and ends with a person"),
        pytest.param(Never("no such number"), 1, GiveToPerson("no such number"), id="never means never"),
        pytest.param(AskPerson("account locked"), 1, GiveToPerson("account locked"), id="asking means asking"),
        pytest.param(TryLater("429", wait_seconds=7), 1, RetryAt(after(7), 0, "429"), id="a wait is tier 0"),
        pytest.param(TryLater("429", wait_seconds=7), 50, RetryAt(after(7), 0, "429"), id="and costs no attempt"),
        pytest.param(TryLater("4", wait_seconds=3600), 1, RetryAt(after(60), 0, "4"), id="a number's wait is its own"),
        pytest.param(
            TryLater("131056", wait_seconds=256, scope="item"),
            1,
            RetryAt(after(256), 0, "131056"),
            id="an item's wait is waited out",
        ),
        pytest.param(FixCredentials("token"), 1, RetryAt(after(60), 0, "token"), id="credentials are waited for"),
        pytest.param(FixCredentials("token"), 50, RetryAt(after(60), 0, "token"), id="however often they failed"),
        pytest.param(PauseNumber("spam"), 1, RetryAt(after(60), 0, "spam"), id="a restricted number is waited for"),
        pytest.param(StopAccount("locked"), 9, RetryAt(after(60), 0, "locked"), id="a blocked account too"),
        pytest.param(PauseTemplate("paused"), 2, RetryAt(after(60), 0, "paused"), id="and a paused template"),
        pytest.param(OptedOut("stop"), 1, GiveToPerson("stop"), id="who has stopped marketing is not tried again"),
        pytest.param(SendAsTemplate("closed"), 1, GiveToPerson("closed"), id="nor a text outside the window"),
        pytest.param(WrongTemplate("count"), 1, GiveToPerson("count"), id="nor a template with other parameters"),
    ],
)
def test_each_error_has_its_next_step(error: Exception, attempts: int, expected: RetryAt | GiveToPerson) -> None:
    assert decide(error, attempts=attempts, since=NOW, now=NOW, tiers=TIERS) == expected


@pytest.mark.parametrize(
    ("waited", "to_person"),
    [(timedelta(0), False), (timedelta(hours=24) - timedelta(seconds=30), False), (timedelta(hours=24), True)],
)
@pytest.mark.parametrize("error", [TryLater("429", wait_seconds=30), FixCredentials("token")])
def test_waiting_ends_with_a_person_before_its_patience_is_overdrawn(
    error: Exception, waited: timedelta, to_person: bool
) -> None:
    tiers = Tiers(person_wait=timedelta(seconds=30))
    decision = decide(error, attempts=1, since=NOW - waited, now=NOW, tiers=tiers)
    assert isinstance(decision, GiveToPerson) is to_person
    assert str(error) in decision.reason


def test_the_figures_can_be_set() -> None:
    decision = decide(TryAgain("x"), attempts=2, since=NOW, now=NOW, tiers=Tiers(second_after=timedelta(seconds=5)))
    assert decision == RetryAt(after(5), 2, "x")


def test_where_a_third_wait_is_set_tries_go_on_ever_later_until_the_patience_is_over() -> None:
    tiers = Tiers(third_after=timedelta(seconds=60), longest_wait=timedelta(minutes=5), patience=timedelta(hours=1))
    waits = [60, 120, 240, 300, 300]
    for attempts, seconds in enumerate(waits, start=3):
        found = decide(TryAgain("busy"), attempts=attempts, since=NOW, now=NOW, tiers=tiers)
        assert found == RetryAt(after(seconds), 3, "busy")
    late = NOW + timedelta(minutes=58)
    assert decide(TryAgain("busy"), attempts=9, since=NOW, now=late, tiers=tiers) == GiveToPerson("busy")
    assert decide(Never("no"), attempts=3, since=NOW, now=NOW, tiers=tiers) == GiveToPerson("no")


def test_a_wait_that_was_doubled_for_ever_stops_growing() -> None:
    assert doubled(timedelta(seconds=1), 10**6, timedelta(minutes=30)) == timedelta(minutes=30)
    assert doubled(timedelta(seconds=1), -1, timedelta(minutes=30)) == timedelta(seconds=1)
