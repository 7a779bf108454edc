"""A CRM's pages on their way in: what we know already is dropped here, before any field is looked at (R25).

Reading and comparing run in a thread of their own, a page or two ahead, so that the CRM and our database are waited for
at the same time. No transaction of ours is open while a CRM is asked.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Generic, TypeVar

from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow, SourcePage
from syncer.flows.contacts.page import POISON, Result, parked
from syncer.ports import CRM
from syncer.store.contact_neighbours import digests
from syncer.store.session import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delta:
    """A page without the rows that have not changed. `seen` counts them all; `cursor` as in `SourcePage`."""

    seen: int
    records: Sequence[SourceRecord]
    unreadable: Result
    cursor: str | None


def deltas(store: Store, crm: CRM, pages: Iterable[SourcePage]) -> Iterator[Delta]:
    """What is new on each page."""
    for page in pages:
        records, unreadable = _translate(crm, _changed(store, crm.name, page.rows))
        yield Delta(len(page.rows), records, unreadable, page.cursor)


def _changed(store: Store, crm: str, rows: Sequence[RawRow]) -> list[RawRow]:
    if not rows:
        return []
    with store.begin() as tx:
        known = digests(tx, crm, [row.crm_id for row in rows])
    return [row for row in rows if known.get(row.crm_id) != row.digest]


def _translate(crm: CRM, rows: Sequence[RawRow]) -> tuple[list[SourceRecord], Result]:
    """Adapters promise never to raise here; one that does costs us the row, not the page."""
    unreadable = Result.nothing()
    try:
        return (crm.translate(rows) if rows else []), unreadable
    except POISON:
        records = []
    for row in rows:
        try:
            records += crm.translate([row])
        except POISON as error:
            unreadable += parked(crm.name, row.crm_id, error)
    return records, unreadable


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
