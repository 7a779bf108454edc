"""What a person would read of a message, whatever its type, and what comes with it: a file, a pressed button's id.

Language-neutral: where the platform sends no words, the type stands in brackets. Source of the shapes: the pages
webhooks/reference/messages/*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from json import JSONDecodeError, dumps, loads
from typing import Any

from syncer.domain.message import Medium
from syncer.domain.text import shorten, storable
from syncer.whatsapp.people import bounded
from syncer.whatsapp.shapes import first, identifier, mapping, plain, rows, text

_LONGEST_KIND = 40
_MEDIA = frozenset({"image", "video", "audio", "document", "sticker", "voice"})
#: The history names files this way until they come (`history:messages`).
_CALLED = {"media_placeholder": "media"}
#: Told with a flow's answers, but no answer of the customer's.
_NOT_ANSWERED = frozenset({"flow_token"})


def kind_of(body: Mapping[str, Any]) -> str:
    """The platform's type of the message, `unknown` where it names none."""
    return shorten(storable(text(body.get("type")) or "unknown"), _LONGEST_KIND)


def readable(kind: str, body: Mapping[str, Any]) -> str:
    """Never empty, so that no line of a conversation is blank: `[audio]`."""
    reader = _READERS.get(kind)
    content = body.get(kind)
    said = (reader(content) if reader and content else "") or _apology(body)
    return storable(said or f"[{_CALLED.get(kind, kind)}]")


def medium_of(kind: str, body: Mapping[str, Any]) -> Medium | None:
    """The file that came along, of a type we know or one that looks like a file."""
    content = mapping(body.get(kind))
    name = identifier(content.get("id"))
    mime_type = bounded(text(content.get("mime_type")))
    if name is None or (kind not in _MEDIA and not mime_type):
        return None
    filename = bounded(text(content.get("filename"))) or None
    return Medium(name, mime_type, bounded(text(content.get("sha256"))), filename)


def payload_of(kind: str, body: Mapping[str, Any]) -> str | None:
    """What a pressed button or a chosen row was given as id by whoever sent it; the answers of a flow as JSON text."""
    if kind == "button":
        return storable(text(mapping(body.get("button")).get("payload"))) or None
    if kind != "interactive":
        return None
    picked = _picked(body.get("interactive"))
    answers = picked.get("response_json")
    if isinstance(answers, dict):
        return storable(dumps(answers, ensure_ascii=False))
    return storable(text(answers) or text(picked.get("id")) or text(picked.get("response"))) or None


def quoted(kind: str, body: Mapping[str, Any]) -> str | None:
    """The wamid that a message answers, reacts to, or changes."""
    if kind == "reaction":
        return identifier(mapping(body.get("reaction")).get("message_id"))
    return original_of(kind, body) or identifier(mapping(body.get("context")).get("id"))


def original_of(kind: str, body: Mapping[str, Any]) -> str | None:
    """The wamid that an edit or a revocation is about."""
    if kind not in ("edit", "revoke"):
        return None
    return identifier(mapping(body.get(kind)).get("original_message_id"))


def explanation(error: Mapping[str, Any]) -> str:
    """What the platform says of an error, each thing once."""
    said = [error.get("title"), error.get("message"), mapping(error.get("error_data")).get("details")]
    return "; ".join(dict.fromkeys(filter(None, map(text, said))))


def _apology(body: Mapping[str, Any]) -> str:
    """Why the platform could not hand the message over."""
    hidden = text(mapping(body.get("unsupported")).get("type"))
    said = f"unsupported: {hidden}" if hidden else explanation(first(body.get("errors")))
    return f"[{said}]" if said else ""


def _file(content: Any) -> str:
    return text(mapping(content).get("caption")) or text(mapping(content).get("filename"))


def _place(content: Any) -> str:
    place = mapping(content)
    named = ", ".join(filter(None, (text(place.get("name")), text(place.get("address")))))
    return named or ", ".join(filter(None, (text(place.get("latitude")), text(place.get("longitude")))))


def _cards(content: Any) -> str:
    return ", ".join(filter(None, (_card(mapping(card)) for card in rows(content))))


def _card(card: Mapping[str, Any]) -> str:
    name = mapping(card.get("name"))
    called = text(name.get("formatted_name")) or text(name.get("first_name"))
    phones = [text(mapping(line).get("phone")) or text(mapping(line).get("wa_id")) for line in rows(card.get("phones"))]
    addresses = [text(mapping(line).get("email")) for line in rows(card.get("emails"))]
    return " ".join(filter(None, (called, *phones, *addresses)))


def _picked(content: Any) -> Mapping[str, Any]:
    choice = mapping(content)
    return mapping(choice.get(text(choice.get("type"))))


def _choice(content: Any) -> str:
    picked = _picked(content)
    said = text(picked.get("title")) or _answers(picked.get("response_json"))
    if said := said or text(picked.get("body")) or text(picked.get("name")):
        return said
    kind, response = text(mapping(content).get("type")), text(picked.get("response"))
    return f"[{': '.join(filter(None, (kind, response)))}]" if kind else ""


def _answers(response: Any) -> str:
    """A form as it was filled in: `date: 2026-11-24; guests: 2`."""
    try:
        answers = loads(response) if isinstance(response, str) else response
    except (JSONDecodeError, RecursionError):
        return ""
    return plain({key: said for key, said in mapping(answers).items() if key not in _NOT_ANSWERED})


def _reaction(content: Any) -> str:
    return text(mapping(content).get("emoji")) or "[reaction removed]"


def _order(content: Any) -> str:
    order = mapping(content)
    lines = ", ".join(_line(line) for line in map(mapping, rows(order.get("product_items"))) if line)
    return "; ".join(filter(None, (lines, text(order.get("text")))))


def _line(line: Mapping[str, Any]) -> str:
    wanted = f"{text(line.get('quantity')) or 1} x {text(line.get('product_retailer_id'))}"
    price = " ".join(filter(None, (text(line.get("item_price")), text(line.get("currency")))))
    return f"{wanted} ({price})" if price else wanted


def _edited(content: Any) -> str:
    """The new text of a message that was changed."""
    message = mapping(mapping(content).get("message"))
    kind = kind_of(message)
    return readable(kind, message) if message and kind != "edit" else ""


_READERS: dict[str, Callable[[Any], str]] = {
    "text": lambda content: text(mapping(content).get("body")),
    "button": lambda content: text(mapping(content).get("text")) or text(mapping(content).get("payload")),
    **dict.fromkeys(_MEDIA, _file),
    "location": _place,
    "contacts": _cards,
    "interactive": _choice,
    "reaction": _reaction,
    "order": _order,
    "edit": _edited,
}
