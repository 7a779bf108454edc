"""What every limiter must do, whatever it counts with."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

import pytest

from syncer.domain.message import Lane
from syncer.ports import Throttle
from tests.fakes.clock import FakeClock

Make = Callable[..., Throttle]


@pytest.fixture
def number() -> str:
    """A business number that no other test has used."""
    return f"number-{uuid.uuid4().hex}"


def taken(throttle: Throttle, number: str, clock: FakeClock, lane: Lane, seconds: float) -> list[tuple[float, int]]:
    """(second, permits) of somebody who takes all they can get for so long, coming back when told to."""
    start, grants = clock.at, []
    while (now := (clock.at - start).total_seconds()) < seconds:
        grant = throttle.take(number, 100, lane)
        grants.append((now, grant.permits))
        assert grant.wait_seconds > 0, "somebody who did not get everything must be told when to come back"
        clock.advance(seconds=grant.wait_seconds)
    return grants


def most_in_any(span: float, grants: list[tuple[float, int]]) -> int:
    """The most permits in any half-open span of so many seconds."""
    return max(sum(n for at, n in grants if first <= at < first + span) for first, _ in grants)


class ThrottleSuite:
    """A subclass brings the fixture `make`: `make(per_minute=..., per_second=..., reserve=...)` builds the limiter
    under test, whose time is `clock`."""

    def test_an_idle_number_lets_everything_through_at_once(self, make: Make, number: str) -> None:
        grant = make(per_minute=300, per_second=80).take(number, 10, Lane.LIVE)
        assert (grant.permits, grant.wait_seconds) == (10, 0)

    @pytest.mark.parametrize("lane", list(Lane))
    def test_no_minute_and_no_second_ever_holds_more_than_its_limit(
        self, make: Make, number: str, clock: FakeClock, lane: Lane
    ) -> None:
        share = 1.0 if lane is Lane.LIVE else 0.8
        grants = taken(make(per_minute=300, per_second=80), number, clock, lane, 200)
        assert most_in_any(60, grants) <= 300 * share
        assert most_in_any(1, grants) <= 80 * share

    def test_greedy_use_gets_nearly_the_whole_rate(self, make: Make, number: str, clock: FakeClock) -> None:
        grants = taken(make(per_minute=1500, per_second=80), number, clock, Lane.LIVE, 305)
        assert sum(n for _, n in grants) >= 0.98 * 1500 * 5

    def test_coming_back_when_told_is_never_in_vain(self, make: Make, number: str, clock: FakeClock) -> None:
        grants = taken(make(per_minute=60, per_second=5), number, clock, Lane.BULK, 180)
        assert all(permits > 0 for _, permits in grants)

    def test_coming_back_earlier_is_in_vain(self, make: Make, number: str, clock: FakeClock) -> None:
        throttle = make(per_minute=10, per_second=10)
        wait = throttle.take(number, 11, Lane.LIVE).wait_seconds
        clock.advance(seconds=wait - 0.002)
        assert throttle.take(number, 1, Lane.LIVE).permits == 0

    def test_bulk_leaves_a_fifth_for_replies(self, make: Make, number: str, clock: FakeClock) -> None:
        throttle = make(per_minute=300, per_second=80)
        assert throttle.take(number, 500, Lane.BULK).permits == 64
        assert throttle.take(number, 500, Lane.BULK).permits == 0
        assert throttle.take(number, 500, Lane.LIVE).permits == 16
        for _ in range(5):
            clock.advance(seconds=1.1)
            throttle.take(number, 500, Lane.BULK)
        clock.advance(seconds=1.1)
        assert throttle.take(number, 60, Lane.LIVE).permits == 44, "60 a minute are kept, 16 of them are gone"

    def test_replies_may_use_everything_and_bulk_then_waits(self, make: Make, number: str, clock: FakeClock) -> None:
        throttle = make(per_minute=50, per_second=80)
        assert throttle.take(number, 50, Lane.LIVE).permits == 50
        refused = throttle.take(number, 1, Lane.BULK)
        assert refused.permits == 0
        assert 59 < refused.wait_seconds <= 61

    def test_without_a_reserve_bulk_may_use_everything(self, make: Make, number: str) -> None:
        assert make(per_minute=50, per_second=80, reserve=0.0).take(number, 99, Lane.BULK).permits == 50

    def test_a_rate_of_one_still_lets_bulk_through(self, make: Make, number: str) -> None:
        assert make(per_minute=1, per_second=1).take(number, 5, Lane.BULK).permits == 1

    def test_numbers_do_not_share_their_rates(self, make: Make, number: str) -> None:
        throttle = make(per_minute=5, per_second=5)
        assert throttle.take(number, 5, Lane.LIVE).permits == 5
        assert throttle.take(f"{number}-other", 5, Lane.LIVE).permits == 5

    def test_permits_given_back_can_be_taken_again(self, make: Make, number: str) -> None:
        throttle = make(per_minute=10, per_second=80)
        throttle.take(number, 8, Lane.BULK)
        throttle.give_back(number, 3)
        assert throttle.take(number, 8, Lane.BULK).permits == 3

    def test_giving_back_more_than_was_taken_opens_nothing(self, make: Make, number: str) -> None:
        throttle = make(per_minute=10, per_second=80)
        throttle.take(number, 2, Lane.BULK)
        throttle.give_back(number, 1000)
        assert throttle.take(number, 100, Lane.LIVE).permits == 10

    def test_giving_back_late_does_not_forget_what_was_used_meanwhile(
        self, make: Make, number: str, clock: FakeClock
    ) -> None:
        throttle = make(per_minute=10, per_second=10, reserve=0.0)
        throttle.take(number, 5, Lane.BULK)  # not used
        clock.advance(seconds=30)
        assert throttle.take(number, 5, Lane.BULK).permits == 5  # used
        throttle.give_back(number, 5)
        clock.advance(seconds=31)
        assert throttle.take(number, 100, Lane.LIVE).permits == 5

    def test_a_throttled_number_is_silent_for_as_long_as_was_said(
        self, make: Make, number: str, clock: FakeClock
    ) -> None:
        throttle = make(per_minute=300, per_second=80)
        throttle.slow_down(number, 7)
        for lane in Lane:
            refused = throttle.take(number, 5, lane)
            assert refused.permits == 0
            assert refused.wait_seconds == pytest.approx(7, abs=0.002)
        clock.advance(seconds=7.001)
        assert throttle.take(number, 5, Lane.BULK).permits == 5

    def test_a_shorter_pause_does_not_end_a_longer_one(self, make: Make, number: str, clock: FakeClock) -> None:
        throttle = make(per_minute=300, per_second=80)
        throttle.slow_down(number, 60)
        throttle.slow_down(number, 1)
        clock.advance(seconds=30)
        assert throttle.take(number, 1, Lane.LIVE).permits == 0

    @pytest.mark.parametrize("seconds", [float("nan"), -5.0, 0.0])
    def test_a_senseless_pause_is_none(self, make: Make, number: str, seconds: float) -> None:
        throttle = make(per_minute=300, per_second=80)
        throttle.slow_down(number, seconds)
        assert throttle.take(number, 1, Lane.LIVE).permits == 1

    def test_an_endless_pause_ends_after_a_day(self, make: Make, number: str, clock: FakeClock) -> None:
        throttle = make(per_minute=300, per_second=80)
        throttle.slow_down(number, float("inf"))
        clock.advance(hours=24, seconds=1)
        assert throttle.take(number, 1, Lane.LIVE).permits == 1

    @pytest.mark.parametrize("wanted", [0, -3])
    def test_wanting_nothing_takes_nothing(self, make: Make, number: str, wanted: int) -> None:
        throttle = make(per_minute=2, per_second=2)
        assert throttle.take(number, wanted, Lane.LIVE).permits == 0
        throttle.give_back(number, wanted)
        assert throttle.take(number, 9, Lane.LIVE).permits == 2

    def test_a_clock_set_back_neither_opens_nor_blocks_the_number(
        self, make: Make, number: str, clock: FakeClock
    ) -> None:
        throttle = make(per_minute=10, per_second=10)
        throttle.take(number, 6, Lane.LIVE)
        clock.advance(hours=-3)
        assert throttle.take(number, 10, Lane.LIVE).permits == 4
        clock.advance(seconds=61)
        assert throttle.take(number, 10, Lane.LIVE).permits == 10

    @pytest.mark.parametrize("seed", range(3))
    def test_any_mixture_of_lanes_and_returns_stays_within_the_limits(
        self, make: Make, number: str, clock: FakeClock, seed: int
    ) -> None:
        dice, throttle, start = random.Random(seed), make(per_minute=100, per_second=20), clock.at
        used: dict[Lane, list[list[float]]] = {lane: [] for lane in Lane}
        for _ in range(250):
            clock.advance(milliseconds=dice.choice([0, 1, 30, 400, 2000]))
            lane = dice.choice(list(Lane))
            permits = throttle.take(number, dice.randint(1, 30), lane).permits
            used[lane].append([(clock.at - start).total_seconds(), permits])
            back = dice.choice(used[lane][-8:])
            if lane is Lane.BULK and back[1] and dice.random() < 0.3:
                throttle.give_back(number, 1)
                back[1] -= 1
        bulk = [(at, int(n)) for at, n in used[Lane.BULK]]
        both = bulk + [(at, int(n)) for at, n in used[Lane.LIVE]]
        assert most_in_any(60, both) <= 100
        assert most_in_any(1, both) <= 20
        assert most_in_any(60, bulk) <= 80
        assert most_in_any(1, bulk) <= 16
