"""The records of one object, in the order of their ids; for contacts also those made up at the start."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from syncer.simulators.salesforce.errors import SalesError, refused
from syncer.simulators.salesforce.ids import number_of, record_id
from syncer.simulators.salesforce.moments import now_ms, shown
from syncer.simulators.salesforce.schema import Schema
from syncer.simulators.salesforce.seeds import FIRST, FIRST_STAMP, Seeds

#: A key of the index is the moment of the last change (ms) and the number in one, so that it sorts as a number.
_BITS = 44


@dataclass(slots=True)
class Record:
    """One record. `values` holds no None; moments are milliseconds."""

    number: int
    id: str
    values: dict[str, Any]
    created: int
    updated: int
    deleted: bool = False
    master: str | None = None


class Collection:
    """All records of one object, deleted ones too: they stay in the recycle bin. `locked` counts how often a record
    will yet be found locked; `poisoned` are those that cannot be read."""

    def __init__(self, schema: Schema, seeds: Seeds | None = None) -> None:
        self.schema = schema
        self.seeds = seeds or Seeds(0)
        self.rows: dict[int, Record] = {}
        self.numbers = list(range(FIRST, FIRST + self.seeds.count))
        self.locked: Counter[int] = Counter()
        self.poisoned: set[int] = set()
        self._last = FIRST + self.seeds.count - 1
        self._unique: dict[tuple[str, str], int] = {}
        self._keys: list[int] | None = None
        #: Told of every record that was created or edited.
        self.heard: Callable[[Record], None] = lambda row: None

    def __len__(self) -> int:
        return len(self.numbers)

    def begin_at(self, number: int) -> None:
        """The next new record gets this number."""
        self._last = number - 1

    # --- looking

    def number(self, text: object) -> int | None:
        """The number of the record with this id, if it could be one of these."""
        found = number_of(text)
        return found[1] if found and found[0] == self.schema.prefix else None

    def find(self, text: object) -> Record | None:
        """The record with this id, deleted or not."""
        number = self.number(text)
        return None if number is None else self.at(number)

    def at(self, number: int) -> Record | None:
        """The record with this number as it is; one that was made up is made anew each time, until it is written."""
        row = self.rows.get(number)
        return row if row is not None or number not in self.seeds else self._made_up(number)

    def by_unique(self, name: str, value: str) -> Record | None:
        """The record that holds this value in a unique field."""
        number = self._unique.get((name, value))
        return None if number is None else self.rows[number]

    def after(self, number: int) -> list[int]:
        """The numbers that follow."""
        return self.numbers[bisect_right(self.numbers, number) :]

    def changed(self, least: int, below: int) -> list[int]:
        """The numbers of those last changed within [`least`, `below`), in that order."""
        keys = self._sorted()
        start, stop = bisect_left(keys, max(least, 0) << _BITS), bisect_left(keys, max(below, 0) << _BITS)
        return [key & ((1 << _BITS) - 1) for key in keys[start:stop]]

    def value(self, row: Record, name: str) -> Any:
        """One field of a record."""
        match name:
            case "Id":
                return row.id
            case "IsDeleted":
                return row.deleted
            case "MasterRecordId":
                return row.master
            case "CreatedDate":
                return shown(row.created)
            case "SystemModstamp" | "LastModifiedDate":
                return shown(row.updated)
            case "Name" if "LastName" in self.schema.fields:
                return " ".join(filter(None, (row.values.get("FirstName"), row.values.get("LastName"))))
        known = self.schema.fields[name]
        return row.values.get(name, False if known.type == "boolean" else None)

    # --- writing

    def create(self, values: Mapping[str, Any], *, at: int | None = None) -> Record:
        """A new record."""
        self._last += 1
        moment = now_ms() if at is None else at
        row = Record(self._last, record_id(self.schema.prefix, self._last), {}, moment, moment)
        self._no_other(values, None)
        self.rows[row.number] = row
        insort(self.numbers, row.number)
        self._write(row, values, moment, new=True)
        self.heard(row)
        return row

    def update(self, row: Record, values: Mapping[str, Any], *, at: int | None = None) -> None:
        """New values; None empties."""
        if self.locked[row.number] > 0:
            self.locked[row.number] -= 1
            raise refused("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        if row.deleted:
            raise refused("ENTITY_IS_DELETED", "entity is deleted")
        self._no_other(values, row)
        self.rows[row.number] = row
        self._write(row, values, now_ms() if at is None else at)
        self.heard(row)

    def delete(self, row: Record, *, master: Record | None = None) -> None:
        """Into the recycle bin; `master` is the record that it was merged into."""
        self.rows[row.number] = row
        for name in self.schema.uniques:
            self._unique.pop((name, str(row.values.get(name))), None)
        self._move(row, now_ms())
        row.deleted, row.master = True, master.id if master else None

    def purge(self, row: Record) -> None:
        """Out of the recycle bin too: nothing remembers it."""
        self.delete(row)
        self._forget_key(row)
        self.rows.pop(row.number)
        self.numbers.pop(bisect_left(self.numbers, row.number))

    def _made_up(self, number: int) -> Record | None:
        place = bisect_left(self.numbers, number)
        if place == len(self.numbers) or self.numbers[place] != number:
            return None
        identity = record_id(self.schema.prefix, number)
        return Record(number, identity, self.seeds.values(number), FIRST_STAMP, self.seeds.stamp(number))

    def _write(self, row: Record, values: Mapping[str, Any], moment: int, *, new: bool = False) -> None:
        for name in self.schema.uniques:
            self._unique.pop((name, str(row.values.get(name))), None)
        row.values = {name: value for name, value in {**row.values, **values}.items() if value is not None}
        for name in self.schema.uniques:
            if name in row.values:
                self._unique[name, str(row.values[name])] = row.number
        if new:
            if self._keys is not None:
                insort(self._keys, row.updated << _BITS | row.number)
        else:
            self._move(row, moment)

    def _move(self, row: Record, moment: int) -> None:
        self._forget_key(row)
        row.updated = moment
        if self._keys is not None:
            insort(self._keys, moment << _BITS | row.number)

    def _forget_key(self, row: Record) -> None:
        if self._keys is not None:
            place = bisect_left(self._keys, row.updated << _BITS | row.number)
            if place < len(self._keys) and self._keys[place] == row.updated << _BITS | row.number:
                self._keys.pop(place)

    def _no_other(self, values: Mapping[str, Any], row: Record | None) -> None:
        for name in self.schema.uniques:
            other = self.by_unique(name, str(values[name])) if values.get(name) else None
            if other is not None and (row is None or other.number != row.number):
                text = f"duplicate value found: {name} duplicates value on record with id: {other.id[:15]}"
                raise SalesError(400, "DUPLICATE_VALUE", text)

    def _sorted(self) -> list[int]:
        if self._keys is None:
            rows, seeds = self.rows, self.seeds
            self._keys = sorted(
                (rows[number].updated if number in rows else seeds.stamp(number)) << _BITS | number
                for number in self.numbers
            )
        return self._keys
