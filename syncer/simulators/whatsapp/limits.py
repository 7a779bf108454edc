"""The platform's three rate limits: messages per second, messages per customer, customers per day."""

from __future__ import annotations

import time
from collections import OrderedDict

from syncer.simulators.whatsapp.business_number import BusinessNumber
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

    def take_throughput(self, number: BusinessNumber, now: float, *, incoming: bool = False) -> None:
        """Count a message of `number`, whose own throughput wins over the setting; raises 130429 beyond one second's
        worth. Incoming ones count, but always pass."""
        rate = self._rules.throughput if number.throughput is None else number.throughput
        if not rate:
            return
        until = max(self._busy_until.get(number.id, 0.0), now) + 1.0 / rate
        if until - now > 1.0 + _GRACE:
            if incoming:
                return
            raise GraphError(130429, "Cloud API message throughput has been reached.")
        self._busy_until[number.id] = until

    def usage(self, waba_id: str, number: BusinessNumber) -> str:
        """The header that tells how much of the present second's throughput a number has used, in percent."""
        used = max(0, min(100, round(100 * (self._busy_until.get(number.id, 0.0) - time.time()))))
        spent = f'"call_count":{used},"total_cputime":0,"total_time":0,"estimated_time_to_regain_access":0'
        return f'{{"{waba_id}":[{{"type":"whatsapp_business_messaging",{spent}}}]}}'

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
