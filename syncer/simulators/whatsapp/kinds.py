"""The message types of the Cloud API: what each one's body must hold, and what the customer reads.

A kind is one function: it takes the object under the type's own key, raises `GraphError` as the platform would, and
returns the text. Limits are those of the message reference pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncer.simulators.whatsapp.checks import Body, one_source, text_at
from syncer.simulators.whatsapp.checks import need as need
from syncer.simulators.whatsapp.checks import objects as objects
from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.interactive import read_interactive

_MOST_TEXT, _MOST_CAPTION, _MOST_FILENAME = 4096, 1024, 240


def _text(body: Body) -> str:
    if not isinstance(body.get("preview_url", False), bool):
        raise GraphError(131009, "Parameter 'preview_url' must be a boolean")
    return text_at(body, "body", most=_MOST_TEXT)


def _captioned(body: Body) -> str:
    one_source(body)
    return text_at(body, "caption", most=_MOST_CAPTION) if body.get("caption") else ""


def _document(body: Body) -> str:
    if body.get("filename"):
        text_at(body, "filename", most=_MOST_FILENAME)
    return _captioned(body)


def _audio(body: Body) -> str:
    if not isinstance(body.get("voice", False), bool):
        raise GraphError(131009, "Parameter 'voice' must be a boolean")
    return _silent(body)


def _silent(body: Body) -> str:
    if body.get("caption"):
        raise GraphError(100, message="(#100) Unexpected key caption on param.")
    one_source(body)
    return ""


def _location(body: Body) -> str:
    place = []
    for key, most in (("latitude", 90.0), ("longitude", 180.0)):
        try:
            value = float(need(body, key))
        except (TypeError, ValueError):
            raise GraphError(131009, f"Parameter '{key}' must be a number") from None
        if not abs(value) <= most:
            raise GraphError(131009, f"Parameter '{key}' is out of range")
        place.append(f"{value:g}")
    return str(body.get("name") or ",".join(place))


def _contacts(body: Any) -> str:
    cards = objects({"contacts": body}, "contacts")
    return ", ".join(str(_card(card)) for card in cards)


def _card(card: Body) -> str:
    """A contact has a formatted name and at least one more part of a name (contacts page)."""
    name = need(card, "name")
    need(card, "name", "formatted_name")
    if not any(name.get(part) for part in ("first_name", "last_name", "middle_name", "suffix", "prefix")):
        raise GraphError(131008, "One more of the parameters of 'name' is mandatory")
    for phone in objects(card, "phones") if card.get("phones") else []:
        need(phone, "phone")
    return str(name["formatted_name"])


def _reaction(body: Body) -> str:
    need(body, "message_id")
    if not isinstance(body.get("emoji"), str):
        raise GraphError(131008, "Parameter 'emoji' is mandatory")
    return str(body["emoji"])


KINDS: dict[str, Callable[[Any], str]] = {
    "text": _text,
    "image": _captioned,
    "video": _captioned,
    "audio": _audio,
    "document": _document,
    "sticker": _silent,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": read_interactive,
}


def read(kind: str, content: Any) -> str:
    """Check the object under the type's key and return the text the customer reads."""
    if kind != "contacts" and not isinstance(content, dict):
        raise GraphError(100, message=f"(#100) The parameter {kind} is required.")
    return KINDS[kind](content)
