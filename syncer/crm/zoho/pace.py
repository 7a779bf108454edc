"""Leaving a share of the day's credits to live work before Zoho has to say no (law 11)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from syncer.domain.errors import TryLater

#: Share of the credits that reading in bulk leaves to messages, tasks and what else shares the organisation (R2).
RESERVE = 0.2
#: Credits come back one by one over 24 hours; a full sync that has to wait looks again after so long (seconds).
LOOK_AGAIN = 900.0
_LEFT = "X-API-CREDITS-REMAINING"
_FORGET = 3600.0


class Pace:
    """Shared by all threads of a process. Zoho tells what is left once half of it is used, so the most that was ever
    told is half of a day's credits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._half, self._left, self._told_at = 0, 0, float("-inf")

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers."""
        try:
            left = int(headers[_LEFT])
        except (KeyError, ValueError):
            return
        with self._lock:
            self._half, self._left, self._told_at = max(self._half, left), left, self._clock()

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left, by what Zoho said last: then no second's pause helps."""
        with self._lock:
            return self._left <= 0 < self._half and self._clock() - self._told_at < _FORGET

    def before_reading(self) -> None:
        """Raise `TryLater` when only the reserve is left, by what Zoho said within the hour."""
        with self._lock:
            fresh = self._clock() - self._told_at < _FORGET
            spent = fresh and self._left < RESERVE * 2 * self._half
            # The next look needs an answer to learn from: one request after the wait.
            if spent:
                self._told_at = min(self._told_at, self._clock() - _FORGET + LOOK_AGAIN)
        if spent:
            text = f"{self._left} of about {2 * self._half} credits are left, which are kept for messages"
            raise TryLater(text, code="credits", wait_seconds=LOOK_AGAIN)
