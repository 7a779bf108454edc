"""Admission: at the moment of sending, who may get this message (law 10) - consent, window, quota, reachability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import Word
from syncer.domain.message import Category
from syncer.domain.work import SendState, Subject
from syncer.policies import admission
from syncer.policies.admission import Standing
from syncer.store import claims, contacts, conversations, outgoing, retries
from syncer.store.outgoing import BULK
from syncer.store.retries import Appointment


@dataclass(frozen=True)
class Admission:
    """Asks the policy for each claimed message. `daily_templates` is R14's quota per number and 24 hours."""

    daily_templates: int = 1000

    def sift(
        self, tx: Connection, worker: int, rows: Sequence[Row[Any]], now: datetime
    ) -> dict[int, tuple[Row[Any], str]]:
        """The messages that may leave, each with its recipient's address; the others are settled as skipped with their
        reason, or wait for tomorrow's quota."""
        standings = self._standings(tx, rows)
        refused = {row.id: reason for row in rows if (reason := _refusal(row, standings[row.id], now))}
        outcomes = [
            {"id": key, "state": SendState.SKIPPED, "reason": reason, "now": now} for key, reason in refused.items()
        ]
        outgoing.write_outcomes(tx, outcomes, from_states=[SendState.CLAIMED])
        left = [row for row in rows if row.id not in refused]
        postponed = self._over_quota(tx, left, now)
        self._postpone(tx, worker, postponed, now)
        return {row.id: (row, standings[row.id].address or "") for row in left if row.id not in set(postponed)}

    def _standings(self, tx: Connection, rows: Sequence[Row[Any]]) -> Mapping[int, Standing]:
        people = contacts.by_ids(tx, [row.contact_id for row in rows])
        addresses = contacts.user_ids(tx, [key for key, person in people.items() if not person.phone])
        windows = conversations.windows(tx, list(people))
        return {
            row.id: _standing(people[row.contact_id], addresses, windows.get((row.contact_id, row.phone_number_id)))
            for row in rows
        }

    def _over_quota(self, tx: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[int]:
        """Non-promotional templates beyond the number's quota of the last 24 hours (R14); those being sent count."""
        over: list[int] = []
        counted = [row for row in rows if row.kind == "template" and row.category != Category.MARKETING]
        for number in sorted({row.phone_number_id for row in counted}):
            mine = [row.id for row in counted if row.phone_number_id == number]
            used = outgoing.accepted_since(tx, number, now - timedelta(hours=24)) - len(mine)
            over += mine[max(0, self.daily_templates - used) :]
        return over

    def _postpone(self, tx: Connection, worker: int, ids: list[int], now: datetime) -> None:
        claims.release(tx, BULK, worker, ids, state=SendState.WAITING)
        due = now + timedelta(minutes=10)
        retries.plan(
            tx, Subject.OUTGOING, [Appointment(key, 0, due, "daily template quota is used up") for key in ids], now
        )


def _standing(person: Row[Any], user_ids: Mapping[int, str], window_until: datetime | None) -> Standing:
    return Standing(
        address=person.phone or user_ids.get(person.id),
        blocked=person.blocked,
        unreachable=person.unreachable,
        marketing=Word(person.marketing),
        transactional=Word(person.transactional),
        window_until=window_until,
    )


def _refusal(row: Row[Any], standing: Standing, now: datetime) -> str | None:
    return admission.refusal(Category(row.category), standing, now)
