"""The platform's three rate limits: messages per second, messages per customer, customers per day."""

from __future__ import annotations

from collections import OrderedDict

from syncer.simulators.whatsapp.config import Limits
from syncer.simulators.whatsapp.errors import GraphError

_DAY = 86_400.0
# Unix times as floats are exact to a quarter of a microsecond; without this the last message of a burst is a lottery.
_GRACE = 1e-5


class RateLimits:
    """Remembers who sent what when. Times are unix seconds; the rules are read anew at each call."""

    def __init__(self, rules: Limits) -> None:
        self._rules = rules
        self._busy_until: dict[str, float] = {}
        self._pair_until: dict[tuple[str, str], float] = {}
        self._reached: OrderedDict[str, float] = OrderedDict()

    def clear(self) -> None:
        """Forget the past."""
        self._busy_until.clear()
        self._pair_until.clear()
        self._reached.clear()

    def take_throughput(self, number_id: str, now: float, *, incoming: bool = False) -> None:
        """Count a message of `number_id`; raises 130429 beyond one second's worth. Incoming ones count, but always
        pass."""
        if not self._rules.throughput:
            return
        until = max(self._busy_until.get(number_id, 0.0), now) + 1.0 / self._rules.throughput
        if until - now > 1.0 + _GRACE:
            if incoming:
                return
            raise GraphError(130429, "Cloud API message throughput has been reached.")
        self._busy_until[number_id] = until

    def take_pair(self, number_id: str, customer: str, now: float) -> None:
        """Count a message to one customer; raises 131056 once the burst is spent."""
        interval = self._rules.pair_interval
        if not interval:
            return
        until = max(self._pair_until.get((number_id, customer), 0.0), now) + interval
        if until - now > interval * self._rules.pair_burst + _GRACE:
            raise GraphError(
                131056,
                "Message failed to send because there were too many messages sent from this phone number to the same "
                "phone number in a short period of time.",
            )
        self._pair_until[number_id, customer] = until

    def take_customer(self, customer: str, now: float) -> None:
        """Count a customer reached outside a window; raises 131048 when the day's limit is spent.

        The platform documents no code of its own for the messaging limit; 131048 is the one that speaks of
        restrictions on how many messages may be sent.
        """
        while self._reached and next(iter(self._reached.values())) < now - _DAY:
            self._reached.popitem(last=False)
        limit = self._rules.messaging_limit
        if limit and customer not in self._reached and len(self._reached) >= limit:
            raise GraphError(131048, "There are restrictions on how many messages can be sent from this phone number.")
        self._reached[customer] = now
        self._reached.move_to_end(customer)
