"""Whether a property takes a value, and how it is kept: HubSpot keeps every value as text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncer.simulators.hubspot.errors import HubError, invalid
from syncer.simulators.hubspot.moments import iso, parse_ms
from syncer.simulators.hubspot.schema import REQUIRED, Property, Schema

#: Characters of a text property; the body of a communication (as of any activity) as well.
LONGEST_TEXT = 65_536
_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}")
_DAY = 86_400_000


def checked(schema: Schema, given: object, *, new: bool, have: Mapping[str, str]) -> dict[str, str | None]:
    """The values of a write as they will be kept; None empties a property. `have` is what stands there.

    Raises 400: an unknown or read-only property, a value of another type, a text too long, a required property missing.
    """
    if not isinstance(given, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    kept: dict[str, str | None] = {}
    for name, value in given.items():
        known = schema.properties.get(name)
        if known is None:
            raise invalid(f'Property \\"{name}\\" does not exist', "PROPERTY_DOESNT_EXIST", name)
        if known.read_only:
            raise invalid(f"{name} is a read only property", "READ_ONLY_VALUE", name)
        kept[name] = _kept(known, value)
    _complete(schema, kept, new=new, have=have)
    return kept


def _complete(schema: Schema, kept: Mapping[str, str | None], *, new: bool, have: Mapping[str, str]) -> None:
    for name in REQUIRED.get(schema.kind, ()):
        if (new or name in kept) and not kept.get(name):
            raise invalid(f"{name} is required", "MISSING_REQUIRED_PROPERTY", name)
    for name in sorted(schema.required):
        if not kept.get(name, have.get(name)):
            text = f"The property {name} is required by a validation rule."
            detail = {"message": text, "code": "MISSING_REQUIRED_PROPERTY", "context": {"propertyName": [name]}}
            raise HubError(400, "VALIDATION_ERROR", text, errors=[detail])


def _kept(known: Property, value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise invalid(f"{known.name} must be text", "INVALID_STRING", known.name)
    text = str(value)
    match known.type:
        case "string":
            return _text(known, text)
        case "enumeration":
            return _choice(known, text)
        case "bool":
            if text.lower() not in ("true", "false"):
                raise invalid(f"{text} was not one of the allowed options: [true, false]", "INVALID_OPTION", known.name)
            return text.lower()
        case "number":
            return _number(known, text)
        case _:
            return _moment(known, text)


def _text(known: Property, text: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise invalid(f"{known.name} is longer than {LONGEST_TEXT} characters", "PROPERTY_VALUE_TOO_LONG", known.name)
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise invalid(f"{known.name} holds characters that cannot be stored", "INVALID_STRING", known.name)
    if known.name == "email":
        text = text.strip().lower()
        if not _EMAIL.fullmatch(text):
            raise invalid(f"Email address {text} is invalid", "INVALID_EMAIL", known.name)
    return text


def _choice(known: Property, text: str) -> str:
    chosen = text.split(";") if known.field_type == "checkbox" else [text]
    for one in chosen:
        if known.options and one not in known.options:
            allowed = ", ".join(known.options)
            raise invalid(f"{one} was not one of the allowed options: [{allowed}]", "INVALID_OPTION", known.name)
    return text


def _number(known: Property, text: str) -> str:
    try:
        float(text)
    except ValueError:
        raise invalid(f"{text} was not a valid number.", "INVALID_INTEGER", known.name) from None
    return text


def _moment(known: Property, text: str) -> str:
    try:
        ms = parse_ms(text)
    except ValueError:
        raise invalid(f"{text} was not a valid long.", "INVALID_LONG", known.name) from None
    if known.type == "datetime":
        return iso(ms)
    if ms % _DAY:
        raise invalid(f"{text} is not at midnight UTC", "INVALID_DATE", known.name)
    return iso(ms)[:10]
