"""What customers' messages look like: a realistic body for every type when only the type is given (webhook reference,
messages)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp.sample_files import sample_file
from syncer.simulators.whatsapp.state import BusinessNumber, Customer

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

Body = dict[str, Any]
MEDIA = ("image", "video", "audio", "document", "sticker")
_CATALOG = "194836987003835"
_UNSUPPORTED = {
    "code": 131051,
    "title": "Message type unknown",
    "message": "Message type unknown",
    "error_data": {"details": "Message type is currently not supported."},
}
AD_CLICK: Body = {
    "source_url": "https://fb.me/3cr4Wqqkv",
    "source_id": "120226305854810726",
    "source_type": "ad",
    "headline": "週年慶",
    "body": "全館 85 折",
    "media_type": "image",
    "image_url": "https://scontent.example/ad.jpg",
    "ctwa_clid": "Aff-n8ZTODiE79d22KtAwQKj9e_mIEOOj27vDVwFjN80dp4_0NiNhEgpGo0AHemvuSoifXaytfTzcchptiErTKCqTrJ5nW1h7IHYeYymGb5K5J5iTROpBhWAGaIAeUzHL50",  # noqa: E501
    "welcome_message": {"text": "您好!請問需要什麼協助?"},
}
PRODUCT: Body = {"catalog_id": _CATALOG, "product_retailer_id": "TEA-01"}
SHORT_NAMES = {
    "voice": "audio",
    "button_reply": "interactive",
    "list_reply": "interactive",
    "nfm_reply": "interactive",
    "user_changed_number": "system",
    "user_changed_user_id": "system",
}
"""Names that say more than the webhook's type, which is on the right."""

_SAMPLES: dict[str, Any] = {
    "text": {"body": "你好"},
    "location": {
        "latitude": 25.033964,
        "longitude": 121.564468,
        "name": "台北101",
        "address": "台北市信義區信義路五段7號",
        "url": "https://foursquare.com/v/4b",
    },
    "contacts": [
        {
            "name": {"formatted_name": "陳美玲", "first_name": "美玲", "last_name": "陳"},
            "phones": [{"phone": "+886 922 333 444", "wa_id": "886922333444", "type": "CELL"}],
            "origin": "other",
        }
    ],
    "button": {"payload": "查詢進度", "text": "查詢進度"},
    "button_reply": {"id": "confirm", "title": "確認訂單"},
    "list_reply": {"id": "slot-2", "title": "下午 2 點", "description": "信義門市"},
    "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"flow_token":"unused","date":"2026-11-24"}'},
    "order": {
        "catalog_id": _CATALOG,
        "text": "請週五送到",
        "product_items": [
            {"product_retailer_id": "TEA-01", "quantity": 2, "item_price": 350, "currency": "TWD"},
            {"product_retailer_id": "CUP-07", "quantity": 1, "item_price": 120, "currency": "TWD"},
        ],
    },
}


def webhook_type(name: str) -> str:
    """The `type` under which a message of this name is told."""
    return SHORT_NAMES.get(name, name)


def compose(platform: Platform, item: Mapping[str, Any], customer: Customer, number: BusinessNumber) -> Any:
    """The value under the type's own key, or None when the type has none. Raises `ValueError` for a content that the
    simulator was asked to work on and cannot."""
    name = str(item.get("type", "text"))
    kind = webhook_type(name)
    given = item.get(name, item.get(kind))
    if kind in MEDIA:
        return _medium(platform, kind, _object(given, "caption"), customer, number, voice=name == "voice")
    maker = _MAKERS.get(kind)
    if maker is not None:
        return maker(name, _object(given, "body"), customer)
    if isinstance(given, str):
        return {"body": given}
    return _SAMPLES.get(kind) if given is None else given


def errors_of(item: Mapping[str, Any]) -> list[Body] | None:
    """The `errors` that a message carries: those given, or what the platform says of an unsupported one."""
    given = item.get("errors")
    return [_UNSUPPORTED] if given is None and item.get("type") in ("unsupported", "unknown") else given


def _object(given: Any, text_key: str) -> Body:
    if given is None:
        return {}
    if isinstance(given, str):
        return {text_key: given}
    if not isinstance(given, Mapping):
        raise ValueError(f"the content of a message is an object, not {given!r}")
    return dict(given)


def _medium(
    platform: Platform, kind: str, given: Body, customer: Customer, number: BusinessNumber, *, voice: bool
) -> Body:
    """A medium of the customer: kept by the platform under a new id, unless the id is given too."""
    encoded, filename = given.pop("content", None), given.get("filename")
    if "id" in given:
        return given
    content, mime_type = _decoded(encoded, kind), given.pop("mime_type", sample_file(kind)[1])
    if kind == "document" and filename is None and encoded is None:
        filename = given["filename"] = "訂單A1001.pdf"
    kept = platform.media.receive(number.id, mime_type, content, customer.wa_id or customer.user_id, filename)
    body: Body = {"id": kept.id, "mime_type": mime_type, "sha256": base64.b64encode(kept.sha256).decode()}
    if kind == "audio":
        body["voice"] = voice or (encoded is None and "voice" not in given)
    if kind == "sticker":
        body["animated"] = False
    return body | given


def _decoded(encoded: Any, kind: str) -> bytes:
    if encoded is None:
        return sample_file(kind)[0]
    try:
        return base64.b64decode(str(encoded), validate=True)
    except binascii.Error as error:
        raise ValueError(f"'content' is base64: {error}") from None


def _interactive(name: str, given: Body, customer: Customer) -> Body:
    """`{"type": ...}` alone is filled from the sample; a reply without its wrapping is wrapped."""
    kind = name if name in _SAMPLES else str(given.get("type", "button_reply"))
    reply = given.get(kind) or {key: value for key, value in given.items() if key != "type"}
    return {"type": kind, kind: reply or _SAMPLES.get(kind, {})}


def _reaction(name: str, given: Body, customer: Customer) -> Body:
    """An emoji on the last message that the person was sent; an empty one takes it away, and is left out."""
    emoji = given.get("emoji", given.get("body", "👍"))
    target = given.get("message_id") or customer.last_told or customer.last_said
    if not target:
        raise ValueError("there is no message to react to: give 'message_id'")
    return {"message_id": target} | ({"emoji": emoji} if emoji else {})


def _edit(name: str, given: Body, customer: Customer) -> Body:
    text = {"type": "text", "text": {"body": given.get("body", "改一下")}}
    return {"original_message_id": _earlier(given, customer), "message": given.get("message", text)}


def _revoke(name: str, given: Body, customer: Customer) -> Body:
    return {"original_message_id": _earlier(given, customer)}


def _earlier(given: Body, customer: Customer) -> str:
    target = given.get("original_message_id") or customer.last_said
    if not target:
        raise ValueError("this person said nothing before: give 'original_message_id'")
    return str(target)


def _system(name: str, given: Body, customer: Customer) -> Body:
    """What is to change; `inbound` carries it out when the message is said."""
    return {"type": name if name != "system" else given.get("type", "user_changed_number"), **given}


_MAKERS: dict[str, Callable[[str, Body, Customer], Body]] = {
    "interactive": _interactive,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
    "system": _system,
}
