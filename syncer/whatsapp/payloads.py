"""The shapes of a message in the Graph API: what we say when we send, and what it answers.

Source: developers.facebook.com/documentation/business-messaging/whatsapp, pages on messages of each kind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncer.domain.content import (
    ButtonsContent,
    ContactCard,
    ContactsContent,
    Content,
    FlowContent,
    Interactive,
    LinkContent,
    ListContent,
    LocationContent,
    LocationRequestContent,
    MediaContent,
    PhoneRequestContent,
    ReactionContent,
    Section,
    TextContent,
    kind_of,
)
from syncer.domain.message import Accepted, SendRequest
from syncer.domain.template import TemplateContent
from syncer.whatsapp import template_payloads
from syncer.whatsapp.shapes import first, mapping

#: A business-scoped user id: a country, a dot and up to 128 letters and digits, or the same with a parent's `ENT`.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_FLOW_VERSION = "3"

Body = dict[str, Any]


def message(request: SendRequest) -> Body:
    """The body of `POST /{phone number id}/messages`. A user id goes where user ids go, anything else as a phone."""
    addressee = "recipient" if _USER_ID.fullmatch(request.to) else "to"
    quoted = {"context": {"message_id": request.reply_to}} if request.reply_to else {}
    kind = kind_of(request.content)
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        addressee: request.to,
        "biz_opaque_callback_data": request.callback_data,
        **quoted,
        "type": kind,
        kind: _content(request.content),
    }


def marketing_message(request: SendRequest) -> Body:
    """The body of `POST /{phone number id}/marketing_messages`: a template, sent as a plain one to those whom that
    route cannot reach."""
    return {**message(request), "product_policy": "CLOUD_API_FALLBACK"}


def read_receipt(wamid: str, *, typing: bool) -> Body:
    """Marks a customer's message as read, and those before it; typing shows until an answer comes or 25 s have
    passed."""
    receipt: Body = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    return {**receipt, "typing_indicator": {"type": "text"}} if typing else receipt


def accepted(answer: Any) -> Accepted:
    """What a 200 to a send promises. Raises `ValueError` for any other shape.

    `wa_id` has no plus, may differ from the number asked for (Brazil, Mexico), and is absent for user ids.
    """
    told = mapping(answer)
    wamid, person = first(told.get("messages")).get("id"), first(told.get("contacts"))
    if not isinstance(wamid, str) or not wamid:
        raise ValueError("the answer to a send names no message id")
    return Accepted(wamid, _text(person.get("wa_id")), _text(person.get("user_id")))


def _content(content: Content) -> Any:
    match content:
        case TextContent(body=body, preview_url=preview):
            return {"preview_url": preview, "body": body}
        case TemplateContent():
            return template_payloads.template(content)
        case MediaContent():
            return _medium(content)
        case LocationContent():
            return _location(content)
        case ContactsContent(cards=cards):
            return [_card(card) for card in cards]
        case ReactionContent(wamid=wamid, emoji=emoji):
            return {"message_id": wamid, "emoji": emoji}
        case _:
            return _interactive(content)


def _medium(content: MediaContent) -> Body:
    named = {"id": content.id, "link": content.link, "caption": content.caption, "filename": content.filename}
    return {**_told(named), **({"voice": True} if content.voice else {})}


def _location(content: LocationContent) -> Body:
    place = {"latitude": _degrees(content.latitude), "longitude": _degrees(content.longitude)}
    return {**place, **_told({"name": content.name, "address": content.address})}


def _degrees(value: float) -> str:
    """Seven decimals are a centimetre."""
    return f"{value:.7f}".rstrip("0").rstrip(".")


def _card(card: ContactCard) -> Body:
    """A name needs a part besides its whole, or the platform refuses it."""
    told: Body = {"name": {"formatted_name": card.name, "first_name": card.name}}
    if card.phones:
        told["phones"] = [{"phone": phone, "type": "CELL"} for phone in card.phones]
    if card.emails:
        told["emails"] = [{"email": email, "type": "WORK"} for email in card.emails]
    if card.company:
        told["org"] = {"company": card.company}
    return told


def _interactive(content: Interactive) -> Body:
    kind, action = _action(content)
    told: Body = {"type": kind, "body": {"text": content.body}, "action": action}
    if isinstance(content, LocationRequestContent | PhoneRequestContent):
        return told
    if content.header is not None:
        told["header"] = {"type": "text", "text": content.header}
    if content.footer is not None:
        told["footer"] = {"text": content.footer}
    return told


def _action(content: Interactive) -> tuple[str, Body]:
    match content:
        case ButtonsContent(buttons=buttons):
            replies = [{"id": button.id, "title": button.title} for button in buttons]
            return "button", {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
        case ListContent(button=button, sections=sections):
            return "list", {"button": button, "sections": [_section(section) for section in sections]}
        case LinkContent(label=label, url=url):
            return "cta_url", {"name": "cta_url", "parameters": {"display_text": label, "url": url}}
        case FlowContent():
            return "flow", {"name": "flow", "parameters": _flow(content)}
        case LocationRequestContent():
            return "location_request_message", {"name": "send_location"}
        case PhoneRequestContent():
            return "request_contact_info", {"name": "request_contact_info"}


def _section(section: Section) -> Body:
    rows = [_told({"id": row.id, "title": row.title, "description": row.description}) for row in section.rows]
    return {**_told({"title": section.title}), "rows": rows}


def _flow(content: FlowContent) -> Body:
    return {
        "flow_message_version": _FLOW_VERSION,
        "flow_id": content.flow_id,
        "flow_cta": content.label,
        "flow_token": content.token,
        "flow_action": "navigate",
        **({"flow_action_payload": {"screen": content.screen}} if content.screen else {}),
    }


def _told(values: Mapping[str, str | None]) -> Body:
    """Without what is not said."""
    return {name: value for name, value in values.items() if value is not None}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
