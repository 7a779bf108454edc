"""What an inbox item says: the one place where its kind, or the webhook field it came by, chooses who reads it.

Kinds are those of `scene`. Rows of earlier versions have the same kinds, except that what the business app tells was
not divided yet: such a row is kept and nothing is done with it.
"""

from __future__ import annotations

from collections.abc import Callable

from syncer.domain.inbox import InboxItem
from syncer.domain.notice import Unrecognised
from syncer.domain.text import storable
from syncer.ports import Event
from syncer.whatsapp import account, coexistence, messages, notices, preferences, statuses
from syncer.whatsapp.told import Told

Reader = Callable[[Told], Event]

BY_KIND: dict[str, Reader] = {
    "message": messages.read,
    "echo": coexistence.echo,
    "history": coexistence.history,
    "history:messages": coexistence.history_received,
    "history:message_echoes": coexistence.history_sent,
    "other:errors": account.stray_error,
    "other:user_preferences": preferences.read,
    "other:state_sync": coexistence.address_book,
}
#: Notices that are a change as a whole.
BY_FIELD: dict[str, Reader] = {
    "history": coexistence.progress,
    "phone_number_quality_update": notices.number_quality,
    "phone_number_name_update": notices.number_name,
    "account_update": account.update,
    "account_alerts": account.alert,
    "account_review_update": account.review,
    "business_capability_update": account.capability,
    "security": account.security,
}


def read(item: InboxItem) -> Event:
    """Never raises: an item is the platform's word in whatever shape, and a strange one is kept, not lost."""
    try:
        told = Told.of(item)
        return _reader(told)(told)
    except Exception as strange:  # whatever it is, the raw item stays in the inbox and a person can look
        return Unrecognised(f"unreadable {item.kind}: {type(strange).__name__}")


def _reader(told: Told) -> Reader:
    kind = told.item.kind
    if kind.startswith("status:"):
        return statuses.read
    if kind in BY_KIND:
        return BY_KIND[kind]
    if notices.is_about_template(told.body):
        return notices.template
    return BY_FIELD.get(told.field, _nothing)


def _nothing(told: Told) -> Unrecognised:
    return Unrecognised(storable(f"nothing is done with {told.item.kind}"))
