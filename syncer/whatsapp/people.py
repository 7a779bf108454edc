"""Who an item is about: a phone, a business-scoped user id, or both.

Since 2026 people with a username need not show their phone, so `from`, `wa_id`, `to` and `recipient_id` may be missing
or an empty text (page business-scoped-user-ids). A user id is never altered; a phone only gets its plus.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.domain.contact import LONGEST_TEXT
from syncer.domain.message import Sender
from syncer.domain.text import shorten, storable
from syncer.whatsapp.shapes import identifier, mapping, phone, text

#: Where an item names the person: the key of the phone, and that of the user id.
FROM = ("from", "from_user_id")
TO = ("to", "to_user_id")
RECIPIENT = ("recipient_id", "recipient_user_id")
NAMED = ("wa_id", "user_id")


def person(item: Mapping[str, Any], contact: Mapping[str, Any], keys: tuple[str, str] = FROM) -> Sender | None:
    """The person, as far as an item and its `contacts[]` entry tell; None when neither phone nor user id is told."""
    number = phone(item.get(keys[0])) or phone(contact.get("wa_id"))
    user_id = identifier(item.get(keys[1])) or identifier(contact.get("user_id"))
    return Sender(number, user_id, name_of(contact)) if number or user_id else None


def key_of(item: Mapping[str, Any], contact: Mapping[str, Any], keys: tuple[str, str] = FROM) -> str | None:
    """`person(...).key` without the person, for a delivery of a thousand items."""
    return (
        phone(item.get(keys[0]))
        or phone(contact.get("wa_id"))
        or identifier(item.get(keys[1]))
        or identifier(contact.get("user_id"))
    )


def name_of(contact: Mapping[str, Any]) -> str | None:
    """What the person calls themselves: the profile's name, else the username."""
    profile = mapping(contact.get("profile"))
    return bounded(text(profile.get("name")) or text(profile.get("username"))) or None


def bounded(said: str) -> str:
    """Any text as every store takes it, cut to the longest field of a contact."""
    return shorten(storable(said), LONGEST_TEXT)
