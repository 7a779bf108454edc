"""A mapping held against the fields that a CRM says it has, before the first row is read (R21).

The adapter asks its CRM for them and says what each holds; what is found here is told with the key of its line and, for
a mistyped name, with the nearest one there is. Nothing here speaks to anybody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from config.contact_fields import FieldMap
from config.errors import ConfigurationError, did_you_mean
from config.object_mapping import ContactObject
from syncer.crm.words import DEFAULT_ANSWER, DEFAULT_GENDER


class Holds(StrEnum):
    """What a field of a CRM holds, whatever its vendor calls it. `OTHER` is read as text and judged by nobody."""

    TEXT = "text"
    PHONE = "phone numbers"
    EMAIL = "e-mail addresses"
    NUMBER = "numbers"
    BOOL = "true and false"
    DATE = "days"
    MOMENT = "moments"
    OPTION = "one of its options"
    OPTIONS = "several of its options"
    REFERENCE = "another record"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class CrmField:
    """One field, by the CRM's own word. `options` are the values it takes, where it takes no others; `required` that no
    record can be made without it."""

    name: str
    holds: Holds = Holds.TEXT
    writable: bool = True
    required: bool = False
    unique: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which key of the mapping file."""

    key: str
    text: str

    def error(self, file: str) -> ConfigurationError:
        """As the error that keeps a process from starting; `file` is `mappings/hubspot.toml` or its like."""
        return ConfigurationError(f"{file} {self.key}", self.text)


_PLAIN = frozenset({Holds.TEXT, Holds.OTHER})
_CHOICE = frozenset({Holds.OPTION, Holds.NUMBER, Holds.BOOL})
_ANYTHING = frozenset(Holds)
#: Transform -> what it can read.
_READS: Mapping[str, frozenset[Holds]] = {
    "text": _ANYTHING,
    "phone": _PLAIN | {Holds.PHONE, Holds.NUMBER},
    "email": _PLAIN | {Holds.EMAIL},
    "bool": _PLAIN | _CHOICE,
    "bool_words": _PLAIN | _CHOICE,
    "number": _PLAIN | {Holds.NUMBER, Holds.OPTION},
    "tags": _PLAIN | {Holds.OPTION, Holds.OPTIONS},
    "picklist": _PLAIN | {Holds.OPTION, Holds.NUMBER},
    "date": _PLAIN | {Holds.DATE, Holds.MOMENT},
    "timestamp": _PLAIN | {Holds.DATE, Holds.MOMENT, Holds.NUMBER},
    "language": _PLAIN | {Holds.OPTION},
    "gender": _PLAIN | {Holds.OPTION, Holds.NUMBER},
    "first_name": _PLAIN,
    "last_name": _PLAIN,
}
#: Transform -> what it can write, where that is less.
_WRITES: Mapping[str, frozenset[Holds]] = {
    "text": _PLAIN | {Holds.PHONE, Holds.EMAIL, Holds.OPTION},
    "date": _PLAIN | {Holds.DATE},
    "timestamp": _PLAIN | {Holds.MOMENT},
}
#: Transform -> the words that it writes where the line gives none and no old one shows how.
_WORDS: Mapping[str, Collection[str]] = {
    "bool": ("true", "false"),
    "bool_words": DEFAULT_ANSWER,
    "gender": DEFAULT_GENDER,
}


def problems(contacts: ContactObject, known: Iterable[CrmField], filled: Collection[str] = ()) -> list[Problem]:
    """All that is wrong with the mapping, in its order; none: the CRM takes it. `filled` are the fields that the
    adapter fills itself in a new record."""
    fields = {field.name: field for field in known}
    lines = [problem for line in contacts.fields for problem in _of_line(line, fields)]
    written = {line.crm for line in contacts.to_crm} | {contacts.unique, *filled}
    return [*_of_unique(contacts.unique, fields), *lines, *_unfilled(fields.values(), written)]


def _of_unique(name: str, fields: Mapping[str, CrmField]) -> Iterator[Problem]:
    field = fields.get(name)
    if field is None:
        yield Problem(
            "contacts.unique",
            f"the CRM has no field '{name}' in which our own id is kept; {did_you_mean(name, fields)}",
        )
    elif not field.unique:
        yield Problem("contacts.unique", f"the field '{name}' may hold the same value twice; make it unique")
    elif not field.writable:
        yield Problem("contacts.unique", f"the field '{name}' is read-only; our own id is written to it")


def _of_line(line: FieldMap, fields: Mapping[str, CrmField]) -> Iterator[Problem]:
    key = f"contacts.fields[{line.crm}]"
    field = fields.get(line.crm)
    if field is None:
        yield Problem(f"{key}.crm", f"the CRM has no field '{line.crm}'; {did_you_mean(line.crm, fields)}")
        return
    writes = line.direction != "to_contact"
    if writes and not field.writable:
        yield Problem(
            f"{key}.direction", f"the field '{field.name}' is read-only; its direction must be \"to_contact\""
        )
        return
    fits = _READS[line.transform] & (_WRITES.get(line.transform, _ANYTHING) if writes else _ANYTHING)
    if field.holds not in fits:
        yield Problem(f"{key}.transform", _unfit(line, field, writes and field.holds in _READS[line.transform]))
    elif field.options:
        yield from _of_options(line, field, key, writes)


def _unfit(line: FieldMap, field: CrmField, reads: bool) -> str:
    verb, both = ("writes", _WRITES) if reads else ("reads", {})
    fitting = sorted(name for name, kinds in _READS.items() if field.holds in kinds & both.get(name, _ANYTHING))
    advice = f"fitting: {', '.join(fitting)}" if fitting else 'nothing writes it: read it "to_contact"'
    return f"'{field.name}' holds {field.holds}, which '{line.transform}' never {verb}; {advice}"


def _of_options(line: FieldMap, field: CrmField, key: str, writes: bool) -> Iterator[Problem]:
    for ours, theirs in (line.values or {}).items():
        if theirs not in field.options:
            text = f"'{theirs}' is no option of '{field.name}'; {did_you_mean(theirs, field.options)}"
            yield Problem(f"{key}.values.{ours}", text)
    words: Sequence[str] = [] if line.values else [*_WORDS.get(line.transform, ())]
    strange = next((word for word in words if word not in field.options), None)
    if writes and strange is not None:
        known = ", ".join(field.options)
        text = f"'{strange}' is no option of '{field.name}', which takes {known}: give the line 'values'"
        yield Problem(f"{key}.transform", text)


def _unfilled(fields: Iterable[CrmField], written: Collection[str]) -> Iterator[Problem]:
    for field in fields:
        if field.required and field.writable and field.name not in written:
            yield Problem("contacts.fields", f"nothing fills '{field.name}', without which the CRM makes no record")
