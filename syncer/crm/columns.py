"""Whole columns of a page at once: what `lines.reader` reads value by value, in a fraction of the time (R25).

Nearly all values of an API are plain text or nothing, and one look at a column tells. What such a column needs is then
done by a few calls of the interpreter's own loops; any other column is read value by value. Both ways give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from config.contact_fields import FieldMap
from syncer.crm import lines, transforms
from syncer.crm.transforms import Reader
from syncer.domain.contact import LONGEST_TEXT
from syncer.domain.phone import Phone, PhoneProblem
from syncer.domain.phone_plan import dialled

ColumnReader = Callable[[Sequence[Any]], Sequence[Any]]
"""The raw values of one column -> their canonical values, None for those that say nothing. It never raises."""

_NOTHING = type(None)
_TEXT = frozenset({str, _NOTHING})
_WORDS = frozenset({str, bool, _NOTHING})
#: Columns of words hold a handful of different ones, over and over; days of birth some ten thousand.
_REMEMBERED = 32_768
_LONGEST_REMEMBERED = 64
_REPETITIVE = frozenset({"bool", "bool_words", "picklist", "language", "gender", "date"})


def reader(line: FieldMap, region: str) -> ColumnReader:
    """The reader of one line's column."""
    read = lines.reader(line, region)
    if line.transform == "text" and read is transforms.text:
        return _texts
    if line.transform == "email":
        return _emails
    if line.transform == "phone":
        return partial(_phones, read, *dialled(region))
    if line.transform == "tags":
        return partial(_labels, _Memory(read))
    return partial(_words, _Memory(read)) if line.transform in _REPETITIVE else partial(_one_by_one, read)


def numbers(column: Sequence[Any], region: str) -> list[str | PhoneProblem]:
    """The E.164 of each number, or why there is none: for the phone by which a person is known."""
    return _dialled(column, lambda value: _number(value, region), *dialled(region))


def _number(value: Any, region: str) -> str | PhoneProblem:
    found = transforms.phone(value, region)
    return found.e164 if isinstance(found, Phone) else found


def _one_by_one(read: Reader, column: Sequence[Any]) -> list[Any]:
    return [None if value is None or value == "" else read(value) for value in column]


def _texts(column: Sequence[Any]) -> list[Any]:
    if _TEXT.issuperset(map(type, column)):
        there = list(filter(None, column))
        if "".join(there).isprintable() and max(map(len, there), default=0) <= LONGEST_TEXT:
            return [value.strip() or None if value else None for value in column]
    return _one_by_one(transforms.text, column)


def _emails(column: Sequence[Any]) -> list[Any]:
    known, read = transforms.is_email, transforms.email
    if _TEXT.issuperset(map(type, column)):
        whole = "".join(filter(None, column))
        if whole.isascii() and whole.isprintable() and max(map(len, filter(None, column)), default=0) <= LONGEST_TEXT:
            return [(value if known(value := raw.strip().lower()) else None) if raw else None for raw in column]
    return _one_by_one(read, column)


def _phones(read: Reader, whole: Callable[[str], Any], code: str, column: Sequence[Any]) -> list[Any]:
    return _dialled(column, lambda value: None if value is None else read(value), whole, code)


def _dialled(column: Sequence[Any], read: Reader, whole: Callable[[str], Any], code: str) -> list[Any]:
    """The commonest writing at sight: what is a mobile number once spaces and dashes are gone is that very number to
    `domain.phone` too, which has a look at all others."""
    found = []
    for value in column:
        match = whole(value.replace("-", "").replace(" ", "")) if type(value) is str else None
        found.append(code + match["mobile"] if match and match.lastgroup == "mobile" else read(value))
    return found


class _Memory(dict[Any, Any]):
    """What words were read as, for text and truth values only: 1 and True are one key."""

    def __init__(self, read: Reader) -> None:
        super().__init__()
        self.read = read

    def __missing__(self, value: Any) -> Any:
        said = self.read(value)
        if len(self) < _REMEMBERED and (value is True or value is False or len(value) <= _LONGEST_REMEMBERED):
            self[value] = said
        return said


def _words(known: _Memory, column: Sequence[Any]) -> list[Any]:
    if _WORDS.issuperset(map(type, column)):
        return [None if value is None or value == "" else known[value] for value in column]
    return _one_by_one(known.read, column)


def _labels(known: _Memory, column: Sequence[Any]) -> list[Any]:
    if _TEXT.issuperset(map(type, column)):
        # A list of its own for each row: nobody may change another's.
        return [[*labels] if value and (labels := known[value]) else None for value in column]
    return _one_by_one(known.read, column)
