"""Values as Zoho takes them: no longer than their field, and nobody without a family name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.crm.zoho.mapping import Module
from syncer.crm.zoho.rows import LAST_NAME, NAMELESS, is_placeholder, plain
from syncer.domain.text import shorten, storable

FIRST_NAME = "First_Name"
#: Characters of a text where Zoho does not say.
_LONGEST = 32_000


def old_values(row: Mapping[str, Any]) -> dict[str, Any]:
    """What stands there now, without what only stands in for a name."""
    found = {name: plain(value) for name, value in row.items()}
    if is_placeholder(found.get(LAST_NAME)):
        found[LAST_NAME] = None
    return found


def fitted(changes: Mapping[str, Any], known: Module) -> dict[str, Any]:
    """Texts cut to the length of their field; a box that is emptied is one without a tick."""
    lengths, kinds = known.lengths, known.kinds
    found: dict[str, Any] = {}
    for name, value in changes.items():
        if value is None or value == "":
            found[name] = False if kinds.get(name) is bool else None
        elif isinstance(value, str):
            found[name] = shorten(storable(value), lengths.get(name, _LONGEST))
        else:
            found[name] = value
    return found


def complete(changes: dict[str, Any], row: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The changes to `row` (empty for a new record) with the family name that Zoho wants of everybody: a name of one
    word goes there; without any the number stands in for it, which is never read back as a name."""
    if row and FIRST_NAME not in changes and LAST_NAME not in changes:
        return changes
    old = old_values(row)
    first, last = (changes.get(name, old.get(name)) for name in (FIRST_NAME, LAST_NAME))
    if last:
        return changes
    if first:
        # Nothing is taken out of a record that has no given name in it.
        emptied = {FIRST_NAME: None} if old.get(FIRST_NAME) else {}
        rest = {name: value for name, value in changes.items() if name != FIRST_NAME}
        return {**rest, **emptied, LAST_NAME: first}
    there = row.get(LAST_NAME)
    stand_in = wanted.get("full_name") or wanted.get("phone") or NAMELESS
    return changes if is_placeholder(there) and LAST_NAME not in changes else {**changes, LAST_NAME: stand_in}
