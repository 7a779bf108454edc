"""When a CRM that does not serve is left in peace, and when a person hears of it: a circuit breaker, value in, value
out.

Closed: everybody asks. After some failures in a row, or at once when the CRM itself says until when, it is open: nobody
asks, and nothing waiting loses an attempt (law 8). When the pause is over one caller asks for all (half-open); served,
the breaker closes; not served, the pause doubles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from syncer.domain.errors import DeliveryError, FixCredentials, OutcomeUnknown, OverQuota, TryAgain, TryLater
from syncer.domain.standing import Standing

#: Whoever asks for all may take this long; then somebody else does, since it may have died over it.
PROBE = timedelta(seconds=30)
#: What was not served while the breaker is closed comes back after this: R26's first retry is within a second.
SOON = timedelta(seconds=0.5)
#: A person has to renew a token or a permission: looking twice a minute is often enough, and locks nobody out.
RENEWAL = timedelta(seconds=30)
#: Longest wait on the CRM's own word: a wrong header must not silence it for a day.
LONGEST_WORD = timedelta(hours=1)


class Leave(Enum):
    """Whether a CRM may be asked."""

    NO = "no"
    PROBE = "probe"  #: one caller, for all, and with little
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Patience:
    """The figures of `[breaker]`: failed calls in a row until it opens, the first pause, the longest one, and the
    length of an outage that a person is told of."""

    failures: int = 3
    first_pause: timedelta = timedelta(seconds=2)
    longest_pause: timedelta = timedelta(seconds=5)
    tell_after: timedelta = timedelta(seconds=300)


def counts(error: Exception) -> bool:
    """Whether it says something of the CRM as a whole. Refusals of one record and deliberate answers do not, nor does
    our own quota, for which the CRM was not even asked."""
    if isinstance(error, OverQuota):
        return False
    return not isinstance(error, DeliveryError) or isinstance(
        error, TryAgain | TryLater | OutcomeUnknown | FixCredentials
    )


def keeps_waiting(error: Exception) -> bool:
    """Whether what was to be told waits for the CRM as a whole, or for our quota of its calls, and not for a record."""
    return counts(error) or isinstance(error, OverQuota)


def leave(standing: Standing, now: datetime) -> Leave:
    """Whether somebody may ask now. The leave to probe is one caller's: it has to be taken."""
    if standing.open_since is None:
        return Leave.YES
    resting = standing.retry_at is not None and now < standing.retry_at
    probed = standing.probe_until is not None and now < standing.probe_until
    return Leave.NO if resting or probed else Leave.PROBE


def after_failure(standing: Standing, what: str, error: Exception, now: datetime, patience: Patience) -> Standing:
    """A call as a whole was not served; `what` it was about. Calls that were under way when the breaker opened are no
    news: only the probe's failure makes the pause longer."""
    if not counts(error):
        return standing
    refused = standing.refused | {what} if isinstance(error, FixCredentials) else standing.refused
    if standing.open_since is not None and standing.probe_until is None:
        return replace(standing, refused=refused)
    failures = standing.failures + 1
    known = replace(standing, failures=failures, refused=refused, probe_until=None)
    if standing.open_since is None and failures < patience.failures and not isinstance(error, TryLater):
        return known
    pause = _pause(error, failures - patience.failures, patience)
    return replace(known, open_since=standing.open_since or now, retry_at=now + pause)


def _pause(error: Exception, doubled: int, patience: Patience) -> timedelta:
    if isinstance(error, TryLater):
        return min(timedelta(seconds=error.wait_seconds), LONGEST_WORD)
    if isinstance(error, FixCredentials):
        return RENEWAL
    # The exponent is bounded: an outage may last for weeks.
    return min(patience.first_pause * (1 << min(max(doubled, 0), 20)), patience.longest_pause)


def after_service(standing: Standing, what: str) -> Standing:
    """A call about `what` was served."""
    return Standing(refused=standing.refused - {what})


def rest(standing: Standing, error: Exception, now: datetime, patience: Patience, *, partly: bool) -> datetime:
    """When that comes back which a call did not serve; it loses no attempt. `partly`: the CRM serves other calls, so
    the breaker will not hold this one back."""
    if isinstance(error, FixCredentials):
        return now + RENEWAL
    if isinstance(error, TryLater):
        return now + min(timedelta(seconds=error.wait_seconds), LONGEST_WORD)
    if partly:
        return now + patience.longest_pause
    return max(now + SOON, standing.retry_at or now)


def grave(standing: Standing, patience: Patience) -> bool:
    """Whether a person has to know: credentials are refused, or it has not served, or will not, for too long."""
    if standing.refused:
        return True
    if standing.open_since is None or standing.retry_at is None:
        return False
    return standing.retry_at - standing.open_since >= patience.tell_after


def ended(before: Standing, after: Standing) -> bool:
    """Whether all is well again of which a person may have been told."""
    troubled = before.open_since is not None or bool(before.refused)
    return troubled and after.open_since is None and not after.refused
