"""Failures: what a person decides about a dead letter - once more, or never (R26, X7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import Refused
from syncer.domain.message import Lane
from syncer.domain.work import SendState, Subject, WorkState
from syncer.flows.statuses import Statuses
from syncer.ports import Clock, Jobs
from syncer.store import campaigns, claims, dead_letters, outgoing, retries
from syncer.store.claims import Claimable
from syncer.store.crm_notices import NOTICES
from syncer.store.crm_writes import WRITES
from syncer.store.hook_deliveries import DELIVERIES
from syncer.store.inbox import INBOX
from syncer.store.media import MEDIA
from syncer.store.outgoing import BULK
from syncer.store.session import Store

ROWS: dict[Subject, Claimable] = {
    Subject.INBOX: INBOX,
    Subject.CRM_WRITE: WRITES,
    Subject.CRM_NOTICE: NOTICES,
    Subject.OUTGOING: BULK,
    Subject.MEDIA: MEDIA,
    Subject.HOOK_DELIVERY: DELIVERIES,
}

#: In which states a row may be that a person is asked about. Anything else: it was settled meanwhile.
STUCK = {
    Subject.INBOX: (WorkState.DEAD,),
    Subject.CRM_WRITE: (WorkState.DEAD,),
    Subject.CRM_NOTICE: (WorkState.DEAD,),
    Subject.MEDIA: (WorkState.DEAD,),
    Subject.HOOK_DELIVERY: (WorkState.DEAD,),
    Subject.OUTGOING: (SendState.FAILED, SendState.UNKNOWN),
}
#: Who is rung for a row that is tried again; customers and agents wait for the others.
BELLS = {Subject.CRM_WRITE: "crm", Subject.CRM_NOTICE: "notices", Subject.HOOK_DELIVERY: "hooks"}
DISCARDED = "discarded by a person"


class NoLongerOpen(Refused):
    """Somebody, or the platform's own word, was faster."""


@dataclass(frozen=True)
class Failures:
    """Carries a person's decisions out. Both raise `LookupError` for an unknown letter, `NoLongerOpen` for a settled
    one."""

    store: Store
    statuses: Statuses
    clock: Clock
    jobs: Jobs

    def replay(self, letter_id: int) -> None:
        """Try once more with a fresh round of attempts. The row keeps its key, so whatever did happen is recognised."""
        with self.store.begin() as tx:
            letter, subject = self._open(tx, letter_id)
            if not claims.reopen(tx, ROWS[subject], letter.subject_id, STUCK[subject]):
                raise NoLongerOpen(f"what letter {letter_id} is about is not stuck any more")
            retries.cancel(tx, subject, [letter.subject_id])
            bell = self._reopen_around(tx, subject, letter.subject_id)
            self._resolve(tx, letter_id, "replayed")
        self.jobs.ring(*bell)

    def discard(self, letter_id: int) -> None:
        """Never try it again. A message to a customer ends as failed, with that reason."""
        with self.store.begin() as tx:
            letter, subject = self._open(tx, letter_id)
            retries.cancel(tx, subject, [letter.subject_id])
            if subject is Subject.OUTGOING:
                self._give_up_sending(tx, letter.subject_id)
            else:
                # Ignored and not dead: news of the same subject is written again.
                state = WorkState.IGNORED
                claims.end(tx, ROWS[subject], letter.subject_id, STUCK[subject], state=state, reason=DISCARDED)
            self._resolve(tx, letter_id, "discarded")

    def _open(self, tx: Connection, letter_id: int) -> tuple[Row[Any], Subject]:
        letter = dead_letters.find(tx, letter_id)
        if letter is None:
            raise LookupError(letter_id)
        if letter.resolved_at is not None:
            raise NoLongerOpen(f"letter {letter_id} was {letter.resolution} already")
        return letter, Subject(letter.subject)

    def _resolve(self, tx: Connection, letter_id: int, resolution: str) -> None:
        """Raising takes back what this transaction has done: of two people who decide at once, one does."""
        if not dead_letters.resolve(tx, letter_id, resolution, self.clock.now()):
            raise NoLongerOpen(f"letter {letter_id} was decided on in this moment")

    def _reopen_around(self, tx: Connection, subject: Subject, subject_id: int) -> tuple[str, int | None]:
        """Open what had closed behind a row; returns the bell to ring for it."""
        if subject is not Subject.OUTGOING:
            return BELLS.get(subject, "realtime"), None
        row = outgoing.by_ids(tx, [subject_id])[subject_id]
        if row.lane == Lane.LIVE:
            return "realtime", None
        outgoing.disturb_batches(tx, [subject_id])
        campaigns.change_state(tx, row.campaign_id, "done", "running")
        return "send", row.batch_id

    def _give_up_sending(self, tx: Connection, subject_id: int) -> None:
        now = self.clock.now()
        row = outgoing.by_ids(tx, [subject_id], lock=True)[subject_id]
        outcome = {"id": subject_id, "state": SendState.FAILED, "reason": DISCARDED, "error_code": "discarded"}
        if outgoing.write_outcomes(tx, [outcome | {"now": now}], from_states=[SendState.UNKNOWN]):
            self.statuses.record_failed(tx, [(row, "discarded", DISCARDED)], now)
            if row.batch_id:
                campaigns.close_finished(tx, now, [row.batch_id])
