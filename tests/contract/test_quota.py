"""The quota in memory and in Redis do the same; all processes share one; and Redis may vanish and come back."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncer.throttle.quota import RedisQuota
from syncer.throttle.quota_memory import Budget, MemoryQuota
from tests.contract.cable import Cable, cable
from tests.contract.quota_suite import Make, QuotaSuite, most_in_any, name
from tests.fakes.clock import FakeClock

__all__ = ["cable", "name"]

SEARCH = Budget(5, 1.0)
Join = Callable[..., RedisQuota]


class TestMemoryQuota(QuotaSuite):
    @pytest.fixture
    def make(self, clock: FakeClock) -> Make:
        return lambda name, **limits: MemoryQuota({name: Budget(**limits)}, clock)


class TestRedisQuota(QuotaSuite):
    @pytest.fixture
    def make(self, clock: FakeClock, join: Join) -> Make:
        return lambda name, **limits: join(name, Budget(**limits), clock=clock, redis_clock=clock)


@pytest.fixture
def join(redis_url: str) -> Iterator[Join]:
    """One more process with a budget, by its quota."""
    made: list[RedisQuota] = []

    def build(name: str, budget: Budget, url: str = redis_url, **more: object) -> RedisQuota:
        made.append(RedisQuota(url, {name: budget}, **more))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for quota in made:
        quota.close()


@pytest.mark.parametrize("budget", [SEARCH, Budget(100, 10.0), Budget(at_once=3), Budget(20, 2.0, 2)])
def test_memory_and_redis_answer_alike(clock: FakeClock, join: Join, name: str, budget: Budget) -> None:
    dice = random.Random(7)
    memory = MemoryQuota({name: budget}, clock)
    shared = join(name, budget, clock=FakeClock(), redis_clock=clock)
    for _ in range(400):
        clock.advance(milliseconds=dice.choice([0, 7, 60, 300, 2000]))
        how = {"bulk": dice.random() < 0.4, "patience": dice.choice([0.0, 0.4, 1.0]), "place": f"p{dice.randint(0, 5)}"}
        ours, theirs = memory.take(name, **how), shared.take(name, **how)
        assert ours.taken == theirs.taken
        assert ours.wait_seconds == pytest.approx(theirs.wait_seconds, abs=0.002)
        if dice.random() < 0.3:
            place = f"p{dice.randint(0, 5)}"
            memory.leave(name, place)
            shared.leave(name, place)


def test_all_processes_share_one_budget(join: Join, name: str) -> None:
    """In real time, by Redis's own clock: three processes search as fast as they are let."""
    made: list[float] = []
    until = time.monotonic() + 2.2

    def search(quota: RedisQuota, bulk: bool) -> None:
        while time.monotonic() < until:
            turn = quota.take(name, bulk=bulk, patience=1.0)
            time.sleep(turn.wait_seconds)
            if turn.taken:
                made.append(time.monotonic())

    with ThreadPoolExecutor(3) as pool:
        for bulk in (False, False, True):
            pool.submit(search, join(name, SEARCH), bulk)
    assert most_in_any(1.0, sorted(made)) <= 5
    assert len(made) >= 6


def test_what_one_process_is_told_the_others_know_at_their_next_call(join: Join, name: str, clock: FakeClock) -> None:
    one, other = (join(name, Budget(100, 10.0), clock=clock, redis_clock=clock) for _ in range(2))
    one.slow_down(name, 30)
    refused = other.take(name, patience=1.0)
    assert (refused.taken, refused.wait_seconds) == (False, pytest.approx(30, abs=0.002))
    one.slow_down(name, 900, bulk=True)
    clock.advance(seconds=31)
    assert other.take(name).taken
    assert not other.take(name, bulk=True).taken


def test_a_shorter_pause_of_another_process_does_not_end_a_longer_one(join: Join, name: str, clock: FakeClock) -> None:
    one, other, third = (join(name, Budget(100, 10.0), clock=clock, redis_clock=clock) for _ in range(3))
    for bulk in (False, True):
        one.slow_down(name, 60, bulk=bulk)
        other.slow_down(name, 1, bulk=bulk)
    clock.advance(seconds=30)
    for bulk in (False, True):
        assert third.take(name, bulk=bulk).wait_seconds == pytest.approx(30, abs=0.002)


def test_a_pause_that_every_answer_tells_is_told_to_the_others_once(
    cable: Cable, join: Join, name: str, clock: FakeClock
) -> None:
    quota = join(name, SEARCH, url=cable.url, clock=clock, redis_clock=clock)
    quota.slow_down(name, 900, bulk=True)
    before = cable.carried
    for _ in range(50):
        clock.advance(seconds=1)
        quota.slow_down(name, 900, bulk=True)
    assert cable.carried == before
    clock.advance(seconds=60)
    quota.slow_down(name, 900, bulk=True)
    assert cable.carried > before


def test_without_redis_each_process_asks_at_its_share(
    clock: FakeClock, join: Join, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    quota = join(name, Budget(100, 10.0, 8), url=f"redis://127.0.0.1:{port}/0", clock=clock)
    made, start = [], clock.at
    with caplog.at_level(logging.INFO):
        while (now := (clock.at - start).total_seconds()) < 20:
            turn = quota.take(name)
            made += [now] * turn.taken
            clock.advance(seconds=turn.wait_seconds)
        assert 20 <= most_in_any(10, made) <= 25
        quota.slow_down(name, 90)
        assert quota.take(name).wait_seconds == pytest.approx(90, abs=0.002)
        clock.advance(seconds=91)
        assert [quota.take(name, place=place).taken for place in "abc"] == [True, True, False]
        quota.leave(name, "a")
        assert quota.take(name, place="d").taken
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_losing_redis_opens_no_fresh_burst(clock: FakeClock, cable: Cable, join: Join, name: str) -> None:
    quota = join(name, Budget(100, 10.0), url=cable.url, clock=clock, redis_clock=clock)
    assert sum(quota.take(name).taken for _ in range(30)) == 20
    cable.cut()
    assert not quota.take(name).taken
    clock.advance(seconds=1)
    assert sum(quota.take(name).taken for _ in range(30)) <= 3


def test_redis_back_hears_what_was_let_through_without_it(
    clock: FakeClock, cable: Cable, join: Join, name: str
) -> None:
    quota = join(name, Budget(100, 10.0), url=cable.url, clock=clock, redis_clock=clock, probe_seconds=0.02)
    other = join(name, Budget(100, 10.0), clock=clock, redis_clock=clock)
    cable.cut()
    assert sum(quota.take(name).taken for _ in range(30)) == 5
    cable.whole = True
    time.sleep(0.03)
    assert quota.take(name).taken
    assert sum(other.take(name).taken for _ in range(30)) == 20 - 5 - 1


def test_a_stalled_redis_costs_a_quarter_of_a_second_once(
    clock: FakeClock, cable: Cable, join: Join, name: str
) -> None:
    quota = join(name, Budget(100, 10.0, 5), url=cable.url, clock=clock, redis_clock=clock)
    quota.take(name, place="a")
    cable.flowing.clear()
    started = time.monotonic()
    for place in range(20):
        quota.take(name, place=str(place))
        quota.leave(name, str(place))
        quota.slow_down(name, 5)
    assert time.monotonic() - started < 0.6
    cable.flowing.set()


def test_the_keys_of_a_silent_crm_vanish(join: Join, name: str) -> None:
    quota = join(name, Budget(100, 10.0, 5))
    quota.take(name, place="a")
    client = quota._client
    lives = {key.decode().rpartition(":")[2]: client.pttl(key) for key in client.keys(f"*{name}*")}
    assert len(lives) == 2
    assert all(0 < life <= 20_000 for life in lives.values())


def test_a_redis_that_lost_its_scripts_gets_them_again(join: Join, name: str) -> None:
    quota = join(name, Budget(100, 10.0))
    assert quota.take(name).taken
    quota._client.script_flush()
    assert quota.take(name).taken


def test_threads_of_one_process_may_share_it(join: Join, name: str) -> None:
    quota, taken, lock = join(name, Budget(100, 10.0)), [0], threading.Lock()

    def work() -> None:
        for _ in range(20):
            if quota.take(name).taken:
                with lock:
                    taken[0] += 1

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 <= taken[0] <= 30
