"""One thread works for all the bells, and no bell is forgotten (law 5)."""

from __future__ import annotations

import threading

import pytest

from tasks import turnstile
from tasks.turnstile import Turnstile


def test_only_one_thread_works_at_a_time_and_every_ring_is_answered_afterwards() -> None:
    at_work, go_on = threading.Event(), threading.Event()
    rounds: list[str] = []
    gate = Turnstile()

    def work() -> int:
        rounds.append(threading.current_thread().name)
        at_work.set()
        go_on.wait(5)
        return 1

    first = threading.Thread(target=gate.run, args=(work,), name="first")
    first.start()
    at_work.wait(5)
    gate.run(work)  # comes while the first is at it: returns at once
    assert rounds == ["first"]
    go_on.set()
    first.join(5)
    assert rounds == ["first", "first"]


def test_a_round_that_fails_leaves_the_way_free() -> None:
    gate = Turnstile()
    with pytest.raises(ZeroDivisionError):
        gate.run(lambda: 1 // 0)
    done: list[int] = []
    gate.run(lambda: len([done.append(1)]))
    assert done == [1]


def test_a_lone_round_starts_at_once_and_one_right_behind_it_waits_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now = [100.0]
    monkeypatch.setattr(turnstile.time, "sleep", slept.append)
    monkeypatch.setattr(turnstile.time, "monotonic", lambda: now[0])
    gate = Turnstile(gather_seconds=0.03)
    gate.run(lambda: 1)
    assert slept == []
    now[0] += 0.01
    gate.run(lambda: 1)
    assert slept == [0.03]
    now[0] += 1
    gate.run(lambda: 1)
    assert slept == [0.03]


def test_a_round_that_found_nothing_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper looks twice a second; what comes right behind its look starts at once."""
    slept: list[float] = []
    monkeypatch.setattr(turnstile.time, "sleep", slept.append)
    gate = Turnstile(gather_seconds=30)
    gate.run(lambda: 0)
    gate.run(lambda: 1)
    assert slept == []
