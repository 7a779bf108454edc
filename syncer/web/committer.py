"""Group commit: deliveries that come in at the same time share one transaction (law 1).

A request hands in its items and waits. One thread takes everything that waits, stores it in one transaction, and wakes
all of those requests at once; while it does so the next group gathers. So the cost of a commit is shared by more the
busier it gets, and a request is still answered only after its own items are on disk.
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

#: A transaction takes no more items than this once it has one delivery: a group's requests wait for each other.
MOST_ITEMS = 2_000
#: Items that may wait, beyond which a delivery is turned away: the provider repeats it, memory stays bounded.
MOST_WAITING = 20_000
#: Seconds a request waits for its commit. The platform repeats what is not answered; a stored repeat changes nothing.
PATIENCE = 5.0
#: How often a transaction is begun again that PostgreSQL ended to break a deadlock.
TRIES = 3


class Overloaded(SyncerError):
    """More waits to be stored than may wait; nothing of this delivery was taken."""


class Delivery:
    """The items of one request and the future that tells it their fate."""

    __slots__ = ("items", "stored")

    def __init__(self, items: Sequence[InboxItem], stored: asyncio.Future[None]) -> None:
        self.items = items
        self.stored = stored


class Committer:
    """`receive` stores items in one transaction and returns how many were new: `Intake.receive`."""

    def __init__(
        self,
        receive: Callable[[Sequence[InboxItem]], int],
        *,
        most_items: int = MOST_ITEMS,
        most_waiting: int = MOST_WAITING,
        patience: float = PATIENCE,
    ) -> None:
        self._receive = receive
        self._most_items = most_items
        self._most_waiting = most_waiting
        self._patience = patience
        self._waiting: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._taken = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Begin; called on the loop that the requests run on."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def close(self, timeout: float = 10.0) -> None:
        """Store what still waits, then stop."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(timeout)

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Return when every item is durably stored.

        Raises `Overloaded` and `Unreachable`; after any error the delivery must not be acknowledged.
        """
        if not items:
            return
        if self._taken + len(items) > self._most_waiting:
            raise Overloaded("too many deliveries wait to be stored")
        loop = self._loop
        assert loop is not None, "the committer has not been started"
        delivery = Delivery(items, loop.create_future())
        self._taken += len(items)
        self._waiting.put(delivery)
        impatient = loop.call_later(self._patience, _give_up, delivery.stored)
        try:
            await delivery.stored
        finally:
            impatient.cancel()

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, ended = self._gather(first)
            self._settle(group)
            if ended:
                return

    def _gather(self, first: Delivery) -> tuple[list[Delivery], bool]:
        """Everything that waits by now, as far as one transaction should take it; and whether it was the last."""
        group, size = [first], len(first.items)
        while size < self._most_items and not self._waiting.empty():
            delivery = self._waiting.get()
            if delivery is None:
                return group, True
            group.append(delivery)
            size += len(delivery.items)
        return group, False

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

    def _wake(self, group: Sequence[Delivery], error: Exception | None) -> None:
        for delivery in group:
            self._taken -= len(delivery.items)
            if delivery.stored.done():
                continue
            if error is None:
                delivery.stored.set_result(None)
            else:
                delivery.stored.set_exception(error)


def _give_up(stored: asyncio.Future[None]) -> None:
    if not stored.done():
        stored.set_exception(Unreachable("the database did not answer in time"))


def _weight(error: Exception) -> tuple[int, str, Exception]:
    if isinstance(error, SyncerError):
        return logging.WARNING, "deliveries were not stored and not acknowledged: %s", error
    return logging.ERROR, "a delivery cannot be stored and was not acknowledged: %s", error
