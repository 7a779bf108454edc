"""The search index of one kind of object: what the records said a moment ago, in the order of their last change."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from syncer.simulators.hubspot.records import Collection
from syncer.simulators.hubspot.seeds import FIRST_STAMP

#: A key of the index is the moment of the last change (ms) and the id in one number, so that it sorts as a number.
_ID_BITS = 44
_ID_MASK = (1 << _ID_BITS) - 1


@dataclass(frozen=True, slots=True)
class Document:
    """A record as the index knows it; moments are milliseconds."""

    properties: dict[str, str]
    created: int
    updated: int


class Index:
    """Follows a collection, `lag()` seconds behind."""

    def __init__(self, collection: Collection, lag: Callable[[], float]) -> None:
        self._collection, self._lag = collection, lag
        self._documents: dict[int, Document] = {}
        self._gone: set[int] = set()
        self._waiting: deque[tuple[float, int]] = deque()
        self._keys: list[int] | None = None
        collection.watcher = self._changed

    def _changed(self, number: int) -> None:
        self._waiting.append((monotonic() + self._lag(), number))

    def refresh(self) -> None:
        """Take in what is old enough to be known."""
        now = monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            self._take_in(self._waiting.popleft()[1])

    def _take_in(self, number: int) -> None:
        keys = self._keys
        if keys is not None and (old := self.stamp(number)) is not None:
            place = bisect_left(keys, old << _ID_BITS | number)
            if place < len(keys) and keys[place] & _ID_MASK == number:
                keys.pop(place)
        row = self._collection.rows.get(number)
        if row is None or row.archived_at is not None:
            self._documents.pop(number, None)
            self._gone.add(number)
            return
        self._gone.discard(number)
        self._documents[number] = Document(row.properties, row.created, row.updated)
        if keys is not None:
            insort(keys, row.updated << _ID_BITS | number)

    def stamp(self, number: int) -> int | None:
        """When a record was last changed, as far as the index knows; None for a record that it does not know."""
        if number in self._documents:
            return self._documents[number].updated
        seeds = self._collection.seeds
        return seeds.stamp(number) if number in seeds and number not in self._gone else None

    def document(self, number: int) -> Document:
        """What the index knows of a record that it knows."""
        if number in self._documents:
            return self._documents[number]
        seeds = self._collection.seeds
        stamp = seeds.stamp(number)
        return Document(dict(seeds.properties(number)), FIRST_STAMP, stamp)

    def made_up(self, number: int) -> bool:
        """Whether the record is known as it was made up at the start."""
        return number not in self._documents

    def between(self, least: int, most: int, low_id: int, high_id: int) -> tuple[Sequence[int], int, int]:
        """The keys of the records last changed within [`least`, `most`]; where that is one moment, of those whose id is
        within [`low_id`, `high_id`]. Returns all keys and the slice of them."""
        keys = self._sorted()
        first, last = (low_id, high_id) if least == most else (0, _ID_MASK)
        start = bisect_left(keys, max(least, 0) << _ID_BITS | max(first, 0))
        stop = bisect_left(keys, (max(most, 0) << _ID_BITS | min(last, _ID_MASK)) + 1)
        return keys, start, max(start, stop)

    def known(self) -> list[int]:
        """The ids of all that the index knows, ascending."""
        return [number for number in self._collection.ids if self.stamp(number) is not None]

    def near(self, name: str, values: Sequence[str]) -> list[int]:
        """The ids of those that may hold one of these phones or this e-mail, ascending."""
        own = [number for number, item in self._documents.items() if item.properties.get(name) in values]
        made = {one for value in values for one in self._collection.seeds.find(name, value)}
        return sorted({*own, *(one for one in made if self.stamp(one) is not None)})

    def _sorted(self) -> list[int]:
        if self._keys is None:
            known = ((number, self.stamp(number)) for number in self._collection.ids)
            self._keys = sorted(stamp << _ID_BITS | number for number, stamp in known if stamp is not None)
        return self._keys


def id_of(key: int) -> int:
    """The record of a key."""
    return key & _ID_MASK
