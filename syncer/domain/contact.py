"""Contacts: the canonical fields, what one CRM row says of a person, and the golden record made of several rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

#: Longest text kept of any field; a name of 10,000 characters is cut here, and the cut is marked with an ellipsis.
LONGEST_TEXT = 1000


# Nobody changes a record once it is made. A frozen one would take four times as long to make, and a sync of a million
# rows makes several million.
@dataclass(slots=True)
class SourceRecord:
    """One row of one CRM, already translated: canonical field -> value.

    `phone` is E.164 or None, and then `phone_problem` says why. `digest` (16 bytes) identifies the row's content, so an
    unchanged row is recognised without looking at any field (R25). `changed_at` is when the CRM last changed the row,
    in whatever field; `stamps` holds the fields of which we have seen a change, each with its moment. A field without a
    stamp is as old as our first sight of the row.
    """

    crm: str
    crm_id: str
    digest: bytes
    fields: dict[str, Any]
    phone: str | None
    phone_problem: str | None
    changed_at: datetime | None = None
    stamps: dict[str, datetime] = field(default_factory=dict)


class Wins(StrEnum):
    """Whose word on a field stands where a CRM and the engine have both changed it."""

    NEWEST = "newest"
    CRM = "crm"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What a mapping says of one contact field in one CRM: which ways it flows, and whose word stands."""

    reads: bool = True
    writes: bool = True
    wins: Wins = Wins.NEWEST


@dataclass(frozen=True, slots=True)
class Edit:
    """A field's value by somebody's word on our side: an API client's, an agent's, the customer's own. `by` names them
    (`api:shop`, `whatsapp`). `value` None empties the field."""

    value: Any
    at: datetime
    by: str


@dataclass(slots=True)
class GoldenRecord:
    """What the engine believes about a person, merged from all their rows."""

    full_name: str = ""
    phone: str | None = None
    phone_problem: str | None = None
    email: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    blocked: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)
