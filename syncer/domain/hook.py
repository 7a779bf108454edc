"""Hooks: what can be subscribed to, and what leaves for a subscriber."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HookEvent(StrEnum):
    """What a subscriber may hear of. The names are those of the API and never change."""

    MESSAGE_RECEIVED = "message.received"  #: a customer wrote
    MESSAGE_SENT = "message.sent"  #: one of ours was taken by the platform, or typed in the business app
    MESSAGE_STATUS = "message.status"  #: one of ours climbed: sent, delivered, read, played, failed
    MESSAGE_UPDATED = "message.updated"  #: its writer edited it or took it back, or its file is here now
    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONSENT_CHANGED = "consent.changed"  #: a word was entered in the ledger
    HANDOFF_CREATED = "handoff.created"  #: a conversation is a person's now


class SubscriptionState(StrEnum):
    """How a subscription stands."""

    ACTIVE = "active"
    RESTING = "resting"  #: too many failures in a row; made anew by subscribing again
    GONE = "gone"  #: unsubscribed, or the target said 410


@dataclass(frozen=True, slots=True)
class HookCall:
    """One POST. `delivery` is the same over all retries of the same content; `body` JSON: an object, or an array of
    objects for a subscription that takes several at once. `secret` signs it."""

    target_url: str
    event: HookEvent
    delivery: str
    body: bytes
    secret: str


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What a target said. `error` None means that it has the delivery; `gone` that it wants no more of them."""

    status: int | None = None
    seconds: float = 0.0
    error: Exception | None = None
    gone: bool = False
