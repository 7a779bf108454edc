"""Lookups: what the doors show of contacts, messages, campaigns, syncs and failures. Reads only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from syncer.domain.phone import Phone, PhoneProblem, parse
from syncer.store import alerts, contacts, dead_letters, hook_contacts, identities, listings, media, messages, outgoing
from syncer.store.crm_writes import HOOKS
from syncer.store.session import Store


@dataclass(frozen=True)
class Lookups:
    """`region` (ISO country) is assumed for numbers without a country code (R3); `crms` names the CRMs."""

    store: Store
    region: str
    crms: Sequence[str] = ()

    def contact(self, contact_id: int) -> tuple[Row[Any], Sequence[Row[Any]]] | None:
        """A contact and everything that leads to it: (kind, value)."""
        with self.store.begin() as tx:
            found = contacts.by_ids(tx, [contact_id]).get(contact_id)
            return None if found is None else (found, listings.addresses(tx, contact_id))

    def contact_by_phone(self, raw: str) -> int | PhoneProblem | None:
        """Whose number this is, in whatever way it is written; why it cannot be a number; None for a stranger's."""
        phone = parse(raw, self.region)
        if not isinstance(phone, Phone):
            return phone
        with self.store.begin() as tx:
            return identities.by_phone(tx, phone.e164)

    def contacts_by_email(self, email: str) -> list[int]:
        """Who has this address: by any CRM's word, or said on our side."""
        with self.store.begin() as tx:
            return hook_contacts.by_email(tx, email.strip().lower())

    def contacts_by_external_id(self, key: str) -> list[int]:
        """Whose row has this id in one of the CRMs, or by the word of an outside program."""
        with self.store.begin() as tx:
            return hook_contacts.by_external_id(tx, [HOOKS, *self.crms], key)

    def unknown_contacts(self, ids: Collection[int]) -> list[int]:
        """Those of these numbers that no contact has."""
        with self.store.begin() as tx:
            return sorted(set(ids) - set(contacts.by_ids(tx, ids)))

    def conversation(
        self, contact_id: int, *, before: datetime | None = None, limit: int = 50
    ) -> Sequence[Row[Any]] | None:
        """A contact's messages, the newest first; None when there is no such contact."""
        with self.store.begin() as tx:
            if not contacts.by_ids(tx, [contact_id]):
                return None
            return messages.conversation(tx, contact_id, before=before, limit=limit)

    def message(self, outgoing_id: int) -> tuple[Row[Any], Row[Any] | None] | None:
        """A message of ours: what was planned, and how far it has climbed once the platform has taken it."""
        with self.store.begin() as tx:
            planned = outgoing.by_ids(tx, [outgoing_id]).get(outgoing_id)
            return None if planned is None else (planned, messages.of_outgoing(tx, outgoing_id))

    def medium(self, media_id: int) -> Row[Any] | None:
        """A file that came with a message; None when there is no such file."""
        with self.store.begin() as tx:
            return media.by_id(tx, media_id)

    def campaigns(self, limit: int = 10) -> Sequence[Row[Any]]:
        """The latest campaigns with how many recipients they have and how many are left."""
        with self.store.begin() as tx:
            return listings.campaigns(tx, limit)

    def alerts(self, limit: int = 100) -> Sequence[Row[Any]]:
        """Troubles that last, the gravest first."""
        with self.store.begin() as tx:
            return alerts.open_alerts(tx, limit)

    def failures(self, limit: int = 100) -> Sequence[Row[Any]]:
        """Dead letters that wait for a person, the nearest deadline first."""
        with self.store.begin() as tx:
            return dead_letters.listing(tx, limit=limit)

    def sync_runs(self, limit: int = 10) -> Sequence[Row[Any]]:
        """The latest contact syncs."""
        with self.store.begin() as tx:
            return listings.sync_runs(tx, limit)

    def handoffs(self, limit: int = 10) -> Sequence[Row[Any]]:
        """The latest conversations handed to a person."""
        with self.store.begin() as tx:
            return listings.handoffs(tx, self.crms, limit)
