"""What has happened to a row since we read it last: nothing that matters (an echo of what we wrote ourselves, a touch),
or changes of single fields, each with its moment (law 13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncer.domain.contact import Edit, SourceRecord
from syncer.domain.phone import PhoneProblem
from syncer.policies.merging import Said
from syncer.policies.ownership import Law, Word, same, winner, words
from syncer.policies.telling import BY_THEMSELVES, news

#: What every write of anybody changes, and what therefore says nothing.
_TOUCHED = frozenset({"updated_at"})


def is_echo(before: SourceRecord, now: SourceRecord) -> bool:
    """Whether a row says what we know already. The mark of a shared number is ours, not the row's."""
    problem = None if before.phone_problem == PhoneProblem.SHARED else before.phone_problem
    return (before.phone, problem) == (now.phone, now.phone_problem) and not changed(before, now)


def changed(before: SourceRecord, now: SourceRecord, among: Iterable[str] | None = None) -> list[str]:
    """The fields that say something else than before; `among` only these."""
    names = before.fields.keys() | now.fields.keys() if among is None else among
    return sorted(
        name for name in names if name not in _TOUCHED and not same(before.fields.get(name), now.fields.get(name))
    )


def stamped(
    before: SourceRecord,
    record: SourceRecord,
    *,
    read_at: datetime,
    unread: bool,
    now: datetime,
    writing: Mapping[str, tuple[Any, datetime]] | None = None,
) -> SourceRecord:
    """The row with the moments of its changes: when the CRM changed it, but not before we read it last and not in the
    future. Of a row that we made ourselves and read for the first time only what we wrote can have changed. A word that
    was on its way (`writing`) when we lost sight of it is as old as it was on our side."""
    names = changed(before, record, before.fields if unread else None)
    at = max(min(record.changed_at or now, now), read_at)
    stamps = before.stamps | dict.fromkeys(names, at)
    for name, (value, moment) in (writing or {}).items():
        if name in names and same(value, record.fields.get(name)):
            stamps[name] = moment
    return replace(record, stamps=stamps) if stamps else record


def collisions(
    row: tuple[SourceRecord, SourceRecord],
    before: Sequence[SourceRecord],
    after: Sequence[SourceRecord],
    edits: dict[str, Edit],
    law: Law,
    said: Said,
) -> list[tuple[str, Any, Any, Any, str]]:
    """(field, base, ours, theirs, which one is kept) for every field of a `row` (as it was, as it is) that its CRM and
    somebody else have both changed since the two agreed: another's word was to be written there, and the CRM's people
    wrote something else. `before` and `after` are all rows of the person."""
    was, now = row
    found = []
    for name in changed(was, now):
        if name in BY_THEMSELVES or not law.writes(now.crm, name):
            continue
        base, theirs = was.fields.get(name), now.fields.get(name)
        ours = news(name, words(before, name, edits, said), now.crm, law)
        if ours and not same(ours.value, base) and not same(ours.value, theirs):
            stands = winner(name, words(after, name, edits, said), law)
            found.append((name, base, ours.value, theirs, _kept(stands, now.crm)))
    return found


def _kept(stands: Word | None, crm: str) -> str:
    return "theirs" if stands and stands.crm == crm else "ours"
