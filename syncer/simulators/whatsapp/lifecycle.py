"""What happens to a template after it was submitted: review, edit, pause, archive, deletion (template pages)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp.catalogue import CATEGORIES
from syncer.simulators.whatsapp.components import checked
from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import objects
from syncer.simulators.whatsapp.reviews import TEMPLATE, Review
from syncer.simulators.whatsapp.template_events import components_event, status_event
from syncer.simulators.whatsapp.templates import Template

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_EDITABLE = ("APPROVED", "REJECTED", "PAUSED")
_ARCHIVABLE = ("APPROVED", "REJECTED")
_MOST_ARCHIVED = 100
_MONTH = 30 * 86_400.0
_PAUSES = ("FIRST_PAUSE", "SECOND_PAUSE")


def _not_now(text: str, title: str) -> GraphError:
    return GraphError(100, text, user_title=title)


def submit(platform: Platform, template: Template) -> None:
    """Into review: decided after the time that the plan of reviews says, perhaps in another category."""
    review = platform.reviews.pick(TEMPLATE, template.name)
    if review.category:
        template.category = review.category
    template.submissions += 1
    if review.verdict != "PENDING":
        seconds = platform.config.template_review_seconds if review.seconds is None else review.seconds
        platform.calendar.after(seconds, _decide, platform, template.id, template.submissions, review)


def _decide(platform: Platform, template_id: str, submission: int, review: Review) -> None:
    template = platform.catalogue.by_id(template_id)
    if template is None or template.status != "PENDING" or template.submissions != submission:
        return
    template.status = review.verdict
    more: dict[str, Any] = {}
    if review.verdict == "REJECTED":
        template.rejected_reason = review.reason or "INVALID_FORMAT"
        if template.rejected_reason == "INVALID_FORMAT":
            advice = review.recommendation or "Correct the format and submit the template again."
            more["rejection_info"] = {"reason": "The template's format is not valid.", "recommendation": advice}
    platform.outbox.tell(status_event(template, **more))


def edit(platform: Platform, template: Template, spec: Mapping[str, Any]) -> None:
    """Replace the components, or the category of one that is not approved, and review it again."""
    now = time.time()
    _check_editable(platform, template, spec, now)
    category = str(spec.get("category") or template.category).upper()
    if category not in CATEGORIES:
        raise GraphError(100, message=f"(#100) Param category must be one of {{{', '.join(CATEGORIES)}}}.")
    values: dict[str, Any] = {"category": category, "status": "PENDING", "rejected_reason": "NONE"}
    if "components" in spec:
        form = template.parameter_format
        values["components"] = checked(objects(spec, "components"), category, form, template.language)
    if "message_send_ttl_seconds" in spec:
        values["message_send_ttl_seconds"] = spec["message_send_ttl_seconds"]
    edited = platform.catalogue.replace(template, values | {"edited_at": [*template.edited_at, now]})
    if edited.components != template.components:
        platform.outbox.tell(components_event(edited))
    submit(platform, edited)


def _check_editable(platform: Platform, template: Template, spec: Mapping[str, Any], now: float) -> None:
    rules = platform.behaviour.account
    if not {"category", "components", "message_send_ttl_seconds"} & set(spec):
        raise GraphError(100, message="(#100) One of the parameters category and components is required.")
    if template.status not in _EDITABLE:
        text = f"Only approved, rejected or paused templates can be edited; this one is {template.status.lower()}."
        raise _not_now(text, "Message template can't be edited")
    if template.status != "APPROVED":
        return
    if str(spec.get("category") or template.category).upper() != template.category:
        raise _not_now("The category of an approved template can't be changed.", "Category can't be changed")
    if template.edited_at and rules.edit_gap and now - template.edited_at[-1] < rules.edit_gap:
        raise _not_now("An approved template can be edited once in 24 hours.", "Edit limit reached")
    recent = sum(now - at < _MONTH for at in template.edited_at)
    if rules.edits_per_month and recent >= rules.edits_per_month:
        raise _not_now("An approved template can be edited 10 times in 30 days.", "Edit limit reached")


def delete(platform: Platform, name: str, template_id: str | None) -> None:
    """Delete every language of a name, or one by id; raises 100/2593002 when there is none.

    An approved one still delivers as PENDING_DELETION for 30 days, in which nobody may use its name.
    """
    if not name:
        raise GraphError(100, message="(#100) The parameter name is required.")
    found = platform.catalogue.by_name(name)
    doomed = [item for item in found if template_id in (None, item.id) and item.status != "PENDING_DELETION"]
    if not doomed:
        raise GraphError(100, "message template not found", subcode=2593002, user_title="Message Template Not Found")
    for template in doomed:
        if template.status == "APPROVED":
            _delete_later(platform, template, "" if template_id is None else template.language)
        else:
            _gone(platform, template)


def _delete_later(platform: Platform, template: Template, language: str) -> None:
    seconds = platform.behaviour.account.deletion_seconds
    platform.catalogue.block(template.name, language, time.time() + seconds)
    template.status = "PENDING_DELETION"
    platform.outbox.tell(status_event(template))
    platform.calendar.after(seconds, _time_is_up, platform, template.id, "PENDING_DELETION")


def _time_is_up(platform: Platform, template_id: str, status: str) -> None:
    """A template that still has this status is gone."""
    template = platform.catalogue.by_id(template_id)
    if template is not None and template.status == status:
        _gone(platform, template)


def _gone(platform: Platform, template: Template) -> None:
    platform.catalogue.remove(template)
    template.status = "DELETED"
    platform.outbox.tell(status_event(template))


def pause(platform: Platform, template: Template, seconds: float | None = None) -> None:
    """Low quality: paused for 3 h, the second time for 6 h, disabled at the third."""
    spans = platform.behaviour.account.pause_seconds
    if template.pauses >= len(spans):
        template.status, template.pause_ends_at = "DISABLED", None
        platform.outbox.tell(status_event(template, title="DISABLED"))
        return
    span = spans[template.pauses] if seconds is None else seconds
    title = _PAUSES[min(template.pauses, len(_PAUSES) - 1)]
    template.pauses += 1
    template.status, template.pause_ends_at = "PAUSED", time.time() + span
    platform.outbox.tell(status_event(template, title=title))
    platform.calendar.after(span, _pause_ends, platform, template, template.pauses)


def _pause_ends(platform: Platform, template: Template, pauses: int) -> None:
    current = platform.catalogue.by_id(template.id)
    if current is not None and current.status == "PAUSED" and current.pauses == pauses:
        _resume(platform, current)


def unpause(platform: Platform, template: Template) -> None:
    """End a pause at once; raises for a template that is not paused."""
    if template.status != "PAUSED":
        raise _not_now(f"The template is {template.status.lower()}, not paused.", "Template is not paused")
    _resume(platform, template)


def _resume(platform: Platform, template: Template) -> None:
    template.status, template.pause_ends_at = "APPROVED", None
    platform.outbox.tell(status_event(template, title="UNPAUSE"))


def archive(platform: Platform, template_ids: Sequence[Any]) -> tuple[list[str], dict[str, str]]:
    """Archive some; returns the ids of those that are, and why others are not. They are deleted after 28 days."""
    done: list[str] = []
    failed: dict[str, str] = {}
    for template in _listed(platform, template_ids, failed):
        if template.status not in _ARCHIVABLE:
            failed[template.id] = "Only approved or rejected templates can be archived"
            continue
        template.status_before, template.status = template.status, "ARCHIVED"
        platform.outbox.tell(status_event(template))
        seconds = platform.behaviour.account.archive_seconds
        platform.calendar.after(seconds, _time_is_up, platform, template.id, "ARCHIVED")
        done.append(template.id)
    return done, failed


def unarchive(platform: Platform, template_ids: Sequence[Any]) -> tuple[list[str], dict[str, str]]:
    """Give some their former status back; returns as `archive`."""
    done: list[str] = []
    failed: dict[str, str] = {}
    for template in _listed(platform, template_ids, failed):
        if template.status != "ARCHIVED":
            failed[template.id] = "Only archived templates can be unarchived"
            continue
        template.status, template.status_before = template.status_before or "APPROVED", None
        platform.outbox.tell(status_event(template, "UNARCHIVED"))
        done.append(template.id)
    return done, failed


def _listed(platform: Platform, template_ids: Sequence[Any], failed: dict[str, str]) -> list[Template]:
    if not isinstance(template_ids, list) or not 1 <= len(template_ids) <= _MOST_ARCHIVED:
        raise GraphError(100, message="(#100) Param hsm_ids must hold 1 to 100 template ids.")
    found = {str(one): platform.catalogue.by_id(str(one)) for one in template_ids}
    failed.update({one: "Template not found" for one, template in found.items() if template is None})
    return [template for template in found.values() if template is not None]
