"""What Zoho says of the day's credits, which everybody shares who uses the organisation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping

from syncer.crm.pace import Left, Pace, Sleep
from syncer.ports import Quota

#: Credits come back one by one over 24 hours; whoever has to wait looks again after so long (seconds).
LOOK_AGAIN = 900.0
_LEFT = "X-API-CREDITS-REMAINING"
_FORGET = 3600.0


class ZohoPace(Pace):
    """The pace of calls to one organisation. Zoho tells what is left once half of it is used, so the most that was ever
    told is half of a day's credits."""

    def __init__(
        self,
        quota: Quota | None = None,
        sleep: Sleep = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("zoho", self.told, quota, sleep)
        self._clock, self._lock = clock, threading.Lock()
        self._half, self._left, self._told_at = 0, 0, float("-inf")

    def told(self, headers: Mapping[str, str]) -> Iterator[Left]:
        """What an answer's headers say is left."""
        try:
            left = int(headers[_LEFT])
        except (KeyError, ValueError):
            return
        with self._lock:
            self._half, self._left, self._told_at = max(self._half, left), left, self._clock()
            half = self._half
        yield Left(left, 2 * half, LOOK_AGAIN)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left, by what Zoho said last: then no second's pause helps."""
        with self._lock:
            return self._left <= 0 < self._half and self._clock() - self._told_at < _FORGET
