"""What a value in the platform's JSON may be taken for: it promises types, and does not always keep to them.

Texts come as numbers and numbers as texts, lists as objects, and anything may be missing or an empty text. Nothing here
raises; what is not of the shape asked for is empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncer.domain.phone import from_wa_id

_WA_ID = re.compile(r"\+?[0-9]{5,20}")
#: What people put between the digits of a number in an address book or on a display.
_SEPARATORS = re.compile(r"[\s().\-]+")
_LIMIT = re.compile(r"(?:TIER_)?([0-9]{1,9})([KM]?)")
_THOUSANDS = {"": 1, "K": 1_000, "M": 1_000_000}
_LONGEST_ID = 160
_DEEPEST = 4
NO_LIMIT = -1


def mapping(value: Any) -> Mapping[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def first(value: Any) -> Mapping[str, Any]:
    """The first object of a list, or an empty one."""
    return mapping(next(iter(rows(value)), None))


def text(value: Any) -> str:
    """Texts and plain numbers as text; anything else is no text."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def identifier(value: object) -> str | None:
    """An id of the platform, exactly as it came, if it can be a key in any store: printable ASCII of bearable length.
    Ids that are documented as texts come as numbers at times."""
    if not isinstance(value, str):
        value = text(value) if isinstance(value, int) else ""
    return value if 0 < len(value) <= _LONGEST_ID and value.isascii() and value.isprintable() else None


def phone(value: object) -> str | None:
    """A WhatsApp id (digits with country code) as E.164; None for anything else, such as an empty text."""
    if not isinstance(value, str):
        value = text(value) if isinstance(value, int) else ""
    return from_wa_id(value) if _WA_ID.fullmatch(value) else None


def dialled(value: object) -> str | None:
    """A number with country code as people write it, `+54 9 11 0000-0000` for instance, as E.164."""
    return phone(_SEPARATORS.sub("", text(value)))


def digits(value: object) -> str:
    """The digits of a business number as the platform displays it."""
    return "".join(sign for sign in text(value) if sign in "0123456789")


def people_per_day(value: object) -> int | None:
    """A messaging limit given as number (2000), text ("2000") or name of a tier (TIER_2K); -1 is no limit, None is
    nothing said (TIER_NOT_SET)."""
    name = text(value).upper()
    if name == str(NO_LIMIT) or name.endswith("UNLIMITED"):
        return NO_LIMIT
    known = _LIMIT.fullmatch(name)
    return int(known[1]) * _THOUSANDS[known[2]] if known else None


def plain(value: Any, deep: int = 0) -> str:
    """Any value as one line that a person can read: `name: value; name: value, value; name (name: value)`."""
    if deep > _DEEPEST:
        return "…"
    if isinstance(value, dict):
        return "; ".join(filter(None, (_part(key, part, deep + 1) for key, part in value.items())))
    if isinstance(value, list):
        return ", ".join(filter(None, (plain(part, deep + 1) for part in value)))
    return str(value).lower() if isinstance(value, bool) else text(value)


def _part(key: str, value: Any, deep: int) -> str:
    said = plain(value, deep)
    if not said:
        return ""
    return f"{key} ({said})" if isinstance(value, dict) else f"{key}: {said}"
