"""What somebody on our side may say of a contact: which fields, and in which form (the same that CRMs are read in)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any

from syncer.domain.contact import LONGEST_TEXT
from syncer.domain.phone import Phone, parse
from syncer.domain.text import shorten, storable

#: A field of the company's own, as mappings name it.
CUSTOM = re.compile(r"custom\.[a-z][a-z0-9_]{0,62}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_MOST_TAGS = 200


class NotAcceptable(ValueError):
    """`problems` says of each field what is wrong with it; `unknown` names those that there are not."""

    def __init__(self, problems: Mapping[str, str], unknown: Collection[str]) -> None:
        super().__init__("; ".join(f"{name} {problem}" for name, problem in problems.items()) or "unknown fields")
        self.problems = dict(problems)
        self.unknown = sorted(unknown)


def accept(fields: Mapping[str, Any], names: Collection[str], region: str) -> dict[str, Any]:
    """The values as they are kept; None empties a field. `region` (ISO country) is assumed for numbers without a
    country code. Raises `NotAcceptable`."""
    unknown = [name for name in fields if name not in names and not CUSTOM.fullmatch(name)]
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name in fields.keys() - set(unknown):
        try:
            values[name] = _value(name, fields[name], region)
        except ValueError as error:
            problems[name] = str(error)
    if unknown or problems:
        raise NotAcceptable(problems, unknown)
    return {name: values[name] for name in fields}


def _value(name: str, value: Any, region: str) -> Any:
    if name == "phone" and value in (None, ""):
        raise ValueError("can be changed, but not taken away")
    if value is None:
        return None
    if name.startswith("custom.") and isinstance(value, bool):
        return value
    if name in ("phone", "phone_alt"):
        return _phone(value, region)
    read: Callable[[Any], Any] = _READERS.get(name, _text)
    return read(value)


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a text")
    return shorten(storable(str(value)).strip(), LONGEST_TEXT) or None


def _phone(value: Any, region: str) -> str:
    found = parse(_text(value) or "", region)
    if not isinstance(found, Phone):
        raise ValueError(f"is not a phone number that WhatsApp reaches: {found}")
    return found.e164


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _tags(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > _MOST_TAGS:
        raise ValueError(f"must be a list of at most {_MOST_TAGS} texts")
    return sorted({label for item in value if (label := _text(item))})


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[Any], str | None]:
    def read(value: Any) -> str | None:
        text = _text(value)
        if text is not None and not pattern.fullmatch(text):
            raise ValueError(f"must be {what}")
        return text

    return read


def _email(value: Any) -> str | None:
    text = _matching(_EMAIL, "an e-mail address")(value)
    return text.lower() if text else None


def _day(value: Any) -> str | None:
    text = _text(value)
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        raise ValueError("must be a day, such as 1991-03-09") from None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "tags": _tags,
    "blocked": _flag,
    "do_not_call": _flag,
    "email_opt_out": _flag,
    "marketing_consent": _flag,
    "transactional_consent": _flag,
    "email": _email,
    "birthday": _day,
    "gender": _matching(re.compile("[fmx]"), "f, m or x"),
    "language": _matching(_LANGUAGE, "a language, such as zh_TW"),
}
