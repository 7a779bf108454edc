"""Cutting a campaign into batches (R27)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

#: The customer's figure: at most 100 recipients per task.
MOST_RECIPIENTS = 100


def cut(items: Sequence[T], size: int = MOST_RECIPIENTS) -> Iterator[Sequence[T]]:
    """Consecutive parts of nearly equal size, none above `size`: 250 become 84, 83, 83 rather than 100, 100, 50, so
    that no worker is left with the long end."""
    if not 1 <= size <= MOST_RECIPIENTS:
        raise ValueError(f"a batch holds 1 to {MOST_RECIPIENTS} recipients, not {size}")
    parts = -(-len(items) // size)
    start = 0
    for part in range(parts):
        end = start + len(items) // parts + (part < len(items) % parts)
        yield items[start:end]
        start = end
