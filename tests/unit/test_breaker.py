"""The circuit breaker of a CRM as a table: when nobody asks, who asks for all, and when a person hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.errors import AskPerson, FixCredentials, Never, OutcomeUnknown, TryAgain, TryLater
from syncer.domain.standing import Standing
from syncer.policies import breaker
from syncer.policies.breaker import Leave, Patience

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
AWAY, LIMITED, REVOKED = TryAgain("no"), TryLater("429", wait_seconds=7), FixCredentials("revoked")
PATIENCE = Patience(failures=3, first_pause=timedelta(seconds=2), longest_pause=timedelta(seconds=16))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def failed(standing: Standing, error: Exception = AWAY, at: float = 0, what: str = "message") -> Standing:
    return breaker.after_failure(standing, what, error, after(at), PATIENCE)


def opened(failures: int = 3, pause: float = 2, **more: object) -> Standing:
    return Standing(failures, open_since=NOON, retry_at=after(pause), **more)  # type: ignore[arg-type]


def probing(standing: Standing) -> Standing:
    return Standing(standing.failures, standing.open_since, standing.retry_at, after(60), standing.refused)


@pytest.mark.parametrize(
    ("standing", "error", "expected"),
    [
        pytest.param(Standing(), AWAY, Standing(1), id="once is nothing"),
        pytest.param(Standing(1), AWAY, Standing(2), id="nor is twice"),
        pytest.param(Standing(2), AWAY, opened(), id="three in a row open it"),
        pytest.param(Standing(2), OutcomeUnknown("?"), opened(), id="an unknown outcome counts"),
        pytest.param(Standing(2), KeyError("?"), opened(), id="so does what nobody foresaw"),
        pytest.param(Standing(2), Never("bad"), Standing(2), id="a refused record does not"),
        pytest.param(Standing(2), AskPerson("?"), Standing(2), id="nor a question to a person"),
        pytest.param(Standing(), LIMITED, opened(1, 7), id="a named wait opens it at once, until then"),
        pytest.param(Standing(), TryLater("?", wait_seconds=86400), opened(1, 3600), id="but for no day"),
        pytest.param(Standing(), REVOKED, Standing(1, refused=frozenset({"message"})), id="refused credentials"),
        pytest.param(
            Standing(2), REVOKED, opened(3, 30, refused=frozenset({"message"})), id="a person has to renew them"
        ),
        pytest.param(opened(), AWAY, opened(), id="what was under way when it opened is no news"),
        pytest.param(probing(opened(3)), AWAY, opened(4, 4), id="a failed probe doubles the pause"),
        pytest.param(probing(opened(5)), AWAY, opened(6, 16), id="and doubles it"),
        pytest.param(probing(opened(6)), AWAY, opened(7, 16), id="up to the longest"),
        pytest.param(probing(opened(10_000)), AWAY, opened(10_001, 16), id="for however long"),
    ],
)
def test_what_a_failure_makes_of_it(standing: Standing, error: Exception, expected: Standing) -> None:
    assert failed(standing, error) == expected


@pytest.mark.parametrize(
    ("standing", "at", "expected"),
    [
        pytest.param(Standing(2), 0, Leave.YES, id="closed"),
        pytest.param(opened(pause=2), 1.9, Leave.NO, id="resting"),
        pytest.param(opened(pause=2), 2, Leave.PROBE, id="the pause is over"),
        pytest.param(probing(opened(pause=2)), 30, Leave.NO, id="somebody asks for all"),
        pytest.param(probing(opened(pause=2)), 60, Leave.PROBE, id="and was not heard of again"),
    ],
)
def test_who_may_ask(standing: Standing, at: float, expected: Leave) -> None:
    assert breaker.leave(standing, after(at)) is expected


def test_one_service_closes_it_and_forgets_what_was_refused_for_that_alone() -> None:
    known = probing(opened(refused=frozenset({"message", "handoff"})))
    assert breaker.after_service(known, "message") == Standing(refused=frozenset({"handoff"}))


@pytest.mark.parametrize(
    ("standing", "error", "partly", "seconds"),
    [
        pytest.param(Standing(1), AWAY, False, 0.5, id="R26: the first retry is at once"),
        pytest.param(opened(pause=4), AWAY, False, 4, id="when the breaker lets through again"),
        pytest.param(Standing(1), AWAY, True, 16, id="the breaker will not hold it back"),
        pytest.param(Standing(1), REVOKED, False, 30, id="credentials"),
        pytest.param(opened(1, 7), LIMITED, False, 7, id="a named wait"),
    ],
)
def test_when_that_comes_back_which_was_not_served(
    standing: Standing, error: Exception, partly: bool, seconds: float
) -> None:
    assert breaker.rest(standing, error, NOON, PATIENCE, partly=partly) == after(seconds)


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        pytest.param(Standing(2), False, id="closed"),
        pytest.param(opened(pause=299), False, id="a short outage"),
        pytest.param(opened(pause=300), True, id="one that lasts"),
        pytest.param(Standing(1, refused=frozenset({"handoff"})), True, id="refused credentials, at once"),
    ],
)
def test_when_a_person_has_to_know(standing: Standing, expected: bool) -> None:
    assert breaker.grave(standing, PATIENCE) is expected


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(opened(), Standing(), True, id="it serves again"),
        pytest.param(Standing(1), Standing(), False, id="nobody was told"),
        pytest.param(opened(), Standing(refused=frozenset({"handoff"})), False, id="a permission is still missing"),
        pytest.param(Standing(refused=frozenset({"handoff"})), Standing(), True, id="the permission is there"),
    ],
)
def test_when_the_alarm_is_over(before: Standing, now: Standing, expected: bool) -> None:
    assert breaker.ended(before, now) is expected
