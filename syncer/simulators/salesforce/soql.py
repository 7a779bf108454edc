"""The part of SOQL that is understood here; anything else is MALFORMED_QUERY, as it is for a slip of the pen.

    SELECT fields FROM object [WHERE condition] [ORDER BY field {, field}] [LIMIT n]

A condition compares fields with literals (`=`, `!=`, `<`, `<=`, `>`, `>=`, `LIKE`, `IN`), joined by AND or by OR; both
together need parentheses, as in Salesforce.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from syncer.simulators.salesforce.errors import malformed
from syncer.simulators.salesforce.moments import parse_ms

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\\n\r]|\\.)*')
    |(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d))
    |(?P<day>\d{4}-\d\d-\d\d)
    |(?P<number>\d+)
    |(?P<word>[A-Za-z][A-Za-z0-9_.]*)
    |(?P<sign><=|>=|!=|<|>|=|\(|\)|,)
    )""",
    re.VERBOSE,
)
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
_LONGEST = 100_000


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in a query, in milliseconds."""

    ms: int


@dataclass(frozen=True, slots=True)
class Day:
    """A day in a query."""

    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """What stands behind LIKE."""

    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; `value` is a literal, or for IN a tuple of them."""

    name: str
    sign: str
    value: Any


@dataclass(frozen=True, slots=True)
class Both:
    """Conditions joined by AND (`every`) or by OR."""

    parts: tuple[Any, ...]
    every: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was understood."""

    names: tuple[str, ...]
    kind: str
    where: Comparison | Both | None
    order: tuple[str, ...]
    limit: int | None


def parse(text: str) -> Query:
    """The query in a text. Raises MALFORMED_QUERY."""
    if len(text) > _LONGEST:
        raise malformed(f"SOQL statements cannot be longer than {_LONGEST} characters.", "QUERY_TOO_COMPLICATED")
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        stripped = text.rstrip()
        while place < len(stripped):
            found = _TOKEN.match(stripped, place)
            if found is None:
                raise malformed(f"unexpected token: '{stripped[place : place + 20]}'")
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            place = found.end()
        self._place = 0

    def query(self) -> Query:
        self._expect("SELECT")
        names = self._names()
        self._expect("FROM")
        kind = self._word()
        where = self._condition() if self._take("WHERE") else None
        order: tuple[str, ...] = ()
        if self._take("ORDER"):
            self._expect("BY")
            order = self._names(ascending=True)
        limit = int(self._next("number")) if self._take("LIMIT") else None
        if self._place < len(self._tokens):
            raise malformed(f"unexpected token: '{self._tokens[self._place][1]}'")
        return Query(names, kind, where, order, limit)

    def _condition(self) -> Comparison | Both:
        parts = [self._part()]
        word = next((one for one in ("AND", "OR") if self._is(one)), None)
        while word and self._take(word):
            parts.append(self._part())
        if any(map(self._is, ("AND", "OR"))):
            raise malformed("unexpected token: AND and OR need parentheses")
        return Both(tuple(parts), word == "AND") if word else parts[0]

    def _part(self) -> Comparison | Both:
        if self._take("("):
            inner = self._condition()
            self._expect(")")
            return inner
        name = self._word()
        if self._take("IN"):
            return Comparison(name, "IN", self._list())
        if self._take("LIKE"):
            return Comparison(name, "LIKE", Pattern(self._next("text")[1:-1]))
        sign = self._next("sign")
        if sign not in _SIGNS:
            raise malformed(f"unexpected token: '{sign}'")
        return Comparison(name, sign, self._literal())

    def _list(self) -> tuple[Any, ...]:
        self._expect("(")
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        self._expect(")")
        return tuple(values)

    def _literal(self) -> Any:
        kind, text = self._tokens[self._place] if self._place < len(self._tokens) else ("", "")
        self._place += 1
        match kind:
            case "text":
                return _ESCAPE.sub(_unescaped, text[1:-1])
            case "moment":
                return Moment(parse_ms(text))
            case "day":
                return Day(text)
            case "number":
                return int(text)
            case "word" if text.lower() in ("true", "false", "null"):
                return {"true": True, "false": False, "null": None}[text.lower()]
        raise malformed(f"unexpected token: '{text or '<EOF>'}'")

    def _names(self, *, ascending: bool = False) -> tuple[str, ...]:
        names = [self._word()]
        while True:
            if ascending:
                self._take("ASC")
            if not self._take(","):
                return tuple(names)
            names.append(self._word())

    def _word(self) -> str:
        return self._next("word")

    def _next(self, kind: str) -> str:
        if self._place >= len(self._tokens) or self._tokens[self._place][0] != kind:
            text = self._tokens[self._place][1] if self._place < len(self._tokens) else "<EOF>"
            raise malformed(f"unexpected token: '{text}'")
        self._place += 1
        return self._tokens[self._place - 1][1]

    def _is(self, text: str) -> bool:
        if self._place >= len(self._tokens):
            return False
        kind, found = self._tokens[self._place]
        return kind in ("word", "sign") and found.upper() == text

    def _take(self, text: str) -> bool:
        taken = self._is(text)
        self._place += taken
        return taken

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise malformed(f"expecting {text}")


def _unescaped(found: re.Match[str]) -> str:
    if found[1] not in _UNESCAPED:
        raise malformed(f"Illegal string literal: \\{found[1]}")
    return _UNESCAPED[found[1]]


def matcher(pattern: Pattern) -> Callable[[str], bool]:
    """Whether a text fits what stands behind LIKE: `%` is anything, `_` one character, both may be escaped."""
    regex, place, text = "", 0, pattern.text
    while place < len(text):
        one = text[place]
        if one == "\\":
            place += 1
            following = text[place]
            regex += re.escape(following if following in "%_" else _unescaped(_escape_of(following)))
        else:
            regex += {"%": ".*", "_": "."}.get(one, re.escape(one))
        place += 1
    fits = re.compile(regex, re.IGNORECASE | re.DOTALL).fullmatch
    return lambda value: fits(value) is not None


def _escape_of(character: str) -> re.Match[str]:
    found = _ESCAPE.match(f"\\{character}")
    assert found is not None
    return found
