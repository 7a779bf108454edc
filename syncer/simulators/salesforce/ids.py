"""Ids: three characters for the kind of object, twelve for the record, three that guard the case of the others."""

from __future__ import annotations

from functools import lru_cache

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_CASES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@lru_cache(maxsize=8192)
def _middle(high: int) -> str:
    """All but the last five of the twelve characters, and the checksum of the first ten of an id."""
    text = ""
    for _ in range(7):
        high, rest = divmod(high, 62)
        text = _DIGITS[rest] + text
    return text


@lru_cache(maxsize=65536)
def _five(number: int) -> tuple[str, str]:
    text = ""
    for _ in range(5):
        number, rest = divmod(number, 62)
        text = _DIGITS[rest] + text
    return text, checksum(text)


@lru_cache(maxsize=8192)
def _head(prefix: str, high: int) -> tuple[str, str]:
    text = prefix + _middle(high)
    return text, checksum(text[:5]) + checksum(text[5:])


def checksum(five: str) -> str:
    """The character that says which of five are capitals."""
    return _CASES[sum(letter.isupper() << place for place, letter in enumerate(five))]


def record_id(prefix: str, number: int) -> str:
    """The 18 characters of a record's id; they sort as their numbers do."""
    high, low = divmod(number, 62**5)
    head, guards = _head(prefix, high)
    tail, guard = _five(low)
    return f"{head}{tail}{guards}{guard}"


def number_of(text: object) -> tuple[str, int] | None:
    """Prefix and number of an id of 15 or 18 characters; None for what is no id."""
    if not isinstance(text, str) or len(text) not in (15, 18) or not (text.isascii() and text.isalnum()):
        return None
    plain = text[:15]
    if len(text) == 18 and text[15:] != "".join(checksum(plain[start : start + 5]) for start in (0, 5, 10)):
        return None
    number = 0
    for letter in plain[3:]:
        number = number * 62 + _VALUES[letter]
    return plain[:3], number
