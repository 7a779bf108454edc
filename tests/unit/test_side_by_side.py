"""Two requests at the same time."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from syncer.crm.side_by_side import both
from syncer.domain.errors import Never, TryAgain

#: Longer than two threads take to meet.
_PATIENCE = 10.0


def test_two_requests_are_under_way_at_the_same_time() -> None:
    meeting = threading.Barrier(2)
    assert both(lambda: meeting.wait(_PATIENCE) >= 0, lambda: meeting.wait(_PATIENCE) >= 0) == (True, True)


def test_an_error_of_either_is_raised_after_the_other_has_ended() -> None:
    ended = []

    failed = threading.Event()

    def slow() -> None:
        failed.wait(_PATIENCE)
        ended.append(True)

    def broken() -> None:
        failed.set()
        raise TryAgain("no answer")

    for pair in ((slow, broken), (broken, slow)):
        failed.clear()
        with pytest.raises(TryAgain):
            both(*pair)
    assert ended == [True, True]


def test_of_two_errors_the_firsts_is_raised() -> None:
    def refused() -> None:
        raise Never("not that one")

    def broken() -> None:
        raise TryAgain("no answer")

    with pytest.raises(Never):
        both(refused, broken)


def test_the_second_knows_what_the_first_does() -> None:
    about: ContextVar[str] = ContextVar("about", default="nothing")
    about.set("message 5")
    assert both(about.get, about.get) == ("message 5", "message 5")
