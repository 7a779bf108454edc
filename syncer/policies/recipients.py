"""How many people, and how often one of them, may be written to: the platform's messaging limit and its pair rate
(R14, X5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from syncer.domain.message import Lane

#: The messaging limit counts different people over a rolling day (messaging-limits page).
DAY = timedelta(hours=24)
#: One message per person and number in 6 s, and up to 45 borrowed from the future (error 131056). Five fewer here: we
#: know when our requests left, not when the platform counted them.
PAIR_INTERVAL = timedelta(seconds=6)
PAIR_BURST = 40
#: What a person was sent longer ago weighs nothing any more, at the rate's own 600 per hour.
PAIR_MEMORY = timedelta(hours=1)


def room(limit: int, used: int, lane: Lane, reserve: float) -> int:
    """How many more people may be reached now. Bulk leaves the `reserve` share (0 to 1) to live templates, which do not
    wait for a campaign to end (law 11); replies inside a window do not count at all."""
    ceiling = limit if lane is Lane.LIVE else max(int(limit * (1 - reserve)), 1)
    return max(ceiling - used, 0)


class Pair:
    """One person and one number: when the next message may leave.

    `sent` are the moments of the last hour's messages, in their order. Each one pushes the person's debt 6 s further
    into the future; a debt of more than the burst has to be waited for.
    """

    def __init__(self, sent: Iterable[datetime]) -> None:
        self._paid_at: datetime | None = None
        for moment in sent:
            self._add(moment)

    def free_at(self, now: datetime) -> datetime:
        """The earliest moment for the next message; `now` when it need not wait."""
        return now if self._paid_at is None else max(now, self._paid_at - PAIR_INTERVAL * (PAIR_BURST - 1))

    def take(self, now: datetime) -> datetime | None:
        """Count a message that leaves now; where it must not, when it may."""
        free_at = self.free_at(now)
        if free_at > now:
            return free_at
        self._add(now)
        return None

    def _add(self, moment: datetime) -> None:
        self._paid_at = max(self._paid_at or moment, moment) + PAIR_INTERVAL
