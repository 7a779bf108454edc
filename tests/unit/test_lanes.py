"""Lanes: a slow subscriber never holds up another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncer.policies.lanes import Pace, split, width

FAST, SLOW, UNKNOWN = Pace(0.05), Pace(3.0), Pace()


def test_a_fast_target_gets_half_of_all_lanes_as_far_as_they_are_free() -> None:
    assert width(FAST, 0, free=8, all_lanes=8, unproven=0) == 4
    assert width(FAST, 0, free=1, all_lanes=8, unproven=0) == 1
    assert width(FAST, 0, free=0, all_lanes=8, unproven=0) == 0


def test_slow_failing_and_unknown_ones_get_one_each_and_half_together() -> None:
    for pace, failures in ((SLOW, 0), (UNKNOWN, 0), (FAST, 1)):
        assert width(pace, failures, free=8, all_lanes=8, unproven=0) == 1
        assert width(pace, failures, free=8, all_lanes=8, unproven=4) == 0


def test_a_target_is_believed_to_be_fast_again_after_a_few_fast_answers() -> None:
    pace = SLOW
    for _ in range(6):
        pace = pace.after(0.01)
    assert pace.proven
    assert not Pace(0.01).after(5.0).proven


@given(st.lists(st.tuples(st.integers(0, 9), st.integers()), max_size=60), st.integers(1, 9))
def test_every_item_is_in_one_lane_and_a_line_keeps_its_order(items: list[tuple[int, int]], lanes: int) -> None:
    numbered = [(line, (line, place)) for place, (line, _) in enumerate(items)]
    shared = split(numbered, lanes)
    assert len(shared) <= lanes
    assert sorted(item for lane in shared for item in lane) == sorted(item for _, item in numbered)
    for line in {line for line, _ in items}:
        homes = [lane for lane in shared if any(item[0] == line for item in lane)]
        assert len(homes) == 1
        own = [item for item in homes[0] if item[0] == line]
        assert own == sorted(own)
