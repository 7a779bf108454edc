"""Moments as HubSpot writes them: milliseconds since 1970, or ISO 8601 in UTC with three decimals."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache

_DAY = 86_400_000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def now_ms() -> int:
    """Now, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * 86_400))


def iso(ms: int) -> str:
    """`2026-11-23T10:00:00.123Z`."""
    day, rest = divmod(ms, _DAY)
    seconds, milli = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}.{milli:03d}Z"


def parse_ms(text: object) -> int:
    """The milliseconds of a moment in either form, or of a day's first moment. Raises `ValueError`."""
    plain = str(text).strip()
    if plain.lstrip("-").isdigit():
        return int(plain)
    moment = datetime.fromisoformat(plain)
    if moment.tzinfo is None and not _DATE.fullmatch(plain):
        raise ValueError(f"{plain!r} names no zone")
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
