"""What is left of a person when others, who were taken for the same one, have gone (R5): what only their rows said goes
with them, what the person's own rows say counts again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncer.domain.contact import Edit, GoldenRecord, SourceRecord
from syncer.policies.merging import usable_phone
from syncer.policies.ownership import NOTHING

_TEXTS = ("full_name", "email", "language")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its rows, what was said of it on our side, what all that comes to, the numbers that lead to it,
    and labels that it had before the two met."""

    rows: Sequence[SourceRecord]
    edits: Mapping[str, Edit]
    golden: GoldenRecord
    numbers: Collection[str] = ()
    labels: Collection[str] = ()


def alone(ours: GoldenRecord, side: Side, left: Sequence[SourceRecord]) -> GoldenRecord:
    """The record without what came with `left`. What neither side's rows say, such as the name somebody goes by on
    WhatsApp or a label that a rule has set, stays."""

    def settled(name: str, value: Any, golden: Any) -> Any:
        if name in side.edits or any(row.fields.get(name) == value for row in side.rows):
            return value
        came_along = any(row.fields.get(name) == value for row in left)
        return golden if came_along or golden not in NOTHING else value

    texts = {name: settled(name, getattr(ours, name), getattr(side.golden, name)) for name in _TEXTS}
    names = ours.attributes.keys() | side.golden.attributes.keys()
    attributes = {
        name: settled(name, ours.attributes.get(name), side.golden.attributes.get(name)) for name in sorted(names)
    }
    texts["full_name"] = texts["full_name"] or ""
    phone = _phone(ours.phone, side)
    return replace(
        ours,
        **texts,
        phone=phone,
        phone_problem=None if phone else side.golden.phone_problem or ours.phone_problem,
        tags=_labels(ours.tags, side, left),
        attributes={name: value for name, value in attributes.items() if value not in NOTHING},
    )


def _phone(phone: str | None, side: Side) -> str | None:
    own = {number for row in side.rows if (number := usable_phone(row))}
    if phone in own or (phone in side.numbers and side.golden.phone not in side.numbers):
        return phone
    return side.golden.phone or min(side.numbers, default=None)


def _labels(tags: Collection[str], side: Side, left: Sequence[SourceRecord]) -> tuple[str, ...]:
    own = {label for row in side.rows for label in row.fields.get("tags") or ()}
    theirs = {label for row in left for label in row.fields.get("tags") or ()}
    return tuple(sorted((set(tags) - (theirs - set(side.labels))) | own))
