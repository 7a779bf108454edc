"""Recipients: who may be written to now without the platform's limits on people being broken (R14, X5)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from syncer.domain.message import Lane
from syncer.policies import recipients as policy
from syncer.policies.recipients import DAY, PAIR_BURST, PAIR_MEMORY, Pair
from syncer.store import numbers, recipients

#: A count is believed for this long, as long as the limit is further away than all workers together can come in that
#: time: two numbers at the platform's 80 messages per second reach 800 people in 5 s.
BELIEVED = timedelta(seconds=5)
NEAR = 1_000
#: A limit that is spent is looked at again after this long at most: it may have been raised.
LOOK_AGAIN = timedelta(minutes=10)
SOONEST = timedelta(seconds=60)


class Bound(Protocol):
    """A message about to leave."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def contact_id(self) -> int:
        """Whom it goes to."""

    @property
    def phone_number_id(self) -> str:
        """Which of ours it leaves by."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Who may go now; the others ask again at `wait_until`."""

    may_go: set[int]
    wait_until: datetime | None = None


@dataclass
class Recipients:
    """Counts people. `reserve` is the share of the limit that campaigns leave to live templates.

    Far from the limit, what this process counted last is enough; near it every set is counted, one worker at a time, so
    that all workers together stay below the limit. Should the platform count differently, its refusals are waits.
    """

    reserve: float = 0.05
    _counted_at: datetime | None = None
    _used: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def budget(self, tx: Connection, contact_ids: Collection[int], now: datetime, lane: Lane = Lane.BULK) -> Budget:
        """Which of these people a template may reach now, outside a customer service window. Whoever may go is entered
        as reached in the caller's transaction; asking for them again costs nothing."""
        limit = numbers.lowest_limit(tx) if contact_ids else None
        if limit is None:
            return Budget(set(contact_ids))
        used = self._used_so_far(tx, limit, now)
        known = recipients.among(tx, contact_ids, now - DAY)
        fresh = [person for person in dict.fromkeys(contact_ids) if person not in known]
        chosen = fresh[: policy.room(limit, used, lane, self.reserve)]
        recipients.enter(tx, [*known, *chosen], now)
        with self._lock:
            self._used += len(chosen)
        return Budget(known | set(chosen), None if len(chosen) == len(fresh) else self._room_again(tx, now))

    def over_pair_rate(self, tx: Connection, rows: Sequence[Bound], now: datetime) -> dict[int, datetime]:
        """Messages that must not follow so soon on what their recipient was sent from the same number, and when each
        may leave. `rows` in their order, with id, contact_id and the phone_number_id they are to leave by."""
        people = {row.contact_id for row in rows}
        busy = recipients.busy_pairs(tx, people, now - PAIR_MEMORY, max(PAIR_BURST - len(rows), 1)) if people else {}
        pairs: dict[tuple[int, str], Pair] = {}
        late: dict[int, datetime] = {}
        for row in rows:
            key = (row.contact_id, row.phone_number_id)
            pair = pairs.setdefault(key, Pair(busy.get(key, ())))
            if (free_at := pair.take(now)) is not None:
                late[row.id] = free_at
        return late

    def _used_so_far(self, tx: Connection, limit: int, now: datetime) -> int:
        with self._lock:
            fresh = self._counted_at is not None and timedelta(0) <= now - self._counted_at < BELIEVED
            if fresh and self._used + NEAR < limit:
                return self._used
        recipients.take_turn(tx)
        used = recipients.count(tx, now - DAY)
        with self._lock:
            self._counted_at, self._used = now, used
        return used

    def _room_again(self, tx: Connection, now: datetime) -> datetime:
        first = recipients.oldest(tx, now - DAY)
        free_at = now + LOOK_AGAIN if first is None else first + DAY
        return min(max(free_at, now + SOONEST), now + LOOK_AGAIN)
