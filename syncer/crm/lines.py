"""One line of a mapping as a function: what a CRM's value says to the engine, the line's options included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from config.contact_fields import FieldMap
from syncer.crm import moments, transforms, words
from syncer.crm.transforms import Reader

#: What a refusal means, field by field.
_WHEN_REFUSED = {"blocked": True, "marketing_consent": False, "transactional_consent": False}


def reader(line: FieldMap, region: str) -> Reader:
    """The reader of one line: CRM value -> canonical value, or None where it says nothing. It never raises."""
    read = _with_options(line, region)
    if line.inverted:
        read = partial(_opposite, read)
    return partial(_guarded, read, line.contact, line.inverted) if line.contact in _WHEN_REFUSED else read


def _with_options(line: FieldMap, region: str) -> Reader:
    plain = transforms.reader(line.transform, region)
    if line.transform == "tags" and (line.separator or line.values):
        return partial(_tags, line.separator, _ours(line.values or {}))
    if line.values:
        return partial(_picked, _ours(line.values), _answers if line.transform == "bool_words" else _itself, plain)
    if line.zone and line.transform in ("date", "timestamp"):
        read: Callable[..., Any] = moments.day if line.transform == "date" else moments.timestamp
        return partial(read, zone=ZoneInfo(line.zone))
    return plain


def _ours(values: Mapping[str, str]) -> dict[str, str]:
    """The CRM's word -> ours."""
    return {_bare(word): ours for ours, word in values.items()}


def _bare(word: str) -> str:
    return word.strip().casefold()


def _itself(word: str) -> Any:
    return word


def _answers(word: str) -> Any:
    return word == "true"


def _picked(ours: Mapping[str, str], meaning: Reader, otherwise: Reader, value: Any) -> Any:
    word = ours.get(_bare(transforms.text(value) or ""))
    return otherwise(value) if word is None else meaning(word)


def _tags(separator: str | None, ours: Mapping[str, str], value: Any) -> list[str] | None:
    if separator and isinstance(value, str):
        value = value.split(separator)
    labels = transforms.tags(value) or ()
    return list(dict.fromkeys(ours.get(_bare(label), label) for label in labels)) or None


def _opposite(read: Reader, value: Any) -> bool | None:
    said = read(value)
    return None if said is None else not said


def _guarded(read: Reader, contact: str, inverted: bool, value: Any) -> Any:
    said = read(value)
    if said is None:
        return _unclear(contact, value)
    # A box "opted out" that nobody has ticked is nobody's consent.
    return None if inverted and said is True and contact != "blocked" else said


def _unclear(contact: str, value: Any) -> bool | None:
    """What a word that is neither yes nor no says: on the safe side, any such word beside `blocked` blocks."""
    word = transforms.text(value)
    return _WHEN_REFUSED[contact] if word and (contact == "blocked" or words.refuses(word)) else None
