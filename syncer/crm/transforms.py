"""The transforms that a mapping may name (`config.contact_fields.TRANSFORMS`): CRM value -> canonical value.

Every reader takes what a database or an API may hold and never raises; what it cannot read is None and left out of the
record. Canonical values are text, true or false, and lists of text: JSON can carry them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache, partial
from math import isfinite
from typing import Any

from syncer.crm import moments, words
from syncer.domain import names
from syncer.domain.contact import LONGEST_TEXT
from syncer.domain.phone import Phone, PhoneProblem, parse
from syncer.domain.text import shorten, storable

Reader = Callable[[Any], Any]

#: Control characters but the line break and the tab, which addresses and notes hold. Joiners and direction marks stay:
#: emoji and right-to-left names need them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_TAG_BREAKS = re.compile(r"[,;|、，；\s]+")
#: Numbers below are whole numbers or not without doubt, even as floats.
_EXACT = 2**53
#: More of them are no amount, no quantity and no score, and would be rounded.
_MOST_DIGITS = 28
#: Whether a text is an address, or None: tells nothing of whether somebody reads there.
is_email = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+").fullmatch
#: A number with the signs that people put around it: NT$1,280.50, (1 280), 1.280,50 EUR, 12 %.
_AMOUNT = re.compile(
    r"[-+(]?\s*(?:[A-Z]{2,3})?\s*[$€£¥]?\s*[-+]?\s*"
    r"(?:(?P<comma>\d{1,3}(?:[, ']\d{3})+)|(?P<dot>\d{1,3}(?:\.\d{3})+(?=,))|(?P<plain>\d+))?"
    r"(?:[.,](?P<rest>\d+))?\s*\)?\s*(?:[A-Z]{3}|[元円%$€£])?",
    re.ASCII | re.IGNORECASE,
)
_MINUS = re.compile(r"[^\d]*[-(]")


def text(value: Any) -> str | None:
    """Trimmed text without control characters, at most `LONGEST_TEXT` characters; None when nothing is left."""
    plain = _as_text(value)
    if not plain.isprintable():
        plain = _CONTROL.sub("", storable(plain))
    return shorten(plain.strip(), LONGEST_TEXT) or None


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float | Decimal):
        return _number(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        # An API's reference to another record: its key says nothing to a person.
        return str(value.get("name") or value.get("Name") or "")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_as_text(item) for item in value)
    return str(value)


def _number(value: float | Decimal) -> str:
    # A number column's 912345678.0 is 912345678 to a person.
    if not (value.is_finite() if isinstance(value, Decimal) else isfinite(value)):
        return ""
    whole = int(value) if -_EXACT < value < _EXACT else None
    return str(value) if whole is None or whole != value else str(whole)


def phone(value: Any, region: str) -> Phone | PhoneProblem:
    """The number in a value, or why there is none; numbers without a country code belong to `region`."""
    return parse(None if value is None else _as_text(value), region)


def _e164(value: Any, region: str) -> str | None:
    found = phone(value, region)
    return found.e164 if isinstance(found, Phone) else None


def email(value: Any) -> str | None:
    """Trimmed, in lower case; None unless it looks like an address."""
    plain = text(value)
    address = unicodedata.normalize("NFKC", plain).lower() if plain else ""
    return address if is_email(address) else None


def bool_words(value: Any) -> bool | None:
    """True or false for any usual word; None for any other."""
    return value if isinstance(value, bool) else _known_answer(_as_text(value)[:LONGEST_TEXT])


def tags(value: Any) -> list[str] | None:
    """The labels, each once, in their order. Text is split at commas, semicolons, bars and spaces."""
    labels = value if isinstance(value, list | tuple | set | frozenset) else _TAG_BREAKS.split(text(value) or "")
    return list(dict.fromkeys(label for item in labels if (label := text(item)))) or None


def number(value: Any) -> str | None:
    """A number as text in its shortest form (`1280`, `1280.5`), without its currency and thousands separators; of a
    comma before exactly three digits it is taken that it parts thousands. None where there is no number, or several."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | Decimal):
        return _shortest(Decimal(str(value)))
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", _as_text(value)).strip())
    if found is None:
        return None
    whole = re.sub(r"\D", "", found["plain"] or found["comma"] or found["dot"] or "")
    if not whole and not found["rest"]:
        return None
    minus = "-" if _MINUS.match(found[0]) else ""
    return _shortest(Decimal(f"{minus}{whole or 0}.{found['rest'] or 0}"))


def _shortest(value: Decimal) -> str | None:
    if not value.is_finite() or len(value.as_tuple().digits) > _MOST_DIGITS or abs(value.adjusted()) > _MOST_DIGITS:
        return None
    return format(value.normalize(), "f") if value else "0"


def first_name(value: Any) -> str | None:
    """The given name in a whole name."""
    return names.split(text(value) or "")[0] or None


def last_name(value: Any) -> str | None:
    """The family name in a whole name."""
    return names.split(text(value) or "")[1] or None


# Columns of words hold a handful of different ones, over and over.
_known_answer = lru_cache(maxsize=1024)(words.answer)
_known_language = lru_cache(maxsize=1024)(words.language)
_known_gender = lru_cache(maxsize=1024)(words.gender)


def language(value: Any) -> str | None:
    """A language code such as `zh_TW`."""
    return _known_language(_as_text(value)[:LONGEST_TEXT])


def gender(value: Any) -> str | None:
    """`f`, `m` or `x`."""
    return _known_gender(_as_text(value)[:LONGEST_TEXT])


_READERS: dict[str, Reader] = {
    "text": text,
    "email": email,
    "bool": bool_words,
    "bool_words": bool_words,
    "number": number,
    "tags": tags,
    "picklist": text,
    "date": moments.day,
    "timestamp": moments.timestamp,
    "language": language,
    "gender": gender,
    "first_name": first_name,
    "last_name": last_name,
}


def reader(name: str, region: str) -> Reader:
    """The reader called `name` by itself, without a line's options (`syncer.crm.lines`); raises `KeyError` for a name
    that no mapping may hold."""
    return partial(_e164, region=region) if name == "phone" else _READERS[name]
