"""Deliveries: what subscribers are to hear of leaves for their addresses.

Each subscriber has a run of its own: a few deliveries are claimed, posted and settled together, and meanwhile others
have their runs. Within a run one person's events go out one after the other. A target that fails is left in peace, for
longer every time, and is then asked with a single delivery; what waits for it meanwhile loses no attempt (law 8).

A worker that dies between a POST and its settling has another deliver the same again, under the same id: receivers
recognise a repeat by the event's `id`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from syncer.domain.errors import Refused
from syncer.domain.hook import HookAnswer
from syncer.flows.hooks.calls import Parcel, parcels
from syncer.flows.hooks.settling import Outcome, Settling
from syncer.flows.hooks.vault import Vault
from syncer.policies import lanes
from syncer.policies.lanes import Pace
from syncer.ports import Clock, HookCaller
from syncer.store import claims, hooks
from syncer.store.hook_deliveries import DELIVERIES
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: While something is on its way, others are looked for this often (seconds).
_LOOK_SECONDS = 0.05
#: Nothing could be claimed although something waits (a person's line is held): look again after this.
_HELD = timedelta(seconds=0.5)


@dataclass
class _Run:
    subscription: Row[Any]
    rows: Sequence[Row[Any]]
    width: int
    unproven: bool
    parts: list[Future[list[Outcome]]] = field(default_factory=list)


@dataclass
class Deliveries:
    """`lanes` requests at most are on their way at a time, in `pool`. A lane begins no further request after
    `turn_seconds`, so that turns are short; `lease_seconds` cover a turn and the longest answer."""

    store: Store
    caller: HookCaller
    vault: Vault
    settling: Settling
    clock: Clock
    pool: Executor
    lanes: int = 8
    set_size: int = 50
    batch_size: int = 100
    turn_seconds: float = 0.5
    lease_seconds: float = 60.0
    _paces: dict[int, Pace] = field(default_factory=dict)
    _held: dict[int, datetime] = field(default_factory=dict)

    def deliver(self, worker: int) -> int:
        """Everything that is due; returns how many deliveries were tried. For one thread at a time."""
        runs: dict[int, _Run] = {}
        tried = 0
        try:
            while self._start(worker, runs) or runs:
                parts = [part for run in runs.values() for part in run.parts if not part.done()]
                wait(parts, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for key in [key for key, run in runs.items() if all(part.done() for part in run.parts)]:
                    tried += self._finish(worker, runs.pop(key))
        finally:
            for run in runs.values():
                wait(run.parts)
                self._finish(worker, run)
        return tried

    def _start(self, worker: int, runs: dict[int, _Run]) -> bool:
        """Begin runs as far as lanes are free; returns whether any began."""
        free = self.lanes - sum(run.width for run in runs.values())
        if free <= 0:
            return False
        now = self.clock.now()
        self._held = {key: until for key, until in self._held.items() if until > now}
        with self.store.begin() as tx:
            waiting = hooks.due(tx, now, [*runs, *self._held])
        began = False
        for subscription in waiting:
            pace = self._paces.get(subscription.id, Pace())
            unproven = sum(run.unproven for run in runs.values())
            free = self.lanes - sum(run.width for run in runs.values())
            width = lanes.width(pace, subscription.failures, free=free, all_lanes=self.lanes, unproven=unproven)
            if width and (run := self._run(worker, subscription, width, pace)):
                runs[subscription.id] = run
                began = True
        return began

    def _run(self, worker: int, subscription: Row[Any], width: int, pace: Pace) -> _Run | None:
        unproven = bool(subscription.failures) or not pace.proven
        rows = self._claim(worker, subscription, self._most(subscription, width))
        if not rows:
            self._held[subscription.id] = self.clock.now() + _HELD
            return None
        run = _Run(subscription, rows, width, unproven)
        try:
            secret = self.vault.open(subscription.secret)
            shared = parcels(subscription, secret, rows, self.batch_size)
            run.parts = [self.pool.submit(self._lane, part) for part in lanes.split(shared, width)]
        except Refused as error:  # the secret cannot be read
            run.parts = [self.pool.submit(_unserved, rows, error)]
        return run

    def _most(self, subscription: Row[Any], width: int) -> int:
        if subscription.failures:
            return self.batch_size if subscription.batch else 1
        return self.batch_size * width if subscription.batch else self.set_size

    def _claim(self, worker: int, subscription: Row[Any], limit: int) -> Sequence[Row[Any]]:
        with self.store.begin() as tx:
            return claims.claim(
                tx,
                DELIVERIES,
                worker,
                now=self.clock.now(),
                lease_seconds=self.lease_seconds,
                limit=limit,
                where="r.subscription_id = :subscription",
                values={"subscription": subscription.id},
            )

    def _lane(self, shared: Sequence[Parcel]) -> list[Outcome]:
        """Post one after the other; what is left when the turn is over, or the target fails, goes back untried."""
        ends = time.monotonic() + self.turn_seconds
        found: list[Outcome] = []
        for parcel in shared:
            if time.monotonic() > ends and found:
                break
            answer = self._post(parcel)
            found.append(Outcome(parcel.rows, answer))
            if answer.error is not None:
                break
        return found

    def _post(self, parcel: Parcel) -> HookAnswer:
        try:
            return self.caller.call(parcel.call)
        except Exception as error:  # a defect of ours must not cost the other subscribers their deliveries
            log.exception("a delivery could not be posted")
            return HookAnswer(error=error)

    def _finish(self, worker: int, run: _Run) -> int:
        outcomes = [outcome for part in run.parts for outcome in part.result()]
        for outcome in outcomes:
            if outcome.answer.status is not None or outcome.answer.seconds:
                pace = self._paces.get(run.subscription.id, Pace())
                self._paces[run.subscription.id] = pace.after(outcome.answer.seconds)
        self.settling.settle(worker, run.subscription, run.rows, outcomes)
        return sum(len(outcome.rows) for outcome in outcomes)


def _unserved(rows: Sequence[Row[Any]], error: Exception) -> list[Outcome]:
    return [Outcome(rows, HookAnswer(error=error))]
