"""The shapes of events: what a subscriber is sent, what the polling lists and the samples show.

One JSON object per event, flat, with names that people can read in a form: `id` (of the event: stable, so that a
receiver recognises a repeat), `event`, `occurred_at`, then what it is about. Times are UTC in ISO 8601. Names and
meanings never change; new fields may come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from syncer.domain.hook import HookEvent

Body = dict[str, Any]
"""One event, ready for JSON."""

_CONTACT_COLUMNS = ("full_name", "phone", "email", "language", "tags")
_WHOLE_CONTACT = (
    *_CONTACT_COLUMNS,
    "phone_problem",
    "attributes",
    "blocked",
    "unreachable",
    "transactional",
    "marketing",
)
_MESSAGE_COLUMNS = ("outgoing_id", "direction", "kind", "body", "wamid", "reply_to", "phone_number_id", "status")
_LADDER = ("sent_at", "delivered_at", "read_at", "played_at", "failed_at")


@dataclass(frozen=True, slots=True)
class Person:
    """A contact, and what leads to it: the platform's user id, and each CRM's own id by the CRM's name. `merged` are
    the numbers of contacts that turned out to be the same person."""

    row: Row[Any]
    user_id: str | None = None
    crm_ids: Mapping[str, str] = field(default_factory=dict)
    merged: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class File:
    """The file of a message; without `url` it has not been fetched yet."""

    row: Row[Any]
    url: str | None


def message(event: HookEvent, row: Row[Any], person: Person, file: File | None = None) -> Body:
    """An event about a message (a row of `messages`). `body` is what a person would read (of a button its title);
    `status` the highest it has reached by now; `outgoing_id` the number under which the API took it."""
    return {
        **_head(event, message_id(event, row, file), _message_moment(event, row, file)),
        "message_id": row.id,
        **{name: getattr(row, name) for name in _MESSAGE_COLUMNS},
        "sent_from": row.origin or "syncer" if row.direction == "out" else None,
        "message_at": moment(row.occurred_at),
        **{name: moment(getattr(row, name)) for name in _LADDER},
        "error_code": row.error_code,
        "error_detail": row.error_detail,
        "edited_at": moment(row.edited_at),
        "revoked_at": moment(row.revoked_at),
        "media_url": file.url if file else None,
        "media_type": file.row.mime_type or None if file else None,
        "media_filename": file.row.filename if file else None,
        **_brief(person),
    }


def contact(event: HookEvent, person: Person) -> Body:
    """An event about a contact as it stands now."""
    row = person.row
    made = event is HookEvent.CONTACT_CREATED
    return {
        **_head(event, contact_id(event, row), row.created_at if made else row.updated_at),
        "contact_id": row.id,
        **{name: getattr(row, name) for name in _WHOLE_CONTACT},
        "user_id": person.user_id,
        "crm_ids": dict(person.crm_ids),
        "merged_contact_ids": list(person.merged),
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def consent(row: Row[Any], person: Person) -> Body:
    """A word of the ledger (a row of `consents`): `word` is what was said, `holds` what counts now for that tier."""
    return {
        **_head(HookEvent.CONSENT_CHANGED, f"consent-{row.id}", row.at),
        "consent_id": row.id,
        "tier": row.tier,
        "word": row.word,
        "holds": getattr(person.row, row.tier),
        "source": row.source,
        "explicit": row.explicit,
        "recorded_at": moment(row.recorded_at),
        **_brief(person),
    }


def handoff(row: Row[Any], said: Row[Any], person: Person) -> Body:
    """Work for a person (a row of `handoffs`), with the message that brought it."""
    return {
        **_head(HookEvent.HANDOFF_CREATED, f"handoff-{row.id}", row.created_at),
        "handoff_id": row.id,
        "reason": row.reason,
        "rule": row.rule,
        "priority": row.priority,
        "message_id": said.id,
        "wamid": said.wamid,
        "kind": said.kind,
        "body": said.body,
        "phone_number_id": said.phone_number_id,
        **_brief(person),
    }


def message_id(event: HookEvent, row: Row[Any], file: File | None = None) -> str:
    """`message-17`, `message-17-delivered`, `message-17-1764064800000000`."""
    if event is HookEvent.MESSAGE_STATUS:
        return f"message-{row.id}-{row.status}"
    if event is HookEvent.MESSAGE_UPDATED:
        changed = changed_at(row, file)
        return f"message-{row.id}-{_micros(changed) if changed else 0}"
    return f"message-{row.id}"


def contact_id(event: HookEvent, row: Row[Any]) -> str:
    """`contact-17`, and for a change `contact-17-1764064800000000`: another id after every change."""
    return f"contact-{row.id}" if event is HookEvent.CONTACT_CREATED else f"contact-{row.id}-{_micros(row.updated_at)}"


def changed_at(row: Row[Any], file: File | None = None) -> datetime | None:
    """When a message was last edited, taken back, or completed by its file; None: never."""
    moments = (row.edited_at, row.revoked_at, file.row.fetched_at if file else None)
    return max((one for one in moments if one is not None), default=None)


def moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def _head(event: HookEvent, event_id: str, at: datetime | None) -> Body:
    return {"id": event_id, "event": str(event), "occurred_at": moment(at)}


def _brief(person: Person) -> Body:
    row = person.row
    return {
        "contact_id": row.id,
        **{name: getattr(row, name) for name in _CONTACT_COLUMNS},
        "user_id": person.user_id,
        "crm_ids": dict(person.crm_ids),
    }


def _message_moment(event: HookEvent, row: Row[Any], file: File | None) -> datetime | None:
    if event is HookEvent.MESSAGE_UPDATED:
        return changed_at(row, file)
    if event is HookEvent.MESSAGE_STATUS:
        climbed: datetime | None = getattr(row, f"{row.status}_at", None)
        return climbed or row.occurred_at
    occurred: datetime = row.occurred_at
    return occurred


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
