"""What all adapters share: recognising an unchanged row by its digest, and translating a changed one by its mapping."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from config.contact_fields import FieldMap
from syncer.crm import columns, moments
from syncer.domain import names
from syncer.domain.contact import FieldRule, SourceRecord, Wins
from syncer.domain.crm_record import RawRow
from syncer.domain.phone import PhoneProblem

#: Part of every digest: raise it when a transform gives other results than before, so that every row is read anew.
TRANSLATION = 2

#: Bytes of a digest: two different rows of a CRM with a billion rows collide with a chance of 1 in 10^20.
DIGEST_SIZE = 16


def rules(fields: Sequence[FieldMap]) -> Mapping[str, FieldRule]:
    """The lines of a mapping, as the flows ask for them. Where a CRM has two fields for a name, both together are the
    whole name."""
    found = {
        item.contact: FieldRule(item.direction != "to_crm", item.direction != "to_contact", Wins(item.wins))
        for item in fields
    }
    first, last = found.get("first_name"), found.get("last_name")
    if first and last and "full_name" not in found:
        found["full_name"] = FieldRule(first.reads and last.reads, first.writes and last.writes, last.wins)
    return found


def digester(fields: Sequence[FieldMap], region: str) -> Callable[[Sequence[Any]], bytes]:
    """A function from a row's raw values (one per field, in that order) to the row's digest.

    Digests depend on the mapping and the region too: after a change of either, every row counts as changed. Values must
    be plain: text, numbers, true and false, days, lists. Odd text, which JSON cannot hold, is taken by its `repr`,
    which never fails. A float that is no number counts as nothing here, as it does to every transform.
    """
    meaning = repr((TRANSLATION, region, [item.model_dump(exclude={"direction", "wins"}) for item in fields]))
    person = hashlib.blake2b(meaning.encode(), digest_size=hashlib.blake2b.PERSON_SIZE).digest()
    blank = hashlib.blake2b(digest_size=DIGEST_SIZE, person=person)

    def digest(values: Sequence[Any]) -> bytes:
        try:
            content = orjson.dumps(values, _exactly, orjson.OPT_SORT_KEYS)
        except TypeError:
            content = repr(tuple(values)).encode()
        found = blank.copy()
        found.update(content)
        return found.digest()

    return digest


def _exactly(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"number": str(value)}
    raise TypeError


class Translator:
    """Turns raw rows into source records.

    `values` of a row are one raw value per field, in the order of `fields`, and after them, if the CRM tells it, when
    the row was changed. Fields that are empty or unreadable are left out of the record.
    """

    def __init__(self, crm: str, fields: Sequence[FieldMap], region: str) -> None:
        self._crm = crm
        self._region = region
        self._width = len(fields)
        self._phone = next((index for index, item in enumerate(fields) if item.contact == "phone"), None)
        self._lines = [
            (index, item.contact, columns.reader(item, region))
            for index, item in enumerate(fields)
            if index != self._phone
        ]
        told = [item.contact for item in fields]
        # A CRM with two fields for a name has the whole of it in both together.
        self._joins = "full_name" not in told and bool({"first_name", "last_name"} & set(told))

    def records(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows as records, in their order. Never raises."""
        if not rows:
            return []
        raw = list(zip(*(row.values for row in rows), strict=False))
        nothing = (None,) * len(rows)
        # Whatever transform the mapping gives the phone: no number without a country code may reach a send (R3).
        numbers = columns.numbers(nothing if self._phone is None else raw[self._phone], self._region)
        phones = [None if isinstance(number, PhoneProblem) else number for number in numbers]
        changes = map(_changed, raw[self._width] if len(raw) > self._width else nothing)
        read = self._read(raw, nothing) | {"phone": phones}
        crm, told = self._crm, tuple(read)
        return [
            SourceRecord(
                crm,
                row.crm_id,
                row.digest,
                {name: value for name, value in zip(told, values, strict=True) if value is not None},
                phone,
                None if phone else str(number),
                changed_at,
            )
            for row, values, phone, number, changed_at in zip(
                rows, zip(*read.values(), strict=True), phones, numbers, changes, strict=True
            )
        ]

    def _read(self, raw: Sequence[Sequence[Any]], nothing: Sequence[None]) -> dict[str, Sequence[Any]]:
        """Contact field -> its values, of the columns that hold any."""
        read = {contact: read(raw[index]) for index, contact, read in self._lines if raw[index] != nothing}
        first, last = read.get("first_name"), read.get("last_name")
        if self._joins and (first or last):
            read["full_name"] = list(map(_joined, first or nothing, last or nothing))
        return read


def _changed(value: Any) -> datetime | None:
    return None if value is None else moments.moment(value)


def _joined(first: str | None, last: str | None) -> str | None:
    return names.join(first, last) or None
