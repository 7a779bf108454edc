"""Whose word stands: two CRMs and we ourselves may each have said something about one field of one person.

A word is as old as the change that we saw (`SourceRecord.stamps`), or as our first sight of its row: that some other
field of the row was changed later says nothing about this one. Among words,

1. that of a CRM whose rule is `crm` stands above all others (of two such CRMs, the one configured first);
2. then the newest stands; of equally old ones that of the master - the CRM configured first - then that of the next
   CRM, and ours last;
3. that of a CRM whose rule is `engine` stands below all others.

A field that a CRM has emptied before our eyes is a word too; one that was always empty says nothing. What a person has
decided about a conflict stands, whatever the rule, until a CRM says something new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from syncer.domain.contact import Edit, FieldRule, SourceRecord, Wins

#: Values that say nothing.
NOTHING: tuple[Any, ...] = (None, "", [], ())
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: `Edit.by` of what a person has decided about a conflict begins with this.
DECIDED = "conflict:"

_ABOVE, _AMONG, _BELOW = 2, 1, 0
_CLASSES = {Wins.CRM: _ABOVE, Wins.NEWEST: _AMONG, Wins.ENGINE: _BELOW}


@dataclass(frozen=True, slots=True)
class Word:
    """What one side says of a field: `crm`, or we ourselves (None). `seen`: the change happened before our eyes; the
    other words are those that rows had when we met them."""

    value: Any
    at: datetime
    crm: str | None = None
    seen: bool = True
    decided: bool = False


@dataclass(frozen=True)
class Law:
    """Every CRM's rules by contact field, and the CRMs in their order, the master first. A CRM without rules is heard
    (newest wins) and never written to."""

    rules: Mapping[str, Mapping[str, FieldRule]] = field(default_factory=dict)
    crms: Sequence[str] = ()

    @cached_property
    def is_plain(self) -> bool:
        """Whether the newest word wins everywhere."""
        return all(rule.wins is Wins.NEWEST for rules in self.rules.values() for rule in rules.values())

    def rank(self, crm: str | None) -> tuple[int, str]:
        """The master is first, CRMs that are not configured any more come after the others, we come last."""
        if crm is None:
            return len(self.crms) + 1, ""
        return (self.crms.index(crm), "") if crm in self.crms else (len(self.crms), crm)

    def is_master(self, crm: str | None) -> bool:
        """Whether this CRM is the one configured first."""
        return bool(self.crms) and crm == self.crms[0]

    def writes(self, crm: str, name: str) -> bool:
        """Whether this field of this CRM is ours to write."""
        rule = self.rules.get(crm, {}).get(name)
        return rule is not None and rule.writes

    def wins(self, crm: str | None, name: str) -> Wins:
        """The rule by which a word of this CRM on this field is judged."""
        rule = self.rules.get(crm or "", {}).get(name)
        return rule.wins if rule else Wins.NEWEST


def moment(row: SourceRecord, name: str, said: Mapping[tuple[str, str], datetime]) -> datetime:
    """When this row said what it says of a field; `said` tells when we first saw rows that were there before."""
    return row.stamps.get(name) or said.get((row.crm, row.crm_id)) or row.changed_at or LONG_AGO


def word_of(rows: Sequence[SourceRecord], name: str, said: Mapping[tuple[str, str], datetime]) -> Word | None:
    """What some rows of one CRM say of a field: the newest of those that say something, of equals the row with the
    lowest id; emptied if one was emptied and no other says anything."""
    found: list[tuple[bool, datetime, SourceRecord]] = []
    for row in rows:
        says = row.fields.get(name) not in NOTHING
        if says or name in row.stamps:
            found.append((says, moment(row, name, said), row))
    if not found:
        return None
    found.sort(key=lambda item: item[2].crm_id)
    says, at, row = max(found, key=lambda item: item[:2])
    return Word(row.fields.get(name) if says else None, at, row.crm, name in row.stamps)


def words(
    sources: Sequence[SourceRecord],
    name: str,
    edits: Mapping[str, Edit],
    said: Mapping[tuple[str, str], datetime],
) -> list[Word]:
    """One word of each CRM that says something, and ours."""
    by_crm: dict[str, list[SourceRecord]] = {}
    for row in sources:
        by_crm.setdefault(row.crm, []).append(row)
    found = [word for rows in by_crm.values() if (word := word_of(rows, name, said))]
    if (edit := edits.get(name)) is not None:
        found.append(Word(edit.value, edit.at, None, seen=True, decided=edit.by.startswith(DECIDED)))
    return found


def winner(name: str, said: Sequence[Word], law: Law) -> Word | None:
    """The word that stands; the same for any order of them. None where nobody says anything."""
    if len(said) < 2:
        return said[0] if said else None
    decided = max((word.at for word in said if word.decided), default=LONG_AGO)
    in_order = sorted(said, key=lambda word: law.rank(word.crm))
    return max(in_order, key=lambda word: _standing(name, word, law, decided))


def _standing(name: str, word: Word, law: Law, decided: datetime) -> tuple[int, datetime]:
    where = _CLASSES[law.wins(word.crm, name)] if word.crm else _AMONG
    if where == _ABOVE and word.at > decided:
        return _ABOVE, LONG_AGO
    return min(where, _AMONG), word.at


def block(sources: Sequence[SourceRecord], edits: Mapping[str, Edit], said: Mapping[tuple[str, str], datetime]) -> Word:
    """Whether a person must not be written to. One row that forbids it is enough (R6). A block that came before our
    eyes ends when any side lifts it later, since ours may be what carried it to the other rows; one that a row has
    always had ends with that row's own change, or with our word."""
    every = [word for row in sources if (word := word_of([row], "blocked", said))]
    if (edit := edits.get("blocked")) is not None:
        every.append(Word(bool(edit.value), edit.at))
    lifted = [word for word in every if word.seen and not word.value]
    for_all = max((word.at for word in lifted if word.crm is None), default=LONG_AGO)
    for_seen = max((word.at for word in lifted), default=LONG_AGO)
    blocks = [word for word in every if word.value and word.at >= (for_seen if word.seen else for_all)]
    return max(blocks or lifted or [_FREE], key=lambda word: (word.seen, word.at))


_FREE = Word(False, LONG_AGO, seen=False)


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same: nothing is nothing however it is written, labels have no order, and a text that
    did not fit where it was written is still that text."""
    if one == other or (one in NOTHING and other in NOTHING):
        return True
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return sorted(map(str, one)) == sorted(map(str, other))
    return isinstance(one, str) and isinstance(other, str) and (_is_cut(one, other) or _is_cut(other, one))


def _is_cut(short: str, whole: str) -> bool:
    return len(short) > 1 and len(short) < len(whole) and short[-1] == "…" and whole.startswith(short[:-1])
