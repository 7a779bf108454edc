"""The golden record: what several rows, and we ourselves, say of one person, made into one record, and how it meets
what the engine already believes (R5).

Which of two values survives is `policies.ownership`'s matter for most fields, and data (`SURVIVORSHIP`) for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields as fields_of
from datetime import datetime
from typing import Any

from syncer.domain.contact import Edit, GoldenRecord, SourceRecord
from syncer.policies.ownership import NOTHING, Law, block, moment, winner, words

Survivor = Callable[[Sequence[Any]], Any]
"""All values that rows hold of a field -> the one to keep."""
Said = Mapping[tuple[str, str], datetime]
"""(CRM, the CRM's id) -> when we first saw that row; of rows that we see for the first time nothing."""


def _union(values: Sequence[Sequence[str]]) -> list[str]:
    return sorted({label for labels in values for label in labels})


#: Fields of which not the newest word wins. Whether somebody is blocked is a rule of its own (`ownership.block`), and
#: so is what becomes of a label that is taken away (`labels`).
SURVIVORSHIP: Mapping[str, Survivor] = {"tags": _union, "created_at": min}

#: Fields that are no attribute: those with a column of their own, those that are only about the row, and consent, which
#: has its ledger.
NO_ATTRIBUTE = frozenset(
    {"full_name", "phone", "email", "language", "tags", "blocked", "external_id", "updated_at", "same_as"}
    | {"marketing_consent", "transactional_consent"}
)
#: Fields that only the row itself is asked about.
_OF_THE_ROW = frozenset({"phone", "external_id", "updated_at", "same_as", "blocked"})
_ANYBODY = Law()


def usable_phone(source: SourceRecord) -> str | None:
    """The number that leads to this row's person; a number with a problem (shared by many) leads to nobody."""
    return None if source.phone_problem else source.phone


def golden(
    sources: Sequence[SourceRecord],
    edits: Mapping[str, Edit] | None = None,
    law: Law = _ANYBODY,
    said: Said | None = None,
) -> GoldenRecord:
    """One record of all rows of a person and of what was said of them on our side (`edits`); the same for any order of
    `sources`. Of no row and no word: an empty record."""
    if len(sources) == 1 and not edits:
        return _record(sources[0].fields, usable_phone(sources[0]), sources[0].phone_problem)
    if not sources and not edits:
        return GoldenRecord()
    said = said or {}
    ranked = sorted(sources, key=lambda row: (law.rank(row.crm), row.crm_id))
    ranked.sort(key=lambda row: moment(row, "phone", said), reverse=True)
    phone = next(filter(None, map(usable_phone, ranked)), None)
    problem = ranked[0].phone_problem if ranked else None
    whole = not edits and _speak_as_wholes(sources, law)
    return _record(_laid_over(ranked) if whole else _survivors(sources, edits or {}, law, said), phone, problem)


def _speak_as_wholes(sources: Sequence[SourceRecord], law: Law) -> bool:
    """Rows of which nothing was seen to change say everything at one moment, so the newer lies over the older as a
    whole - where no rule puts one CRM above another, or no other CRM speaks."""
    if any(row.stamps for row in sources):
        return False
    return law.is_plain or len({row.crm for row in sources}) == 1


def _record(values: Mapping[str, Any], phone: str | None, problem: str | None) -> GoldenRecord:
    return GoldenRecord(
        full_name=values.get("full_name") or "",
        phone=phone,
        phone_problem=None if phone else problem,
        email=values.get("email") or None,
        language=values.get("language") or None,
        tags=tuple(sorted({*held})) if (held := values.get("tags")) else (),
        blocked=bool(values.get("blocked")),
        attributes={
            name: value
            for name, value in values.items()
            if name not in NO_ATTRIBUTE and (value or value not in NOTHING)
        },
    )


def _laid_over(newest_first: Sequence[SourceRecord]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row in reversed(newest_first):
        for name, value in row.fields.items():
            if value or value not in NOTHING:
                survivor = SURVIVORSHIP.get(name) if name in values else None
                values[name] = survivor((values[name], value)) if survivor else value
    values["blocked"] = any(row.fields.get("blocked") for row in newest_first)
    return values


def _survivors(sources: Sequence[SourceRecord], edits: Mapping[str, Edit], law: Law, said: Said) -> dict[str, Any]:
    """Field -> value."""
    values: dict[str, Any] = {}
    for name in sorted({name for row in sources for name in row.fields} | edits.keys()):
        if survivor := SURVIVORSHIP.get(name):
            held = [row.fields[name] for row in sources if row.fields.get(name) not in NOTHING]
            if held:
                values[name] = survivor(held)
        elif name not in _OF_THE_ROW and (word := winner(name, words(sources, name, edits, said), law)):
            values[name] = word.value
    values["blocked"] = block(sources, edits, said).value
    return values


def labels(ours: Iterable[str], before: Sequence[SourceRecord], after: Sequence[SourceRecord]) -> tuple[str, ...]:
    """The labels of a person whose rows were `before` and are `after`: those that a CRM's people have given come, and
    those that they have taken away go, also where another CRM still has them, since we may have brought them there. A
    row that has left takes along what no other row has."""
    if not any("tags" in row.fields for rows in (before, after) for row in rows):
        return tuple(sorted(set(ours)))
    was, now = _by_crm(before), _by_crm(after)
    there = {(row.crm, row.crm_id) for row in after}
    left = [row for row in before if (row.crm, row.crm_id) not in there]
    stayed = _by_crm(row for row in before if (row.crm, row.crm_id) in there)
    come = {label for crm, held in now.items() for label in held - was.get(crm, set())}
    gone = {label for crm, held in stayed.items() for label in held - now.get(crm, set())}
    gone |= {label for row in left for label in row.fields.get("tags") or ()} - set().union(*now.values())
    return tuple(sorted((set(ours) - gone) | come))


def _by_crm(rows: Iterable[SourceRecord]) -> dict[str, set[str]]:
    held: dict[str, set[str]] = {}
    for row in rows:
        held.setdefault(row.crm, set()).update(row.fields.get("tags") or ())
    return held


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
