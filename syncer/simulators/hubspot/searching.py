"""`POST .../search`: filters, one order, pages within the first 10,000 hits (search guide)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.simulators.hubspot.errors import HubError, invalid
from syncer.simulators.hubspot.index import Document, Index, id_of
from syncer.simulators.hubspot.moments import parse_ms
from syncer.simulators.hubspot.records import searchable
from syncer.simulators.hubspot.schema import Schema

LONGEST_BODY = 3_000
_MOST_GROUPS, _MOST_FILTERS, _MOST_IN_ALL, _MOST_PER_PAGE, _MOST_VALUES = 5, 6, 18, 200, 100
_COMPARING = ("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN")
_OPERATORS = frozenset({*_COMPARING, "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"})
_FOREVER = 1 << 42
_NEAR = (
    "email",
    "hs_searchable_calculated_international_phone_number",
    "hs_searchable_calculated_international_mobile_number",
)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `values` are lower case; of LT, GTE and their like there is one, of BETWEEN two."""

    name: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of ids in order, how many there are in all, and where the next page starts."""

    ids: list[int]
    total: int
    after: int | None


def search(index: Index, schema: Schema, body: Mapping[str, Any], hits_most: int) -> Hits:
    """The hits of one request; raises 400 for what HubSpot does not take."""
    index.refresh()
    limit, after = _whole(body.get("limit", 10), "limit"), _whole(body.get("after") or 0, "after")
    if not 0 < limit <= _MOST_PER_PAGE:
        raise invalid(f"limit must be between 1 and {_MOST_PER_PAGE}")
    if hits_most and after + limit > hits_most:
        raise invalid(f"paging beyond {hits_most} results is not possible")
    groups = _groups(schema, body)
    order, descending = _order(schema, body)
    found = _slice(index, schema, groups, order) if not descending else None
    if found is not None:
        keys, start, stop = found
        ids, total = [id_of(key) for key in keys[start + after : min(start + after + limit, stop)]], stop - start
    else:
        everyone = _through(index, schema, groups)
        everyone.sort(key=lambda number: _sorting(schema, index.document(number), number, order), reverse=descending)
        ids, total = everyone[after : after + limit], len(everyone)
    return Hits(ids, total, after + limit if after + limit < total else None)


def _whole(value: object, name: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise invalid(f"{name} must be a number") from None


def _groups(schema: Schema, body: Mapping[str, Any]) -> list[list[Filter]]:
    told = body.get("filterGroups") or []
    if not isinstance(told, list) or len(told) > _MOST_GROUPS:
        raise invalid(f"at most {_MOST_GROUPS} filterGroups are allowed")
    groups = [[_filter(schema, item) for item in group.get("filters") or []] for group in told]
    if any(len(group) > _MOST_FILTERS for group in groups) or sum(map(len, groups)) > _MOST_IN_ALL:
        raise invalid(f"at most {_MOST_FILTERS} filters in a group and {_MOST_IN_ALL} in all are allowed")
    return groups


def _filter(schema: Schema, item: Mapping[str, Any]) -> Filter:
    name, operator = str(item.get("propertyName", "")), str(item.get("operator", ""))
    if name not in schema.properties:
        raise invalid(f"There was a problem with the request: property {name} does not exist")
    if operator not in _OPERATORS:
        raise invalid(f"Invalid operator {operator!r}")
    if operator in ("IN", "NOT_IN"):
        values = item.get("values")
        if not isinstance(values, list) or not values or len(values) > _MOST_VALUES:
            raise invalid(f"{operator} needs 1 to {_MOST_VALUES} values")
    else:
        values = [item.get("value"), item.get("highValue")] if operator == "BETWEEN" else [item.get("value")]
        if operator.endswith("HAS_PROPERTY"):
            values = []
        if None in values:
            raise invalid(f"{operator} needs a value")
    return Filter(name, operator, tuple(str(value).lower() for value in values))


def _order(schema: Schema, body: Mapping[str, Any]) -> tuple[str, bool]:
    sorts = body.get("sorts") or []
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed")
    if not sorts:
        return "hs_object_id", False
    name = sorts[0].get("propertyName") if isinstance(sorts[0], dict) else sorts[0]
    if name not in schema.properties:
        raise invalid(f"property {name} does not exist")
    return str(name), isinstance(sorts[0], dict) and sorts[0].get("direction") == "DESCENDING"


def _slice(
    index: Index, schema: Schema, groups: Sequence[Sequence[Filter]], order: str
) -> tuple[Sequence[int], int, int] | None:
    """The answer straight from the index, where it is asked for by the moment of the last change only, or by one moment
    and the id."""
    if len(groups) != 1 or order not in (schema.changed_by, "hs_object_id"):
        return None
    stamps = [item for item in groups[0] if item.name == schema.changed_by]
    ids = [item for item in groups[0] if item.name == "hs_object_id"]
    if not stamps or len(stamps) + len(ids) < len(groups[0]):
        return None
    bounds, within = _bounds(stamps), _bounds(ids)
    one_moment = bounds is not None and bounds[0] == bounds[1]
    if bounds is None or within is None or ((ids or order == "hs_object_id") and not one_moment):
        return None
    return index.between(*bounds, *within)


def _bounds(filters: Sequence[Filter]) -> tuple[int, int] | None:
    """The least and the most that all of these allow; None where they say something else than a range."""
    least, most = 0, _FOREVER
    for item in filters:
        if item.operator not in ("EQ", "LT", "LTE", "GT", "GTE", "BETWEEN"):
            return None
        numbers = [_number(value) for value in item.values]
        if item.operator in ("EQ", "GTE", "GT", "BETWEEN"):
            least = max(least, numbers[0] + (item.operator == "GT"))
        if item.operator in ("EQ", "LTE", "LT", "BETWEEN"):
            most = min(most, numbers[-1] - (item.operator == "LT"))
    return least, most


def _number(value: str) -> int:
    try:
        return parse_ms(value.upper())
    except ValueError:
        raise invalid(f"{value!r} is neither a number nor a moment") from None


def _through(index: Index, schema: Schema, groups: Sequence[Sequence[Filter]]) -> list[int]:
    """The answer by looking at every document that may fit."""
    found: set[int] = set()
    for group in groups or [[]]:
        few = next((item for item in group if item.name in _NEAR and item.operator in ("EQ", "IN")), None)
        near = index.known() if few is None else index.near(few.name, few.values)
        found.update(number for number in near if _fits(schema, index.document(number), number, group))
    return sorted(found)


def _fits(schema: Schema, document: Document, number: int, group: Sequence[Filter]) -> bool:
    return all(_holds(schema, item, _value(schema, document, number, item.name)) for item in group)


def _value(schema: Schema, document: Document, number: int, name: str) -> str | None:
    if name == "hs_object_id":
        return str(number)
    if name == schema.changed_by:
        return str(document.updated)
    if name in ("createdate", "hs_createdate") and name not in document.properties:
        return str(document.created)
    value = document.properties.get(name)
    if value is None and name.startswith("hs_searchable_calculated_international_"):
        short = {"phone_number": "phone", "mobile_number": "mobilephone"}
        return searchable(document.properties.get(short[name.removeprefix("hs_searchable_calculated_international_")]))
    return value


def _holds(schema: Schema, item: Filter, value: str | None) -> bool:
    if item.operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        return (value is not None) == (item.operator == "HAS_PROPERTY")
    if value is None:
        return item.operator in ("NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN")
    if item.operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        tokens = re.findall(r"[\w.+@=-]+", value.lower())
        return (item.values[0].strip("*") in tokens) == (item.operator == "CONTAINS_TOKEN")
    if schema.properties[item.name].type in ("number", "datetime", "date"):
        return _COMPARE[item.operator](_number(value), [_number(one) for one in item.values])
    return _COMPARE[item.operator](value.lower(), list(item.values))


_COMPARE: dict[str, Callable[[Any, list[Any]], bool]] = {
    "EQ": lambda value, given: value == given[0],
    "NEQ": lambda value, given: value != given[0],
    "LT": lambda value, given: value < given[0],
    "LTE": lambda value, given: value <= given[0],
    "GT": lambda value, given: value > given[0],
    "GTE": lambda value, given: value >= given[0],
    "BETWEEN": lambda value, given: given[0] <= value <= given[1],
    "IN": lambda value, given: value in given,
    "NOT_IN": lambda value, given: value not in given,
}


def _sorting(schema: Schema, document: Document, number: int, order: str) -> tuple[bool, Any, int]:
    value = _value(schema, document, number, order)
    numeric = schema.properties[order].type in ("number", "datetime", "date")
    return value is None, _number(value) if numeric and value is not None else value or "", number


def check_size(raw: bytes) -> None:
    """Raise 400 for a body of more characters than HubSpot takes."""
    if len(raw.decode("utf-8", "replace")) > LONGEST_BODY:
        raise HubError(400, "VALIDATION_ERROR", f"The request body is longer than {LONGEST_BODY} characters")
