"""What an inbox item says: a customer's message, a status of one of ours, or something not understood.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages. A sender may come
with a phone, with a business-scoped user id, or with both: since 2026 people with a username need not show their phone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from json import loads
from typing import Any

from syncer.domain.contact import LONGEST_TEXT
from syncer.domain.inbox import InboxItem
from syncer.domain.message import InboundMessage, Sender, Unrecognised
from syncer.domain.phone import from_wa_id
from syncer.domain.status import Status, StatusUpdate
from syncer.domain.text import shorten, storable
from syncer.whatsapp.errors import consequence

#: `played` is what a voice message reaches after `read`; our ladder ends at `read`.
STATUSES = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.READ,
    "failed": Status.FAILED,
}

_WA_ID = re.compile(r"\+?[0-9]{5,20}")
_LONGEST_ID = 160
_LONGEST_KIND = 40


def read(item: InboxItem) -> InboundMessage | StatusUpdate | Unrecognised:
    """Never raises: an item is the platform's word in whatever shape, and a strange one is kept, not lost."""
    try:
        payload = _mapping(loads(item.payload))
        body, contact = _mapping(payload.get("item")), _mapping(payload.get("contact"))
        if item.kind == "message":
            return _message(item, body, contact)
        if item.kind.startswith("status:"):
            return _status(item, body)
    except Exception as strange:  # whatever it is, the raw item stays in the inbox and a person can look
        return Unrecognised(f"unreadable {item.kind}: {type(strange).__name__}")
    return Unrecognised(f"nothing is done with {item.kind}")


def identify(item: Mapping[str, Any], contact: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The sender's phone (E.164) and user id, as far as a message and its `contacts[]` entry tell."""
    phone = _phone(item.get("from")) or _phone(contact.get("wa_id"))
    return phone, identifier(item.get("from_user_id")) or identifier(contact.get("user_id"))


def addressee(item: Mapping[str, Any]) -> str | None:
    """Whom a status is about: phone (E.164), else user id, else nobody named."""
    return _phone(item.get("recipient_id")) or identifier(item.get("recipient_user_id"))


def _phone(value: object) -> str | None:
    text = str(value) if isinstance(value, int) else value
    return from_wa_id(text) if isinstance(text, str) and _WA_ID.fullmatch(text) else None


def identifier(value: object) -> str | None:
    """An id of the platform, if it can be a key in any store: printable ASCII of bearable length."""
    if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isascii() and value.isprintable():
        return value
    return None


def _message(item: InboxItem, body: Mapping[str, Any], contact: Mapping[str, Any]) -> InboundMessage | Unrecognised:
    phone, user_id = identify(body, contact)
    if phone is None and user_id is None:
        return Unrecognised("a message without phone and user id of its sender")
    kind = shorten(storable(_text(body.get("type")) or "unknown"), _LONGEST_KIND)
    return InboundMessage(
        phone_number_id=item.phone_number_id,
        wamid=item.item_id,
        sender=Sender(phone, user_id, _name(contact)),
        at=item.occurred_at,
        kind=kind,
        text=storable(_readable(kind, body)),
        reply_to=identifier(_mapping(body.get("context")).get("id")),
        raw=item.payload,
    )


def _name(contact: Mapping[str, Any]) -> str | None:
    profile = _mapping(contact.get("profile"))
    name = _text(profile.get("name")) or _text(profile.get("username"))
    return shorten(storable(name), LONGEST_TEXT) or None


def _status(item: InboxItem, body: Mapping[str, Any]) -> StatusUpdate | Unrecognised:
    status = STATUSES.get(_text(body.get("status")))
    if status is None:
        return Unrecognised(f"an unknown status in {item.kind}")
    error = _mapping(next(iter(_rows(body.get("errors"))), None))
    return StatusUpdate(
        phone_number_id=item.phone_number_id,
        wamid=item.item_id,
        status=status,
        at=item.occurred_at,
        callback_data=storable(_text(body.get("biz_opaque_callback_data"))) or None,
        error_code=_text(error.get("code")) or None,
        consequence=consequence(_text(error.get("code"))) if status is Status.FAILED else None,
        error_detail=shorten(storable(_explanation(error)), LONGEST_TEXT) or None,
    )


def _explanation(error: Mapping[str, Any]) -> str:
    said = [error.get("title"), error.get("message"), _mapping(error.get("error_data")).get("details")]
    return "; ".join(dict.fromkeys(filter(None, map(_text, said))))


def _readable(kind: str, body: Mapping[str, Any]) -> str:
    """What a person would read of it. Never empty, so that no line of a conversation is blank: `[audio]`."""
    reader = _READERS.get(kind)
    content = body.get(kind)
    return (reader(content) if reader and content else "") or _first_error(body) or f"[{kind}]"


def _first_error(body: Mapping[str, Any]) -> str:
    error = _mapping(next(iter(_rows(body.get("errors"))), None))
    return f"[{_explanation(error)}]" if error else ""


def _medium(content: Any) -> str:
    return _text(_mapping(content).get("caption")) or _text(_mapping(content).get("filename"))


def _place(content: Any) -> str:
    place = _mapping(content)
    named = ", ".join(filter(None, (_text(place.get("name")), _text(place.get("address")))))
    return named or ", ".join(filter(None, (_text(place.get("latitude")), _text(place.get("longitude")))))


def _cards(content: Any) -> str:
    return ", ".join(filter(None, (_card(_mapping(card)) for card in _rows(content))))


def _card(card: Mapping[str, Any]) -> str:
    phones = (_text(_mapping(phone).get("phone")) for phone in _rows(card.get("phones")))
    return " ".join(filter(None, (_text(_mapping(card.get("name")).get("formatted_name")), *phones)))


def _choice(content: Any) -> str:
    choice = _mapping(content)
    picked = _mapping(choice.get(_text(choice.get("type"))))
    return _text(picked.get("title")) or _text(picked.get("body")) or _text(picked.get("name"))


def _reaction(content: Any) -> str:
    return _text(_mapping(content).get("emoji")) or "[reaction removed]"


def _order(content: Any) -> str:
    order = _mapping(content)
    lines = (_mapping(line) for line in _rows(order.get("product_items")))
    items = (f"{_text(line.get('quantity')) or 1} x {_text(line.get('product_retailer_id'))}" for line in lines)
    return "; ".join(filter(None, (", ".join(items), _text(order.get("text")))))


def _notice(content: Any) -> str:
    notice = _mapping(content)
    fresh = _text(notice.get("wa_id")) or _text(notice.get("user_id"))
    return _text(notice.get("body")) or " ".join(filter(None, (_text(notice.get("type")), fresh)))


_READERS: dict[str, Callable[[Any], str]] = {
    "text": lambda content: _text(_mapping(content).get("body")),
    "button": lambda content: _text(_mapping(content).get("text")) or _text(_mapping(content).get("payload")),
    "image": _medium,
    "video": _medium,
    "audio": _medium,
    "document": _medium,
    "sticker": _medium,
    "location": _place,
    "contacts": _cards,
    "interactive": _choice,
    "reaction": _reaction,
    "order": _order,
    "system": _notice,
}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Texts and plain numbers as text; anything else is no text."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
