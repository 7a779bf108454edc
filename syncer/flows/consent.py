"""Consent given or taken back by other ways than a message: a form, a call, a shop (R7, X4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.consent import ConsentEntry, Word
from syncer.ports import Clock, Jobs
from syncer.store import consents, contacts, crm_writes
from syncer.store.crm_writes import Topic, Want
from syncer.store.session import Store


@dataclass(frozen=True)
class Consent:
    """Writes the ledger, and lets the CRMs know."""

    store: Store
    crms: Sequence[str]
    clock: Clock
    jobs: Jobs

    def record(self, entry: ConsentEntry) -> Word:
        """Append a word and return what holds now. Raises `LookupError` when there is no such contact."""
        now = self.clock.now()
        with self.store.begin() as tx:
            if not contacts.by_ids(tx, [entry.contact_id]):
                raise LookupError(entry.contact_id)
            holds = consents.record(tx, entry, now)
            crm_writes.request(tx, self.crms, [Want(Topic.CONTACT, entry.contact_id, entry.contact_id)], now)
        self.jobs.ring("crm")
        return holds
