"""Samples: what an event looks like where none has happened yet. An editor such as Zapier's shows them to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.domain.hook import HookEvent
from syncer.flows.hooks.events import Body

_AT = "2026-11-23T10:00:00.000Z"
_BRIEF: Mapping[str, Any] = {
    "contact_id": 17,
    "full_name": "王小明",
    "phone": "+886912345678",
    "email": "ming@example.com",
    "language": "zh_TW",
    "tags": ["vip"],
    "user_id": None,
    "crm_ids": {"hubspot": "401"},
}
_MESSAGE: Mapping[str, Any] = {
    "message_id": 4711,
    "outgoing_id": None,
    "direction": "in",
    "kind": "text",
    "body": "請問訂單 A1001 何時出貨？",
    "wamid": "wamid.HBgMODg2OTEyMzQ1Njc4FQIAEhg",
    "reply_to": None,
    "phone_number_id": "106540352242922",
    "status": None,
    "sent_from": None,
    "message_at": _AT,
    "sent_at": None,
    "delivered_at": None,
    "read_at": None,
    "played_at": None,
    "failed_at": None,
    "error_code": None,
    "error_detail": None,
    "edited_at": None,
    "revoked_at": None,
    "media_url": None,
    "media_type": None,
    "media_filename": None,
    **_BRIEF,
}
_SENT = {
    **_MESSAGE,
    "outgoing_id": 98,
    "direction": "out",
    "body": "您好 王小明，訂單 A1001 已出貨。",
    "sent_from": "syncer",
    "sent_at": _AT,
}
_CONTACT: Mapping[str, Any] = {
    **{name: _BRIEF[name] for name in ("contact_id", "full_name", "phone", "email", "language", "tags")},
    "phone_problem": None,
    "attributes": {"company": "Formosa Tea"},
    "blocked": False,
    "unreachable": False,
    "transactional": "granted",
    "marketing": "unknown",
    "user_id": None,
    "crm_ids": {"hubspot": "401"},
    "merged_contact_ids": [],
    "created_at": _AT,
    "updated_at": _AT,
}
_CONSENT: Mapping[str, Any] = {
    "consent_id": 8,
    "tier": "marketing",
    "word": "revoked",
    "holds": "revoked",
    "source": "keyword:stop",
    "explicit": True,
    "recorded_at": _AT,
    **_BRIEF,
}
_HANDOFF: Mapping[str, Any] = {
    "handoff_id": 3,
    "reason": "complaint",
    "rule": "complaint",
    "priority": "high",
    **{name: _MESSAGE[name] for name in ("message_id", "wamid", "kind", "body", "phone_number_id")},
    **_BRIEF,
}
_IDS_AND_BODIES: Mapping[HookEvent, tuple[str, Mapping[str, Any]]] = {
    HookEvent.MESSAGE_RECEIVED: ("message-4711", _MESSAGE),
    HookEvent.MESSAGE_SENT: ("message-4712", {**_SENT, "message_id": 4712, "status": "accepted", "sent_at": None}),
    HookEvent.MESSAGE_STATUS: (
        "message-4712-delivered",
        {**_SENT, "message_id": 4712, "status": "delivered", "delivered_at": _AT},
    ),
    HookEvent.MESSAGE_UPDATED: (
        "message-4711-1795428000000000",
        {**_MESSAGE, "body": "請問訂單 A1002 何時出貨？", "edited_at": _AT},
    ),
    HookEvent.CONTACT_CREATED: ("contact-17", _CONTACT),
    HookEvent.CONTACT_UPDATED: ("contact-17-1795428000000000", _CONTACT),
    HookEvent.CONSENT_CHANGED: ("consent-8", _CONSENT),
    HookEvent.HANDOFF_CREATED: ("handoff-3", _HANDOFF),
}


def sample(event: HookEvent) -> Body:
    """One event of this kind, about nobody."""
    event_id, body = _IDS_AND_BODIES[event]
    return {"id": event_id, "event": str(event), "occurred_at": _AT, **body}
