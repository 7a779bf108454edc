"""Group commit: deliveries that come in at the same time share one transaction (law 1).

A request hands in its items and waits. One thread stores, in one transaction, everything that had gathered when it was
free, and wakes all of those requests at once; meanwhile the next group gathers. So the cost of a commit is shared by
more the busier it gets, and a request is still answered only after its own items are on disk.

The event loop alone gathers and hands over, a whole group at a time: passing each delivery to the thread by itself
would make the two fight for the interpreter's lock, which cost a third of the throughput.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence

from syncer.domain.errors import SyncerError, TryAgain, Unreachable
from syncer.domain.inbox import InboxItem
from syncer.monitoring import metrics

log = logging.getLogger(__name__)

#: A transaction takes no more items, nor characters of payload, than this once it has one delivery: a group's requests
#: wait for each other, and a statement of hundreds of megabytes helps nobody.
MOST_ITEMS = 2_000
MOST_CHARACTERS = 8 * 1024 * 1024
#: How many times that may wait, beyond which a delivery is turned away: the provider repeats it, memory stays bounded.
MOST_GROUPS = 10
#: Turns of the event loop for which a group waits for company, as long as each brings some.
MOST_TURNS = 5
#: Seconds a request waits for its commit. The platform repeats what is not answered; a stored repeat changes nothing.
PATIENCE = 5.0
#: How often a transaction is begun again that PostgreSQL ended to break a deadlock.
TRIES = 3


class Overloaded(SyncerError):
    """More waits to be stored than may wait; nothing of this delivery was taken."""


class Delivery:
    """The items of one request, how much they count against the bounds, and the future that tells the request their
    fate."""

    __slots__ = ("items", "stored", "weight")

    def __init__(self, items: Sequence[InboxItem], weight: int, stored: asyncio.Future[None]) -> None:
        self.items = items
        self.weight = weight
        self.stored = stored


class Committer:
    """`receive` stores items in one transaction and returns how many were new: `Intake.receive`; `missed` is told when
    a delivery is turned away without its having been asked. Everything but `receive` runs on one event loop, the one
    `start` was called on."""

    def __init__(
        self,
        receive: Callable[[Sequence[InboxItem]], int],
        *,
        most_items: int = MOST_ITEMS,
        most_groups: int = MOST_GROUPS,
        patience: float = PATIENCE,
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        self._receive = receive
        self._missed = missed
        self._item_weight = MOST_CHARACTERS // most_items
        self._most_waiting = most_groups * MOST_CHARACTERS
        self._patience = patience
        self._gathered: list[Delivery] = []
        self._taken = 0
        self._handing_over = False
        self._groups: queue.SimpleQueue[list[Delivery] | None] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Begin; called on the loop that the requests run on."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def close(self, timeout: float = 10.0) -> None:
        """Store what still waits, then stop."""
        if self._thread.is_alive():
            while self._gathered:
                self._groups.put(self._cut())
            self._groups.put(None)
            await asyncio.to_thread(self._thread.join, timeout)

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Return when every item is durably stored.

        Raises `Overloaded` and `Unreachable`; after any error the delivery must not be acknowledged.
        """
        if not items:
            return
        loop = self._loop
        assert loop is not None, "the committer has not been started"
        weight = max(len(items) * self._item_weight, sum([len(item.payload) for item in items]))
        if self._taken and self._taken + weight > self._most_waiting:
            self._missed()
            raise Overloaded("too many deliveries wait to be stored")
        delivery = Delivery(items, weight, loop.create_future())
        self._taken += weight
        self._gathered.append(delivery)
        if not self._handing_over:
            self._hand_over_soon()
        impatient = loop.call_later(self._patience, self._give_up, delivery.stored)
        try:
            await delivery.stored
        finally:
            impatient.cancel()

    # On the loop

    def _hand_over_soon(self) -> None:
        assert self._loop is not None
        self._handing_over = True
        self._loop.call_soon(self._hand_over, 0, MOST_TURNS)

    def _hand_over(self, seen: int, turns: int) -> None:
        """Give the thread, which is free, its next group - once a turn of the loop has added nothing to it: requests
        that have arrived already shall share this transaction and not wait for the next."""
        assert self._loop is not None
        if turns and len(self._gathered) > seen:
            self._loop.call_soon(self._hand_over, len(self._gathered), turns - 1)
        elif self._gathered:
            self._groups.put(self._cut())

    def _cut(self) -> list[Delivery]:
        """What has gathered, as far as one transaction should take it."""
        room, count = MOST_CHARACTERS - self._gathered[0].weight, 1
        while count < len(self._gathered) and (room := room - self._gathered[count].weight) >= 0:
            count += 1
        group, self._gathered = self._gathered[:count], self._gathered[count:]
        return group

    def _settled(self) -> None:
        """The thread is free again."""
        self._handing_over = False
        if self._gathered:
            self._hand_over_soon()

    def _wake(self, group: Sequence[Delivery], error: Exception | None) -> None:
        for delivery in group:
            self._taken -= delivery.weight
            if delivery.stored.done():
                continue
            if error is None:
                delivery.stored.set_result(None)
            else:
                delivery.stored.set_exception(error)

    def _give_up(self, stored: asyncio.Future[None]) -> None:
        if not stored.done():
            self._missed()
            stored.set_exception(Unreachable("the database did not answer in time"))

    # In the thread

    def _run(self) -> None:
        assert self._loop is not None
        while (group := self._groups.get()) is not None:
            self._settle(group)
            self._loop.call_soon_threadsafe(self._settled)

    def _settle(self, group: Sequence[Delivery]) -> None:
        """Store a group and tell its requests. If it fails for any reason but the database being away, its halves are
        tried each in a transaction of its own, down to the one odd delivery, which costs the others nothing."""
        try:
            self._store([item for delivery in group for item in delivery.items])
        except Exception as error:
            if len(group) == 1 or isinstance(error, Unreachable):
                self._tell(group, error)
                log.log(*_weight(error), exc_info=not isinstance(error, SyncerError))
                return
            half = len(group) // 2
            self._settle(group[:half])
            self._settle(group[half:])
        else:
            self._tell(group, None)

    def _store(self, items: Sequence[InboxItem], tries: int = TRIES) -> None:
        started = time.perf_counter()
        try:
            added = self._receive(items)
        except TryAgain:
            if tries == 1:
                raise
            self._store(items, tries - 1)
        else:
            metrics.committed(items=len(items), added=added, seconds=time.perf_counter() - started)

    def _tell(self, group: Sequence[Delivery], error: Exception | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._wake, group, error)


def _weight(error: Exception) -> tuple[int, str, Exception]:
    if isinstance(error, SyncerError):
        return logging.WARNING, "deliveries were not stored and not acknowledged: %s", error
    return logging.ERROR, "a delivery cannot be stored and was not acknowledged: %s", error
