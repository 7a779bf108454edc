"""HubSpot's rows as the engine takes them: recognised by a digest of their bytes, decoded only when they have changed.

A page is parsed without making a Python object of a single property: what stands between the braces of `properties` is
kept as bytes, and its digest leaves out the moment of the last change, since a row that was only touched is no change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any

import msgspec

from config.contact_fields import FieldMap
from syncer.crm.base import DIGEST_SIZE, Translator, digester
from syncer.crm.hubspot import errors
from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow
from syncer.domain.text import storable
from syncer.http import Response

CHANGED = "lastmodifieddate"
OWNER = "hubspot_owner_id"
_CHANGED_KEY = b'"lastmodifieddate":"'


class _Row(msgspec.Struct):
    id: str
    properties: msgspec.Raw


class _Next(msgspec.Struct):
    after: str


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Told(msgspec.Struct):
    results: list[_Row]
    paging: _Paging | None = None
    errors: msgspec.Raw = msgspec.Raw(b"[]")


_page = msgspec.json.Decoder(_Told)
_single = msgspec.json.Decoder(_Row)
_properties = msgspec.json.Decoder(dict[str, Any])


class Rows:
    """How the rows of one mapping are read. `names` are the properties to ask for; `owners` says who an owner's id
    is."""

    def __init__(self, fields: Sequence[FieldMap], region: str) -> None:
        self.names = tuple(sorted({item.crm for item in fields} | {CHANGED}))
        self.owners: Mapping[str, str] = {}
        self._crm_names = tuple(item.crm for item in fields)
        self._translator = Translator("hubspot", fields, region)
        # What the mapping and the region mean goes into every digest, as it does in the other adapters.
        meaning = digester(fields, region)(())
        self._blank = hashlib.blake2b(digest_size=DIGEST_SIZE, person=meaning[: hashlib.blake2b.PERSON_SIZE])

    def page(self, response: Response) -> tuple[list[RawRow], str | None]:
        """The rows of an answer, and the cursor after them. Raises `TryAgain` for half an answer, and what a web page
        in its place means."""
        told = _decoded(response)
        rows = [self.raw(row.id, bytes(row.properties)) for row in told.results]
        return rows, told.paging.next.after if told.paging and told.paging.next else None

    def one(self, response: Response) -> RawRow:
        """The row of an answer about a single record. Raises as `page`."""
        try:
            row = _single.decode(response.body)
        except (msgspec.DecodeError, RecursionError):
            raise errors.VENDOR.not_promised(response.status, response.body) from None
        return self.raw(row.id, bytes(row.properties))

    def raw(self, crm_id: str, properties: bytes) -> RawRow:
        """One row of `properties` as they came."""
        return RawRow(crm_id, self._digest(properties), (properties,))

    def stamp(self, row: RawRow) -> str | None:
        """When HubSpot last changed the row, by its own word."""
        return moment_of(row.values[0])

    def translated(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields. Never raises."""
        return self._translator.records([row._replace(values=self._values(row.values[0])) for row in rows])

    def _values(self, raw: bytes) -> tuple[Any, ...]:
        told = _properties.decode(raw)
        values = [told.get(name) for name in self._crm_names]
        if OWNER in self._crm_names and (owner := told.get(OWNER)):
            values[self._crm_names.index(OWNER)] = self.owners.get(str(owner), owner)
        return (*values, told.get(CHANGED))

    def _digest(self, raw: bytes) -> bytes:
        found = self._blank.copy()
        start = raw.find(_CHANGED_KEY)
        if start < 0:
            found.update(raw)
        else:
            # An inner quote is escaped, so nothing that a customer is called can look like this key.
            found.update(raw[:start])
            found.update(raw[raw.find(b'"', start + len(_CHANGED_KEY)) :])
        return found.digest()


def moment_of(raw: bytes) -> str | None:
    """The moment of the last change among properties as they came."""
    start = raw.find(_CHANGED_KEY)
    if start >= 0:
        start += len(_CHANGED_KEY)
        return raw[start : raw.find(b'"', start)].decode()
    found = _properties.decode(raw).get(CHANGED)
    return None if found is None else str(found)


def found_and_missing(response: Response) -> tuple[dict[str, bytes], set[str]]:
    """Of a `batch/read`: the properties of each record that is there, and the ids of which HubSpot says that nothing
    is. Raises as `Rows.page`."""
    told = _decoded(response)
    missing: set[str] = set()
    for error in msgspec.json.decode(told.errors):
        if errors.is_missing(errors.from_item(error)):
            missing.update(str(one) for one in (error.get("context") or {}).get("ids") or ())
    return {row.id: bytes(row.properties) for row in told.results}, missing


def _decoded(response: Response) -> _Told:
    try:
        return _page.decode(response.body)
    except (msgspec.DecodeError, RecursionError):
        return _decoded_slowly(response)


def _decoded_slowly(response: Response) -> _Told:
    """Half a surrogate pair is valid JSON, but no text that the fast parser takes: it is mended first."""
    try:
        mended = storable(dumps(response.json(), ensure_ascii=False, separators=(",", ":")))
        return _page.decode(mended)
    except (ValueError, RecursionError):
        raise errors.VENDOR.not_promised(response.status, response.body) from None
