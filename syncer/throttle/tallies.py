"""How often all workers have asked the CRMs, and how long the answers took: counted in Redis, since no worker has a
door at which it could be asked. What is counted while Redis is away is not counted at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

import redis

from syncer.domain.tally import Tally
from syncer.throttle.limiter import PROBE_SECONDS, Outage, connect

#: Seconds; from an answer that nobody notices to one that breaks the deadline.
BOUNDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SUM = "sum"


class RedisTallies:
    """Never raises, and never waits longer than a quarter of a second. Safe to share between threads."""

    def __init__(
        self, redis_url: str, *, key: str = "syncer:crm:requests", probe_seconds: float = PROBE_SECONDS
    ) -> None:
        self._client, self._key = connect(redis_url), key
        self._outage = Outage("the tallies' Redis", "requests to CRMs are not counted", probe_seconds)

    def count(self, crm: str, kind: str, seconds: float) -> None:
        """One exchange with `crm`."""
        if not self._outage.worth_asking():
            return
        place = bisect_left(BOUNDS, seconds)
        try:
            with self._client.pipeline(transaction=False) as line:
                line.hincrby(self._key, f"{crm}|{kind}|{place}")
                line.hincrbyfloat(self._key, f"{crm}|{kind}|{_SUM}", round(seconds, 6))
                line.execute()
        except (redis.RedisError, OSError) as fault:
            self._outage.begin(fault)
        else:
            self._outage.end()

    def read(self) -> list[Tally]:
        """All that was counted; nothing while Redis is away."""
        try:
            stored = self._client.hgetall(self._key) if self._outage.worth_asking() else {}
        except (redis.RedisError, OSError) as fault:
            self._outage.begin(fault)
            return []
        found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
        for name, value in stored.items():
            crm, kind, place = (name if isinstance(name, str) else name.decode()).split("|")
            found[crm, kind][place] = float(value)
        return [_tally(crm, kind, told) for (crm, kind), told in sorted(found.items())]

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()


def _tally(crm: str, kind: str, told: dict[str, float]) -> Tally:
    seconds = told.pop(_SUM, 0.0)
    each = [int(told.get(str(place), 0)) for place in range(len(BOUNDS) + 1)]
    within = {bound: sum(each[: place + 1]) for place, bound in enumerate(BOUNDS)}
    return Tally(crm, kind, sum(each), seconds, within)
