"""The webhooks that tell a template's changes (webhook reference: message_template_*, template_category_update).

Their `value` has neither `metadata` nor `messaging_product`; the id is an integer here, a string in the REST API.
"""

from __future__ import annotations

import time
from typing import Any

from syncer.simulators.whatsapp.payloads import Update
from syncer.simulators.whatsapp.templates import Template

STATUS, QUALITY = "message_template_status_update", "message_template_quality_update"
CATEGORY, COMPONENTS = "template_category_update", "message_template_components_update"
_TITLES = {"PAUSED": "FIRST_PAUSE", "DISABLED": "DISABLED"}
_DESCRIPTIONS = {
    "FIRST_PAUSE": "Your WhatsApp message template has been paused for 3 hours until its quality improves.",
    "SECOND_PAUSE": "Your WhatsApp message template has been paused for 6 hours until its quality improves.",
    "RATE_LIMITING_PAUSE": "Your WhatsApp message template has been paused because it was sent too often.",
    "UNPAUSE": "Your WhatsApp message template is active again.",
    "DISABLED": "Your WhatsApp message template has been disabled because of repeated low quality.",
}


def status_event(template: Template, event: str | None = None, title: str | None = None, **more: Any) -> Update:
    """`message_template_status_update`; `title` names the pause, `more` is merged into the value."""
    event = event or template.status
    body: dict[str, Any] = {
        "event": event,
        **_named(template),
        "message_template_category": template.category,
        "reason": None if event == "PAUSED" else template.rejected_reason,
    }
    if title is not None:
        body["other_info"] = {"title": title, "description": _DESCRIPTIONS[title]}
    if event == "DISABLED":
        body["disable_info"] = {"disable_date": str(int(time.time()))}
    return Update(STATUS, body | more)


def quality_event(template: Template, previous: str, *, odd: bool = False) -> Update:
    """`message_template_quality_update`; `odd`: under the field of the status update, as the platform's own example."""
    scores = {"previous_quality_score": previous, "new_quality_score": template.quality_score}
    return Update(STATUS if odd else QUALITY, {**scores, **_named(template)})


def category_event(template: Template, previous: str) -> Update:
    """`template_category_update`."""
    return Update(CATEGORY, {**_named(template), "previous_category": previous, "new_category": template.category})


def components_event(template: Template) -> Update:
    """`message_template_components_update`: the new texts."""
    body: dict[str, Any] = _named(template)
    body["message_template_element"] = str(template.parts.get("body", {}).get("text", ""))
    for key, part in (("message_template_title", "header"), ("message_template_footer", "footer")):
        if text := template.parts.get(part, {}).get("text"):
            body[key] = text
    if buttons := template.parts.get("buttons", {}).get("buttons"):
        body["message_template_buttons"] = [_button(button) for button in buttons]
    return Update(COMPONENTS, body)


def example(field: str, template: Template) -> dict[str, Any]:
    """A documented value of a template's field, {} for any other field."""
    made = {
        STATUS: lambda: status_event(template),
        QUALITY: lambda: quality_event(template, "GREEN"),
        CATEGORY: lambda: category_event(template, "MARKETING"),
        COMPONENTS: lambda: components_event(template),
    }
    return made[field]().body if field in made else {}


def changes(before: Template | None, after: Template, *, odd: bool = False) -> list[Update]:
    """What the platform tells when a template went from one state to another; its status when nothing else did."""
    told: list[Update] = []
    if before is not None:
        if before.quality_score != after.quality_score:
            told.append(quality_event(after, before.quality_score, odd=odd))
        if before.category != after.category:
            told.append(category_event(after, before.category))
        if before.components != after.components:
            told.append(components_event(after))
    if before is None or before.status != after.status or not told:
        told.append(status_event(after, title=_TITLES.get(after.status)))
    return told


def _named(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def _button(button: dict[str, Any]) -> dict[str, Any]:
    told = {"type": button.get("type"), "text": button.get("text"), "url": button.get("url")}
    told["phone_number"] = button.get("phone_number")
    return {f"message_template_button_{name}": value for name, value in told.items() if value}
