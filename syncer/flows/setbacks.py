"""Setbacks: what becomes of claimed rows that failed - back at once, back in 30 seconds, or a dead letter (R26)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.work import Subject, WorkState
from syncer.policies import retry
from syncer.policies.retry import GiveToPerson, RetryAt, Tiers
from syncer.ports import Clock
from syncer.store import claims, dead_letters, retries
from syncer.store.claims import Claimable
from syncer.store.dead_letters import Burial
from syncer.store.retries import Appointment


@dataclass(frozen=True)
class Setbacks:
    """Writes down the retry policy's decisions. `deadline` is R26's 24 h for a person, `alarm` when it is shouted."""

    clock: Clock
    tiers: Tiers
    deadline: timedelta = timedelta(hours=24)
    alarm: timedelta = timedelta(hours=20)

    def record(
        self,
        tx: Connection,
        subject: Subject,
        rows: Claimable,
        worker: int,
        failures: Sequence[tuple[Row[Any], Exception]],
        *,
        since: str,
    ) -> None:
        """Settle failed claims. `since` names the column that says when a row was first due."""
        now = self.clock.now()
        decided = [
            (
                row,
                error,
                retry.decide(error, attempts=row.attempts, since=getattr(row, since), now=now, tiers=self.tiers),
            )
            for row, error in failures
        ]
        waits = [(row, error, d) for row, error, d in decided if isinstance(d, RetryAt)]
        ends = [(row, error, d) for row, error, d in decided if isinstance(d, GiveToPerson)]
        self._wait(tx, subject, rows, worker, waits)
        self.bury(tx, subject, [Burial(row.id, d.reason, _code(error)) for row, error, d in ends])
        for row, _, decision in ends:
            claims.settle(tx, rows, worker, [row.id], WorkState.DEAD, now, decision.reason)

    def _wait(
        self,
        tx: Connection,
        subject: Subject,
        rows: Claimable,
        worker: int,
        waits: Sequence[tuple[Row[Any], Exception, RetryAt]],
    ) -> None:
        paused = [row.id for row, _, decision in waits if decision.tier == 0]
        tried = [row.id for row, _, decision in waits if decision.tier > 0]
        claims.release(tx, rows, worker, paused, state=WorkState.WAITING)
        claims.settle(tx, rows, worker, tried, WorkState.WAITING, self.clock.now())
        plans = [Appointment(row.id, d.tier, d.at, d.reason, _code(error)) for row, error, d in waits]
        retries.plan(tx, subject, plans, self.clock.now())

    def put_off(
        self,
        tx: Connection,
        subject: Subject,
        rows: Claimable,
        worker: int,
        due: Mapping[int, tuple[datetime, Exception]],
    ) -> None:
        """These claims, by row id, come back at their time: it is not their own failure, so that it costs no attempt,
        and no dead letter however long it lasts."""
        claims.release(tx, rows, worker, due, state=WorkState.WAITING)
        plans = [
            Appointment(row_id, 0, at, str(error) or type(error).__name__, _code(error))
            for row_id, (at, error) in due.items()
        ]
        retries.plan(tx, subject, plans, self.clock.now())

    def bury(self, tx: Connection, subject: Subject, burials: Sequence[Burial]) -> None:
        """Open dead letters, with their deadline and alarm."""
        dead_letters.bury(tx, subject, burials, self.clock.now(), deadline=self.deadline, alarm=self.alarm)


def _code(error: Exception) -> str:
    return getattr(error, "code", "") or type(error).__name__
