"""The way back: a contact's canonical values in the spelling that a CRM's field takes (R21).

What means the same already stays as the company's people wrote it, words follow the spelling of the one that is there,
and labels are added to those there: one that somebody gave in the CRM since our last look is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from config.contact_fields import FieldMap
from syncer.crm import lines, moments, transforms, words
from syncer.crm.transforms import Reader
from syncer.domain import names

Writer = Callable[[Any, Any], Any]
"""(canonical value, the raw value there now) -> the raw value to write; the old one itself where nothing changes. A
value of None empties the field."""

_Spell = Callable[[Any, str | None], Any]
"""(canonical value, the text there now) -> text."""

#: What people put between labels, where the mapping does not say.
_MARKS = ("；", ";", "|", "、", "，")


def writer(line: FieldMap, region: str, kind: type = str) -> Writer:
    """The writer of one line. `kind` is what the CRM's field holds: text, or what an API or a database has besides
    (bool, int, float, Decimal, list); what comes back for those is no text."""
    read = lines.reader(line, region)
    if line.transform == "tags":
        return partial(_tagged, line, read, kind)
    return partial(_written, read, _typed(line, kind) or _speller(line), line.inverted)


def _typed(line: FieldMap, kind: type) -> _Spell | None:
    """For fields that hold the value itself, and no word for it."""
    if kind is str or line.values:
        return None
    if line.transform in ("bool", "bool_words"):
        return lambda value, old: bool(value)
    if line.transform == "number" and kind in (int, float, Decimal):
        return lambda value, old: kind(Decimal(value))
    return None


def _written(read: Reader, spell: _Spell, inverted: bool, value: Any, old: Any) -> Any:
    if value is None:
        return None
    if old is not None and old != "" and read(old) == value:
        return old
    if isinstance(value, bool):
        value = value is not inverted
        if isinstance(old, bool):
            return value
    return spell(value, old if isinstance(old, str) else None)


def _speller(line: FieldMap) -> _Spell:
    theirs = line.values or {}
    if line.transform in ("bool", "bool_words"):
        plain = ("true", "false") if line.transform == "bool" else words.DEFAULT_ANSWER
        return partial(_answer, (theirs.get("true"), theirs.get("false")), plain)
    if line.transform == "language":
        return partial(_language, theirs)
    if line.transform == "gender":
        return lambda value, old: theirs.get(value) or words.spell_gender(value, old)
    if line.transform == "timestamp" and line.zone:
        return partial(_local, ZoneInfo(line.zone))
    return lambda value, old: theirs.get(value, value)


def _answer(theirs: tuple[str | None, str | None], plain: tuple[str, str], value: bool, old: str | None) -> str:
    fixed = theirs[0] if value else theirs[1]
    return fixed if fixed is not None else words.spell_answer(value, old, plain)


def _language(theirs: Mapping[str, str], value: str, old: str | None) -> str:
    exact = theirs.get(value) or theirs.get(value.partition("_")[0])
    return exact or words.spell_language(value, None if theirs else old)


def _local(zone: ZoneInfo, value: str, old: str | None) -> str:
    """Where clocks stand without a zone they are set by the line's; elsewhere the moment names it."""
    found = moments.moment(value)
    if found is None:
        return value
    here = found.astimezone(zone)
    return (
        here.isoformat() if old is None or _names_zone(old) else here.replace(tzinfo=None).isoformat(old[10:11] or "T")
    )


def _names_zone(old: str) -> bool:
    try:
        return datetime.fromisoformat(old.strip()).tzinfo is not None
    except ValueError:
        return True


def _tagged(line: FieldMap, read: Reader, kind: type, value: Sequence[str] | None, old: Any) -> Any:
    if value is None:
        return None
    listed = kind is not str or isinstance(old, list | tuple)
    known = set(read(old) or ()) if old is not None and old != "" else set()
    theirs = [(line.values or {}).get(label, label) for label in value]
    # A label that the CRM cuts in two (a space in a column parted by spaces) is there once both its parts are.
    missing = [label for label in theirs if not known.issuperset(read([label] if listed else label) or ())]
    if not missing:
        return old
    there = read(old) or [] if known else []
    if listed:
        return [*(old if isinstance(old, list | tuple) else there), *missing]
    mark = line.separator or next((mark for mark in _MARKS if isinstance(old, str) and mark in old), ",")
    before = old if isinstance(old, str) and known else mark.join(there)
    return mark.join([before.rstrip(f"{mark} "), *missing] if before else missing)


class Speller:
    """Spells all that a person's record has to change. `fields` are the lines that write; `kinds` says of which CRM
    fields the values are no text."""

    def __init__(self, fields: Sequence[FieldMap], region: str, kinds: Mapping[str, type] | None = None) -> None:
        found = kinds or {}
        self._writers = [(item.contact, item.crm, writer(item, region, found.get(item.crm, str))) for item in fields]
        named = {item.contact: item.crm for item in fields}
        both = "full_name" not in named and {"first_name", "last_name"} <= named.keys()
        self._parts = (named["first_name"], named["last_name"]) if both else None

    def changes(self, person: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
        """CRM field -> the value to write, of those that differ from what stands there now (`old`, by CRM field). A
        whole name is split where the CRM keeps its parts."""
        wanted = self._with_parts(person, old)
        written = {
            crm: write(wanted[contact], old.get(crm)) for contact, crm, write in self._writers if contact in wanted
        }
        return {crm: value for crm, value in written.items() if value != old.get(crm)}

    def _with_parts(self, person: Mapping[str, Any], old: Mapping[str, Any]) -> Mapping[str, Any]:
        full = person.get("full_name")
        if self._parts is None or not full:
            return person
        first, last = (transforms.text(old.get(crm) or "") for crm in self._parts)
        if names.join(person.get("first_name", first), person.get("last_name", last)) == full:
            return person  # however they are split there: they are the very name
        given, family = names.split(full)
        return {**person, "first_name": given or None, "last_name": family or None}
