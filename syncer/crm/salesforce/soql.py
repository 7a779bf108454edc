"""Pieces of SOQL, Salesforce's query language: nothing that somebody typed can become part of a query (R25).

Source: "SOQL and SOSL reference": quoted strings and reserved characters, date formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote_plus

from syncer.domain.text import storable

#: Most values of one list; a collection has as many records.
MOST_VALUES = 200
#: Characters of a list in an address: Salesforce takes 16,384 of all, many a proxy before it 8,190.
MOST_CHARACTERS = 6_000
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)
_LIKE = str.maketrans({"%": "\\%", "_": "\\_"})
_CASES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def literal(text: str) -> str:
    """A text in quotes, whatever is in it."""
    return f"'{storable(text).translate(_ESCAPES)}'"


def containing(characters: str) -> str:
    """The pattern of `LIKE` for texts with these characters in this order, whatever stands between them."""
    plain = (storable(character).translate(_ESCAPES).translate(_LIKE) for character in characters)
    return f"'%{'%'.join(plain)}%'"


def listed(values: Iterable[str]) -> str:
    """A list for `IN`."""
    return f"({','.join(map(literal, values))})"


def parts(values: Iterable[str]) -> Iterator[list[str]]:
    """The values in lists that an address has room for."""
    part: list[str] = []
    size = 0
    for value in dict.fromkeys(values):
        length = len(quote_plus(literal(value))) + 3
        if part and (len(part) == MOST_VALUES or size + length > MOST_CHARACTERS):
            yield part
            part, size = [], 0
        part.append(value)
        size += length
    if part:
        yield part


def moment(value: datetime) -> str:
    """A moment as a query takes it, without quotes: to the second, which is all that an org tells."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def is_id(text: str) -> bool:
    """Whether a record could have this id; one text that is none would spoil a whole query."""
    if not (text.isascii() and text.isalnum()):
        return False
    return len(text) == 15 or (len(text) == 18 and long_id(text[:15]) == text)


def long_id(text: str) -> str:
    """An id of 15 characters, in which small and capital letters differ, with the three that make it safe from whoever
    mixes them up; one of 18 as it is."""
    if len(text) != 15:
        return text
    return text + "".join(
        _CASES[sum(letter.isupper() << place for place, letter in enumerate(text[start : start + 5]))]
        for start in (0, 5, 10)
    )
