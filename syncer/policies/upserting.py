"""What an outside program says of a customer, as a row of the source `hooks`: which row it is, and what it says now.

Programs give what they have: a key of their own, a phone, an e-mail address. The first of these names the row. A field
that is not given stays as it is, null empties it, and an empty text says nothing: forms send one for every question
that nobody answered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from syncer.domain import names
from syncer.domain.contact import SourceRecord
from syncer.domain.phone import parse
from syncer.policies.editing import NotAcceptable, accept

#: What may name a row, the strongest first.
KEYS = ("external_id", "phone", "email")
_LONGEST_KEY = 255
_WORDS = {"true": True, "false": False}
_FLAGS = frozenset({"blocked", "do_not_call", "email_opt_out", "marketing_consent", "transactional_consent"})


@dataclass(frozen=True, slots=True)
class Said:
    """One customer's fields as they are kept. `key` is the row's id in the source, `named_by` the field it came
    from."""

    key: str
    named_by: str
    values: Mapping[str, Any]


def read(fields: Mapping[str, Any], allowed: Collection[str], region: str) -> Said:
    """The fields of one customer; `region` (ISO country) is assumed for numbers without a country code. Raises
    `NotAcceptable`."""
    given = {name: _loosened(name, value) for name, value in fields.items() if value != ""}
    given = {name: value for name, value in given.items() if value is not None or name not in KEYS}
    values = accept(given, allowed, region)
    named_by = next((name for name in KEYS if values.get(name)), None)
    if named_by is None:
        raise NotAcceptable({"phone": "or external_id or email is needed, to know who it is"}, ())
    key = str(values[named_by])
    if len(key) > _LONGEST_KEY:
        raise NotAcceptable({named_by: f"must not be longer than {_LONGEST_KEY} characters"}, ())
    return Said(key, named_by, values)


def _loosened(name: str, value: Any) -> Any:
    """Tools that know only texts write a list with commas, and true as a word."""
    if name == "tags" and isinstance(value, str):
        return [label for part in value.split(",") if (label := part.strip())]
    if name in _FLAGS and isinstance(value, str):
        return _WORDS.get(value.strip().lower(), value)
    return value


def lay_over(before: SourceRecord | None, said: Said, source: str, now: datetime) -> SourceRecord:
    """The row with these words over what it said before. Every word is of now, also in a row that is new: it was said
    before our eyes, and is no first sight of an old table."""
    fields = {**(before.fields if before else {}), **said.values}
    if {"first_name", "last_name"} & said.values.keys() and "full_name" not in said.values:
        fields["full_name"] = names.join(fields.get("first_name"), fields.get("last_name")) or None
    held = {name: value for name, value in fields.items() if value is not None}
    stamps = {} if before else dict.fromkeys(held, now)
    phone = held.get("phone")
    problem = None if phone else str(parse(None, ""))
    return SourceRecord(source, said.key, digest(held), held, phone, problem, now, stamps)


def tied_to(record: SourceRecord, row: str) -> SourceRecord:
    """The same row, naming another (`sql:4711`) as the same person's."""
    fields = {**record.fields, "same_as": row}
    return replace(record, fields=fields, digest=digest(fields))


def digest(fields: Mapping[str, Any]) -> bytes:
    """What recognises the same content (16 bytes)."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
