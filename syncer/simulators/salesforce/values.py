"""Whether a field takes a value, and how it is kept. Some refusals are the record's, some the whole request's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from syncer.simulators.salesforce.errors import SalesError, refused, unparsable
from syncer.simulators.salesforce.moments import day, parse_ms, shown
from syncer.simulators.salesforce.schema import Field, Schema

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Points = Callable[[Field, str], None]
"""Raises the record's refusal unless a lookup may hold this id."""


def checked(schema: Schema, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a request as they will be kept, of the right type each; None empties a field. Raises 400 for the
    whole request: an unknown field, a value of another type."""
    kept = {}
    for name, value in given.items():
        known = schema.fields.get(name)
        if known is None:
            text = f"No such column '{name}' on sobject of type {schema.kind}"
            raise SalesError(400, "INVALID_FIELD", text)
        kept[name] = _kept(known, value)
    return kept


def judge(
    schema: Schema, kept: Mapping[str, Any], have: Mapping[str, Any], points: Points, *, new: bool, typed: bool
) -> None:
    """Raise what a record is refused for."""
    for name, value in kept.items():
        known = schema.fields[name]
        if known.read_only and not typed:
            text = f"Unable to create/update fields: {name}. Please check the security settings of this field"
            raise refused("INVALID_FIELD_FOR_INSERT_UPDATE", text, name)
        if isinstance(value, str):
            _text(known, value)
            if known.type == "reference":
                points(known, value)
    missing = [
        item.name
        for item in schema.fields.values()
        if item.required and (new or item.name in kept) and kept.get(item.name) is None
    ]
    if missing:
        text = f"Required fields are missing: [{', '.join(missing)}]"
        raise refused("REQUIRED_FIELD_MISSING", text, *missing)
    for name in sorted(schema.needed):
        if kept.get(name, have.get(name)) is None:
            raise refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", f"{name} is needed for every {schema.kind}", name)


def _text(known: Field, text: str) -> None:
    if known.type in ("date", "datetime", "id"):
        return
    if len(text) > known.length and known.type not in ("picklist", "multipicklist"):
        said = f"{known.name}: data value too large: {text[:40]} (max length={known.length})"
        raise refused("STRING_TOO_LONG", said, known.name)
    if known.type == "email" and not _EMAIL.fullmatch(text):
        raise refused("INVALID_EMAIL_ADDRESS", f"{known.name}: invalid email address: {text}", known.name)
    if known.restricted:
        chosen = text.split(";") if known.type == "multipicklist" else [text]
        wrong = next((one for one in chosen if one not in known.options), None)
        if wrong is not None:
            said = f"{known.name}: bad value for restricted picklist field: {wrong}"
            raise refused("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, known.name)


def _kept(known: Field, value: Any) -> Any:
    if known.type == "boolean":
        if not isinstance(value, bool):
            raise unparsable(f"Cannot deserialize instance of boolean from {value!r}")
        return value
    if value is None or value == "":
        return None
    if known.type in ("date", "datetime"):
        try:
            return day(value) if known.type == "date" else shown(parse_ms(value))
        except ValueError:
            raise unparsable(f"Cannot deserialize instance of {known.type} from VALUE_STRING value {value}") from None
    if not isinstance(value, str):
        raise unparsable(f"Cannot deserialize instance of string from {value!r}")
    if _UNSTORABLE.search(value):
        raise unparsable("Illegal character in a text")
    # What people type in front and behind is cut off.
    return value.strip() or None
