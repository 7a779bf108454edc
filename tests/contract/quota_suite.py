"""What every quota must do, whatever it counts with."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from itertools import pairwise

import pytest

from syncer.ports import Quota
from syncer.throttle.quota_memory import LOOK_AGAIN, PLACE_SECONDS, Budget
from tests.fakes.clock import FakeClock

Make = Callable[..., Quota]


@pytest.fixture
def name() -> str:
    """A budget that no other test has used."""
    return f"crm-{uuid.uuid4().hex}"


def asked(
    quota: Quota, name: str, clock: FakeClock, seconds: float, *, bulk: bool = False, patience: float = 0.0
) -> list[float]:
    """The seconds at which somebody's calls are made who asks for so long, whenever they are told to."""
    start, calls = clock.at, []
    while (now := (clock.at - start).total_seconds()) < seconds:
        turn = quota.take(name, bulk=bulk, patience=patience)
        if turn.taken:
            calls.append(now + turn.wait_seconds)
        else:
            assert turn.wait_seconds > 0, "somebody who gets nothing must be told when to come back"
        clock.advance(seconds=turn.wait_seconds)
    return calls


def most_in_any(span: float, calls: list[float]) -> int:
    """The most calls in any span of so many seconds, both ends included."""
    return max(sum(1 for at in calls if first <= at <= first + span) for first in calls)


class QuotaSuite:
    """A subclass brings the fixture `make`: `make(name, calls=..., seconds=..., at_once=...)` builds the quota under
    test with that one budget; its time is `clock`."""

    @pytest.mark.parametrize(("calls", "seconds"), [(5, 1.0), (100, 10.0), (190, 10.0), (1, 1.0), (2, 1.0)])
    @pytest.mark.parametrize("patience", [0.0, 1.0])
    def test_no_span_ever_holds_more_calls_than_its_limit(
        self, make: Make, name: str, clock: FakeClock, calls: int, seconds: float, patience: float
    ) -> None:
        made = asked(make(name, calls=calls, seconds=seconds), name, clock, 4 * seconds, patience=patience)
        assert most_in_any(seconds, made) <= calls

    @pytest.mark.parametrize(("calls", "seconds"), [(5, 1.0), (100, 10.0)])
    def test_calls_that_arrive_unevenly_keep_within_the_limit_too(
        self, make: Make, name: str, clock: FakeClock, calls: int, seconds: float
    ) -> None:
        dice = random.Random(1)
        made = asked(make(name, calls=calls, seconds=seconds), name, clock, 4 * seconds)
        for _ in range(50):
            late = sorted(at + dice.uniform(0, 0.29) for at in made)
            assert most_in_any(seconds, late) <= calls

    def test_greedy_use_gets_three_quarters_of_the_limit_at_least(
        self, make: Make, name: str, clock: FakeClock
    ) -> None:
        made = asked(make(name, calls=100, seconds=10), name, clock, 100)
        assert len(made) >= 750
        waits = [after - before for before, after in pairwise(made)]
        assert max(waits) < 0.2, "an even stream: nobody waits long for one call"

    def test_reading_in_bulk_uses_four_fifths_and_leaves_most_of_the_burst(
        self, make: Make, name: str, clock: FakeClock
    ) -> None:
        quota = make(name, calls=100, seconds=10)
        made = asked(quota, name, clock, 30, bulk=True)
        assert len(made) <= 0.8 * 300 + 5
        assert most_in_any(10, made) <= 85
        assert 15 <= sum(quota.take(name).taken for _ in range(40)) <= 17

    def test_live_work_that_asks_leaves_nothing_to_bulk(self, make: Make, name: str, clock: FakeClock) -> None:
        quota, live, bulk = make(name, calls=100, seconds=10), 0, 0
        for _ in range(200):
            bulk += quota.take(name, bulk=True).taken
            live += quota.take(name, patience=0.2).taken
            clock.advance(milliseconds=50)
        assert live >= 85
        assert bulk <= 12

    def test_a_turn_within_ones_patience_is_kept(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=5, seconds=1)
        turns = [quota.take(name, patience=1.0) for _ in range(7)]
        kept = [turn.wait_seconds for turn in turns if turn.taken]
        assert kept == [pytest.approx(one, abs=0.002) for one in (0, 0, 0.325, 0.65, 0.975)]
        assert not turns[-1].taken
        assert turns[-1].wait_seconds == pytest.approx(1.3, abs=0.002)
        clock.advance(seconds=0.5)
        assert quota.take(name, patience=0.0).taken is False, "those who were told to wait come first"

    def test_bulk_keeps_no_turn(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=5, seconds=1)
        assert quota.take(name, bulk=True, patience=1.0).taken
        for _ in range(3):
            refused = quota.take(name, bulk=True, patience=1.0)
            assert not refused.taken
            assert refused.wait_seconds == pytest.approx(0.325, abs=0.002)
        clock.advance(seconds=refused.wait_seconds)
        assert quota.take(name, bulk=True).taken

    def test_coming_back_when_told_is_never_in_vain(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=7, seconds=3)
        for _ in range(30):
            turn = quota.take(name)
            if not turn.taken:
                clock.advance(seconds=turn.wait_seconds)
                assert quota.take(name).taken

    def test_a_call_of_many_costs_as_many(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=100, seconds=10)
        assert quota.take(name, cost=50).taken, "more than the burst: taken when it is whole, and paid for afterwards"
        assert quota.take(name).wait_seconds == pytest.approx(31 * 10.3 / 81, abs=0.01)

    def test_budgets_are_apart(self, make: Make, name: str) -> None:
        quota = make(name, calls=1, seconds=60)
        assert quota.take(name).taken
        assert not quota.take(name).taken
        assert all(quota.take(f"{name}.other").taken for _ in range(1000)), "one that nobody has set is endless"

    def test_a_pause_holds_everybody_and_one_of_bulk_only_bulk(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=100, seconds=10)
        quota.slow_down(name, 900, bulk=True)
        assert quota.take(name).taken
        assert quota.take(name, bulk=True).wait_seconds == pytest.approx(900, abs=0.002)
        quota.slow_down(name, 7)
        for bulk in (False, True):
            assert not quota.take(name, bulk=bulk).taken
        assert quota.take(name).wait_seconds == pytest.approx(7, abs=0.002)
        clock.advance(seconds=7.001)
        assert quota.take(name).taken
        assert not quota.take(name, bulk=True).taken
        clock.advance(seconds=893)
        assert quota.take(name, bulk=True).taken

    def test_a_pause_within_ones_patience_is_waited_for(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=100, seconds=10)
        quota.slow_down(name, 0.5)
        turn = quota.take(name, patience=1.0)
        assert turn.taken
        assert turn.wait_seconds == pytest.approx(0.5, abs=0.002)

    def test_a_pause_counts_for_an_endless_budget_too(self, make: Make, name: str) -> None:
        quota = make(name, calls=1, seconds=1)
        quota.slow_down(f"{name}.other", 5)
        assert not quota.take(f"{name}.other").taken

    def test_a_shorter_pause_does_not_end_a_longer_one(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=100, seconds=10)
        quota.slow_down(name, 60)
        quota.slow_down(name, 1)
        clock.advance(seconds=30)
        assert not quota.take(name).taken

    @pytest.mark.parametrize("seconds", [float("nan"), -5.0, 0.0])
    def test_a_senseless_pause_is_none(self, make: Make, name: str, seconds: float) -> None:
        quota = make(name, calls=100, seconds=10)
        quota.slow_down(name, seconds)
        assert quota.take(name).taken

    def test_an_endless_pause_ends_after_a_day(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=100, seconds=10)
        quota.slow_down(name, float("inf"))
        clock.advance(hours=24, seconds=1)
        assert quota.take(name).taken

    def test_so_many_run_at_once_and_bulk_leaves_a_fifth_of_the_places(self, make: Make, name: str) -> None:
        quota = make(name, at_once=10)
        assert sum(quota.take(name, bulk=True, place=f"bulk-{n}").taken for n in range(20)) == 8
        assert sum(quota.take(name, place=f"live-{n}").taken for n in range(20)) == 2
        refused = quota.take(name, patience=1.0, place="one-more")
        assert (refused.taken, refused.wait_seconds) == (False, LOOK_AGAIN)
        quota.leave(name, "live-0")
        quota.leave(name, "live-0")
        assert quota.take(name, place="one-more").taken
        assert not quota.take(name, place="and-another").taken

    def test_the_place_of_somebody_who_died_is_free_again(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, at_once=1)
        assert quota.take(name, place="dies").taken
        clock.advance(seconds=PLACE_SECONDS - 0.1)
        assert not quota.take(name, place="next").taken
        clock.advance(seconds=0.2)
        assert quota.take(name, place="next").taken

    def test_a_call_that_finds_no_place_costs_nothing(self, make: Make, name: str) -> None:
        quota = make(name, calls=2, seconds=60, at_once=1)
        assert quota.take(name, place="first").taken
        assert not quota.take(name, place="second").taken
        quota.leave(name, "first")
        assert quota.take(name, place="second").taken

    def test_a_clock_set_back_blocks_nobody_for_long(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=5, seconds=1)
        while quota.take(name).taken:
            pass
        clock.advance(hours=-3)
        assert not quota.take(name).taken
        clock.advance(seconds=12)
        assert quota.take(name).taken

    def test_a_reserve_of_nothing_is_no_limit_of_its_own(self) -> None:
        assert Budget(5, 1.0, reserve=0.0).burst == 2
        assert Budget(at_once=4, reserve=0.0).at_once_bulk == 4

    def test_what_the_provider_allows_counts_from_now_on(self, make: Make, name: str, clock: FakeClock) -> None:
        quota = make(name, calls=5, seconds=1.0)
        quota.allowed(name, 50, 1.0)
        quota.allowed(f"{name}-endless", 1, 1.0)
        made = asked(quota, name, clock, 4.0)
        assert most_in_any(1.0, made) <= 50
        assert len(made) > 100
        assert all(quota.take(f"{name}-endless").taken for _ in range(20))
