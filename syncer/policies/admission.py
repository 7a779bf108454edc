"""May this message leave, to this person, at this moment? Asked just before sending, not only when planning (law
10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncer.domain.consent import Word
from syncer.domain.message import Category


class SkipReason(StrEnum):
    """Why a message was not sent; recorded with it."""

    NO_ADDRESS = "no_address"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    NO_MARKETING_CONSENT = "no_marketing_consent"
    MARKETING_UNCONFIRMED = "marketing_unconfirmed"
    TRANSACTIONAL_REVOKED = "transactional_revoked"
    WINDOW_CLOSED = "window_closed"


@dataclass(frozen=True, slots=True)
class Standing:
    """What we know of the recipient now. `address` is E.164 or a business-scoped user id. `confirmed` is false when
    double opt-in is wanted and the customer's own yes through WhatsApp is missing."""

    address: str | None
    blocked: bool
    unreachable: bool
    marketing: Word
    transactional: Word
    window_until: datetime | None
    confirmed: bool = True


def refusal(category: Category, standing: Standing, now: datetime) -> SkipReason | None:
    """The reason not to send, or None.

    First contact allows utility messages only; marketing needs a yes, and with double opt-in a confirmed one (R7). A
    free-form reply needs the customer's message of the last 24 hours (X6).
    """
    if not standing.address:
        return SkipReason.NO_ADDRESS
    if standing.blocked:
        return SkipReason.BLOCKED
    if category is Category.SERVICE:
        return None if _open(standing.window_until, now) else SkipReason.WINDOW_CLOSED
    if standing.unreachable:
        return SkipReason.UNREACHABLE
    if category is Category.MARKETING:
        return _marketing(standing)
    return SkipReason.TRANSACTIONAL_REVOKED if standing.transactional is Word.REVOKED else None


def _marketing(standing: Standing) -> SkipReason | None:
    if standing.marketing is not Word.GRANTED:
        return SkipReason.NO_MARKETING_CONSENT
    return None if standing.confirmed else SkipReason.MARKETING_UNCONFIRMED


def _open(window_until: datetime | None, now: datetime) -> bool:
    return window_until is not None and now < window_until
