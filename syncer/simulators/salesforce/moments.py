"""Moments as Salesforce writes them: ISO 8601 in UTC, to the second, with `.000+0000` behind."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from functools import lru_cache


def now_ms() -> int:
    """Now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=8192)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+0000", time.gmtime(second))


def shown(ms: int) -> str:
    """`2026-11-23T10:00:00.000+0000`."""
    return _second(ms // 1000)


def parse_ms(text: object) -> int:
    """The milliseconds of a moment with its zone. Raises `ValueError`."""
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None or "T" not in str(text):
        raise ValueError(f"{text!r} names no zone or no time")
    return round(moment.astimezone(UTC).timestamp() * 1000)


def day(text: object) -> str:
    """A day as `2026-11-23`. Raises `ValueError` for anything else."""
    if len(str(text)) != 10:
        raise ValueError(f"{text!r} is no day")
    return date.fromisoformat(str(text)).isoformat()
