"""What a CRM tells us of its records: that they changed, not how. The record itself is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What kind of record changed: a customer's, or one that may hold an agent's message (R22)."""

    CONTACT = "contact"
    REPLY = "reply"


class Changed(NamedTuple):
    """One record to look at again; `record_id` is the CRM's own."""

    kind: Kind
    record_id: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """A request of a CRM's, as it came. `address` is its path and query as they were written, the names in `headers`
    are in small letters."""

    address: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a CRM wants to hear once its word is kept; most want nothing but the status."""

    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
