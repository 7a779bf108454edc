"""Messages: what a customer sent us, what we ask the platform to send, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncer.domain.template import TemplateContent


class Direction(StrEnum):
    """Seen from the company: `in` from the customer, `out` to the customer."""

    IN = "in"
    OUT = "out"


class Category(StrEnum):
    """What a message is for; decides consent, window and price. `service` is a free-form reply."""

    MARKETING = "marketing"
    UTILITY = "utility"
    AUTHENTICATION = "authentication"
    SERVICE = "service"


class Lane(StrEnum):
    """Live conversation before bulk, always (law 11)."""

    LIVE = "live"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote: a phone (E.164), a business-scoped user id, or both. Either may be absent, never both."""

    phone: str | None = None
    user_id: str | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        """One text per person as far as this message tells; orders a person's items."""
        return self.phone or self.user_id or ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message. `text` is what a person would read (caption, button title, place name), `kind` the
    platform's type; `raw` the item as it came, as JSON text."""

    phone_number_id: str
    wamid: str
    sender: Sender
    at: datetime
    kind: str
    text: str
    reply_to: str | None = None
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """An item whose meaning we do not know: kept raw, counted, never dropped."""

    reason: str


@dataclass(frozen=True, slots=True)
class TextContent:
    """A free-form text, at most 4,096 characters; only inside the customer service window."""

    body: str


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message to be accepted by the platform. `callback_data` comes back in every status (at most 512
    characters)."""

    phone_number_id: str
    to: str
    callback_data: str
    content: TextContent | TemplateContent


@dataclass(frozen=True, slots=True)
class Accepted:
    """The platform took the message. Taken is not delivered: statuses tell the rest."""

    wamid: str
    wa_id: str | None = None
