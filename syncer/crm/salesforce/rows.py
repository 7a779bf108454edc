"""Salesforce's rows as the engine takes them: recognised by a digest of their bytes, decoded only when they changed.

A page is parsed without making a Python object of a single field: each record is kept as bytes. Its digest leaves out
the moment of the last change, since a row that was only touched is no change, and the addresses of the records, in
which the version of the API stands.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from json import dumps
from typing import Any

import msgspec

from config.contact_fields import FieldMap
from syncer.crm.base import DIGEST_SIZE, Translator, digester
from syncer.crm.salesforce import errors
from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow
from syncer.domain.text import storable
from syncer.http import Response

CHANGED = "SystemModstamp"
LAST_NAME = "LastName"
#: What stands in for a last name, without which Salesforce takes no person; read as none.
NAMELESS = "(WhatsApp)"
# An inner quote is escaped, so nothing that a customer is called can look like these keys.
_CHANGED_KEY = b'"SystemModstamp":"'
_ATTRIBUTES = re.compile(rb'"attributes":\{[^{}]*\},?')


class _Told(msgspec.Struct):
    records: list[msgspec.Raw]
    done: bool


class _Key(msgspec.Struct):
    Id: str


_page = msgspec.json.Decoder(_Told)
_key = msgspec.json.Decoder(_Key)
_record = msgspec.json.Decoder(dict[str, Any])


class Rows:
    """How the rows of one mapping are read. `names` are the fields to ask for, the id first."""

    def __init__(self, fields: Sequence[FieldMap], region: str) -> None:
        self.names = ("Id", *sorted({item.crm for item in fields} - {"Id"} | {CHANGED}))
        self._paths = tuple(tuple(item.crm.split(".")) for item in fields)
        self._translator = Translator("salesforce", fields, region)
        # What the mapping and the region mean goes into every digest, as it does in the other adapters.
        meaning = digester(fields, region)(())
        self._blank = hashlib.blake2b(digest_size=DIGEST_SIZE, person=meaning[: hashlib.blake2b.PERSON_SIZE])

    def page(self, response: Response) -> tuple[list[RawRow], bool]:
        """The rows of an answer, and whether the query has no others. Raises `TryAgain` for half an answer, and what a
        web page in its place means."""
        try:
            try:
                told = _page.decode(response.body)
                return [self._raw(bytes(record)) for record in told.records], told.done
            except msgspec.DecodeError:
                # Half a surrogate pair is valid JSON, but no text that the fast parser takes: it is mended first.
                mended = storable(dumps(response.json(), ensure_ascii=False, separators=(",", ":")))
                told = _page.decode(mended)
                return [self._raw(bytes(record)) for record in told.records], told.done
        except (ValueError, RecursionError):
            raise errors.VENDOR.not_promised(response.status, response.body) from None

    def stamp(self, row: RawRow) -> str | None:
        """When Salesforce last changed the row, by its own word."""
        raw = row.values[0]
        start = raw.find(_CHANGED_KEY)
        if start < 0:
            return None
        start += len(_CHANGED_KEY)
        return str(raw[start : raw.find(b'"', start)].decode())

    def translated(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields. Never raises."""
        return self._translator.records([row._replace(values=self._values(row.values[0])) for row in rows])

    def _values(self, raw: bytes) -> tuple[Any, ...]:
        told = _record.decode(raw)
        if told.get(LAST_NAME) == NAMELESS:
            told[LAST_NAME] = None
        return (*(_at(told, path) for path in self._paths), told.get(CHANGED))

    def _raw(self, raw: bytes) -> RawRow:
        found = self._blank.copy()
        plain = _ATTRIBUTES.sub(b"", raw)
        start = plain.find(_CHANGED_KEY)
        if start < 0:
            found.update(plain)
        else:
            found.update(plain[:start])
            found.update(plain[plain.find(b'"', start + len(_CHANGED_KEY)) :])
        return RawRow(_key.decode(raw).Id, found.digest(), (raw,))


def _at(told: Any, path: Sequence[str]) -> Any:
    """The value of a field, reached through a lookup where its name has a point (`Account.Name`)."""
    for name in path:
        if not isinstance(told, dict):
            return None
        told = told.get(name)
    return told
