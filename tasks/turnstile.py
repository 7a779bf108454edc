"""One at a time in this process, and nobody's ring forgotten.

Several threads draining the same queue would each take the few rows that have just come, at the full price of a round.
One thread takes what all the bells were about: the sets grow with the load, and the cost per item falls (law 5).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Turnstile:
    """Lets one thread work; who comes meanwhile leaves word, and the worker goes round once more.

    A round that follows within `gather_seconds` of one that had something to do first waits that long, so that more can
    gather: a lone item is never kept waiting, and under load a round costs the same for many as for one.
    """

    def __init__(self, gather_seconds: float = 0.0) -> None:
        self._gather = gather_seconds
        self._busy = threading.Lock()
        self._asked = False
        self._last = float("-inf")

    def run(self, work: Callable[[], int]) -> None:
        """Do `work` after this call at least once, in this thread or in the one that is at it already; it returns how
        much there was to do."""
        self._asked = True
        while self._asked and self._busy.acquire(blocking=False):
            try:
                self._wait_for_company()
                self._asked = False
                if work():
                    self._last = time.monotonic()
            finally:
                self._busy.release()

    def _wait_for_company(self) -> None:
        if time.monotonic() - self._last < self._gather:
            time.sleep(self._gather)
