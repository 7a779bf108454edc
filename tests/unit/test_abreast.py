"""Duties side by side: one that hangs keeps no other waiting, and whoever rings is held by none."""

from __future__ import annotations

import threading
import time

from syncer.domain.errors import Unreachable
from tasks.abreast import Abreast


def test_a_duty_that_hangs_keeps_no_other_waiting() -> None:
    go_on, heard = threading.Event(), threading.Semaphore(0)

    def hang() -> int:
        go_on.wait(10)
        return 0

    def quick() -> int:
        heard.release()
        return 0

    abreast = Abreast({"slow": hang, "quick": quick}, 0)
    try:
        for _ in range(3):
            abreast.ring()
            assert heard.acquire(timeout=5)
    finally:
        go_on.set()
        abreast.close()


def test_a_ring_during_a_round_is_answered_by_another_round() -> None:
    begun, go_on, rounds = threading.Semaphore(0), threading.Semaphore(0), []

    def work() -> int:
        begun.release()
        rounds.append(go_on.acquire(timeout=5))
        return 0

    abreast = Abreast({"one": work}, 0)
    abreast.ring()
    assert begun.acquire(timeout=5)
    abreast.ring()
    go_on.release()
    assert begun.acquire(timeout=5)
    go_on.release()
    abreast.close()
    assert rounds == [True, True]


def test_a_duty_goes_on_without_a_ring_until_there_is_nothing_left() -> None:
    left, done = [3, 2, 1, 0], threading.Event()

    def work() -> int:
        found = left.pop(0)
        if not found:
            done.set()
        return found

    abreast = Abreast({"one": work}, 0.001)
    abreast.ring()
    assert done.wait(5)
    abreast.close()
    assert left == []


def test_rounds_that_find_something_begin_the_gathering_time_apart_and_the_first_at_once() -> None:
    began, done = [time.monotonic()], threading.Event()

    def work() -> int:
        began.append(time.monotonic())
        if len(began) == 3:
            done.set()
        return int(len(began) < 3)

    abreast = Abreast({"one": work}, 0.3)
    abreast.ring()
    assert done.wait(5)
    abreast.close()
    assert began[1] - began[0] < 0.25
    assert began[2] - began[1] >= 0.29


def test_a_round_that_fails_ends_only_itself() -> None:
    answers, heard = [Unreachable("gone"), ZeroDivisionError()], threading.Semaphore(0)

    def work() -> int:
        heard.release()
        if answers:
            raise answers.pop()
        return 0

    abreast = Abreast({"one": work}, 0)
    for _ in range(3):
        abreast.ring()
        assert heard.acquire(timeout=5)
    abreast.close()


def test_after_the_end_nothing_begins() -> None:
    abreast = Abreast({"never begun": lambda: 0}, 0)
    abreast.close()
    abreast.ring()
    assert "never begun" not in {thread.name for thread in threading.enumerate()}
