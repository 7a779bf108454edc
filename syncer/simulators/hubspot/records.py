"""The records of one kind of object, in the order of their ids; for contacts also those made up at the start."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.hubspot.errors import conflict, missing_object
from syncer.simulators.hubspot.moments import iso, now_ms
from syncer.simulators.hubspot.schema import Schema
from syncer.simulators.hubspot.seeds import FIRST_ID, FIRST_STAMP, Seeds
from syncer.simulators.hubspot.values import checked

_USUAL = {"contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")}
_CALCULATED = {
    "phone": "hs_searchable_calculated_international_phone_number",
    "mobilephone": "hs_searchable_calculated_international_mobile_number",
}


@dataclass(slots=True)
class Record:
    """One record. `properties` is replaced, never changed, so that the index may keep an older one; moments are
    milliseconds. `links` are the ids it is associated with, by kind of object."""

    id: int
    properties: dict[str, str]
    created: int
    updated: int
    archived_at: int | None = None
    links: dict[str, set[int]] = field(default_factory=dict)


class Collection:
    """All records of one kind."""

    def __init__(self, schema: Schema, seeds: Seeds | None = None) -> None:
        self.schema = schema
        self.seeds = seeds or Seeds(0)
        self.rows: dict[int, Record] = {}
        self.ids = list(range(FIRST_ID, FIRST_ID + self.seeds.count))
        self.merged: dict[int, int] = {}
        self.poisoned: set[int] = set()
        self._unique: dict[tuple[str, str], int] = {}
        self._last_id = FIRST_ID + self.seeds.count - 1
        #: Told of every record that was written, archived or merged away.
        self.watcher: Callable[[int], None] = lambda number: None
        #: Told of what was done to which record, as webhooks name it, and of what is to be said of it.
        self.heard: Callable[[str, Record, Mapping[str, Any]], None] = lambda what, row, told: None

    def __len__(self) -> int:
        return len(self.ids)

    # --- looking

    def find(self, object_id: object) -> Record | None:
        """The record with this id, or the one that it was merged into; an archived one too."""
        try:
            number = int(str(object_id))
        except ValueError:
            return None
        while number in self.merged:
            number = self.merged[number]
        row = self.rows.get(number)
        return row if row is not None or number not in self.seeds else self._hold(number)

    def alive(self, object_id: object) -> Record | None:
        """As `find`, but not an archived one."""
        row = self.find(object_id)
        return None if row is None or row.archived_at is not None else row

    def by_unique(self, name: str, value: str) -> Record | None:
        """The record that holds this value in a unique property."""
        number = self._unique.get((name, value))
        if number is None and name == "email":
            number = next((one for one in self.seeds.find("email", value) if one not in self.rows), None)
            return self._hold(number) if number is not None and "email" in self.seeds.properties(number) else None
        return None if number is None else self.rows[number]

    def page(self, after: int, limit: int, *, archived: bool) -> tuple[list[int], bool]:
        """The ids that follow, and whether still others do."""
        found: list[int] = []
        for place in range(bisect_right(self.ids, after), len(self.ids)):
            number = self.ids[place]
            row = self.rows.get(number)
            if (row is not None and row.archived_at is not None) != archived:
                continue
            if len(found) == limit:
                return found, True
            found.append(number)
        return found, False

    def held(self) -> Iterator[Record]:
        """The records that are not as they were made up at the start."""
        yield from self.rows.values()

    # --- writing

    def create(self, given: object, *, at: int | None = None) -> Record:
        """A new record; raises 400 and 409."""
        kept = {name: value for name, value in checked(self.schema, given, new=True, have={}).items() if value}
        self._no_other(kept, None)
        self._last_id += 1
        moment = now_ms() if at is None else at
        row = Record(self._last_id, {}, moment, moment)
        self.rows[row.id] = row
        insort(self.ids, row.id)
        self._write(row, kept, moment)
        self.heard("creation", row, kept)
        return row

    def update(self, row: Record, given: object, *, at: int | None = None, force: bool = False) -> None:
        """New values; None empties. Without a difference nothing is touched, unless forced. Raises 400 and 409."""
        kept = checked(self.schema, given, new=False, have=row.properties)
        self._no_other({name: value for name, value in kept.items() if value}, row)
        after = {**row.properties, **kept}
        values = {name: value for name, value in after.items() if value is not None}
        if values != row.properties or at is not None or force:
            before = row.properties
            self._write(row, values, now_ms() if at is None else at)
            self.heard("propertyChange", row, {name: kept[name] for name in kept if kept[name] != before.get(name)})

    def archive(self, object_id: object) -> None:
        """Into the recycling bin; what is not there is no error."""
        row = self.alive(object_id)
        if row is not None:
            self._forget(row)
            row.archived_at = row.updated = now_ms()
            self.watcher(row.id)
            self.heard("deletion", row, {})

    def merge(self, primary_id: object, other_id: object) -> Record:
        """Two contacts become one; the other's id answers with the first one's record from now on."""
        primary, other = self.alive(primary_id), self.alive(other_id)
        if primary is None or other is None or primary is other:
            raise missing_object(self.schema.kind, other_id if primary is not None else primary_id)
        self._forget(other)
        self.ids.pop(bisect_left(self.ids, other.id))
        del self.rows[other.id]
        self.merged[other.id] = primary.id
        ids = ";".join(filter(None, [primary.properties.get("hs_merged_object_ids", ""), str(other.id)]))
        values = {**other.properties, **primary.properties, "hs_merged_object_ids": ids}
        for kind, links in other.links.items():
            primary.links.setdefault(kind, set()).update(links)
        self._write(primary, values, now_ms())
        self.watcher(other.id)
        self.heard("merge", primary, {"other": other.id})
        return primary

    # --- showing

    def shown(self, row: Record, names: Sequence[str] | None) -> dict[str, Any]:
        """A record with the properties asked for; unknown ones are passed over."""
        always = ("createdate" if self.schema.kind == "contacts" else "hs_createdate", self.schema.changed_by)
        usual = _USUAL.get(self.schema.kind, ())
        asked = {*(names or usual), *always, "hs_object_id"}
        own = {"hs_object_id": str(row.id), always[0]: iso(row.created), always[1]: iso(row.updated)}
        values = {**row.properties, **own}
        told: dict[str, Any] = {
            "id": str(row.id),
            "properties": {name: values.get(name) for name in sorted(asked) if name in self.schema.properties},
            "createdAt": iso(row.created),
            "updatedAt": iso(row.updated),
            "archived": row.archived_at is not None,
        }
        if row.archived_at is not None:
            told["archivedAt"] = iso(row.archived_at)
        return told

    def _hold(self, number: int) -> Record:
        stamp = self.seeds.stamp(number)
        row = Record(number, {}, FIRST_STAMP, stamp)
        self.rows[number] = row
        self._write(row, self.seeds.properties(number), stamp)
        return row

    def _write(self, row: Record, values: Mapping[str, str], moment: int) -> None:
        self._forget(row)
        properties = dict(values)
        for name, calculated in _CALCULATED.items() if self.schema.kind == "contacts" else ():
            digits = searchable(properties.get(name))
            properties.pop(calculated, None)
            if digits:
                properties[calculated] = digits
        row.properties, row.updated = properties, moment
        for name in self.schema.uniques:
            if name in properties:
                self._unique[name, properties[name]] = row.id
        self.watcher(row.id)

    def _no_other(self, values: Mapping[str, str | None], row: Record | None) -> None:
        for name in self.schema.uniques:
            value = values.get(name)
            other = self.by_unique(name, value) if value else None
            if other is not None and other is not row:
                raise conflict(f"{self.schema.kind.capitalize()[:-1]} already exists.", other.id)

    def _forget(self, row: Record) -> None:
        for name in self.schema.uniques:
            value = row.properties.get(name)
            if value is not None and self._unique.get((name, value)) == row.id:
                del self._unique[name, value]


def searchable(typed: str | None) -> str | None:
    """A phone as the search knows it: digits with the country code, the portal's own (Taiwan's) where none was
    typed."""
    digits = "".join(letter for letter in typed or "" if letter.isascii() and letter.isdigit())
    if len(digits) < 7:
        return None
    if typed is not None and typed.strip().startswith("+"):
        return digits
    if digits.startswith("886"):
        return digits
    return digits[2:] if digits.startswith("00") else f"886{digits.lstrip('0')}"
