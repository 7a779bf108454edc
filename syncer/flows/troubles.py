"""Troubles: what a refused send says beyond the message - about the person, the template, the number, the account.

One alert tells a person, the template's campaigns or the number's messages wait, and nothing fails one by one for a
reason that is everybody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.errors import (
    DeliveryError,
    FixCredentials,
    OptedOut,
    PauseTemplate,
    WrongTemplate,
)
from syncer.flows.numbers import Numbers
from syncer.flows.templates import Templates
from syncer.store import alerts, consents, crm_writes, outgoing
from syncer.store.crm_writes import Topic, Want

CREDENTIALS = "account:credentials"


@dataclass(frozen=True)
class Troubles:
    """Draws the conclusions."""

    templates: Templates
    numbers: Numbers
    crms: tuple[str, ...]

    def note(self, tx: Connection, refused: Sequence[tuple[Row[Any], DeliveryError]], now: datetime) -> None:
        """Each trouble once, however many messages of a set it struck."""
        self.numbers.heed(tx, [(row.phone_number_id, error) for row, error in refused], now)
        seen: set[tuple[str, ...]] = set()
        for row, error in sorted(refused, key=lambda pair: pair[0].id):
            about = _about(row, error)
            if about is not None and about not in seen:
                seen.add(about)
                self._conclude(tx, row, error, now)

    def over(self, tx: Connection, now: datetime) -> None:
        """Something was accepted, so the token is good."""
        alerts.end(tx, CREDENTIALS, now)

    def _conclude(self, tx: Connection, row: Row[Any], error: DeliveryError, now: datetime) -> None:
        match error:
            case OptedOut():
                self._opt_out(tx, outgoing.owners(tx, [row.id])[row.id], f"refused {row.ref}: {error}", now)
            case WrongTemplate() | PauseTemplate():
                content = row.content
                self.templates.refused(tx, content["name"], content["language"], error, now)
            case FixCredentials():
                alerts.sound(tx, CREDENTIALS, f"nothing can be sent: {error}", now, level=alerts.CRITICAL)

    def _opt_out(self, tx: Connection, contact_id: int, proof: str, now: datetime) -> None:
        entry = ConsentEntry(contact_id, Tier.MARKETING, Word.REVOKED, now, "whatsapp:refusal", proof, explicit=True)
        consents.record(tx, entry, now)
        crm_writes.request(tx, self.crms, [Want(Topic.CONTACT, contact_id, contact_id)], now)


def _about(row: Row[Any], error: DeliveryError) -> tuple[str, ...] | None:
    """What the trouble concerns; None when only the message itself."""
    match error:
        case OptedOut():
            return "person", str(row.contact_id)
        case WrongTemplate() | PauseTemplate() if row.kind == "template":
            return "template", row.content["name"], row.content["language"]
        case FixCredentials():
            return (CREDENTIALS,)
        case _:
            return None
