"""Days and moments, in whatever order, calendar and zone a customer table writes them, as ISO 8601 text."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any

#: Year first, or 民國 (the Republic's year 1 is 1912); a time of day may follow.
_YEAR_FIRST = re.compile(
    r"(民國)?\s*(\d{1,4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[T\s](.*))?", re.ASCII | re.DOTALL
)
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T\s](.*))?", re.ASCII | re.DOTALL)
_DIGITS = re.compile(r"(\d{2,4})(\d{2})(\d{2})", re.ASCII)
#: 10:30, 10:30:05.25, 下午 3:00, 3:00 PM, 15:00 +0800, 15:00 GMT+8, 15:00Z.
_CLOCK = re.compile(
    r"(上午|下午|am|pm)?\s*(\d{1,2})[:時](\d{2})(?:[:分](\d{2})(?:[.,](\d{1,6})\d*)?)?[分秒]?\s*(上午|下午|am|pm)?\s*"
    r"(z|utc|gmt)?\s*(?:([+-])(\d{1,2}):?(\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_AFTERNOON = {"下午": True, "pm": True, "上午": False, "am": False}
_NUMBER = re.compile(r"\d{9,13}(?:\.\d+)?", re.ASCII)
#: As the vendors' APIs write a moment.
_API_STYLE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z", re.ASCII).fullmatch
_ISO_DAY = re.compile(r"(?:19|20)\d\d-\d\d-\d\d", re.ASCII).fullmatch
_SECONDS = len("2026-11-23T10:00:00")
_LONGEST_API_STYLE = len("2026-11-23T10:00:00.123Z")
_MINGUO = 1911
_LAST_MINGUO = 200
_YEARS = range(1900, 2101)
#: Epoch numbers from here on are milliseconds: as seconds they would lie after the year 5000.
_MILLISECONDS = 10**11


def day(value: Any, zone: tzinfo | None = None) -> str | None:
    """A day as `YYYY-MM-DD`; years 1 to 200 are Minguo years. Of two numbers before a year the first is the month
    unless it cannot be. A moment that names its own zone is the day it was in `zone`, where one is given. None: no day,
    or one outside 1900 to 2100."""
    if zone is not None and (told := _aware(value)) is not None:
        value = told.astimezone(zone)
    if type(value) is str and _ISO_DAY(value):
        return _iso(int(value[:4]), int(value[5:7]), int(value[8:]))
    if isinstance(value, date):
        return _iso(value.year, value.month, value.day)
    split = _day_and_clock(unicodedata.normalize("NFKC", str(value)).strip())
    return None if split is None else split[0]


def _aware(value: Any) -> datetime | None:
    """The moment in a value that says in which zone it was, if it is far enough from the ends of time to be moved."""
    try:
        found = value if isinstance(value, datetime) else _from_text(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
    return found if found is not None and found.tzinfo is not None and found.year in _YEARS else None


def _day_and_clock(text: str) -> tuple[str, str | None] | None:
    if found := _YEAR_FIRST.fullmatch(text):
        ordered = (_year(found[2], bool(found[1])), int(found[3]), int(found[4]))
        clock = found[5]
    elif found := _YEAR_LAST.fullmatch(text):
        first, second, year = (int(part) for part in found.groups()[:3])
        ordered = (year, second, first) if first > 12 else (year, first, second)
        clock = found[4]
    elif found := _DIGITS.fullmatch(text):
        ordered, clock = (_year(found[1], False), int(found[2]), int(found[3])), None
    else:
        return None
    iso = _iso(*ordered)
    return None if iso is None else (iso, clock)


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


def timestamp(value: Any, zone: tzinfo = UTC) -> str | None:
    """A moment as ISO 8601 in UTC; see `moment`."""
    if type(value) is str and _API_STYLE(value):
        try:
            datetime.fromisoformat(value)  # such a text may still name the 31st of February
        except ValueError:
            return None
        # What `isoformat` would give, in a fraction of its time.
        whole = len(value) < _LONGEST_API_STYLE or value.endswith("000Z")
        return f"{value[:_SECONDS]}+00:00" if whole else f"{value[:-1]}000+00:00"
    found = moment(value, zone)
    return found.isoformat() if found else None


def moment(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """A point in time in UTC; one that names no zone is taken as one of `zone`. Numbers are seconds or milliseconds
    since 1970."""
    try:
        if type(value) is str and _API_STYLE(value):
            return datetime.fromisoformat(value)
        found = value if isinstance(value, datetime) else _from_number(value) or _from_text(value)
        if found is None:
            return None
        return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_number(value: Any) -> datetime | None:
    text = str(value).strip()
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS else number, UTC)


def _from_text(value: Any) -> datetime | None:
    text = str(value).strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    split = _day_and_clock(unicodedata.normalize("NFKC", text))
    if split is None:
        return None
    midnight = datetime.fromisoformat(split[0])
    return midnight if split[1] is None else _at(midnight, split[1].strip())


def _at(midnight: datetime, clock: str) -> datetime:
    """The day with its time of day; midnight where the rest of the text is none."""
    found = _CLOCK.fullmatch(clock)
    if found is None:
        return midnight
    hour, minute, second = int(found[2]), int(found[3]), int(found[4] or 0)
    half = _AFTERNOON.get((found[1] or found[6] or "").lower())
    if half is not None and 1 <= hour <= 12:
        hour = hour % 12 + 12 * half
    if hour > 24 or minute > 59 or second > 59:
        return midnight
    past = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=int((found[5] or "0").ljust(6, "0")))
    return (midnight + past).replace(tzinfo=_offset(*found.groups()[6:]))


def _offset(named: str | None, sign: str | None, hours: str | None, minutes: str | None) -> tzinfo | None:
    if sign is None:
        return UTC if named else None
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-away if sign == "-" else away)
