"""Whether a field takes a value, and how it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncer.simulators.zoho import moments
from syncer.simulators.zoho.errors import ZohoError, invalid, missing
from syncer.simulators.zoho.schema import Field, Schema

#: Whether there is a record of this id in this module.
Exists = Callable[[str, object], bool]


def checked(schema: Schema, given: object, exists: Exists, *, new: bool, have: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a write as they will be kept; None empties a field. `have` is what stands there.

    Raises INVALID_DATA (unknown or read-only field, a value of another type, too long, no option, no such record) and
    MANDATORY_NOT_FOUND.
    """
    if not isinstance(given, dict):
        raise invalid("data", "expected a record", expected_data_type="jsonobject")
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if name == "id":
            continue
        known = schema.fields.get(name)
        if known is None or known.read_only:
            raise invalid(name, "the field api name given seems to be invalid")
        kept[name] = None if value is None or value == "" else _kept(known, value, exists)
    for name in (*(one.name for one in schema.fields.values() if one.mandatory), *sorted(schema.required)):
        empty = kept.get(name, have.get(name)) in (None, "")
        if empty and (new or name in kept or name in schema.required):
            raise missing(name)
    return kept


def _kept(known: Field, value: Any, exists: Exists) -> Any:
    match known.type:
        case "boolean":
            return _typed(known, value, bool)
        case "integer" | "bigint":
            if isinstance(value, bool):
                raise _wrong(known, "integer")
            return _typed(known, value, int)
        case "double" | "currency":
            return _typed(known, value, (int, float))
        case "date":
            if not moments.is_day(value):
                raise _wrong(known, "date")
            return value
        case "datetime":
            return _moment(known, value)
        case "lookup" | "ownerlookup":
            return _reference(known, value, exists)
        case "multiselectpicklist":
            return [_choice(known, one) for one in _typed(known, value, list)]
        case "picklist":
            return _choice(known, value)
        case _:
            return _text(known, value)


def _typed(known: Field, value: Any, wanted: type | tuple[type, ...]) -> Any:
    if not isinstance(value, wanted):
        raise _wrong(known, known.type)
    return value


def _wrong(known: Field, wanted: str) -> ZohoError:
    return invalid(known.name, expected_data_type=wanted)


def _text(known: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(known, "text")
    if len(value) > known.length:
        raise invalid(known.name, maximum_length=known.length)
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise invalid(known.name, "the value holds characters that cannot be stored")
    if known.type == "email" and ("@" not in value or " " in value.strip()):
        raise _wrong(known, "email")
    return value


def _choice(known: Field, value: Any) -> str:
    if not isinstance(value, str) or value not in known.options:
        raise invalid(known.name, expected_data_type="picklist")
    return value


def _moment(known: Field, value: Any) -> str:
    try:
        return moments.shown(moments.parsed(value))
    except (ValueError, OverflowError):
        raise _wrong(known, "datetime") from None


def _reference(known: Field, value: Any, exists: Exists) -> dict[str, Any]:
    told = value.get("id") if isinstance(value, dict) else value
    module = "users" if known.type == "ownerlookup" else known.leads_to
    if isinstance(value, dict) and isinstance(value.get("module"), dict):
        module = str(value["module"].get("api_name"))
    if not exists(module, told):
        raise invalid(known.name, "the id given seems to be invalid")
    return {"id": str(told)}
