"""The shared limiter: one script in Redis decides for all workers (R18, X5).

Redis away is no reason to stop and none to send without limit: each process then grants its share of the rate
(`limit / workers`) from the twin in its memory. The twin also counts what this process was granted through Redis, so
that the moment of losing it does not open a fresh window; and what the twin granted is booked in Redis when it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from syncer.clock import SystemClock
from syncer.domain.message import Lane
from syncer.ports import Clock, Grant
from syncer.throttle.memory import Limits, MemoryThrottle, bounded_ms

#: A dead or stalled Redis costs a call a quarter of a second (law 2), and not again before `PROBE_SECONDS` are over.
REDIS_SECONDS = 0.25
PROBE_SECONDS = 1.0
#: Processes that send when nobody says how many: each gets this part of the rate while Redis is away.
ASSUMED_WORKERS = 4
#: What was granted without Redis matters to it for as long as its longest window (seconds).
MEMORY_SECONDS = 61.0

_SCRIPT = Path(__file__).with_name("limiter.lua").read_text(encoding="utf-8")
_LETTER = {Lane.LIVE: "l", Lane.BULK: "b"}

logger = logging.getLogger(__name__)


class RedisThrottle:
    """Implements `ports.Throttle`. Never raises, and never waits longer than `REDIS_SECONDS` per connect and answer.

    `per_minute`, `per_second` are the rates of every number, `reserve` the share kept for live replies, `workers` how
    many processes send. `redis_clock` is for tests: without it Redis's own time counts, which all workers share.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        per_minute: int,
        per_second: int,
        reserve: float = 0.2,
        workers: int = ASSUMED_WORKERS,
        clock: Clock | None = None,
        redis_clock: Clock | None = None,
        probe_seconds: float = PROBE_SECONDS,
        key_prefix: str = "syncer:throttle:",
    ) -> None:
        limits = Limits(per_minute, per_second, reserve)
        self._client = connect(redis_url)
        self._script = self._client.register_script(_SCRIPT)
        self._windows = [n for w in limits.windows() for n in (w.cell_ms, w.cells, w.limit, w.bulk_limit)]
        self._twin = MemoryThrottle(limits.share(workers), clock or SystemClock())
        self._owed = _Owed()
        self._redis_clock = redis_clock
        self._outage = Outage("the limiter's Redis", "each process sends at its share", probe_seconds)
        self._prefix = key_prefix

    def take(self, phone_number_id: str, wanted: int, lane: Lane) -> Grant:
        """As `ports.Throttle.take`."""
        paused = self._twin.pause_left(phone_number_id)
        if paused or wanted <= 0:
            return Grant(0, paused)
        answer = self._ask("take", phone_number_id, lane, wanted)
        if answer is None:
            grant = self._twin.take(phone_number_id, wanted, lane)
            self._owed.add(phone_number_id, lane, grant.permits)
            return grant
        self._twin.note(phone_number_id, answer[0], lane)
        return Grant(answer[0], answer[1] / 1000)

    def give_back(self, phone_number_id: str, count: int, lane: Lane = Lane.BULK) -> None:
        """As `ports.Throttle.give_back`; `lane` is the one they were taken for, at most a minute ago."""
        if count <= 0:
            return
        self._twin.give_back(phone_number_id, count, lane)
        if self._ask("give_back", phone_number_id, lane, count) is None:
            self._owed.add(phone_number_id, lane, -count)

    def slow_down(self, phone_number_id: str, seconds: float) -> None:
        """As `ports.Throttle.slow_down`; a longer pause that is running already stays."""
        self._twin.slow_down(phone_number_id, seconds)
        self._ask("slow_down", phone_number_id, Lane.LIVE, bounded_ms(seconds))

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def _ask(self, op: str, phone_number_id: str, lane: Lane, amount: int) -> tuple[int, int] | None:
        """(permits, ms to wait) from Redis; None when it is away."""
        if not self._outage.worth_asking():
            return None
        now = "" if self._redis_clock is None else int(self._redis_clock.now().timestamp() * 1000)
        try:
            with self._owed.settled(phone_number_id) as owed:
                arguments = [op, now, _LETTER[lane], amount, owed[Lane.LIVE], owed[Lane.BULK], *self._windows]
                permits, wait = self._script(keys=[f"{self._prefix}{phone_number_id}"], args=arguments)
        except (redis.RedisError, OSError, ValueError, TypeError) as fault:
            self._outage.begin(fault)
            return None
        self._outage.end()
        return int(permits), int(wait)


def connect(redis_url: str) -> redis.Redis:
    """A client that never waits for long and never tries again by itself. Connects when first used."""
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


class Outage:
    """Whether Redis is away; said once when it goes, with what follows from it, and once when it comes."""

    def __init__(self, whose: str, so: str, probe_seconds: float = PROBE_SECONDS) -> None:
        self._whose, self._so, self._probe_seconds = whose, so, probe_seconds
        self._ask_again_at = 0.0
        self._away = False
        self._lock = threading.Lock()

    def worth_asking(self) -> bool:
        """Always while it is there; once per `probe_seconds`, by one thread, while it is away."""
        if not self._away:
            return True
        with self._lock:
            due = time.monotonic() >= self._ask_again_at
            if due:
                self._ask_again_at = time.monotonic() + self._probe_seconds
            return due

    def begin(self, fault: Exception) -> None:
        """Redis did not answer."""
        with self._lock:
            first, self._away = not self._away, True
            self._ask_again_at = time.monotonic() + self._probe_seconds
        if first:
            logger.warning("%s is away (%s); %s", self._whose, type(fault).__name__, self._so)

    def end(self) -> None:
        """Redis answered."""
        if self._away:
            with self._lock:
                back, self._away = self._away, False
            if back:
                logger.info("%s is back", self._whose)


class _Owed:
    """Permits granted while Redis was away, to be booked there when it is back."""

    def __init__(self) -> None:
        self._grants: dict[str, deque[tuple[float, Lane, int]]] = defaultdict(deque)
        self._lock = threading.Lock()

    def add(self, phone_number_id: str, lane: Lane, count: int) -> None:
        if count:
            with self._lock:
                grants = self._grants[phone_number_id]
                grants.append((time.monotonic(), lane, count))
                _forget_old(grants)

    @contextmanager
    def settled(self, phone_number_id: str) -> Iterator[dict[Lane, int]]:
        """What is owed per lane; owed again if the block raises."""
        if not self._grants:
            yield {Lane.LIVE: 0, Lane.BULK: 0}
            return
        with self._lock:
            grants = self._grants.pop(phone_number_id, deque())
        _forget_old(grants)
        try:
            yield {lane: max(sum(n for _, of, n in grants if of is lane), 0) for lane in (Lane.LIVE, Lane.BULK)}
        except BaseException:
            with self._lock:
                self._grants[phone_number_id].extendleft(reversed(grants))
            raise


def _forget_old(grants: deque[tuple[float, Lane, int]]) -> None:
    while grants and time.monotonic() - grants[0][0] > MEMORY_SECONDS:
        grants.popleft()
