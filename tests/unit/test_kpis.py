"""Measured figures beside what is asked of them."""

from __future__ import annotations

import dataclasses

import pytest

from syncer.acceptance import kpis
from syncer.acceptance.kpis import Measured, at_least, at_most

PERFECT = Measured(
    delivered=247,
    taken_for_living=247,
    to_crm=[0.2] * 300,
    to_reply=[0.3] * 212,
    to_person=[0.3] * 34,
    recorded=300,
    said=300,
    per_minute=5200,
    recovery=0.9,
    lost=0,
    doubled=0,
    acknowledged=[4.0] * 500,
    statuses_right=462,
    statuses=462,
    answered=212,
    to_answer=212,
    handed_over=34,
    to_hand_over=34,
    withdrawn=12,
    to_withdraw=12,
    first_sync=4.0,
    second_sync=0.5,
)


def failing(**changes: object) -> set[str]:
    """The ids of the lines that do not hold."""
    return {check.id for check in kpis.table(dataclasses.replace(PERFECT, **changes)) if not check.ok}


def test_a_perfect_run_holds_every_line() -> None:
    assert failing() == set()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"delivered": 244}, "R38.delivery"),
        ({"taken_for_living": 0, "delivered": 0}, "R38.delivery"),
        ({"per_minute": 999.0}, "R38.peak"),
        ({"recovery": 30.1}, "R38.recovery"),
        ({"recovery": None}, "R38.recovery"),
        ({"lost": 1}, "R28.lost"),
        ({"doubled": 1}, "R28.doubled"),
        ({"acknowledged": [4.0] * 98 + [201.0] * 2}, "R20"),
        ({"statuses_right": 461}, "R23"),
        ({"answered": 211}, "R30"),
        ({"withdrawn": 11}, "X4"),
        ({"to_reply": [0.3] * 190}, "R31"),
        ({"first_sync": 10.1}, "R25.first"),
        ({"second_sync": None}, "R25.again"),
    ],
)
def test_one_figure_beyond_its_standard_fails_its_line(changes: dict[str, object], line: str) -> None:
    assert failing(**changes) == {line}


def test_a_customer_message_missing_in_the_crm_fails_completeness_only_beyond_the_standard() -> None:
    assert failing(recorded=299) == set()
    assert failing(recorded=298) == {"R38.completeness"}


def test_a_complaint_handed_over_too_late_does_not_count_as_handed_over() -> None:
    assert failing(to_person=[0.3] * 33 + [20.5]) == {"R32"}


def test_delays_of_both_directions_make_the_two_way_delay() -> None:
    assert failing(to_reply=[3.2] * 212) == {"R38.delay"}


def test_a_figure_that_could_not_be_measured_is_no_pass() -> None:
    assert not at_least("a", "a", None, "%", standard=1).ok
    assert not at_most("a", "a", None, "s", standard=1).ok


def test_the_best_figure_is_reached_from_the_right_side() -> None:
    assert at_most("a", "a", 0.8, "s", standard=3, best=0.8).is_best
    assert not at_most("a", "a", 0.9, "s", standard=3, best=0.8).is_best
    assert at_least("a", "a", 99.9, "%", standard=99, best=99.9).is_best
    assert not at_least("a", "a", 99.8, "%", standard=99, best=99.9).is_best
    assert not at_most("a", "a", 0.1, "s", standard=3).is_best


def test_the_document_is_ok_only_if_every_line_is_and_there_are_lines() -> None:
    good, bad = at_least("a", "a", 2, "", standard=1), at_least("b", "b", 0, "", standard=1)
    assert kpis.document([good])["ok"]
    assert not kpis.document([good, bad])["ok"]
    assert not kpis.document([])["ok"]


def test_a_line_as_json_has_the_agreed_keys_first() -> None:
    row = at_least("R38.peak", "peak", 5200, "/min", standard=1000, best=5000).row()
    assert list(row)[:7] == ["id", "name", "value", "unit", "standard", "best", "ok"]
    assert row["value"] == 5200


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([1.0], 0.99, 1.0), ([3.0, 1.0, 2.0], 0.5, 2.0), (list(map(float, range(1, 101))), 0.99, 99.0), ([], 0.5, None)],
)
def test_percentiles_are_by_nearest_rank(values: list[float], share: float, found: float | None) -> None:
    assert kpis.percentile(values, share) == found


def test_the_busiest_span_is_found_wherever_it_lies() -> None:
    moments = [0.0, 1.0, 100.0, 100.5, 101.0, 104.9, 105.0]
    assert kpis.busiest_per_minute(moments) == 4 * 12
    assert kpis.busiest_per_minute([]) == 0
