"""The watch over the business numbers: the platform is asked how each of them does (R11, R12)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import DeliveryError, TryAgain, TryLater
from syncer.domain.number import TIERS, NumberState
from syncer.flows import number_alerts
from syncer.flows.numbers import Numbers, health_of
from syncer.policies import failover
from syncer.ports import Clock
from syncer.ports import Numbers as Platform
from syncer.store import alerts, numbers
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: A pause for this code is not ended by a number that merely looks well: it did so while its messages were refused.
_SPAM = "131048"
#: How often a worker wonders whether it is time to look.
_PATIENCE = timedelta(seconds=5)


@dataclass
class NumberWatch:
    """Asks the platform and enters what it says. Runs on the beat, at a worker's start, and when a notice came.

    `whole_account`: all numbers of the account are listed; otherwise only ours are asked for, one by one. `late_after`
    is the age of the last look at which a worker looks by itself, beat or no beat.
    """

    store: Store
    platform: Platform
    numbers: Numbers
    clock: Clock
    whole_account: bool = True
    late_after: timedelta = timedelta(minutes=5)
    _asked_at: datetime | None = None

    def check_if_late(self) -> None:
        """What a worker does by itself: look when nobody has for long, or when refusals have held a number since. Costs
        nothing within `_PATIENCE` of the last time."""
        now = self.clock.now()
        if self._asked_at is not None and now - self._asked_at < _PATIENCE:
            return
        self._asked_at = now
        with self.store.begin() as tx:
            unclear = numbers.unclear(tx, now - self.late_after)
        if unclear:
            self.check()

    def check(self) -> bool:
        """Look at every number; false when the platform did not answer, which changes nothing."""
        began = self.clock.now()
        try:
            states = self._states()
        except DeliveryError as error:
            self._unreadable(error, began)
            return False
        self.store.run(lambda tx: self._enter(tx, states, began))
        return True

    def _states(self) -> Sequence[NumberState]:
        """The account's numbers, and ours where they belong to another account."""
        listed = self.platform.phone_numbers() if self.whole_account else []
        known = {state.id for state in listed}
        ours = [number for number in (self.numbers.primary, self.numbers.backup) if number]
        return [*listed, *(self.platform.phone_number(number) for number in ours if number not in known)]

    def _enter(self, tx: Connection, states: Sequence[NumberState], began: datetime) -> None:
        """What was answered. Whoever waits for a number looks again within a minute, so nobody is rung for."""
        now = self.clock.now()
        before = numbers.all_of_them(tx, lock=True)
        for state in states:
            self.numbers.learn(tx, before.get(state.id), _columns(state, began), now)
        self._limit(tx, states, now)
        self._end_holds(tx, states, before, began, now)
        alerts.end(tx, number_alerts.UNREADABLE, now)
        number_alerts.way(tx, self.numbers.line(tx), now)

    def _limit(self, tx: Connection, states: Sequence[NumberState], now: datetime) -> None:
        """One limit holds for the whole portfolio; while numbers tell different ones, the lowest."""
        told = [TIERS[state.messaging_limit] for state in states if state.messaging_limit in TIERS]
        if told:
            self.numbers.limit(tx, min((value for value in told if value is not None), default=None), now)

    def _end_holds(
        self,
        tx: Connection,
        states: Sequence[NumberState],
        before: dict[str, Row[Any]],
        began: datetime,
        now: datetime,
    ) -> None:
        """End the pauses and the stop that the platform contradicts, if they are older than our question."""
        free = [state for state in states if state.status == "CONNECTED" and state.can_send == "AVAILABLE"]
        cured = [state.id for state in free if _is_proof(before.get(state.id))]
        freed = numbers.end_pauses(tx, cured, began, now, well_since=now)
        resumed = bool(free) and numbers.end_stop(tx, began, now)
        over = now - failover.SETTLED
        for row in before.values():
            if row.phone_number_id in freed or (row.paused_until and row.paused_until <= over):
                alerts.end(tx, number_alerts.paused(row.phone_number_id), now)
        if resumed or numbers.stop_ended(tx, over):
            alerts.end(tx, number_alerts.STOPPED, now)

    def _unreadable(self, error: DeliveryError, now: datetime) -> None:
        log.warning("the platform did not say how the numbers do: %s", error)
        if not isinstance(error, TryAgain | TryLater):
            text = f"the state of the business numbers cannot be read: {error}"
            self.store.run(lambda tx: alerts.sound(tx, number_alerts.UNREADABLE, text, now))


def _columns(state: NumberState, asked_at: datetime) -> dict[str, Any]:
    told = {name: value for name, value in asdict(state).items() if name in numbers.TOLD and name != "messaging_limit"}
    return {"phone_number_id": state.id, **told, "checked_at": asked_at}


def _is_proof(before: Row[Any] | None) -> bool:
    """Whether a number that looks well now shows that its pause is over."""
    if before is None or before.paused_until is None:
        return False
    return not (before.paused_reason or "").startswith(_SPAM) or not health_of(before).well
