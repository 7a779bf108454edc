"""The limiter in memory and in Redis do the same; and Redis may vanish, stall and come back."""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from syncer.domain.message import Lane
from syncer.throttle.limiter import RedisThrottle
from syncer.throttle.memory import Limits, MemoryThrottle
from tests.contract.cable import Cable, cable
from tests.contract.throttle_suite import Make, ThrottleSuite, number
from tests.fakes.clock import FakeClock

__all__ = ["cable", "number"]


class TestMemoryThrottle(ThrottleSuite):
    @pytest.fixture
    def make(self, clock: FakeClock) -> Make:
        return lambda per_minute, per_second, reserve=0.2: MemoryThrottle(
            Limits(per_minute, per_second, reserve), clock
        )


class TestRedisThrottle(ThrottleSuite):
    @pytest.fixture
    def make(self, clock: FakeClock, redis_url: str) -> Iterator[Make]:
        made: list[RedisThrottle] = []

        def build(**rates: float) -> RedisThrottle:
            made.append(RedisThrottle(redis_url, **rates, clock=clock, redis_clock=clock))  # type: ignore[arg-type]
            return made[-1]

        yield build
        for throttle in made:
            throttle.close()


def test_memory_and_redis_answer_alike(clock: FakeClock, redis_url: str, number: str) -> None:
    dice = random.Random(7)
    memory = MemoryThrottle(Limits(100, 20), clock)
    shared = RedisThrottle(redis_url, per_minute=100, per_second=20, workers=1, clock=FakeClock(), redis_clock=clock)
    for _ in range(400):
        clock.advance(milliseconds=dice.choice([0, 7, 60, 900, 5000]))
        lane, count = dice.choice(list(Lane)), dice.randint(1, 15)
        ours, theirs = memory.take(number, count, lane), shared.take(number, count, lane)
        assert (ours.permits, round(ours.wait_seconds, 3)) == (theirs.permits, round(theirs.wait_seconds, 3))
        if dice.random() < 0.2:
            memory.give_back(number, count // 2, lane)
            shared.give_back(number, count // 2, lane)
    shared.close()


def test_all_workers_share_one_limit(redis_url: str, number: str) -> None:
    workers = [RedisThrottle(redis_url, per_minute=300, per_second=50) for _ in range(4)]
    granted: list[int] = []

    def work(worker: RedisThrottle) -> None:
        granted.extend(worker.take(number, 1, Lane.LIVE).permits for _ in range(40))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) <= 50 * (1 + int(time.monotonic() - started))
    assert sum(granted) >= 50
    for worker in workers:
        worker.close()


def test_the_keys_of_a_silent_number_vanish(redis_url: str, number: str) -> None:
    throttle = RedisThrottle(redis_url, per_minute=300, per_second=80)
    throttle.take(number, 5, Lane.LIVE)
    client = throttle._client
    keys = client.keys(f"*{number}*")
    assert len(keys) == 1
    assert 60_000 < client.pttl(keys[0]) <= 62_000
    throttle.close()


def limiter(url: str, clock: FakeClock, **options: float) -> RedisThrottle:
    return RedisThrottle(
        url, per_minute=40, per_second=40, reserve=0.0, workers=4, clock=clock, redis_clock=clock, **options
    )  # type: ignore[arg-type]


def test_without_redis_each_process_sends_at_its_share(
    clock: FakeClock, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    throttle = limiter(f"redis://127.0.0.1:{port}/0", clock)
    with caplog.at_level(logging.INFO):
        assert [throttle.take(number, 100, Lane.LIVE).permits for _ in range(5)] == [10, 0, 0, 0, 0]
        throttle.give_back(number, 4, Lane.LIVE)
        clock.advance(seconds=1.1)
        assert throttle.take(number, 100, Lane.BULK).permits == 4
        throttle.slow_down(number, 90)
        clock.advance(seconds=62)
        assert throttle.take(number, 100, Lane.LIVE).permits == 0
        clock.advance(seconds=30)
        assert throttle.take(number, 100, Lane.LIVE).permits == 10
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_stalled_redis_costs_a_quarter_of_a_second_once(clock: FakeClock, cable: Cable, number: str) -> None:
    throttle = limiter(cable.url, clock)
    throttle.take(number, 1, Lane.LIVE)
    cable.flowing.clear()
    started = time.monotonic()
    for _ in range(20):
        throttle.take(number, 1, Lane.LIVE)
    assert time.monotonic() - started < 0.6
    cable.flowing.set()


def test_losing_redis_opens_no_fresh_window(clock: FakeClock, cable: Cable, number: str) -> None:
    throttle = limiter(cable.url, clock)
    assert throttle.take(number, 25, Lane.LIVE).permits == 25
    cable.cut()
    assert throttle.take(number, 100, Lane.LIVE).permits == 0, "its share is 10, and 25 are gone already"
    clock.advance(seconds=61)
    assert throttle.take(number, 100, Lane.LIVE).permits == 10


def test_redis_back_hears_what_was_granted_without_it(
    clock: FakeClock, cable: Cable, number: str, caplog: pytest.LogCaptureFixture
) -> None:
    throttle = limiter(cable.url, clock, probe_seconds=0.02)
    cable.cut()
    assert throttle.take(number, 100, Lane.LIVE).permits == 10
    cable.whole = True
    time.sleep(0.03)
    with caplog.at_level(logging.INFO):
        assert throttle.take(number, 100, Lane.LIVE).permits == 30
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert throttle.take(number, 100, Lane.LIVE).permits == 0
    throttle.close()


def test_a_dead_redis_is_not_asked_at_every_call(clock: FakeClock, cable: Cable, number: str) -> None:
    cable.cut()
    throttle = limiter(cable.url, clock, probe_seconds=30)
    for _ in range(50):
        throttle.take(number, 1, Lane.LIVE)
        throttle.give_back(number, 1, Lane.LIVE)
    assert cable.calls == 1


def test_a_redis_that_lost_its_scripts_gets_them_again(redis_url: str, number: str) -> None:
    throttle = RedisThrottle(redis_url, per_minute=10, per_second=10)
    throttle.take(number, 4, Lane.LIVE)
    throttle._client.script_flush()
    assert throttle.take(number, 100, Lane.LIVE).permits == 6
    throttle.close()
