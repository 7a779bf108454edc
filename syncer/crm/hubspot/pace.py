"""Keeping below the account's limits before it has to say so, with a share left for live work (law 11)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

#: Share of the budget that reading in bulk leaves to messages, tasks and what else shares the account (R2).
RESERVE = 0.2
#: Searches per second and process; the account has five, and live writes look people up by phone.
SEARCHES_PER_SECOND = 4
#: No worker slot is held for longer than this at a time (seconds; law 8).
LONGEST_PAUSE = 1.0
_MAX, _LEFT = "X-HubSpot-RateLimit-Max", "X-HubSpot-RateLimit-Remaining"
_INTERVAL = "X-HubSpot-RateLimit-Interval-Milliseconds"


class Pace:
    """Shared by all threads of a process. What the last answer said of the budget decides whether a request of a full
    sync waits; other requests never do."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._most, self._left, self._interval = 0, 0, 10.0
        self._searches_from = float("-inf")

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers; searches have none."""
        try:
            most, left = int(headers[_MAX]), int(headers[_LEFT])
            interval = int(headers.get(_INTERVAL, "10000")) / 1000
        except (KeyError, ValueError):
            return
        self._most, self._left, self._interval = most, left, interval

    def before_reading(self) -> None:
        """Wait a request's share of the interval when less than half of the budget is left, and a whole pause when only
        the reserve is."""
        most, left = self._most, self._left
        if not most or left > most / 2:
            return
        share = self._interval / (most * (1 - RESERVE))
        self._sleep(min(LONGEST_PAUSE, share if left > most * RESERVE else LONGEST_PAUSE))

    def before_search(self) -> None:
        """Wait until another search fits into the second. A pause of the past is not made up for by more than one
        second's worth at once."""
        with self._lock:
            now = self._clock()
            free = max(self._searches_from, now - 1.0)
            self._searches_from = free + 1.0 / SEARCHES_PER_SECOND
            wait = self._searches_from - now
        if wait > 0:
            self._sleep(min(wait, LONGEST_PAUSE))

    def wait(self, seconds: float) -> None:
        """Pause for as long as an answer asked for, within what a worker slot may be held."""
        self._sleep(min(seconds, LONGEST_PAUSE))
