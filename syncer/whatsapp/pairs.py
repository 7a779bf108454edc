"""How long to leave one person alone after the platform found that we write to them too fast (131056)."""

from __future__ import annotations

import threading
from collections import OrderedDict

#: One message in six seconds is what the platform allows to one person (limits page); 45 may be borrowed ahead, which
#: takes 270 s to pay back, so the waits grow by 4^X, as its error table asks, up to there.
LEAST_SECONDS = 6.0
MOST_SECONDS = 270.0
#: People remembered; the oldest is forgotten first and starts again with the shortest wait.
MOST_PAIRS = 10_000


class PairWaits:
    """Counts refusals in a row, by business number and person. Each process counts for itself."""

    def __init__(self) -> None:
        self._refusals: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._lock = threading.Lock()

    def refused(self, phone_number_id: str, to: str) -> float:
        """Once more; returns the seconds to wait."""
        with self._lock:
            times = self._refusals.pop((phone_number_id, to), 0)
            self._refusals[phone_number_id, to] = times + 1
            if len(self._refusals) > MOST_PAIRS:
                self._refusals.popitem(last=False)
        return float(min(max(4 ** min(times, 8), LEAST_SECONDS), MOST_SECONDS))

    def accepted(self, phone_number_id: str, to: str) -> None:
        """A message went through: the next wait is the shortest again."""
        if (phone_number_id, to) in self._refusals:
            with self._lock:
                self._refusals.pop((phone_number_id, to), None)
