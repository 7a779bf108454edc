"""Keeping below the org's calls of 24 hours, with a share left for live work and whatever else uses them (law 11)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from syncer.domain.errors import TryLater

#: Share of the calls that reading in bulk leaves to messages, cases and everybody else (R2).
RESERVE = 0.2
#: No worker slot is held for longer than this at a time (seconds; law 8).
LONGEST_PAUSE = 1.0
#: Reading in bulk waits this long for calls to run out of the 24 hours (seconds), and then looks again.
WAIT_SECONDS = 900.0
_HEADER = "Sforce-Limit-Info"
_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d+)/(\d+)")


class Pace:
    """Shared by all threads of a process: what the last answer said of the calls that are left."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._used, self._most, self._noted = 0, 0, float("-inf")

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's header (`api-usage=18/100000`)."""
        found = _USAGE.search(headers.get(_HEADER, ""))
        if found:
            self._used, self._most, self._noted = int(found[1]), int(found[2]), self._clock()

    def before_reading(self) -> None:
        """Raise `TryLater` while only the reserve is left. What was noted too long ago counts for nothing: the next
        answer will tell."""
        if not self._most or self._used < self._most * (1 - RESERVE):
            return
        if self._clock() - self._noted < WAIT_SECONDS:
            text = f"{self._used} of {self._most} calls of 24 hours are used; the rest is kept for live messages"
            raise TryLater(text, code="api-usage", wait_seconds=WAIT_SECONDS)

    def wait(self, seconds: float) -> None:
        """Pause, within what a worker slot may be held."""
        self._sleep(min(seconds, LONGEST_PAUSE))
