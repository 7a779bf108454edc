"""Messages: what a customer sent us, what we ask the platform to send, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncer.domain.content import Content


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
class Medium:
    """A file that came with a message: the platform's id (fetched within 7 days or lost), its type, its SHA-256 in
    base64 as the platform gives it, and the file name of a document."""

    id: str
    mime_type: str = ""
    sha256: str = ""
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A customer's message. `text` is what a person would read (caption, button title, place name), `kind` the
    platform's type; `payload` what a pressed button or chosen row was given as id; `raw` the item as it came."""

    phone_number_id: str
    wamid: str
    sender: Sender
    at: datetime
    kind: str
    text: str
    reply_to: str | None = None
    raw: str = ""
    payload: str | None = None
    medium: Medium | None = None


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message that was exchanged elsewhere and is only to be recorded: typed by an agent in the WhatsApp Business app
    (`origin` app), or part of the history an app hands over (`history`). Never answered, never sent again."""

    phone_number_id: str
    wamid: str
    direction: Direction
    person: Sender
    at: datetime
    kind: str
    text: str
    origin: str
    reply_to: str | None = None
    raw: str = ""
    medium: Medium | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """The customer edited or took back an earlier message (`wamid`). `text` is the new one, None when taken back."""

    phone_number_id: str
    wamid: str
    sender: Sender
    at: datetime
    text: str | None


@dataclass(frozen=True, slots=True)
class SendRequest:
    """One message to be accepted by the platform. `to` is E.164 or a business-scoped user id, `callback_data` comes
    back in every status (at most 512 characters), `reply_to` the wamid that is quoted."""

    phone_number_id: str
    to: str
    callback_data: str
    content: Content
    reply_to: str | None = None
    category: Category | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The platform took the message. Taken is not delivered: statuses tell the rest. `wa_id` is the recipient as the
    platform calls them, which may differ from the number written to (Brazil, Mexico, Argentina)."""

    wamid: str
    wa_id: str | None = None
    user_id: str | None = None
