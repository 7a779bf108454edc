"""What the platform tells us about people, templates, numbers and the account, besides messages and statuses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from syncer.domain.consent import Word
from syncer.domain.message import Sender


@dataclass(frozen=True, slots=True)
class Unrecognised:
    """An item with which nothing is to be done, or whose meaning we do not know: kept raw, counted, never dropped."""

    reason: str


@dataclass(frozen=True, slots=True)
class PreferenceChange:
    """A customer told the platform what they think of our marketing (field `user_preferences`): their own word."""

    phone_number_id: str
    person: Sender
    at: datetime
    word: Word
    proof: str


@dataclass(frozen=True, slots=True)
class IdentityChange:
    """A customer has another phone number or another user id from now on (`system` messages). `before` is who they
    were, `after` who they are; `wamid` names the notice and `text` is what a person would read of it."""

    phone_number_id: str
    wamid: str
    before: Sender
    after: Sender
    at: datetime
    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class AddressBookEntry:
    """The business app's own address book has a contact under this name (`smb_app_state_sync`)."""

    phone_number_id: str
    person: Sender
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateNotice:
    """Something about one template changed; what is None was not said. `event` is the platform's word (APPROVED,
    PAUSED, FLAGGED ...); `language` None means all of them."""

    name: str
    language: str | None
    at: datetime
    template_id: str = ""
    event: str | None = None
    quality: str | None = None
    category: str | None = None
    components_changed: bool = False
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class NumberNotice:
    """Something about one business number changed. The platform names it by `display_phone_number` (digits), at times
    by id; `messaging_limit` is the number of people per 24 h, -1 for no limit."""

    display_phone_number: str
    at: datetime
    event: str
    phone_number_id: str = ""
    quality: str | None = None
    messaging_limit: int | None = None
    name_status: str | None = None
    verified_name: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AccountNotice:
    """Something about the whole account: restrictions, violations, reviews, security, capabilities, errors that belong
    to no message. `serious` when somebody must look; `stops` when nothing can be sent until they have;
    `messaging_limit` as in `NumberNotice`."""

    field: str
    event: str
    at: datetime
    detail: str
    serious: bool = False
    stops: bool = False
    messaging_limit: int | None = None
    phone_number_id: str = ""
