"""Polling lists: the newest first, each entry with an `id` of its own, by which Zapier, Make and n8n know what is
new."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from config.values import ApiKey
from syncer import parts
from syncer.domain.hook import HookEvent
from syncer.web.api.shared import Joined, Moment
from syncer.web.auth import needs

router = APIRouter(prefix="/lists", tags=["lists"])
Contacts = Annotated[ApiKey, Depends(needs("contacts"))]
Messages = Annotated[ApiKey, Depends(needs("messages"))]
Limit = Annotated[int, Query(ge=1, le=500)]
Entries = list[dict[str, Any]]


@router.get("/contacts", summary="New and changed contacts, the latest first")
def contacts(
    caller: Contacts,
    runtime: Joined,
    event: Literal["contact.created", "contact.updated"] = "contact.updated",
    updated_since: Moment | None = None,
    limit: Limit = 100,
) -> Entries:
    """In the shape of the event. `contact.updated` holds new contacts too, and a contact has another `id` after every
    change; `updated_since` leaves out what has not changed after that moment."""
    lists = parts.polling(runtime)
    if HookEvent(event) is HookEvent.CONTACT_CREATED:
        return [*lists.newest(HookEvent.CONTACT_CREATED, limit)]
    return [*lists.changed_contacts(updated_since, limit)]


@router.get("/messages", summary="The latest messages")
def messages(
    caller: Messages,
    runtime: Joined,
    event: Literal["message.received", "message.sent"] = "message.received",
    limit: Limit = 100,
) -> Entries:
    """Customers' messages, or those that were sent to them, in the shape of the event."""
    return [*parts.polling(runtime).newest(HookEvent(event), limit)]


@router.get("/handoffs", summary="The latest conversations handed to a person")
def handoffs(caller: Messages, runtime: Joined, limit: Limit = 100) -> Entries:
    """In the shape of the event `handoff.created`."""
    return [*parts.polling(runtime).newest(HookEvent.HANDOFF_CREATED, limit)]
