"""Everything that happens later, on one heap and one timer of the event loop: no task and no timer per message."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any

_TICK_SECONDS = 0.002
_MOST_AT_ONCE = 2_000


class Schedule:
    """Calls `action(*arguments)` after a delay, in the order of their times, within a tick of 2 ms.

    Actions are short and never block; at most 2,000 run before requests get their turn again.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = float("inf")

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        """Call `action(*arguments)` in `seconds`, 0 meaning as soon as the loop is free."""
        when = asyncio.get_running_loop().time() + max(seconds, 0.0)
        heapq.heappush(self._heap, (when, next(self._order), action, arguments))
        if when < self._wakes_at:
            self._arm(when)

    def clear(self) -> None:
        """Forget everything that was to happen."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = float("inf")

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._run)

    def _run(self) -> None:
        loop = asyncio.get_running_loop()
        self._wakes_at = float("-inf")
        horizon = loop.time() + _TICK_SECONDS
        for _ in range(_MOST_AT_ONCE):
            if not self._heap or self._heap[0][0] > horizon:
                break
            _, _, action, arguments = heapq.heappop(self._heap)
            try:
                action(*arguments)
            except Exception as error:  # the next ones are owed their turn all the same
                loop.call_exception_handler({"message": f"{action!r} failed", "exception": error})
        self._wakes_at = float("inf")
        if self._heap:
            self._arm(max(self._heap[0][0], loop.time()))
