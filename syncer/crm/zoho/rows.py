"""Zoho's rows as the engine takes them: recognised by a digest of their bytes, decoded only when they have changed.

A page is parsed without making a Python object of a single field: a record is kept as bytes, and its digest leaves out
the moment of the last change, since a row that was only touched is no change.
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
from syncer.crm.zoho import errors
from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow
from syncer.domain.text import storable
from syncer.http import Response

CHANGED = "Modified_Time"
#: An inner quote is escaped, so nothing that a customer is called can look like this.
_CHANGED_AT = re.compile(rb'"Modified_Time"\s*:\s*"([^"]*)"').search
LAST_NAME = "Last_Name"
#: What stands for the family name that Zoho wants of everybody, where nobody knows one: the number, or this.
NAMELESS = "WhatsApp"
_NUMBER_FOR_NAME = re.compile(r"\+\d{7,15}").fullmatch


class _Id(msgspec.Struct):
    id: str


class _Info(msgspec.Struct):
    more_records: bool = False
    next_page_token: str | None = None


class _Told(msgspec.Struct):
    data: list[msgspec.Raw]
    info: _Info = msgspec.field(default_factory=_Info)


_page = msgspec.json.Decoder(_Told)
_id = msgspec.json.Decoder(_Id)
_record = msgspec.json.Decoder(dict[str, Any])


class Page(msgspec.Struct):
    """One answer: rows, whether others follow, and the token of their page if Zoho gives one."""

    rows: list[RawRow]
    more: bool = False
    token: str | None = None


class Rows:
    """How the rows of one mapping are read. `names` are the fields to ask for."""

    def __init__(self, fields: Sequence[FieldMap], region: str) -> None:
        self.names = tuple(sorted({item.crm for item in fields} | {CHANGED}))
        self._crm_names = tuple(item.crm for item in fields)
        self._translator = Translator("zoho", fields, region)
        # What the mapping and the region mean goes into every digest, as it does in the other adapters.
        meaning = digester(fields, region)(())
        self._blank = hashlib.blake2b(digest_size=DIGEST_SIZE, person=meaning[: hashlib.blake2b.PERSON_SIZE])

    def page(self, response: Response) -> Page:
        """The rows of an answer; none for an empty one. Raises `TryAgain` for half an answer, and what a web page in
        its place means."""
        if response.status in (204, 304):
            return Page([])
        try:
            told = _page.decode(response.body)
            rows = [self._row(raw) for raw in told.data]
        except (msgspec.DecodeError, RecursionError):
            try:
                told = _mended(response)
                rows = [self._row(raw) for raw in told.data]
            except (ValueError, RecursionError):
                raise errors.VENDOR.not_promised(response.status, response.body) from None
        return Page(rows, told.info.more_records, told.info.next_page_token)

    def stamp(self, row: RawRow) -> str | None:
        """When Zoho last changed the row, by its own word."""
        found = _CHANGED_AT(row.values[0])
        return None if found is None else str(found[1], "utf-8")

    def translated(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields. Never raises."""
        return self._translator.records([row._replace(values=self._values(row.values[0])) for row in rows])

    def _row(self, raw: msgspec.Raw) -> RawRow:
        content = bytes(raw)
        return RawRow(_id.decode(content).id, self._digest(content), (content,))

    def _values(self, raw: bytes) -> tuple[Any, ...]:
        told = _record.decode(raw)
        if is_placeholder(told.get(LAST_NAME)):
            told[LAST_NAME] = None
        return (*(plain(told.get(name)) for name in self._crm_names), told.get(CHANGED))

    def _digest(self, raw: bytes) -> bytes:
        found = self._blank.copy()
        stamp = _CHANGED_AT(raw)
        if stamp is None:
            found.update(raw)
        else:
            found.update(raw[: stamp.start()])
            found.update(raw[stamp.end() :])
        return found.digest()


def plain(value: Any) -> Any:
    """A value without Zoho's wrapping: of another record and of a label, its name."""
    if isinstance(value, dict):
        return value.get("name") or value.get("id")
    if isinstance(value, list):
        return [one for one in map(plain, value) if one is not None]
    return value


def is_placeholder(name: object) -> bool:
    """Whether it is what this adapter writes where there is no family name."""
    return isinstance(name, str) and (name == NAMELESS or _NUMBER_FOR_NAME(name) is not None)


def _mended(response: Response) -> _Told:
    """Half a surrogate pair is valid JSON, but no text that the fast parser takes: it is mended first."""
    return _page.decode(storable(dumps(response.json(), ensure_ascii=False, separators=(",", ":"))))
