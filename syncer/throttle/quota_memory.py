"""The quota's rule, in one process: the twin that stands in for Redis, and the plain text of what quota.lua does.

**A steady stream with a small burst.** Of `calls` in any `seconds` a fifth may be made at once, if they were saved up;
the rest comes as a steady stream. So no span of that length ever holds more than `calls`, and somebody who asks all the
time waits a little before each call, not long before a whole bundle of them. Calls that were let through evenly may
arrive unevenly, up to `JITTER` apart; the stream is slower by that.

**Kept for live work** is what was saved up (R2, X5): reading in bulk gets the stream, and a quarter of the burst at
most. Live work finds the rest of it whole, and as long as it asks, the stream is its own. Live work may also take calls
in advance, up to its patience, and so keeps its place in the queue.

**At once**: so many places, of which reading in bulk leaves the last fifth free. A place is given back, or forgotten
after `PLACE_SECONDS`, when its call is over in any case.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from syncer.ports import Clock, Turn
from syncer.throttle.memory import bounded_ms

#: What two calls may come closer together on their way (seconds).
JITTER = 0.3
#: Longer than any call of ours takes: the longest deadline is Salesforce's 15 s.
PLACE_SECONDS = 20.0
#: Nobody knows when a place becomes free; whoever found none looks again after this (seconds).
LOOK_AGAIN = 0.05
#: More than this in advance (ms, beyond the burst) nobody can have taken: the clock was set back.
FURTHEST_MS = 10_000.0


@dataclass(frozen=True, slots=True)
class Budget:
    """`calls` in any `seconds` (0: no such limit), `at_once` at the same time (0: no such limit), `reserve` the share
    kept for live work."""

    calls: int = 0
    seconds: float = 0.0
    at_once: int = 0
    reserve: float = 0.2

    @property
    def burst(self) -> int:
        """Calls that live work may make at once."""
        return min(max(math.ceil(self.reserve * self.calls), 2), max(self.calls, 1))

    @property
    def burst_bulk(self) -> int:
        """Calls of these that reading in bulk may make."""
        return max(self.burst // 4, 1)

    @property
    def step_ms(self) -> float:
        """Milliseconds from one call of the stream to the next; 0 without a limit. A span and its jitter then hold
        less than one call more than `calls`."""
        return 1000 * (self.seconds + JITTER) / (self.calls + 1 - self.burst) if self.calls else 0.0

    @property
    def at_once_bulk(self) -> int:
        """Places that may be taken before reading in bulk finds none."""
        return max(int(self.at_once * (1 - self.reserve) + 1e-9), 1)

    def share(self, workers: int) -> Budget:
        """One worker's part when nobody counts for all."""
        calls, places = (max(n // workers, 1) if n else 0 for n in (self.calls, self.at_once))
        return Budget(calls, self.seconds, places, self.reserve)


ENDLESS = Budget()


@dataclass(slots=True)
class _State:
    """Moments in ms: `full` when the burst will be whole again, the ends of the pauses, and of each place."""

    full: float = 0.0
    pause: float = 0.0
    bulk_pause: float = 0.0
    places: dict[str, float] = field(default_factory=dict)

    def pause_of(self, bulk: bool) -> float:
        return max(self.pause, self.bulk_pause) if bulk else self.pause


class MemoryQuota:
    """Implements `ports.Quota` for the threads of one process."""

    def __init__(self, budgets: Mapping[str, Budget], clock: Clock) -> None:
        self._budgets, self._clock = dict(budgets), clock
        self._states: dict[str, _State] = defaultdict(_State)
        self._lock = threading.Lock()

    def take(self, name: str, *, bulk: bool = False, cost: int = 1, patience: float = 0.0, place: str = "") -> Turn:
        """As `ports.Quota.take`."""
        budget = self._budgets.get(name, ENDLESS)
        with self._lock:
            state, now = self._states[name], self._now()
            at = max(now, state.pause_of(bulk))
            step, room = budget.step_ms, budget.burst_bulk if bulk else budget.burst
            state.full = min(state.full, now + budget.burst * step + FURTHEST_MS)
            at = max(at, state.full - max(room - cost, 0) * step)
            wait = math.ceil(at - now - 1e-6) / 1000
            if wait > (0.0 if bulk else patience):
                return Turn(False, wait)
            if not _place(state.places, budget, place, bulk, now, at):
                return Turn(False, LOOK_AGAIN)
            state.full = max(state.full, at) + cost * step
            return Turn(True, wait)

    def leave(self, name: str, place: str) -> None:
        """As `ports.Quota.leave`."""
        with self._lock:
            self._states[name].places.pop(place, None)

    def slow_down(self, name: str, seconds: float, *, bulk: bool = False) -> None:
        """As `ports.Quota.slow_down`; a longer pause that is running already stays."""
        with self._lock:
            state, until = self._states[name], self._now() + bounded_ms(seconds)
            if bulk:
                state.bulk_pause = max(state.bulk_pause, until)
            else:
                state.pause = max(state.pause, until)

    def allowed(self, name: str, calls: int, seconds: float) -> None:
        """As `ports.Quota.allowed`."""
        if name in self._budgets:
            self._budgets[name] = replace(self._budgets[name], calls=calls, seconds=seconds)

    def note(self, name: str, cost: int) -> None:
        """Count calls that somebody else let through, whether or not there is room for them."""
        budget = self._budgets.get(name, ENDLESS)
        with self._lock:
            state, now = self._states[name], self._now()
            furthest = now + budget.burst * budget.step_ms
            state.full = min(max(state.full, now) + cost * budget.step_ms, furthest)

    def missing(self, name: str) -> int:
        """Calls of the burst that are not there (again) yet."""
        step = self._budgets.get(name, ENDLESS).step_ms
        with self._lock:
            return math.ceil(max(self._states[name].full - self._now(), 0.0) / step) if step else 0

    def pause_left(self, name: str, *, bulk: bool = False) -> float:
        """Seconds until the pause is over that was told here; 0 where there is none."""
        with self._lock:
            return max(self._states[name].pause_of(bulk) - self._now(), 0.0) / 1000

    def _now(self) -> float:
        return self._clock.now().timestamp() * 1000


def _place(places: dict[str, float], budget: Budget, place: str, bulk: bool, now: float, at: float) -> bool:
    """Whether the call gets a place, or needs none."""
    if not budget.at_once or not place:
        return True
    for one in [one for one, until in places.items() if until <= now]:
        del places[one]
    if len(places) >= (budget.at_once_bulk if bulk else budget.at_once):
        return False
    places[place] = at + PLACE_SECONDS * 1000
    return True
