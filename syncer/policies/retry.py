"""The three-tier retry (R26): at once, after 30 seconds, and then a person - decided from the error and the attempts.

Waiting is not failing (law 8): whatever the other side asks us to wait for costs no attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.domain.errors import (
    AskPerson,
    FixCredentials,
    Never,
    PauseNumber,
    PauseTemplate,
    StopAccount,
    TryLater,
)


@dataclass(frozen=True, slots=True)
class Tiers:
    """R26's figures. `patience` bounds how long an item may wait without failing before a person hears of it;
    `person_wait` is how often it looks whether a person has renewed a token or ended a pause meanwhile.

    `third_after` is for items of which a person should hear late, since the fault is most likely not ours: where it is
    set, tries go on, each after twice the wait of the last and at most `longest_wait`, until `patience` is over."""

    second_after: timedelta = timedelta(seconds=30)
    person_wait: timedelta = timedelta(seconds=60)
    patience: timedelta = timedelta(hours=24)
    third_after: timedelta | None = None
    longest_wait: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Come back at `at`. Tier 0 is a wait: the attempt is given back."""

    at: datetime
    tier: int
    reason: str


@dataclass(frozen=True, slots=True)
class GiveToPerson:
    """Tier 3: write the error record; nothing more happens by itself."""

    reason: str


Decision = RetryAt | GiveToPerson

#: Troubles of everybody's: one alert tells the person, and the items wait instead of failing one by one.
_FOR_ALL = (FixCredentials, PauseTemplate, PauseNumber, StopAccount)


def decide(error: Exception, *, attempts: int, since: datetime, now: datetime, tiers: Tiers) -> Decision:
    """What becomes of an item whose `attempts`-th try has failed with `error`; `since` is when it was first due."""
    reason = str(error) or type(error).__name__
    if isinstance(error, TryLater):
        pause = timedelta(seconds=error.wait_seconds)
        # A number's long wait is kept with the number; the item looks again soon, since another number may take it.
        return _wait(pause if error.scope == "item" else min(pause, tiers.person_wait), reason, since, now, tiers)
    if isinstance(error, _FOR_ALL):
        return _wait(tiers.person_wait, reason, since, now, tiers)
    if isinstance(error, Never | AskPerson):
        return GiveToPerson(reason)
    if attempts <= 1:
        return RetryAt(now, 1, reason)
    if attempts == 2:
        return RetryAt(now + tiers.second_after, 2, reason)
    if tiers.third_after is not None:
        pause = doubled(tiers.third_after, attempts - 3, tiers.longest_wait)
        if now + pause - since <= tiers.patience:
            return RetryAt(now + pause, 3, reason)
    return GiveToPerson(reason)


def doubled(first: timedelta, times: int, longest: timedelta) -> timedelta:
    """A wait that was doubled so many times, and has stopped growing at the longest."""
    return min(first * (1 << min(max(times, 0), 30)), longest)


def _wait(pause: timedelta, reason: str, since: datetime, now: datetime, tiers: Tiers) -> Decision:
    if now + pause - since > tiers.patience:
        return GiveToPerson(f"still waiting after {tiers.patience}: {reason}")
    return RetryAt(now + pause, 0, reason)
