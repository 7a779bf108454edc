"""The limiter's rule, in one process: the twin that stands in for Redis, and the plain text of what limiter.lua does.

**Exact sliding windows.** A number may use at most `per_minute` permits in any 60 s and `per_second` in any second,
wherever that span begins (R18, and the platform's throughput). Permits are counted in cells, 60 of one second and 20 of
50 ms. A span of the window's length touches at most one cell more than it has, so that many are summed: never too much,
at the price of 1.6 % of the minute's and 5 % of the second's rate.

**Kept back for replies.** Bulk may use all but the `reserve` share of each window (R2, X5); live may use everything.
Whatever bulk does, live finds its share; whatever live leaves, bulk may take up to its own limit.

**Given back** permits return to the minute only - the second is over before anybody could use them - and from its
oldest cells: what stays counted then lies later than the truth. So they must come back within the minute.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

from syncer.domain.message import Lane
from syncer.ports import Clock, Grant

#: The place of the minute among the windows.
MINUTE = 0
#: A pause is never longer than this (seconds): a wrong word of the platform must not silence a number for good.
LONGEST_PAUSE = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Window:
    """`limit` permits in any `cells` x `cell_ms`, of which bulk may use `bulk_limit`."""

    cell_ms: int
    cells: int
    limit: int
    bulk_limit: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Rates of one number, and the share of each that is kept for live replies (0 to below 1)."""

    per_minute: int
    per_second: int
    reserve: float = 0.2

    def windows(self) -> tuple[Window, Window]:
        """The minute and the second. Bulk always gets at least one permit, or it would never end."""
        return (
            Window(1000, 60, self.per_minute, self._bulk(self.per_minute)),
            Window(50, 20, self.per_second, self._bulk(self.per_second)),
        )

    def share(self, workers: int) -> Limits:
        """One worker's part when nobody counts for all."""
        return Limits(max(self.per_minute // workers, 1), max(self.per_second // workers, 1), self.reserve)

    def _bulk(self, limit: int) -> int:
        return max(int(limit * (1 - self.reserve) + 1e-9), 1)


Cells = dict[int, int]


def _cells() -> dict[Lane, Cells]:
    return {Lane.LIVE: {}, Lane.BULK: {}}


@dataclass(slots=True)
class _Number:
    """What one number has used, per window, and until when it is paused (ms)."""

    used: tuple[dict[Lane, Cells], ...] = field(default_factory=lambda: (_cells(), _cells()))
    pause: float = 0.0


class MemoryThrottle:
    """Implements `ports.Throttle` for the threads of one process."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._windows = limits.windows()
        self._clock = clock
        self._numbers: dict[str, _Number] = defaultdict(_Number)
        self._lock = threading.Lock()

    def take(self, phone_number_id: str, wanted: int, lane: Lane) -> Grant:
        """As `ports.Throttle.take`."""
        now = self._now()
        with self._lock:
            number = self._tidy(phone_number_id, now)
            if wanted <= 0 or number.pause > now:
                return Grant(0, max(number.pause - now, 0.0) / 1000)
            rooms = [_room(w, used, lane, now) for w, used in zip(self._windows, number.used, strict=True)]
            granted = min(wanted, *(free for free, _ in rooms))
            self._add(number, lane, granted, now)
        if granted == wanted:
            return Grant(granted)
        return Grant(granted, max(more_in for free, more_in in rooms if free <= granted) / 1000)

    def give_back(self, phone_number_id: str, count: int, lane: Lane = Lane.BULK) -> None:
        """As `ports.Throttle.give_back`; `lane` is the one they were taken for, at most a minute ago."""
        with self._lock:
            number = self._tidy(phone_number_id, self._now())
            _take_away(number.used[MINUTE][lane], max(count, 0))

    def slow_down(self, phone_number_id: str, seconds: float) -> None:
        """As `ports.Throttle.slow_down`; a longer pause that is running already stays."""
        with self._lock:
            number = self._numbers[phone_number_id]
            number.pause = max(number.pause, self._now() + bounded_ms(seconds))

    def note(self, phone_number_id: str, count: int, lane: Lane) -> None:
        """Count permits that somebody else granted, whether or not there is room for them."""
        now = self._now()
        with self._lock:
            self._add(self._tidy(phone_number_id, now), lane, count, now)

    def pause_left(self, phone_number_id: str) -> float:
        """Seconds until the number may send again; 0 when it is not paused."""
        number = self._numbers.get(phone_number_id)
        return max(number.pause - self._now(), 0.0) / 1000 if number and number.pause else 0.0

    def _now(self) -> float:
        return self._clock.now().timestamp() * 1000

    def _add(self, number: _Number, lane: Lane, count: int, now: float) -> None:
        if count > 0:
            for window, used in zip(self._windows, number.used, strict=True):
                cell = int(now // window.cell_ms)
                used[lane][cell] = used[lane].get(cell, 0) + count

    def _tidy(self, phone_number_id: str, now: float) -> _Number:
        number = self._numbers[phone_number_id]
        for window, used in zip(self._windows, number.used, strict=True):
            current = int(now // window.cell_ms)
            for cells in used.values():
                _forget(cells, current - window.cells, current)
        return number


def bounded_ms(seconds: float) -> int:
    """A pause as whole milliseconds from 0 to `LONGEST_PAUSE`."""
    return int(1000 * min(max(seconds, 0.0), LONGEST_PAUSE)) if seconds == seconds else 0


def _forget(cells: Cells, first: int, current: int) -> None:
    """Drop what the window no longer looks at; permits of the future count as of now (the clock was set back)."""
    for cell in [cell for cell in cells if not first <= cell <= current]:
        count = cells.pop(cell)
        if cell > current:
            cells[current] = cells.get(current, 0) + count


def _room(window: Window, used: dict[Lane, Cells], lane: Lane, now: float) -> tuple[int, float]:
    """How many permits a window can grant, and how long (ms) until it can grant more."""
    live, bulk = used[Lane.LIVE], used[Lane.BULK]
    current = int(now // window.cell_ms)
    free, holding = window.limit - sum(live.values()) - sum(bulk.values()), (*live, *bulk)
    free_for_bulk = window.bulk_limit - sum(bulk.values())
    if lane is Lane.BULK and free_for_bulk < free:
        free, holding = free_for_bulk, (*bulk,)
    oldest = min(holding, default=current)
    return max(free, 0), (oldest + window.cells + 1) * window.cell_ms - now


def _take_away(cells: Cells, count: int) -> None:
    for cell in sorted(cells):
        permits = min(cells[cell], count)
        cells[cell] -= permits
        count -= permits
        if not cells[cell]:
            del cells[cell]
