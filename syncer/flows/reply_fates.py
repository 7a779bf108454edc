"""An agent's message that will not leave after all: its record in the CRM says why (R22)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from syncer.policies.admission import SkipReason
from syncer.store import agent_replies, crm_writes
from syncer.store.crm_writes import Topic, Want

#: What an agent can do about it, beside the word that stands in the figures.
_SAID = {
    SkipReason.NO_ADDRESS: "the contact has no phone number that can be written to",
    SkipReason.BLOCKED: "the contact is blocked",
    SkipReason.UNREACHABLE: "this number is not on WhatsApp, as far as it has told; it may write to us first",
    SkipReason.NO_MARKETING_CONSENT: "the customer has not agreed to marketing messages",
    SkipReason.MARKETING_UNCONFIRMED: "the customer has not confirmed on WhatsApp that they want marketing messages",
    SkipReason.TRANSACTIONAL_REVOKED: "the customer wants no messages from us",
    SkipReason.WINDOW_CLOSED: "the customer has not written within 24 hours; only a template may be sent now",
}


def tell(tx: Connection, errors: Mapping[int, str], now: datetime) -> None:
    """These messages (by the number of the outgoing one) end here, for the reasons given; whoever wrote one of them in
    a CRM is told there."""
    failed = agent_replies.fail(tx, {key: _said(reason) for key, reason in errors.items()})
    for crm in sorted({row.crm for row in failed}):
        wants = [Want(Topic.REPLY, row.id, row.contact_id or 0) for row in failed if row.crm == crm]
        crm_writes.request(tx, [crm], wants, now)


def _said(reason: str) -> str:
    return f"{reason}: {_SAID[SkipReason(reason)]}" if reason in set(SkipReason) else reason
