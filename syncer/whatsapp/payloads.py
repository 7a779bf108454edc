"""The shapes of the Graph API: what we say when we send, and what it answers.

Source: developers.facebook.com/documentation/business-messaging/whatsapp, pages on messages, template management and
business phone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncer.domain.message import Accepted, SendRequest, TextContent
from syncer.domain.template import Template, TemplateContent, from_graph

#: A business-scoped user id: a country, a dot and up to 128 letters and digits, or the same with a parent's `ENT`.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")

TEMPLATE_FIELDS = "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason"
NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,status,quality_rating,code_verification_status,name_status,throughput,"
    "whatsapp_business_manager_messaging_limit"
)


@dataclass(frozen=True, slots=True)
class ListedTemplate:
    """A template as the account's catalogue has it. Only `APPROVED` ones can be sent.

    `quality` is GREEN, YELLOW, RED or UNKNOWN; `parameter_format` POSITIONAL or NAMED.
    """

    id: str
    template: Template
    status: str
    quality: str
    parameter_format: str
    rejected_reason: str | None = None


@dataclass(frozen=True, slots=True)
class NumberState:
    """A business number as the platform sees it; a field it did not name is an empty text.

    `status` CONNECTED, PENDING, RESTRICTED, BANNED ...; `quality` GREEN, YELLOW, RED or UNKNOWN; `throughput` STANDARD
    (80 messages/s) or HIGH (1,000/s); `messaging_limit` TIER_250, TIER_2K ... TIER_UNLIMITED (unique people in 24 h).
    """

    id: str
    display_phone_number: str
    verified_name: str
    status: str
    quality: str
    name_status: str
    code_verification_status: str
    throughput: str
    messaging_limit: str


def message(request: SendRequest) -> dict[str, Any]:
    """The body of `POST /{phone number id}/messages`."""
    addressee = "recipient" if _USER_ID.fullmatch(request.to) else "to"
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        addressee: request.to,
        "biz_opaque_callback_data": request.callback_data,
        **_content(request.content),
    }


def _content(content: TextContent | TemplateContent) -> dict[str, Any]:
    if isinstance(content, TextContent):
        return {"type": "text", "text": {"preview_url": False, "body": content.body}}
    template: dict[str, Any] = {"name": content.name, "language": {"code": content.language}}
    if content.parameters:
        body = [{"type": "text", "text": value} for value in content.parameters]
        template["components"] = [{"type": "body", "parameters": body}]
    return {"type": "template", "template": template}


def accepted(answer: Any) -> Accepted:
    """What a 200 to a send promises. Raises `ValueError` for any other shape.

    `wa_id` has no plus, may differ from the number asked for (Brazil, Mexico), and is absent for user ids.
    """
    wamid = _first(answer, "messages").get("id")
    if not isinstance(wamid, str) or not wamid:
        raise ValueError("the answer to a send names no message id")
    wa_id = _first(answer, "contacts").get("wa_id")
    return Accepted(wamid, wa_id if isinstance(wa_id, str) and wa_id else None)


def _first(answer: Any, key: str) -> Mapping[str, Any]:
    rows = answer.get(key) if isinstance(answer, dict) else None
    first = rows[0] if isinstance(rows, list) and rows else None
    return first if isinstance(first, dict) else {}


def listed_template(item: Mapping[str, Any]) -> ListedTemplate:
    """One row of `GET /{account id}/message_templates`. Raises `KeyError` when it has no name or no language."""
    quality = item.get("quality_score")
    return ListedTemplate(
        id=str(item.get("id", "")),
        template=from_graph(dict(item)),
        status=str(item.get("status", "")),
        quality=str(quality.get("score", "UNKNOWN")) if isinstance(quality, dict) else "UNKNOWN",
        parameter_format=str(item.get("parameter_format", "POSITIONAL")),
        rejected_reason=_reason(item.get("rejected_reason")),
    )


def _reason(value: object) -> str | None:
    return str(value) if value and value != "NONE" else None


def number_state(item: Mapping[str, Any]) -> NumberState:
    """The answer to `GET /{phone number id}`."""
    throughput = item.get("throughput")
    limit = item.get("whatsapp_business_manager_messaging_limit") or item.get("messaging_limit_tier")
    return NumberState(
        id=str(item.get("id", "")),
        display_phone_number=str(item.get("display_phone_number", "")),
        verified_name=str(item.get("verified_name", "")),
        status=str(item.get("status", "")),
        quality=str(item.get("quality_rating", "UNKNOWN")),
        name_status=str(item.get("name_status", "")),
        code_verification_status=str(item.get("code_verification_status", "")),
        throughput=str(throughput.get("level", "")) if isinstance(throughput, dict) else "",
        messaging_limit=str(limit or ""),
    )
