"""The records of one module, in the order of their ids; for contacts also those made up at the start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import Any

from syncer.simulators.zoho.errors import ZohoError
from syncer.simulators.zoho.schema import Schema
from syncer.simulators.zoho.seeds import FIRST_ID, Seeds

#: Fields by which an upsert may look for a record though they are not unique.
SYSTEM_CHECKS = {"Contacts": ("Email",)}
#: Modules that the search is asked about.
SEARCHED = frozenset({"Notes"})
#: States of a record that a lagging index may still show.
_STATES = 8


@dataclass(slots=True)
class Record:
    """One record; moments are seconds since 1970. `deleted` is when it went into the recycle bin."""

    id: int
    values: dict[str, Any]
    created: int
    modified: int
    tags: list[str] = field(default_factory=list)
    owner: str = "1"
    deleted: int | None = None


class Collection:
    """All records of one module. `poisoned` cannot be read, `locked` not be written."""

    def __init__(self, schema: Schema, seeds: Seeds, first: int) -> None:
        self.schema, self.seeds = schema, seeds
        self.rows: dict[int, Record] = {}
        self.poisoned: set[int] = set()
        self.locked: set[int] = set()
        self._last = first + seeds.count - 1
        self._unique: dict[tuple[str, str], int] = {}
        self._past: dict[int, list[tuple[float, Mapping[str, Any] | None]]] = {}

    def __len__(self) -> int:
        return self.seeds.count + sum(one.id not in self.seeds for one in self.rows.values() if one.deleted is None)

    # --- looking

    def find(self, record_id: object) -> Record | None:
        """The record of this id; none in the recycle bin."""
        number = as_id(record_id)
        if number is None:
            return None
        row = self.rows.get(number)
        if row is None and number in self.seeds:
            stamp = self.seeds.stamp(number)
            row = self.rows[number] = Record(number, self.seeds.values(number), stamp, stamp)
        return None if row is None or row.deleted is not None else row

    def peek(self, number: int) -> Record:
        """A record that is there, which leaves no trace in memory."""
        row = self.rows.get(number)
        if row is not None:
            return row
        stamp = self.seeds.stamp(number)
        return Record(number, self.seeds.values(number), stamp, stamp)

    def after(self, number: int, most: int) -> list[int]:
        """The ids that follow, at most so many."""
        found: list[int] = []
        made_up = range(max(number + 1, FIRST_ID), FIRST_ID + self.seeds.count) if self.seeds.count else range(0)
        typed = sorted(one for one in self.rows if one > number and one not in self.seeds)
        for one in chain(made_up, typed):
            row = self.rows.get(one)
            if row is None or row.deleted is None:
                found.append(one)
                if len(found) == most:
                    break
        return found

    def changed(self, since: int | None) -> list[tuple[int, int]]:
        """(moment of the last change, id) of those changed since, in that order."""
        moment = since or 0
        made_up = ((self.seeds.stamp(one), one) for one in self.seeds.since(moment) if one not in self.rows)
        typed = ((row.modified, row.id) for row in self.rows.values() if row.deleted is None and row.modified >= moment)
        return sorted(chain(made_up, typed))

    def by_unique(self, name: str, value: object) -> Record | None:
        """The record that has this value in a field that only one may have, or by which an upsert looks."""
        number = self._unique.get((name, str(value).casefold()))
        return None if number is None else self.find(number)

    def held(self) -> Iterator[Record]:
        """The records that are not as they were made up at the start."""
        yield from self.rows.values()

    def indexed(self, lag: float) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The records as the search knows them: what they said `lag` seconds ago."""
        until = monotonic() - lag
        for number, states in sorted(self._past.items()):
            known = [values for moment, values in states if moment <= until]
            if known and known[-1] is not None:
                yield number, known[-1]

    # --- writing

    def create(self, values: Mapping[str, Any], at: int) -> Record:
        """A new record; raises DUPLICATE_DATA."""
        self._no_other(values, None)
        self._last += 1
        row = Record(self._last, {name: one for name, one in values.items() if one is not None}, at, at)
        self.rows[row.id] = row
        self._note(row)
        return row

    def update(self, row: Record, values: Mapping[str, Any], at: int) -> None:
        """New values, None empties; raises DUPLICATE_DATA and RECORD_LOCKED."""
        if row.id in self.locked:
            text = "Sorry, you cannot perform this operation as the record is locked."
            raise ZohoError(400, "RECORD_LOCKED", text, api_name="id", action="record_locking")
        self._no_other(values, row)
        self._forget(row)
        row.values = {name: one for name, one in (row.values | dict(values)).items() if one is not None}
        row.modified = at
        self._note(row)

    def delete(self, row: Record, at: int) -> None:
        """Into the recycle bin."""
        self._forget(row)
        row.deleted = at
        self._remember(row.id, None)

    def index(self) -> None:
        """Look at all values anew, after a field has become unique."""
        self._unique.clear()
        for row in self.rows.values():
            if row.deleted is None:
                self._note(row)

    def _checks(self) -> tuple[str, ...]:
        return (*self.schema.uniques, *SYSTEM_CHECKS.get(self.schema.module, ()))

    def _remember(self, number: int, values: Mapping[str, Any] | None) -> None:
        if self.schema.module in SEARCHED:
            self._past[number] = [*self._past.get(number, ())[-_STATES:], (monotonic(), values)]

    def _note(self, row: Record) -> None:
        self._remember(row.id, row.values)
        for name in self._checks():
            if row.values.get(name) is not None:
                self._unique.setdefault((name, str(row.values[name]).casefold()), row.id)

    def _forget(self, row: Record) -> None:
        for name in self._checks():
            key = (name, str(row.values.get(name)).casefold())
            if self._unique.get(key) == row.id:
                del self._unique[key]

    def _no_other(self, values: Mapping[str, Any], row: Record | None) -> None:
        for name in self.schema.uniques:
            other = self.by_unique(name, values[name]) if values.get(name) is not None else None
            if other is not None and other is not row:
                told = {"Owner": {"id": other.owner}, "id": str(other.id), "module": {"api_name": self.schema.module}}
                raise ZohoError(
                    400, "DUPLICATE_DATA", "duplicate data", api_name=name, id=str(other.id), duplicate_record=told
                )


def as_id(text: object) -> int | None:
    """An id as a number; None for what is none."""
    plain = str(text)
    return int(plain) if plain.isascii() and plain.isdecimal() and len(plain) <= 19 else None
