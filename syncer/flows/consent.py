"""Consent given or taken back by other ways than a message: a form, a call, a shop (R7, X4)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.errors import Refused
from syncer.flows.opt_in import OptIn, held
from syncer.policies import consent, opt_in
from syncer.policies.opt_in import QuestionState
from syncer.ports import Clock, Jobs
from syncer.store import consents, crm_writes, opt_ins
from syncer.store.crm_writes import Topic, Want
from syncer.store.session import Store


class Standing(StrEnum):
    """Where a tier stands for an operator. Under double opt-in a yes that waits for its second step is `asked`, or
    `unconfirmed` when there is no question on its way; no promotional message leaves on either."""

    GRANTED = "granted"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    ASKED = "asked"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Dossier:
    """One person's consent: whose it is today, where each tier stands, every word, every question."""

    contact_id: int
    standings: dict[Tier, Standing]
    words: Sequence[Row[Any]]
    questions: Sequence[Row[Any]]


@dataclass(frozen=True)
class Consent:
    """Writes the ledger, and lets the CRMs know. With `opt_in` (double opt-in) a yes to promotional messages is only
    the first step, and asks for the second."""

    store: Store
    crms: Sequence[str]
    clock: Clock
    jobs: Jobs
    opt_in: OptIn | None = None

    def record(self, entry: ConsentEntry) -> Word:
        """Append a word and return what holds now. Raises `LookupError` when there is no such contact."""
        holds = self.store.run(lambda tx: self._record(tx, entry))
        self.jobs.ring("crm")
        if self.opt_in is not None:
            self.jobs.ring("realtime")
        return holds

    def dossier(self, contact_id: int) -> Dossier:
        """What the ledger says of a person. Raises `LookupError` when there is no such contact."""
        now = self.clock.now()
        with self.store.begin() as tx:
            person = held(tx, contact_id).id
            asked = opt_ins.history(tx, person)
            standings = self._standings(consents.ledger(tx, person), asked, now)
            return Dossier(person, standings, consents.history(tx, person), asked)

    def _record(self, tx: Connection, entry: ConsentEntry) -> Word:
        now = self.clock.now()
        person = held(tx, entry.contact_id).id
        holds = {
            line.tier: consents.record(tx, line, now)
            for line in consent.entered(replace(entry, contact_id=person), now)
        }
        crm_writes.request(tx, self.crms, [Want(Topic.CONTACT, person, person)], now)
        if self.opt_in is not None and entry.explicit and entry.word is Word.GRANTED:
            with suppress(Refused):  # nobody is asked twice, and a template that cannot go now is no reason to forget
                self.opt_in.ask_in(tx, person, entry.tier, entry.source, entry.proof)
        return holds[entry.tier]

    def _standings(
        self, entries: Sequence[ConsentEntry], asked: Sequence[Row[Any]], now: datetime
    ) -> dict[Tier, Standing]:
        found = {tier: Standing(word) for tier, word in consent.current(entries).items()}
        waits = self.opt_in is not None and consent.confirmed(entries)[Tier.MARKETING] is not Word.GRANTED
        if waits and found[Tier.MARKETING] is Standing.GRANTED:
            found[Tier.MARKETING] = Standing.ASKED if self._is_asked(asked, now) else Standing.UNCONFIRMED
        return found

    def _is_asked(self, asked: Sequence[Row[Any]], now: datetime) -> bool:
        assert self.opt_in is not None
        return any(
            row.state == QuestionState.ASKED
            and row.send_state not in ("failed", "skipped")
            and opt_in.is_open(row.since, now, self.opt_in.patience)
            for row in asked
        )
