"""Moments as Zoho writes them: whole seconds in the organisation's own zone, which is Taipei's here."""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=8))
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def now() -> int:
    """Now, in seconds since 1970."""
    return int(time.time())


def shown(seconds: int) -> str:
    """`2026-11-23T18:00:00+08:00`."""
    return datetime.fromtimestamp(seconds, ZONE).isoformat()


def parsed(text: object) -> int:
    """The seconds of a moment that names its zone. Raises `ValueError`."""
    found = datetime.fromisoformat(str(text).strip())
    if found.tzinfo is None:
        raise ValueError(f"{text!r} names no zone")
    return int(found.astimezone(UTC).timestamp())


def is_day(text: object) -> bool:
    """Whether it is a day as Zoho takes it."""
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
