"""Keeping below what a CRM lets us ask, before it has to say no, with a share left for live work (law 11).

All workers share one quota (`ports.Quota`). What only the CRM itself can know - what is left of a day's calls, that it
has had enough - is read from its answers by the process that got them, and told to all by way of the quota.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from syncer.domain.errors import OverQuota, TryLater
from syncer.ports import Quota, Turn

#: Share of what is left that reading in bulk leaves to live work and to whatever else uses the account (R2).
RESERVE = 0.2
#: No worker slot is held for longer than this at a time (seconds; law 8).
LONGEST_PAUSE = 1.0
#: Reading in bulk that found no room is not worth taking up again earlier (seconds).
BULK_REST = 2.0


@dataclass(frozen=True, slots=True)
class Left:
    """What an answer says: `left` of `most` calls. While no more than the reserve is left, reading in bulk rests for
    `seconds`."""

    left: int
    most: int
    seconds: float


Told = Callable[[Mapping[str, str]], Iterable[Left]]
"""What the headers of an answer say of calls that are left."""

Allows = Callable[[Mapping[str, str]], tuple[int, float] | None]
"""What they say is allowed: so many calls in any so many seconds."""

Sleep = Callable[[float], None]


class Endless:
    """Implements `Quota` for one who speaks with a CRM alone and asks little: nothing is counted."""

    def take(self, name: str, *, bulk: bool = False, cost: int = 1, patience: float = 0.0, place: str = "") -> Turn:
        """Always at once."""
        return Turn(True)

    def leave(self, name: str, place: str) -> None:
        """Nothing: there are no places."""

    def slow_down(self, name: str, seconds: float, *, bulk: bool = False) -> None:
        """Nothing: the next call finds out by itself."""

    def allowed(self, name: str, calls: int, seconds: float) -> None:
        """Nothing: it stays endless."""


def _nothing(headers: Mapping[str, str]) -> None:
    """A vendor who does not say what it allows."""


class Pace:
    """The pace of one process's calls to the CRM called `name`, shared by its threads. `told` and `allows` read the
    headers of the vendor's answers; without a `quota` nothing is counted. `patience` is by room: seconds for which a
    live call waits for its turn, where that is not `LONGEST_PAUSE`."""

    def __init__(
        self,
        name: str,
        told: Told,
        quota: Quota | None,
        sleep: Sleep,
        *,
        allows: Allows = _nothing,
        patience: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._name, self._told, self._allows, self._sleep = name, told, allows, sleep
        self._patience = patience
        self._quota: Quota = quota or Endless()

    @contextmanager
    def turn(self, room: str = "", *, bulk: bool = False) -> Iterator[None]:
        """For one call: waits for its turn, as long as its patience lasts; raises `OverQuota` where that is not enough.
        `room` has a budget of its own, such as `search`; `bulk` leaves the reserve to live work."""
        name, place = self._budget(room), secrets.token_hex(6)
        self._await(name, place, bulk, LONGEST_PAUSE if bulk else self._patience.get(room, LONGEST_PAUSE))
        try:
            yield
        finally:
            self._quota.leave(name, place)

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer's headers, for all workers."""
        if (limit := self._allows(headers)) is not None:
            self._quota.allowed(self._name, *limit)
        for told in self._told(headers):
            if told.left <= told.most * RESERVE:
                self._quota.slow_down(self._name, told.seconds, bulk=True)

    def refused(self, error: Exception, room: str = "") -> None:
        """The CRM has had enough: nobody asks until it says. `room` as for `turn`."""
        if isinstance(error, TryLater):
            self._quota.slow_down(self._budget(room), error.wait_seconds)

    def wait(self, seconds: float) -> None:
        """Pause, within what a worker slot may be held."""
        self._sleep(min(seconds, LONGEST_PAUSE))

    def _budget(self, room: str) -> str:
        return f"{self._name}.{room}" if room else self._name

    def _await(self, name: str, place: str, bulk: bool, patience: float) -> None:
        while True:
            turn = self._quota.take(name, bulk=bulk, patience=patience, place=place)
            if not turn.taken and turn.wait_seconds > patience:
                raise _no_room(name, turn.wait_seconds, bulk)
            if turn.wait_seconds > 0:
                self._sleep(turn.wait_seconds)
                patience -= turn.wait_seconds
            if turn.taken:
                return


def _no_room(name: str, seconds: float, bulk: bool) -> OverQuota:
    wait, kept = (max(seconds, BULK_REST), "; the rest is kept for live messages") if bulk else (seconds, "")
    return OverQuota(f"no room for a call in the quota '{name}'{kept}", code="quota", wait_seconds=wait)
