"""Whether a campaign's message that failed may be tried once more when a person asks for it (law 6).

Only what surely reached nobody: the platform refused it, or took it and then said that it was not delivered. A send of
which nobody knows is not failed; evidence or a person settles that one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Verdict(StrEnum):
    """What becomes of one failed message."""

    AGAIN = "again"
    LATER = "later"  #: the platform wants more time to pass
    NEVER = "never"  #: a second try would end as the first


@dataclass(frozen=True, slots=True)
class Failed:
    """One message. `taken`: the platform had taken it. `letter`: what became of its dead letter, `open` while nobody
    has decided; None where there is none, since no person could help. `pause`: how long a message that failed for this
    reason has to rest; None where no time heals it."""

    failed_at: datetime
    taken: bool
    letter: str | None = None
    pause: timedelta | None = None


#: Somebody has said that it is never to be tried again; perhaps of a send whose outcome nobody knew.
DISCARDED = "discarded"
#: Why a second try is skipped when the first was delivered meanwhile.
ARRIVED_AFTER_ALL = "arrived_after_all"
_AT_ONCE = timedelta(0)


def judge(failed: Failed, now: datetime) -> Verdict:
    """A refusal that ended in a dead letter is one that a person can heal; for any other its reason decides."""
    if failed.letter == DISCARDED:
        return Verdict.NEVER
    pause = _AT_ONCE if failed.letter is not None and not failed.taken else failed.pause
    if pause is None:
        return Verdict.NEVER
    return Verdict.AGAIN if failed.failed_at + pause <= now else Verdict.LATER
