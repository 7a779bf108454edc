"""Many requests, a few at the same time."""

from __future__ import annotations

import threading
import time

import pytest

from syncer.crm.side_by_side import all_of
from syncer.domain.errors import Never, TryAgain


def test_answers_come_in_the_order_of_the_questions() -> None:
    assert all_of([lambda wait=wait: time.sleep(wait) or wait for wait in (0.02, 0.0, 0.01)]) == [0.02, 0.0, 0.01]
    assert all_of([]) == []


def test_no_more_than_a_few_are_under_way() -> None:
    lock, inside, most = threading.Lock(), [0], [0]

    def ask() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.01)
        with lock:
            inside[0] -= 1

    all_of([ask] * 20)
    assert 1 < most[0] <= 4


def test_after_an_error_nothing_more_is_begun_and_the_earliest_is_raised() -> None:
    """A CRM that does not answer is not asked by a whole batch, each time until the deadline."""
    asked = []

    def broken() -> None:
        asked.append(1)
        time.sleep(0.05)
        raise TryAgain("no answer")

    def refused() -> None:
        time.sleep(0.02)
        raise Never("not that one")

    with pytest.raises(Never):
        all_of([refused, *([broken] * 40)])
    assert len(asked) < 30
