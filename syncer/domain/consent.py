"""Consent: an append-only ledger of what a customer said about being written to (R7, X4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Tier(StrEnum):
    """What a word of consent is about. Transactional covers utility messages, marketing the promotional ones."""

    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


class Word(StrEnum):
    """What the customer said. `UNKNOWN` is never written to the ledger: it is the absence of any word."""

    GRANTED = "granted"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ConsentEntry:
    """One word: who, about what, when, how it reached us and what proves it.

    `explicit` is true for the customer's own word (a STOP, an opt-in reply, a signed form) and false for what a CRM
    import says about them; an import never overrides an explicit word.
    """

    contact_id: int
    tier: Tier
    word: Word
    at: datetime
    source: str
    proof: str
    explicit: bool
