"""What the flows ask of the outside world. Adapters implement these; each method says what it may raise.

The errors are those of `syncer.domain.errors`, named by what to do next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from syncer.domain.change_notice import Changed, Pushed, Receipt
from syncer.domain.contact import FieldRule, SourceRecord
from syncer.domain.crm_record import (
    AgentReply,
    CrmCheck,
    CrmContact,
    CrmMessage,
    CrmTask,
    Fate,
    RawRow,
    SourcePage,
    TakenReply,
    WriteResult,
)
from syncer.domain.hook import HookAnswer, HookCall
from syncer.domain.inbox import InboxItem
from syncer.domain.message import Accepted, InboundMessage, Lane, PastMessage, Revision, SendRequest
from syncer.domain.notice import (
    AccountNotice,
    AddressBookEntry,
    IdentityChange,
    NumberNotice,
    PreferenceChange,
    TemplateNotice,
    Unrecognised,
)
from syncer.domain.number import NumberState
from syncer.domain.status import StatusUpdate
from syncer.domain.template import CataloguedTemplate

Event = (
    InboundMessage
    | StatusUpdate
    | PastMessage
    | Revision
    | PreferenceChange
    | IdentityChange
    | AddressBookEntry
    | TemplateNotice
    | NumberNotice
    | AccountNotice
    | Unrecognised
)


class Clock(Protocol):
    """Time is a port (law 15): no test sleeps for business time."""

    def now(self) -> datetime:
        """The present moment in UTC, with its zone."""


class Jobs(Protocol):
    """Doorbells. A lost ring costs at most the sweeper's interval, so ringing never raises and never blocks."""

    def ring(self, queue: str, subject_id: int | str | None = None) -> None:
        """Tell `queue` that committed work waits there; `subject_id` names one batch or run where the queue needs
        it."""


class Webhooks(Protocol):
    """One provider's deliveries: is it really theirs, and what does it hold."""

    def verify(self, body: bytes, signature: str | None) -> bool:
        """Whether the raw bytes carry the provider's signature; constant-time, every current secret tried."""

    def handshake(self, params: Mapping[str, str], verify_token: str) -> str | None:
        """The answer to the provider's question whether this address is really ours; None when it is not for us."""

    def split(self, body: bytes) -> list[InboxItem]:
        """One item per thing told. Raises `ValueError` when the body is not the provider's JSON at all."""


class Messenger(Protocol):
    """The messaging platform: messages out and in."""

    def send(self, request: SendRequest) -> Accepted:
        """Ask for one message. Raises `TryAgain`, `TryLater`, `OutcomeUnknown`, `Never`, `FixCredentials`,
        `AskPerson`."""

    def read(self, item: InboxItem) -> Event:
        """What an inbox item says. Never raises: what is not understood comes back as `Unrecognised`."""

    def mark_read(self, phone_number_id: str, wamid: str, *, typing: bool = False) -> None:
        """Show the customer that their message was read, and optionally that an answer is being typed (25 s at most).
        May be repeated at will. Raises as `send`, but never `OutcomeUnknown`."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file of the platform's. `sha256` in hexadecimal, of the bytes as they came."""

    path: Path
    mime_type: str
    size: int
    sha256: str


class Media(Protocol):
    """The platform's files."""

    def upload(self, phone_number_id: str, path: Path, mime_type: str, filename: str) -> str:
        """The platform's id of the uploaded file, good for 30 days. May be repeated: a second id does no harm. Raises
        as `Messenger.send`, but never `OutcomeUnknown`."""

    def download(self, media_id: str, phone_number_id: str, into: Path) -> Download:
        """Fetch a file into `into`, streamed, checked against the platform's hash. Raises `Never` when it has
        vanished, else as `Messenger.send`, but never `OutcomeUnknown`."""


class Catalogue(Protocol):
    """The templates of the account, at the platform. All raise `TryAgain`, `TryLater`, `Never`, `FixCredentials`,
    `AskPerson`; those that change something also `OutcomeUnknown`, and may then be repeated after a look."""

    def templates(self) -> list[CataloguedTemplate]:
        """The whole catalogue, every state (R13)."""

    def create_template(self, payload: Mapping[str, Any]) -> CataloguedTemplate:
        """Submit a template for review; the platform may give it another category than asked for."""

    def edit_template(self, template_id: str, payload: Mapping[str, Any]) -> None:
        """Replace the components (and category) of an approved, rejected or paused template."""

    def delete_template(self, name: str, template_id: str | None = None) -> None:
        """Delete a template in all languages, or the one language with this id."""


class Numbers(Protocol):
    """The business numbers of the account, at the platform. All raise as `Catalogue`."""

    def phone_numbers(self) -> list[NumberState]:
        """Every number of the account."""

    def phone_number(self, phone_number_id: str) -> NumberState:
        """State, quality and limits of one number."""

    def request_code(self, phone_number_id: str, method: str, language: str) -> None:
        """Have a code sent to the number, `method` SMS or VOICE (R11)."""

    def verify_code(self, phone_number_id: str, code: str) -> None:
        """Prove with the code that the number is ours. Raises `Never` for a wrong one."""

    def register(self, phone_number_id: str, pin: str) -> None:
        """Connect the number, with its six-digit two-step PIN."""

    def deregister(self, phone_number_id: str) -> None:
        """Disconnect the number."""

    def rename(self, phone_number_id: str, display_name: str) -> None:
        """Ask for another display name; it is reviewed."""

    def subscribed(self) -> bool:
        """Whether any app receives the account's webhooks; without one we are deaf."""


class CRM(Protocol):
    """One customer system. Whole-batch failures raise; per-item failures come back in the results."""

    name: str

    @property
    def rules(self) -> Mapping[str, FieldRule]:
        """What the mapping says of each contact field; a field that is absent neither comes nor goes."""

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        """All contacts in a stable order (or those changed since), from after `cursor`. Raises `TryAgain`, `TryLater`,
        `FixCredentials`."""

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these rows, in their order; asked by id, so that no index lags behind. Raises as `pages`."""

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """What the rows say, in canonical fields and in their order. Never raises: what is unreadable is left out."""

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        """Insert or update by `ref`; idempotent. Raises `TryAgain`, `TryLater`, `FixCredentials`."""

    def write_tasks(self, tasks: Sequence[CrmTask]) -> list[WriteResult]:
        """Insert those whose `ref` is new; idempotent. Raises as `write_messages`."""

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        """Update or create; `crm_id` of each result is the CRM's own. Raises as `write_messages`."""

    def replies(self, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
        """What the CRM's people want sent and nobody has taken yet (R22): of these records, or whatever there is, the
        oldest first and a few hundred at most. An index that lags may show again what was taken. Raises as `pages`."""

    def take_replies(self, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """Write on these records what became of them, so that `replies` names them no more; idempotent. Raises as
        `write_messages`."""

    def rings(self) -> bool:
        """Whether the CRM itself has told of new replies since this was asked last. Never blocks, never raises."""

    def check(self) -> list[CrmCheck]:
        """Reachable, permitted, every mapped field there. Never raises."""


class ChangeNotices(Protocol):
    """How one CRM tells us of changed records, over its own door. Nothing of it waits for anybody."""

    @property
    def largest(self) -> int:
        """Bytes that no delivery exceeds."""

    @property
    def ending(self) -> str:
        """What the address that the CRM is given ends with, after the CRM's name; may be a secret."""

    def open(self) -> None:
        """Somebody answers the door from now on. What has to be known for that is asked for beside everything else."""

    def read(self, pushed: Pushed) -> Sequence[Changed] | None:
        """What is to be looked at again, kinds that nobody wants left out; None when it is not the CRM's own word.
        Raises `ValueError` for what is none of its deliveries, and `TryLater` while it cannot be told whose it is."""

    def receipt(self) -> Receipt:
        """What the CRM wants to hear once its word is kept."""


@runtime_checkable
class NoticeChannels(Protocol):
    """A CRM that tells of changes only as long as it is asked to, again and again."""

    def renew_channels(self, notify_url: str, now: datetime) -> datetime:
        """Have it tell `notify_url`; returns until when it will. Safe to repeat, and then one question each. Raises
        `TryAgain`, `TryLater`, `FixCredentials`."""


class HookCaller(Protocol):
    """Subscribers of hooks, at addresses of their own choice."""

    def check(self, url: str) -> None:
        """Raises `Refused`, saying why, unless deliveries may go to this address."""

    def call(self, call: HookCall) -> HookAnswer:
        """Deliver once. Never raises."""


@dataclass(frozen=True, slots=True)
class Grant:
    """How many sends may leave now, and after how many seconds asking again makes sense."""

    permits: int
    wait_seconds: float = 0.0


class Throttle(Protocol):
    """The one limiter that all workers share (R18, X5)."""

    def take(self, phone_number_id: str, wanted: int, lane: Lane) -> Grant:
        """Up to `wanted` permits. Bulk never touches the share kept for live replies. Never blocks, never raises."""

    def give_back(self, phone_number_id: str, count: int) -> None:
        """Return permits that were not used."""

    def slow_down(self, phone_number_id: str, seconds: float) -> None:
        """The platform throttled this number: nobody sends from it for `seconds`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a call has its turn. If so it may be made after `wait_seconds`; if not, asking again makes sense then."""

    taken: bool
    wait_seconds: float = 0.0


class Quota(Protocol):
    """What a provider lets us ask in some time, and at once, shared by all workers and by reads and writes alike."""

    def take(self, name: str, *, bulk: bool = False, cost: int = 1, patience: float = 0.0, place: str = "") -> Turn:
        """Take `cost` calls of the budget `name`, now or within `patience` seconds; otherwise nothing is taken. Where
        only so many may run at once, `place` is the call's own word, to be given back by `leave`. `bulk` never touches
        the share kept for live work, and takes nothing in advance. A budget that nobody has set is endless. Never
        blocks, never raises."""

    def leave(self, name: str, place: str) -> None:
        """The call with this place is over. The place of one that dies is free after twenty seconds."""

    def slow_down(self, name: str, seconds: float, *, bulk: bool = False) -> None:
        """The provider said so: nobody asks for `seconds`; with `bulk`, nobody who reads in bulk does."""

    def allowed(self, name: str, calls: int, seconds: float) -> None:
        """The provider said so: this process keeps the budget `name` at `calls` in any `seconds` from now on."""
