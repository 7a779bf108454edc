"""Outcomes: what the platform answered, or did not, written down for every message of a set (law 6, R26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain import callback, phone
from syncer.domain.errors import DeliveryError, Never, OutcomeUnknown, SendAsTemplate
from syncer.domain.message import Accepted, Category, Sender
from syncer.domain.work import SendState, Subject
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Acceptance, Statuses
from syncer.flows.troubles import Troubles
from syncer.policies import retry, unknown
from syncer.policies.retry import GiveToPerson, RetryAt
from syncer.policies.unknown import LetPersonDecide, Listen, Patience, SendAgain, Silence
from syncer.store import campaigns, doors, early_statuses, outgoing, recognition, retries
from syncer.store.dead_letters import Burial
from syncer.store.retries import Appointment


@dataclass(frozen=True)
class Outcomes:
    """Settles sends: by the answer, by an echo, or by the policy on silence."""

    statuses: Statuses
    setbacks: Setbacks
    troubles: Troubles
    patience: Patience

    def write(
        self, tx: Connection, worker: int, answers: Sequence[tuple[Row[Any], Accepted | DeliveryError]], now: datetime
    ) -> None:
        """Settle one set of answers."""
        accepted = [Acceptance(row, a.wamid, now) for row, a in answers if isinstance(a, Accepted)]
        self.statuses.accept(tx, accepted, now)
        if accepted:
            self.troubles.over(tx, now)
        unanswered = [(row.id, str(a)) for row, a in answers if isinstance(a, OutcomeUnknown)]
        self.doubt(tx, unanswered, now)
        refused = [(row, a) for row, a in answers if isinstance(a, DeliveryError) and not isinstance(a, OutcomeUnknown)]
        self.troubles.note(tx, refused, now)
        for row, error in refused:
            self._refused(tx, row, error, now)
        told = {row.id: sender for row, a in answers if isinstance(a, Accepted) and (sender := _as_named(a))}
        owners = outgoing.owners(tx, told)
        named = [(owners[key], sender) for key, sender in told.items()]
        recognition.learn(tx, named, now)

    def doubt(self, tx: Connection, doubtful: Sequence[tuple[int, str]], now: datetime) -> None:
        """These may or may not have been taken. Tier 1: look for their echo at once; tier 2: look again later."""
        outcomes = [{"id": key, "state": SendState.UNKNOWN, "reason": reason, "now": now} for key, reason in doubtful]
        moved = outgoing.write_outcomes(tx, outcomes, from_states=[SendState.SENDING])
        self.listen(tx, moved, now)

    def listen(self, tx: Connection, ids: Sequence[int], now: datetime) -> None:
        """Look for echoes of unknown sends now, and make an appointment for those that have none."""
        rows = outgoing.by_ids(tx, ids)
        unknown_rows = [row for row in rows.values() if row.state == SendState.UNKNOWN]
        heard = self._echoes(tx, unknown_rows, now)
        silent = [row for row in unknown_rows if row.id not in heard]
        due = [Appointment(row.id, 2, _sent_at(row) + self.patience.quiet, "listening for an echo") for row in silent]
        retries.plan(tx, Subject.OUTGOING, due, now)

    def judge(self, tx: Connection, ids: Sequence[int], now: datetime) -> list[int]:
        """Appointments of unknown sends have come: an echo settles one, the policy decides on the others. Returns those
        to be sent again."""
        rows = [row for row in outgoing.by_ids(tx, ids, lock=True).values() if row.state == SendState.UNKNOWN]
        heard = self._echoes(tx, rows, now)
        silent = [row for row in rows if row.id not in heard]
        # Later echoes are looked for before the inbox is: what is handled in between is seen by one of the two looks.
        later = {row.id: outgoing.later_echo(tx, row.phone_number_id, _sent_at(row)) for row in silent}
        unheard = outgoing.unheard(tx, later) if silent else set()
        missed = doors.missed_until(tx, doors.WHATSAPP) if silent else None
        again = []
        for row in silent:
            silence = Silence(
                Category(row.category), row.attempts, _sent_at(row), later[row.id], row.id in unheard, missed
            )
            match unknown.judge(silence, now=now, patience=self.patience):
                case SendAgain():
                    again.append(row.id)
                case Listen(at=at):
                    retries.plan(tx, Subject.OUTGOING, [Appointment(row.id, 2, at, "the channel is silent")], now)
                case LetPersonDecide(reason=reason):
                    self.setbacks.bury(tx, Subject.OUTGOING, [Burial(row.id, reason, "outcome_unknown")])
        outgoing.plan_again(tx, again)
        return again

    def _echoes(self, tx: Connection, rows: Sequence[Row[Any]], now: datetime) -> set[int]:
        marks = {callback.mark(row.ref, attempt): row for row in rows for attempt in range(1, row.attempts + 1)}
        found = early_statuses.echoes(tx, marks)
        proven = {
            marks[u.callback_data].id: Acceptance(marks[u.callback_data], u.wamid, u.at)
            for u in found
            if u.callback_data
        }
        self.statuses.accept(tx, list(proven.values()), now)
        return set(proven)

    def _refused(self, tx: Connection, row: Row[Any], error: DeliveryError, now: datetime) -> None:
        """Known not to have been taken: again by the tiers, or failed for good with a person told where one can
        help."""
        decision = retry.decide(error, attempts=row.attempts, since=row.planned_at, now=now, tiers=self.setbacks.tiers)
        if isinstance(error, SendAsTemplate) and outgoing.fall_back(tx, [row.id]):
            decision = RetryAt(now, 0, f"as a template instead, since {decision.reason}")
        if isinstance(decision, RetryAt):
            self._retry(tx, row, error, decision, now)
        else:
            self._fail(tx, row, error, decision, now)

    def _retry(self, tx: Connection, row: Row[Any], error: DeliveryError, decision: RetryAt, now: datetime) -> None:
        outcome = {
            "id": row.id,
            "state": SendState.WAITING,
            "reason": decision.reason,
            "error_code": error.code,
            "now": now,
        }
        if outgoing.write_outcomes(tx, [outcome], from_states=[SendState.SENDING]):
            outgoing.give_back_attempt(tx, [row.id] if decision.tier == 0 else [])
            plan = Appointment(row.id, decision.tier, decision.at, decision.reason, error.code)
            retries.plan(tx, Subject.OUTGOING, [plan], now)

    def _fail(self, tx: Connection, row: Row[Any], error: DeliveryError, decision: GiveToPerson, now: datetime) -> None:
        outcome = {
            "id": row.id,
            "state": SendState.FAILED,
            "reason": decision.reason,
            "error_code": error.code,
            "now": now,
        }
        if not outgoing.write_outcomes(tx, [outcome], from_states=[SendState.SENDING]):
            return
        self.statuses.record_failed(tx, [(row, error.code, decision.reason)], now)
        if not isinstance(error, Never):
            self.setbacks.bury(tx, Subject.OUTGOING, [Burial(row.id, decision.reason, error.code)])
        if row.batch_id:
            campaigns.close_finished(tx, now, [row.batch_id])


def _as_named(answer: Accepted) -> Sender | None:
    """The recipient as the platform calls them, which may differ from the number written to."""
    if answer.wa_id is None and answer.user_id is None:
        return None
    return Sender(phone.from_wa_id(answer.wa_id) if answer.wa_id else None, answer.user_id)


def _sent_at(row: Row[Any]) -> datetime:
    sent: datetime = row.sending_at or row.planned_at
    return sent
