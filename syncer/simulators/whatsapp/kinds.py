"""The message types of the Cloud API: what each one's body must hold, and what the customer reads.

A kind is one function: it takes the object under the type's own key, raises `GraphError` as the platform would, and
returns the text. Limits are those of the message reference pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from syncer.simulators.whatsapp.errors import GraphError

Body = dict[str, Any]
_MOST_TEXT, _MOST_CAPTION, _MOST_LIST_TEXT = 4096, 1024, 4096
_LINK = re.compile(r"https?://\S+$")


def need(body: Any, *path: str) -> Any:
    """The value at `path`; raises 131008 naming the first key that is missing or empty."""
    value = body
    for depth, key in enumerate(path):
        value = value.get(key) if isinstance(value, dict) else None
        if value is None or value == "":
            raise GraphError(131008, f"Parameter '{'.'.join(path[: depth + 1])}' is mandatory")
    return value


def objects(body: Any, *path: str) -> list[Body]:
    """The list of objects at `path`; raises 131008 when it is missing and 131009 when it is something else."""
    value = need(body, *path)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise GraphError(131009, f"Parameter '{'.'.join(path)}' must be a list of objects")
    return value


def _text_at(body: Body, *path: str, most: int) -> str:
    value = need(body, *path)
    name = ".".join(path)
    if not isinstance(value, str):
        raise GraphError(131009, f"Parameter '{name}' must be a string")
    if len(value) > most:
        raise GraphError(100, message=f"(#100) Param {name} must be at most {most} characters long.")
    return value


def _text(body: Body) -> str:
    return _text_at(body, "body", most=_MOST_TEXT)


def _media(body: Body) -> str:
    source = [key for key in ("id", "link") if body.get(key)]
    if len(source) != 1:
        raise GraphError(131008 if not source else 131009, "Exactly one of id and link is needed")
    if "link" in source and not _LINK.match(str(body["link"])):
        raise GraphError(131009, "The media link must be an http or https URL")
    return _text_at(body, "caption", most=_MOST_CAPTION) if body.get("caption") else ""


def _location(body: Body) -> str:
    place = []
    for key, most in (("latitude", 90.0), ("longitude", 180.0)):
        try:
            value = float(need(body, key))
        except (TypeError, ValueError):
            raise GraphError(131009, f"Parameter '{key}' must be a number") from None
        if abs(value) > most:
            raise GraphError(131009, f"Parameter '{key}' is out of range")
        place.append(f"{value:g}")
    return str(body.get("name") or ",".join(place))


def _contacts(body: Any) -> str:
    cards = objects({"contacts": body}, "contacts")
    return ", ".join(str(need(card, "name", "formatted_name")) for card in cards)


def _reaction(body: Body) -> str:
    need(body, "message_id")
    if not isinstance(body.get("emoji"), str):
        raise GraphError(131008, "Parameter 'emoji' is mandatory")
    return str(body["emoji"])


def _interactive(body: Body) -> str:
    kind = need(body, "type")
    if kind not in _INTERACTIVE:
        raise GraphError(131009, f"Parameter 'interactive.type' does not know {kind!r}")
    if body.get("header") and need(body, "header", "type") == "text":
        _text_at(body, "header", "text", most=60)
    if body.get("footer"):
        _text_at(body, "footer", "text", most=60)
    _INTERACTIVE[kind](body)
    return str(need(body, "body", "text")) if body.get("body") else ""


def _button(body: Body) -> None:
    _text_at(body, "body", "text", most=1024)
    buttons = objects(body, "action", "buttons")
    if not 1 <= len(buttons) <= 3:
        raise GraphError(131009, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3")
    for button in buttons:
        _text_at(button, "reply", "id", most=256)
        _text_at(button, "reply", "title", most=20)
    _unique([button["reply"]["id"] for button in buttons])


def _list(body: Body) -> None:
    _text_at(body, "body", "text", most=_MOST_LIST_TEXT)
    _text_at(body, "action", "button", most=20)
    sections = objects(body, "action", "sections")
    rows = [row for section in sections for row in objects(section, "rows")]
    if len(sections) > 10 or not 1 <= len(rows) <= 10:
        raise GraphError(
            131009, "Total row count exceed max allowed count: 10" if rows else "At least one row is needed"
        )
    for row in rows:
        _text_at(row, "id", most=200)
        _text_at(row, "title", most=24)
        if row.get("description"):
            _text_at(row, "description", most=72)
    if len(sections) > 1:
        for section in sections:
            _text_at(section, "title", most=24)
    _unique([row["id"] for row in rows])


def _cta_url(body: Body) -> None:
    _text_at(body, "body", "text", most=1024)
    _text_at(body, "action", "parameters", "display_text", most=20)
    if not _LINK.match(str(need(body, "action", "parameters", "url"))):
        raise GraphError(131009, "Parameter 'action.parameters.url' must be an http or https URL")


def _flow(body: Body) -> None:
    _text_at(body, "body", "text", most=1024)
    for name in ("flow_message_version", "flow_cta"):
        need(body, "action", "parameters", name)
    parameters = body["action"]["parameters"]
    if not parameters.get("flow_id") and not parameters.get("flow_name"):
        raise GraphError(131008, "Parameter 'action.parameters.flow_id' is mandatory")


def _other(body: Body) -> None:
    need(body, "action")


def _unique(ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        raise GraphError(131009, "Duplicated id found")


_INTERACTIVE: dict[str, Callable[[Body], None]] = {
    "button": _button,
    "list": _list,
    "cta_url": _cta_url,
    "flow": _flow,
    "product": _other,
    "product_list": _other,
    "catalog_message": _other,
    "location_request_message": _other,
    "request_contact_info": _other,
    "call_permission_request": _other,
}

KINDS: dict[str, Callable[[Any], str]] = {
    "text": _text,
    "image": _media,
    "video": _media,
    "audio": _media,
    "document": _media,
    "sticker": _media,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": _interactive,
}


def read(kind: str, content: Any) -> str:
    """Check the object under the type's key and return the text the customer reads."""
    if kind != "contacts" and not isinstance(content, dict):
        raise GraphError(100, message=f"(#100) The parameter {kind} is required.")
    return KINDS[kind](content)
