"""Queries in COQL: `select A, B from Module where ... order by F asc limit OFFSET, COUNT`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from syncer.simulators.zoho import moments
from syncer.simulators.zoho.errors import ZohoError
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.records import Collection, Record, as_id

_SHAPE = re.compile(
    r"select\s+(?P<fields>.+?)\s+from\s+(?P<module>\w+)\s+where\s+(?P<where>.+?)"
    r"(?:\s+order\s+by\s+(?P<order>\w+)(?:\s+(?P<way>asc|desc))?)?(?:\s+limit\s+(?:(?P<skip>\d+)\s*,\s*)?(?P<most>\d+))?\s*",
    re.IGNORECASE | re.DOTALL,
)
_TOKEN = re.compile(r"\s*('(?:[^']|'')*'|>=|<=|!=|[=<>(),]|[\w.]+)")
_MOST, _MOST_VALUES, _MOST_FIELDS, _FARTHEST = 200, 50, 50, 100_000
#: Modules that queries do not reach (page "get records through COQL").
_UNKNOWN = frozenset({"Notes"})
_MOMENTS = ("Modified_Time", "Created_Time")


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `is null` and `is not null` have no values."""

    name: str
    operator: str
    values: tuple[str, ...]


Tree = Condition | tuple[str, "Tree", "Tree"]
"""A comparison, or two trees with `and` or `or` between them."""


def run(place: Organisation, text: object) -> dict[str, Any] | None:
    """The answer to one query; None where nothing is found. Raises SYNTAX_ERROR and INVALID_QUERY."""
    found = _SHAPE.fullmatch(str(text or ""))
    if found is None:
        raise _wrong("the query is not one of COQL's")
    collection = place.module(found["module"])
    if found["module"] in _UNKNOWN:
        raise ZohoError(400, "INVALID_QUERY", "the module is not supported", module=found["module"])
    names = [name.strip() for name in found["fields"].split(",")]
    tree = _parsed(found["where"])
    for name in (*names, *_names(tree), *filter(None, [found["order"]])):
        if name not in collection.schema.fields:
            raise ZohoError(400, "INVALID_QUERY", "invalid query formed", column_name=name)
    most, skip = int(found["most"] or _MOST), int(found["skip"] or 0)
    if most > _MOST or len(names) > _MOST_FIELDS or skip + most > _FARTHEST:
        raise ZohoError(400, "LIMIT_EXCEEDED", "the query asks for more than one call gives", limit=_MOST)
    rows = _ordered(_matching(collection, tree, most + skip + 1), found["order"], found["way"])
    page = rows[skip : skip + most]
    data = [_row(collection, row, names) for row in page]
    return {"data": data, "info": {"count": len(data), "more_records": len(rows) > skip + most}} if data else None


def _wrong(message: str) -> ZohoError:
    return ZohoError(400, "SYNTAX_ERROR", message)


def _row(collection: Collection, row: Record, names: Iterable[str]) -> dict[str, Any]:
    """A row of a query: a lookup is its id alone."""
    if row.id in collection.poisoned and set(names) != {"id"}:
        raise ZohoError(500, "INTERNAL_ERROR", "Internal Server Error")
    return {"id": str(row.id)} | {name: _value(row, name) for name in names if name != "id"}


def _value(row: Record, name: str) -> Any:
    own: Mapping[str, Callable[[], Any]] = {
        "id": lambda: str(row.id),
        "Owner": lambda: {"id": row.owner},
        "Modified_Time": lambda: moments.shown(row.modified),
        "Created_Time": lambda: moments.shown(row.created),
    }
    return own[name]() if name in own else row.values.get(name)


# --- reading the condition


def _parsed(text: str) -> Tree:
    tokens = _tokens(text)
    tree = _either(tokens)
    if tokens:
        raise _wrong(f"unexpected {tokens[0]}")
    return tree


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise _wrong(f"unexpected {text[place : place + 10]!r}")
        found.append(match[1])
        place = match.end()
    return found


def _either(tokens: list[str]) -> Tree:
    left = _one(tokens)
    # More than two conditions want brackets around each pair.
    if tokens and tokens[0].lower() in ("and", "or"):
        return (tokens.pop(0).lower(), left, _one(tokens))
    return left


def _one(tokens: list[str]) -> Tree:
    if not tokens:
        raise _wrong("a condition is missing")
    if tokens[0] == "(":
        tokens.pop(0)
        tree = _either(tokens)
        _take(tokens, ")")
        return tree
    name, operator = tokens.pop(0), tokens.pop(0).lower() if tokens else ""
    if operator == "in":
        return Condition(name, "in", _list(tokens))
    if operator == "is":
        return Condition(name, _nothing(tokens), ())
    if operator not in _COMPARE or not tokens:
        raise _wrong(f"unexpected {operator!r}")
    return Condition(name, operator, (_plain(tokens.pop(0)),))


def _nothing(tokens: list[str]) -> str:
    """What stands behind `is`: null or not null."""
    words = "is not null" if tokens and tokens[0].lower() == "not" else "is null"
    for word in words.split()[1:]:
        if not tokens or tokens.pop(0).lower() != word:
            raise _wrong(f"{word} is missing")
    return words


def _list(tokens: list[str]) -> tuple[str, ...]:
    _take(tokens, "(")
    values = []
    while tokens and tokens[0] != ")":
        values.append(_plain(tokens.pop(0)))
        if tokens and tokens[0] == ",":
            tokens.pop(0)
    _take(tokens, ")")
    if not 0 < len(values) <= _MOST_VALUES:
        raise ZohoError(400, "LIMIT_EXCEEDED", "too many values in one condition", limit=_MOST_VALUES)
    return tuple(values)


def _take(tokens: list[str], wanted: str) -> None:
    if not tokens or tokens.pop(0) != wanted:
        raise _wrong(f"{wanted} is missing")


def _plain(token: str) -> str:
    return token[1:-1].replace("''", "'") if token.startswith("'") else token


def _names(tree: Tree) -> Iterator[str]:
    if isinstance(tree, Condition):
        yield tree.name
    else:
        yield from _names(tree[1])
        yield from _names(tree[2])


# --- finding


def _matching(collection: Collection, tree: Tree, most: int) -> list[Record]:
    if isinstance(tree, Condition) and tree.name == "id" and tree.operator == ">":
        return [collection.peek(number) for number in collection.after(as_id(tree.values[0]) or 0, most)]
    return [row for row in _near(collection, tree) if _holds(tree, row)]


def _near(collection: Collection, tree: Tree) -> Iterator[Record]:
    """Those who may fit, without making up everybody for a look at a few phones."""
    values = [value for item in _conditions(tree) if item.operator in ("in", "=") for value in item.values]
    numbers = {number for number in map(as_id, values) if number is not None and number in collection.seeds}
    for number in sorted(numbers | collection.seeds.near(values)):
        if number not in collection.rows:
            yield collection.peek(number)
    yield from (row for row in collection.held() if row.deleted is None)


def _conditions(tree: Tree) -> Iterator[Condition]:
    if isinstance(tree, Condition):
        yield tree
    else:
        yield from _conditions(tree[1])
        yield from _conditions(tree[2])


def _holds(tree: Tree, row: Record) -> bool:
    if not isinstance(tree, Condition):
        left, right = _holds(tree[1], row), _holds(tree[2], row)
        return left and right if tree[0] == "and" else left or right
    value = _value(row, tree.name)
    if isinstance(value, dict):
        value = value.get("id")
    if tree.operator in ("is null", "is not null"):
        return (value is None) == (tree.operator == "is null")
    if value is None:
        return False
    if tree.name == "id":
        return _compare(tree.operator, int(value), [as_id(one) or 0 for one in tree.values])
    if tree.name in _MOMENTS:
        return _compare(tree.operator, moments.parsed(value), [moments.parsed(one) for one in tree.values])
    return _compare(tree.operator, str(value).casefold(), [one.casefold() for one in tree.values])


def _compare(operator: str, value: Any, given: list[Any]) -> bool:
    return value in given if operator == "in" else _COMPARE[operator](value, given[0])


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, other: bool(value == other),
    "!=": lambda value, other: bool(value != other),
    ">": lambda value, other: bool(value > other),
    ">=": lambda value, other: bool(value >= other),
    "<": lambda value, other: bool(value < other),
    "<=": lambda value, other: bool(value <= other),
}


def _ordered(rows: list[Record], order: str | None, way: str | None) -> list[Record]:
    name = order or "id"
    found = sorted(rows, key=lambda row: (row.id if name == "id" else str(_value(row, name) or ""), row.id))
    return found[::-1] if (way or "asc").lower() == "desc" else found
