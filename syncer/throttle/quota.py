"""The shared quota: one script in Redis decides for all workers what a CRM may be asked (law 11).

Redis away is no reason to stop and none to ask without limit: each process then asks at its share (`calls / workers`)
from the twin in its memory. The twin counts what was let through by Redis too, so that losing it opens no fresh burst;
and what the twin let through is told to Redis when it is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import redis

from syncer.clock import SystemClock
from syncer.ports import Clock, Turn
from syncer.throttle.limiter import ASSUMED_WORKERS, PROBE_SECONDS, Outage, connect
from syncer.throttle.memory import bounded_ms
from syncer.throttle.quota_memory import ENDLESS, FURTHEST_MS, LOOK_AGAIN, PLACE_SECONDS, Budget, MemoryQuota

#: A pause is not told again while this share of it is still to come: every answer of a CRM may say the same.
_STILL_NEW = 0.9
_HELD_MS, _LOOK_AGAIN_MS = int(PLACE_SECONDS * 1000), int(LOOK_AGAIN * 1000)
_SCRIPT = Path(__file__).with_name("quota.lua").read_text(encoding="utf-8")


class RedisQuota:
    """Implements `ports.Quota`. Never raises, and never waits longer than a quarter of a second per connect and answer.

    `budgets` by name; `workers` is how many processes speak with a CRM. `redis_clock` is for tests: without it Redis's
    own time counts, which all workers share. Safe to share between threads.
    """

    def __init__(
        self,
        redis_url: str,
        budgets: Mapping[str, Budget],
        *,
        workers: int = ASSUMED_WORKERS,
        clock: Clock | None = None,
        redis_clock: Clock | None = None,
        probe_seconds: float = PROBE_SECONDS,
        key_prefix: str = "syncer:quota:",
    ) -> None:
        self._client = connect(redis_url)
        self._script = self._client.register_script(_SCRIPT)
        self._budgets, self._workers = dict(budgets), workers
        shares = {name: budget.share(workers) for name, budget in budgets.items()}
        self._twin = MemoryQuota(shares, clock or SystemClock())
        self._let_through_alone: set[str] = set()
        self._outage = Outage("the quota's Redis", "each process asks CRMs at its share", probe_seconds)
        self._redis_clock, self._prefix = redis_clock, key_prefix

    def take(self, name: str, *, bulk: bool = False, cost: int = 1, patience: float = 0.0, place: str = "") -> Turn:
        """As `ports.Quota.take`."""
        paused = self._twin.pause_left(name, bulk=bulk)
        if paused > (0.0 if bulk else patience):
            return Turn(False, paused)
        alone = self._twin.missing(name) if name in self._let_through_alone else 0
        answer = self._ask("take", name, bulk, cost, patience, alone, place)
        if answer is None:
            self._let_through_alone.add(name)
            return self._twin.take(name, bulk=bulk, cost=cost, patience=patience, place=place)
        self._let_through_alone.discard(name)
        if answer.taken:
            self._twin.note(name, cost)
        return answer

    def leave(self, name: str, place: str) -> None:
        """As `ports.Quota.leave`."""
        if not self._budgets.get(name, ENDLESS).at_once:
            return
        self._twin.leave(name, place)
        if self._outage.worth_asking():
            try:
                self._client.zrem(f"{self._prefix}{name}:places", place)
            except (redis.RedisError, OSError) as fault:
                self._outage.begin(fault)

    def slow_down(self, name: str, seconds: float, *, bulk: bool = False) -> None:
        """As `ports.Quota.slow_down`; a longer pause that is running already stays."""
        if self._twin.pause_left(name, bulk=bulk) < seconds * _STILL_NEW:
            self._twin.slow_down(name, seconds, bulk=bulk)
            self._ask("slow_down", name, bulk, bounded_ms(seconds))

    def allowed(self, name: str, calls: int, seconds: float) -> None:
        """As `ports.Quota.allowed`; the twin's share is one of that too."""
        known = self._budgets.get(name, ENDLESS)
        budget = replace(known, calls=calls, seconds=seconds)
        if name in self._budgets and budget != known:
            self._budgets[name] = budget
            self._twin.allowed(name, budget.share(self._workers).calls, seconds)

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def _ask(
        self, op: str, name: str, bulk: bool, amount: int, patience: float = 0.0, alone: int = 0, place: str = ""
    ) -> Turn | None:
        """What Redis says; None when it is away."""
        if not self._outage.worth_asking():
            return None
        budget = self._budgets.get(name, ENDLESS)
        now = "" if self._redis_clock is None else repr(self._redis_clock.now().timestamp() * 1000)
        places = (budget.at_once_bulk if bulk else budget.at_once) if budget.at_once else 0
        call: list[str | float] = [op, now, int(bulk), amount, int(patience * 1000)]
        limits: list[str | float] = [budget.step_ms, budget.burst, alone, FURTHEST_MS]
        arguments = [*call, *limits, place, places, _HELD_MS, _LOOK_AGAIN_MS, budget.burst_bulk]
        try:
            key = f"{self._prefix}{name}"
            taken, wait = self._script(keys=[key, f"{key}:places"], args=arguments)
        except (redis.RedisError, OSError, ValueError, TypeError) as fault:
            self._outage.begin(fault)
            return None
        self._outage.end()
        return Turn(taken == 1, int(wait) / 1000)
