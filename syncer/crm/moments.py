"""Days and moments, in whatever order and calendar a customer table writes them, as ISO 8601 text."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

#: Year first, or 民國 (the Republic's year 1 is 1912); a time of day may follow.
_YEAR_FIRST = re.compile(r"(民國)?\s*(\d{1,4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s].*)?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T\s].*)?", re.ASCII)
_DIGITS = re.compile(r"(\d{2,4})(\d{2})(\d{2})", re.ASCII)
_NUMBER = re.compile(r"\d{9,13}(?:\.\d+)?", re.ASCII)
_MINGUO = 1911
_LAST_MINGUO = 200
_YEARS = range(1900, 2101)
#: Epoch numbers from here on are milliseconds: as seconds they would lie after the year 5000.
_MILLISECONDS = 10**11


def day(value: Any) -> str | None:
    """A day as `YYYY-MM-DD`; years 1 to 200 are Minguo years. Of two numbers before a year the first is the month
    unless it cannot be. None: no day, or one outside 1900 to 2100."""
    if isinstance(value, date):
        return _iso(value.year, value.month, value.day)
    text = unicodedata.normalize("NFKC", str(value)).strip()
    if found := _YEAR_FIRST.fullmatch(text):
        return _iso(_year(found[2], bool(found[1])), int(found[3]), int(found[4]))
    if found := _YEAR_LAST.fullmatch(text):
        first, second, year = (int(part) for part in found.groups())
        return _iso(year, second, first) if first > 12 else _iso(year, first, second)
    if found := _DIGITS.fullmatch(text):
        return _iso(_year(found[1], False), int(found[2]), int(found[3]))
    return None


def _year(digits: str, minguo: bool) -> int:
    year = int(digits)
    return year + _MINGUO if minguo or year <= _LAST_MINGUO else year


def _iso(year: int, month: int, day_of_month: int) -> str | None:
    if year not in _YEARS:
        return None
    try:
        return date(year, month, day_of_month).isoformat()
    except ValueError:
        return None


def moment(value: Any) -> datetime | None:
    """A point in time in UTC; one without a zone is taken as UTC. Numbers are seconds or milliseconds since 1970."""
    try:
        found = _moment(value)
        if found is None or found.tzinfo is None:
            return found and found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    text = str(value).strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if _NUMBER.fullmatch(text):
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)
        whole_day = day(text)
        return datetime.fromisoformat(whole_day) if whole_day else None
