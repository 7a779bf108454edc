"""A message's content as it is frozen in the database when planned, and thawed when it leaves.

The shape is our own and lasts: rows planned by an older version must leave after an upgrade too, so fields are only
ever added, each with a default.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import StrEnum
from typing import Any

from syncer.domain import content as kinds
from syncer.domain.content import Content
from syncer.domain.template import TemplateContent

#: What names the class in a frozen content; a text and a template go by the message's kind alone.
_CLASS = "is"
_CLASSES: dict[str, type[Any]] = {
    "text": kinds.TextContent,
    "template": TemplateContent,
    "media": kinds.MediaContent,
    "location": kinds.LocationContent,
    "contacts": kinds.ContactsContent,
    "reaction": kinds.ReactionContent,
    "buttons": kinds.ButtonsContent,
    "list": kinds.ListContent,
    "link": kinds.LinkContent,
    "flow": kinds.FlowContent,
    "location_request": kinds.LocationRequestContent,
    "phone_request": kinds.PhoneRequestContent,
}
_NAMES = {cls: name for name, cls in _CLASSES.items()}


def freeze(content: Content) -> dict[str, Any]:
    """The content as JSON can hold it; fields that say nothing are left out, so that what means the same is equal."""
    name = _NAMES[type(content)]
    silent = {item.name: item.default for item in fields(content)}
    told = {key: _plain(value) for key, value in asdict(content).items() if value != silent[key]}
    if name == "template":
        return {"parameters": []} | told
    return told if name == "text" else {_CLASS: name} | told


def thaw(kind: str, frozen: Mapping[str, Any]) -> Content:
    """What was frozen. Raises `KeyError` or `TypeError` for what `freeze` never made."""
    cls = _CLASSES[frozen.get(_CLASS, kind)]
    content: Content = _revive(cls, {key: value for key, value in frozen.items() if key != _CLASS})
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, StrEnum) else value


def _revive(wanted: Any, value: Any) -> Any:
    """`value` as the annotation says: dataclasses, tuples of them, enumerations, and None."""
    if typing.get_origin(wanted) in (types.UnionType, typing.Union):
        return _revive(_member(wanted, value), value)
    if typing.get_origin(wanted) is tuple:
        return tuple(_revive(typing.get_args(wanted)[0], inner) for inner in value)
    if is_dataclass(wanted) and isinstance(wanted, type):
        hints = typing.get_type_hints(wanted)
        return wanted(**{key: _revive(hints[key], inner) for key, inner in value.items()})
    return wanted(value) if isinstance(wanted, type) and issubclass(wanted, StrEnum) else value


def _member(union: Any, value: Any) -> Any:
    """Which member of a union a JSON value belongs to: an object is its dataclass, anything else itself."""
    members = [member for member in typing.get_args(union) if member is not type(None)]
    if isinstance(value, Mapping):
        return next(member for member in members if is_dataclass(member))
    return next((member for member in members if not is_dataclass(member)), object)
