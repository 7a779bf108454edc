"""Items of kind `message`: what a customer said, took back or changed, and who they are from now on.

Source: the pages webhooks/reference/messages/*, and business-scoped-user-ids for the two `system` messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncer.domain.message import InboundMessage, Revision, Sender
from syncer.domain.notice import IdentityChange, Unrecognised
from syncer.domain.text import storable
from syncer.whatsapp.people import bounded, person
from syncer.whatsapp.readable import kind_of, medium_of, original_of, payload_of, quoted, readable
from syncer.whatsapp.shapes import identifier, mapping, phone, text
from syncer.whatsapp.told import Told

_NEW_NUMBER = frozenset({"user_changed_number", "customer_changed_number"})
_NEW_USER_ID = "user_changed_user_id"
#: Where nothing else names the former id: "User Sheena changed from US.134... to US.248..."
_FORMER_USER_ID = re.compile(r"\bfrom ([A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}) to ")


def read(told: Told) -> InboundMessage | Revision | IdentityChange | Unrecognised:
    """A message of any type. One of a type we do not know still reaches the conversation, as `[type]`; only a message
    without sender, and a `system` message that names no change of a person, do not: those the customer never wrote."""
    kind = kind_of(told.body)
    if kind == "system":
        return _identity_change(told)
    sender = person(told.body, told.contact)
    if sender is None:
        return Unrecognised("a message without phone and user id of its sender")
    original = original_of(kind, told.body)
    if original is not None:
        return Revision(
            phone_number_id=told.item.phone_number_id,
            wamid=original,
            sender=sender,
            at=told.item.occurred_at,
            text=readable(kind, told.body) if kind == "edit" else None,
        )
    return _message(told, kind, sender)


def _message(told: Told, kind: str, sender: Sender) -> InboundMessage:
    return InboundMessage(
        phone_number_id=told.item.phone_number_id,
        wamid=told.item.item_id,
        sender=sender,
        at=told.item.occurred_at,
        kind=kind,
        text=readable(kind, told.body),
        reply_to=quoted(kind, told.body),
        raw=told.item.payload,
        payload=payload_of(kind, told.body),
        medium=medium_of(kind, told.body),
    )


def _identity_change(told: Told) -> IdentityChange | Unrecognised:
    system = mapping(told.body.get("system"))
    kind = text(system.get("type"))
    if kind != _NEW_USER_ID and kind not in _NEW_NUMBER:
        return Unrecognised(f"nothing is done with a system message {bounded(kind) or 'without a type'}"[:200])
    before, after = _before_and_after(told.body, system, kind)
    if not before.key or not after.key or before == after:
        return Unrecognised(f"{kind} that does not say who became whom")
    return IdentityChange(
        phone_number_id=told.item.phone_number_id,
        wamid=told.item.item_id,
        before=before,
        after=after,
        at=told.item.occurred_at,
        text=storable(text(system.get("body"))) or _in_words(before, after),
        raw=told.item.payload,
    )


def _in_words(before: Sender, after: Sender) -> str:
    if before.user_id and after.user_id:
        return f"{before.user_id} → {after.user_id}"
    return f"{before.key} → {after.key}"


def _before_and_after(body: Mapping[str, Any], system: Mapping[str, Any], kind: str) -> tuple[Sender, Sender]:
    """A new user id comes with a new number or without one: the phone then stays what it was. `from` names the former
    phone; where it already names the new one, the former person is known by their user id alone, since a new number
    may have belonged to somebody else."""
    former = phone(body.get("from")) or phone(system.get("customer"))
    number = phone(system.get("wa_id")) or phone(system.get("new_wa_id"))
    user_id = identifier(system.get("user_id"))
    former_id = former_user_id(body)
    if number is not None and former == number and former_id:
        former = None
    if kind == _NEW_USER_ID and number is None:
        number = former
    return Sender(former, former_id), Sender(number, user_id)


def former_user_id(body: Mapping[str, Any]) -> str | None:
    """Who a `system` message is about, by the user id they had until then."""
    system = mapping(body.get("system"))
    written = _FORMER_USER_ID.search(text(system.get("body")))
    known = identifier(system.get("previous_user_id")) or (written[1] if written else None)
    return known or identifier(body.get("from_user_id"))
