"""Provenance: where what is believed of a person comes from, field by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: Columns of a contact that say something of the person and that somebody must have said.
_SAID = ("full_name", "phone", "email", "language", "tags", "blocked")
_NOTHING: tuple[Any, ...] = (None, "", [], False)

#: Neither a CRM's row nor anybody's edit: the platform told it (a profile's name, a number), or a rule set it.
ELSEWHERE = "conversation"


def origins(contact: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Who says what holds now, by field (attributes as `attributes.<name>`); fields without a value are left out.
    `contact` is a row of contacts, `sources` the rows of CRMs behind it."""
    values = {name: contact[name] for name in _SAID} | {
        f"attributes.{name}": value for name, value in (contact["attributes"] or {}).items()
    }
    return {
        name: _origins_of(name.removeprefix("attributes."), value, contact.get("edits") or {}, sources)
        for name, value in values.items()
        if value not in _NOTHING
    }


def _origins_of(
    name: str, value: Any, edits: Mapping[str, Mapping[str, Any]], sources: Sequence[Mapping[str, Any]]
) -> list[str]:
    edit = edits.get(name)
    edited = [f"{edit['by']} ({edit['at']})"] if edit and edit["value"] == value else []
    rows = [f"{row['crm']} {row['crm_id']}" for row in sources if _says(row, name, value)]
    return edited + rows or [ELSEWHERE]


def _says(row: Mapping[str, Any], name: str, value: Any) -> bool:
    said = row["phone"] if name == "phone" else row["fields"].get(name)
    if name == "tags":
        return bool(set(value) & set(said or ()))
    return bool(said == value)
