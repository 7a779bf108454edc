"""The three-tier retry (R26): at once, after 30 seconds, and then a person - decided from the error and the attempts.

Waiting is not failing (law 8): whatever the other side asks us to wait for costs no attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from syncer.domain.errors import AskPerson, FixCredentials, Never, TryLater


@dataclass(frozen=True, slots=True)
class Tiers:
    """R26's figures. `patience` bounds how long an item may wait without failing before a person hears of it."""

    second_after: timedelta = timedelta(seconds=30)
    credentials_wait: timedelta = timedelta(seconds=60)
    patience: timedelta = timedelta(hours=24)


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


def decide(error: Exception, *, attempts: int, since: datetime, now: datetime, tiers: Tiers) -> Decision:
    """What becomes of an item whose `attempts`-th try has failed with `error`; `since` is when it was first due."""
    reason = str(error) or type(error).__name__
    if isinstance(error, Never | AskPerson):
        return GiveToPerson(reason)
    if isinstance(error, TryLater):
        return _wait(timedelta(seconds=error.wait_seconds), reason, since, now, tiers)
    if isinstance(error, FixCredentials):
        return _wait(tiers.credentials_wait, reason, since, now, tiers)
    if attempts <= 1:
        return RetryAt(now, 1, reason)
    if attempts == 2:
        return RetryAt(now + tiers.second_after, 2, reason)
    return GiveToPerson(reason)


def _wait(pause: timedelta, reason: str, since: datetime, now: datetime, tiers: Tiers) -> Decision:
    if now + pause - since > tiers.patience:
        return GiveToPerson(f"still waiting after {tiers.patience}: {reason}")
    return RetryAt(now + pause, 0, reason)
