"""Fields about templates and business numbers (R12, R13).

Source: the pages webhooks/reference/message_template_*, template_category_update and phone_number_*. The platform's
own example of a quality update comes under the field of status updates: templates are recognised by what is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.domain.notice import NumberNotice, TemplateNotice, Unrecognised
from syncer.whatsapp.people import bounded
from syncer.whatsapp.shapes import digits, identifier, mapping, people_per_day, plain, text
from syncer.whatsapp.told import Told

_COMPONENTS = tuple(f"message_template_{part}" for part in ("element", "title", "footer", "buttons"))
#: What says more of an event than its name.
_DETAILS = ("rejection_info", "other_info", "disable_info", "correct_category")
#: `current_limit` names a throughput here, not a number of people.
_THROUGHPUT = "THROUGHPUT_UPGRADE"
_NOTHING = frozenset({"", "NONE", "null"})


def is_about_template(body: Mapping[str, Any]) -> bool:
    """Whatever the field is called."""
    return "message_template_name" in body or "message_template_id" in body


def template(told: Told) -> TemplateNotice | Unrecognised:
    """State, quality, category or components of one template."""
    body = told.body
    name, number = _word(body, "message_template_name"), identifier(body.get("message_template_id")) or ""
    if not name and not number:
        return Unrecognised(f"{told.field} without a template")
    notice = TemplateNotice(
        name=name or "",
        language=_language(body),
        at=told.item.occurred_at,
        template_id=number,
        event=_word(body, "event"),
        quality=_word(body, "new_quality_score"),
        category=_word(body, "new_category") or _word(body, "message_template_category"),
        components_changed=any(part in body for part in _COMPONENTS),
        reason=_word(body, "reason"),
        detail=_said(body, _DETAILS),
    )
    if not (notice.event or notice.quality or notice.category or notice.components_changed or notice.detail):
        return Unrecognised(f"{told.field} that does not say what changed")
    return notice


def number_quality(told: Told) -> NumberNotice | Unrecognised:
    """Throughput and messaging limit of a number; the older events (FLAGGED, UPGRADE ...) tell of its quality."""
    event = _word(told.body, "event")
    display = digits(told.body.get("display_phone_number"))
    if event is None or not display:
        return Unrecognised(f"{told.field} without number or event")
    limit = people_per_day(told.body.get("max_daily_conversations_per_business"))
    if limit is None and event != _THROUGHPUT:
        limit = people_per_day(told.body.get("current_limit"))
    return NumberNotice(
        display_phone_number=display,
        at=told.item.occurred_at,
        event=event,
        phone_number_id=told.item.phone_number_id,
        quality=_word(told.body, "new_quality_score") or _word(told.body, "quality_rating"),
        messaging_limit=limit,
        detail=_said(told.body, ("old_limit", "current_limit")),
    )


def number_name(told: Told) -> NumberNotice | Unrecognised:
    """The decision on a display name. Only an approved one is the number's name from now on."""
    decision, display = _word(told.body, "decision"), digits(told.body.get("display_phone_number"))
    if decision is None or not display:
        return Unrecognised(f"{told.field} without number or decision")
    approved = decision == "APPROVED"
    return NumberNotice(
        display_phone_number=display,
        at=told.item.occurred_at,
        event=decision,
        phone_number_id=told.item.phone_number_id,
        name_status=decision,
        verified_name=_word(told.body, "requested_verified_name") if approved else None,
        detail=_said(told.body, ("rejection_reason",) if approved else ("rejection_reason", "requested_verified_name")),
    )


def _language(body: Mapping[str, Any]) -> str | None:
    """As the catalogue spells it; notices wrote `pt-BR` once."""
    language = _word(body, "message_template_language")
    return language.replace("-", "_") if language else None


def _word(body: Mapping[str, Any], key: str) -> str | None:
    """One thing that is told, None where the platform says nothing or NONE."""
    said = bounded(text(body.get(key)))
    return None if said in _NOTHING else said


def _said(body: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    """Those of the keys that tell something, as one line."""
    told = {key: body[key] for key in keys if text(body.get(key)) not in _NOTHING or mapping(body.get(key))}
    return bounded(plain(told)) or None
