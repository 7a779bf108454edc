"""The golden record: what several rows say of one person, made into one record, and how it meets what the engine
already believes (R5).

Which of two values survives is data (`SURVIVORSHIP`): the newest word, unless the field says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from typing import Any

from syncer.domain.contact import GoldenRecord, SourceRecord

Survivor = Callable[[Any, Any], Any]
"""(older value, newer value) -> the one to keep; both are there."""


def _union(older: Sequence[str], newer: Sequence[str]) -> list[str]:
    return sorted({*older, *newer})


def _either(older: bool, newer: bool) -> bool:
    return older or newer


def _earlier(older: str, newer: str) -> str:
    return min(older, newer)


#: Fields of which not simply the newest value wins.
SURVIVORSHIP: Mapping[str, Survivor] = {
    "tags": _union,
    "blocked": _either,  # one row that forbids it is enough (R6)
    "created_at": _earlier,
}

#: Fields that are no attribute: those with a column of their own, those that are only about the row, and consent, which
#: has its ledger.
_NO_ATTRIBUTE = frozenset(
    {"full_name", "phone", "email", "language", "tags", "blocked", "external_id", "updated_at"}
    | {"marketing_consent", "transactional_consent"}
)
#: Values that say nothing and take nothing away.
_NOTHING: tuple[Any, ...] = (None, "", [])
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def usable_phone(source: SourceRecord) -> str | None:
    """The number that leads to this row's person; a number with a problem (shared by many) leads to nobody."""
    return None if source.phone_problem else source.phone


def newest_first(sources: Sequence[SourceRecord]) -> list[SourceRecord]:
    """The rows by their last change; rows without one come last, and of equals the one with the lowest id is first."""
    by_id = sorted(sources, key=lambda source: (source.crm, source.crm_id))
    return sorted(by_id, key=lambda source: source.changed_at or _LONG_AGO, reverse=True)


def golden(sources: Sequence[SourceRecord]) -> GoldenRecord:
    """One record of all rows of a person; the same for any order of `sources`. Of no row: an empty record."""
    if not sources:
        return GoldenRecord()
    ranked = newest_first(sources) if len(sources) > 1 else sources
    values = _survivors(ranked) if len(sources) > 1 else sources[0].fields
    phone = next(filter(None, map(usable_phone, ranked)), None)
    return GoldenRecord(
        full_name=values.get("full_name") or "",
        phone=phone,
        phone_problem=None if phone else ranked[0].phone_problem,
        email=values.get("email") or None,
        language=values.get("language") or None,
        tags=tuple(sorted({*(values.get("tags") or ())})),
        blocked=bool(values.get("blocked")),
        attributes={
            name: value for name, value in values.items() if name not in _NO_ATTRIBUTE and value not in _NOTHING
        },
    )


def _survivors(ranked: Sequence[SourceRecord]) -> dict[str, Any]:
    """Field -> value. The oldest row is laid down first and the newer ones over it."""
    values: dict[str, Any] = {}
    for source in reversed(ranked):
        for name, value in source.fields.items():
            if value not in _NOTHING:
                survivor = SURVIVORSHIP.get(name) if name in values else None
                values[name] = survivor(values[name], value) if survivor else value
    return values


_SCALARS = tuple(item.name for item in fields_of(GoldenRecord) if item.name not in ("tags", "attributes"))


def reconcile(ours: GoldenRecord, base: GoldenRecord, theirs: GoldenRecord) -> GoldenRecord:
    """What to believe now: `ours` is what the engine holds, `base` what the rows said before, `theirs` what they say.

    A field follows the rows where they changed their word, and stays where they did not: so a tag that a rule has set,
    or the name a customer goes by on WhatsApp, survives every sync until the CRM itself says something about it.
    """
    if theirs == base:
        return ours
    scalars = {name: _three_way(getattr(ours, name), getattr(base, name), getattr(theirs, name)) for name in _SCALARS}
    if scalars["phone"]:
        scalars["phone_problem"] = None
    return GoldenRecord(
        tags=tuple(sorted((set(ours.tags) - set(base.tags)) | set(theirs.tags))),
        attributes=_merge_attributes(ours.attributes, base.attributes, theirs.attributes),
        **scalars,
    )


def _three_way(ours: Any, base: Any, theirs: Any) -> Any:
    return ours if theirs == base else theirs


def _merge_attributes(ours: Mapping[str, Any], base: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    names = ours.keys() | theirs.keys()
    merged = {name: _three_way(ours.get(name), base.get(name), theirs.get(name)) for name in sorted(names)}
    return {name: value for name, value in merged.items() if value is not None}
