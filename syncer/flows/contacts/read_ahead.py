"""Items taken from an iterator in a thread of its own, a few ahead of whoever uses them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class _End:
    """Nothing follows; or the error that ended it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Reader(Generic[T]):
    """Takes items from an iterator in a thread of its own, at most `depth` ahead."""

    def __init__(self, items: Iterator[T], depth: int) -> None:
        self._items = items
        self._queue: Queue[T | _End] = Queue(depth)
        self._stop = Event()
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="read-ahead", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for item in self._items:
                if not self._offer(item):
                    break
            self._offer(_End())
        except BaseException as error:  # whatever it is, whoever waits for the next item must hear of it
            self._offer(_End(error))
        finally:
            if isinstance(self._items, Generator):
                self._items.close()

    def _offer(self, item: T | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except Full:
                continue
            return True
        return False

    def __iter__(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        """Stop reading; waits for the item that is being read."""
        self._stop.set()
        while True:
            try:
                self._queue.get_nowait()
            except Empty:
                break
        self._thread.join()


@contextmanager
def read_ahead(items: Iterator[T], depth: int = 2) -> Iterator[Iterator[T]]:
    """The same items in the same order, read in the background; an error comes where it happened."""
    reader = _Reader(items, depth)
    try:
        yield iter(reader)
    finally:
        reader.close()
