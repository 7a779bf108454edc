"""What passes between the engine and a CRM: rows as they are read, records as they are written, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class RawRow(NamedTuple):
    """A CRM's row as it was read. `digest` (16 bytes) changes whenever the row would translate differently, so that an
    unchanged row is skipped before any of its `values` is looked at (R25). What `values` holds is the adapter's matter.
    A named tuple, since there is one for every customer at every sync and it is made in a third of the time."""

    crm_id: str
    digest: bytes
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page of a CRM's contacts. `cursor` resumes after this page; None means that nothing follows. `lost` says why
    some rows of the page could not be read, where the adapter knows how to go on after them."""

    rows: Sequence[RawRow]
    cursor: str | None
    lost: str | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one row, by the CRM's own word: it is there (`row`), it was merged into another (`into`), or it is
    gone (neither)."""

    crm_id: str
    row: RawRow | None = None
    into: str | None = None


@dataclass(frozen=True, slots=True)
class CrmMessage:
    """A message as the CRM should have it. `ref` is ours and never changes; writing it again updates the same
    record. `media_url` is where its file can be fetched from us, once it is here; `media_type` its MIME type.
    `written_there`: one of the company's people wrote it in this CRM to be sent, so its record is there already."""

    ref: str
    crm_contact_id: str | None
    phone: str | None
    direction: str
    kind: str
    body: str
    wamid: str | None
    status: str | None
    status_at: datetime | None
    occurred_at: datetime
    error: str | None = None
    reply_to: str | None = None
    media_url: str | None = None
    media_type: str | None = None
    written_there: bool = False


@dataclass(frozen=True, slots=True)
class CrmTask:
    """Work for a person. `ref` is ours; a task that exists under it already is left alone."""

    ref: str
    crm_contact_id: str | None
    subject: str
    body: str
    priority: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CrmContact:
    """Canonical fields to be written to a contact, those only that have to change; a value of None empties the field.
    Without `crm_id` the CRM finds or creates one by phone."""

    ref: str
    crm_id: str | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The fate of one item of a batch, in the batch's order. `error` None means that the CRM now has it. `into` names
    the record that the one written to was merged into, and `gone` that it was deleted: then `error` says so too."""

    ref: str
    crm_id: str | None = None
    error: Exception | None = None
    into: str | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class CrmCheck:
    """One line of an adapter's self-examination, for `syncer doctor`."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AgentReply:
    """A message that one of the company's people wrote in the CRM, to be sent (R22). `record_id` is the CRM's own of
    it; whom it goes to is said by `crm_contact_id`, by `phone` (in any writing) or by both. With a `template` its body
    is that template's values, one per line. `reply_to` is the wamid to quote."""

    record_id: str
    crm_contact_id: str | None
    phone: str | None
    body: str
    template: str | None = None
    language: str | None = None
    reply_to: str | None = None
    written_at: datetime | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class TakenReply:
    """What a CRM's record of an agent's message has to say: `ref` under which the message is recorded from now on, or
    the `error` for which it will not leave. Writing it again changes nothing."""

    record_id: str
    ref: str
    error: str | None = None
