"""Lanes: how many requests at a time each subscriber gets, so that a slow one never holds up another."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

#: A target that needs longer than this for an answer, in the mean of late, is slow (seconds).
SLOW_SECONDS = 0.5
#: How much the newest answer counts in that mean.
_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of a target: the mean `seconds` of its late answers; None while it has given none."""

    seconds: float | None = None

    def after(self, seconds: float) -> Pace:
        """With one more answer."""
        if self.seconds is None:
            return Pace(seconds)
        return Pace(self.seconds + _WEIGHT * (seconds - self.seconds))

    @property
    def proven(self) -> bool:
        """Whether it is known to answer fast."""
        return self.seconds is not None and self.seconds <= SLOW_SECONDS


def width(pace: Pace, failures: int, *, free: int, all_lanes: int, unproven: int) -> int:
    """Lanes that a target gets now, of `all_lanes` of which `free` are; `unproven` are held by targets that are slow,
    failing or unknown. Such get one each, and half of all together at most; a fast one gets up to half of all."""
    if failures or not pace.proven:
        return int(free > 0 and unproven < max(all_lanes // 2, 1))
    return min(free, max(all_lanes // 2, 1))


def split(items: Iterable[tuple[Hashable, T]], lanes: int) -> list[list[T]]:
    """Share (line, item) pairs out to at most so many lanes, evenly; the items of a line stay in one lane, in their
    order."""
    lines: dict[Hashable, list[T]] = {}
    for line, item in items:
        lines.setdefault(line, []).append(item)
    shared: list[list[T]] = [[] for _ in range(max(lanes, 1))]
    for line_items in sorted(lines.values(), key=len, reverse=True):
        min(shared, key=len).extend(line_items)
    return [lane for lane in shared if lane]


def in_groups(items: Sequence[T], size: int) -> list[list[T]]:
    """Parts of at most so many, in order."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
