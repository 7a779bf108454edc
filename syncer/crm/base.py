"""What all adapters share: recognising an unchanged row by its digest, and translating a changed one by its mapping."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from config.contact_fields import FieldMap
from syncer.crm import moments, transforms, words
from syncer.domain.contact import FieldRule, SourceRecord, Wins
from syncer.domain.crm_record import RawRow
from syncer.domain.phone import Phone

#: Part of every digest: raise it when a transform gives other results than before, so that every row is read anew.
TRANSLATION = 1

#: Bytes of a digest: two different rows of a CRM with a billion rows collide with a chance of 1 in 10^20.
DIGEST_SIZE = 16

#: What a refusal means, field by field.
_WHEN_REFUSED = {"blocked": True, "marketing_consent": False, "transactional_consent": False}


def rules(fields: Sequence[FieldMap]) -> Mapping[str, FieldRule]:
    """The lines of a mapping, as the flows ask for them."""
    return {
        item.contact: FieldRule(item.direction != "to_crm", item.direction != "to_contact", Wins(item.wins))
        for item in fields
    }


def digester(fields: Sequence[FieldMap], region: str) -> Callable[[Sequence[Any]], bytes]:
    """A function from a row's raw values (one per field, in that order) to the row's digest.

    Digests depend on the mapping and the region too: after a change of either, every row counts as changed. Values must
    be plain (text, numbers, true and false, days, lists): `repr` is their stable form, and it never fails on odd text.
    """
    meaning = repr((TRANSLATION, region, [(item.crm, item.contact, item.transform) for item in fields]))
    person = hashlib.blake2b(meaning.encode(), digest_size=hashlib.blake2b.PERSON_SIZE).digest()
    blake2b = hashlib.blake2b

    def digest(values: Sequence[Any]) -> bytes:
        return blake2b(repr(values).encode(), digest_size=DIGEST_SIZE, person=person).digest()

    return digest


def _unclear(contact: str, raw: Any) -> bool | None:
    """What a word that is neither yes nor no says: on the safe side, any such word beside `blocked` blocks."""
    blank = not str(raw).strip()
    return None if blank else _WHEN_REFUSED[contact] if contact == "blocked" or words.refuses(str(raw)) else None


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
        self._readers = [
            (index, item.contact, transforms.reader(item.transform, region))
            for index, item in enumerate(fields)
            if index != self._phone
        ]

    def records(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows as records, in their order. Never raises."""
        return [self._record(row) for row in rows]

    def _record(self, row: RawRow) -> SourceRecord:
        values = row.values
        fields: dict[str, Any] = {}
        for index, contact, read in self._readers:
            raw = values[index]
            if raw is None or raw == "":
                continue
            value = read(raw)
            if value is None and contact in _WHEN_REFUSED:
                value = _unclear(contact, raw)
            if value is not None:
                fields[contact] = value
        number, problem = self._number(values)
        if number:
            fields["phone"] = number
        changed_at = moments.moment(values[-1]) if len(values) > self._width and values[-1] is not None else None
        return SourceRecord(self._crm, row.crm_id, row.digest, fields, number, problem, changed_at)

    def _number(self, values: Sequence[Any]) -> tuple[str | None, str | None]:
        # Whatever transform the mapping gives the phone: no number without a country code may reach a send (R3).
        found = transforms.phone(None if self._phone is None else values[self._phone], self._region)
        return (found.e164, None) if isinstance(found, Phone) else (None, found.value)
