"""Settling: what becomes of deliveries and of their subscription once the target has answered, or has not."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import TryLater
from syncer.domain.hook import HookAnswer
from syncer.domain.work import Subject, WorkState
from syncer.flows.setbacks import Setbacks
from syncer.policies.retry import doubled
from syncer.ports import Clock
from syncer.store import alerts, claims, hook_deliveries, hooks
from syncer.store.hook_deliveries import DELIVERIES
from syncer.store.session import Store

log = logging.getLogger(__name__)

_GONE = "the target wants no more of them (410)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one request came to, with the deliveries that were in it."""

    rows: Sequence[Row[Any]]
    answer: HookAnswer


@dataclass(frozen=True)
class Settling:
    """After a failure the target is left in peace: not at all the first time, then for a second, twice as long each
    time and at most `longest_pause`. After `rest_after` failures in a row its subscription rests."""

    store: Store
    setbacks: Setbacks
    clock: Clock
    rest_after: int = 50
    longest_pause: timedelta = timedelta(minutes=30)

    def settle(
        self, worker: int, subscription: Row[Any], claimed: Sequence[Row[Any]], outcomes: Sequence[Outcome]
    ) -> None:
        """One run, in one transaction. What of `claimed` was not tried goes back without having lost an attempt."""
        self.store.run(lambda tx: self._settle(tx, worker, subscription, claimed, outcomes))

    def _settle(
        self,
        tx: Connection,
        worker: int,
        subscription: Row[Any],
        claimed: Sequence[Row[Any]],
        outcomes: Sequence[Outcome],
    ) -> None:
        now = self.clock.now()
        tried = {row.id for outcome in outcomes for row in outcome.rows}
        claims.release(tx, DELIVERIES, worker, [row.id for row in claimed if row.id not in tried])
        answers = [(row.id, outcome.answer.status) for outcome in outcomes for row in outcome.rows]
        hook_deliveries.note_answers(tx, answers, now)
        taken = [row.id for outcome in outcomes if outcome.answer.error is None for row in outcome.rows]
        claims.settle(tx, DELIVERIES, worker, taken, WorkState.DONE, now)
        if any(outcome.answer.gone for outcome in outcomes):
            self._end(tx, worker, subscription, [row.id for row in claimed if row.id not in taken])
            return
        failed = [(row, one.answer.error) for one in outcomes if one.answer.error for row in one.rows]
        self.setbacks.record(tx, Subject.HOOK_DELIVERY, DELIVERIES, worker, failed, since="created_at")
        if taken:
            hooks.delivered(tx, subscription.id, now)
        for error in [one.answer.error for one in outcomes if one.answer.error]:
            self._leave_in_peace(tx, subscription, error)

    def _end(self, tx: Connection, worker: int, subscription: Row[Any], ids: Sequence[int]) -> None:
        now = self.clock.now()
        claims.settle(tx, DELIVERIES, worker, ids, WorkState.IGNORED, now, _GONE)
        hooks.end(tx, subscription.id, _GONE, now)
        log.info("subscription %d to %s has ended: %s", subscription.id, subscription.event, _GONE)

    def _leave_in_peace(self, tx: Connection, subscription: Row[Any], error: Exception) -> None:
        now = self.clock.now()
        if isinstance(error, TryLater):
            hooks.pause(tx, subscription.id, now + timedelta(seconds=error.wait_seconds))
            return
        failures = hooks.failed(tx, subscription.id, str(error))
        if failures >= self.rest_after:
            self._rest(tx, subscription, error)
        elif failures > 1:
            hooks.pause(tx, subscription.id, now + doubled(timedelta(seconds=1), failures - 2, self.longest_pause))

    def _rest(self, tx: Connection, subscription: Row[Any], error: Exception) -> None:
        if hooks.rest(tx, subscription.id, str(error)):
            message = (
                f"the subscription {subscription.id} of {subscription.owner} to {subscription.event} rests after"
                f" {self.rest_after} failures in a row: {error}. What waits for it leaves when it is subscribed again."
            )
            alerts.sound(tx, alert_of(subscription.id), message, self.clock.now())


def alert_of(subscription_id: int) -> str:
    """The alert of a subscription that rests."""
    return f"hook:{subscription_id}"
