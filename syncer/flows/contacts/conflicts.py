"""Conflicts settled by a person: of two words on one field they say which is right, and that is a word of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from syncer.flows.contacts.edits import ContactEdits
from syncer.policies.editing import accept
from syncer.policies.ownership import DECIDED
from syncer.store import conflicts

#: How a conflict may be settled without giving a value.
OURS, THEIRS = "ours", "theirs"


@dataclass(frozen=True)
class Conflicts:
    """What two sides have changed at once, kept until a person has looked at it."""

    edits: ContactEdits

    def waiting(self, contact_id: int | None = None, *, after: int = 0, limit: int = 100) -> Sequence[Row[Any]]:
        """The open ones, the oldest first; see `store.conflicts.open_conflicts`."""
        with self.edits.store.begin() as tx:
            return conflicts.open_conflicts(tx, contact_id=contact_id, after=after, limit=limit)

    def settle(self, conflict_id: int, side: str, by: str) -> Any:
        """Let `ours` or `theirs` be right; returns the value. Every CRM is told, whatever its rule. Raises
        `LookupError` when there is no such open conflict."""
        if side not in (OURS, THEIRS):
            raise ValueError(f"a conflict is settled as '{OURS}' or '{THEIRS}', not '{side}'")
        return self._settle(conflict_id, lambda row: getattr(row, side), by)

    def settle_as(self, conflict_id: int, value: Any, by: str) -> Any:
        """Let neither be right, but `value`. Raises as `settle`, and `NotAcceptable`."""
        return self._settle(conflict_id, lambda row: value, by)

    def _settle(self, conflict_id: int, choose: Callable[[Row[Any]], Any], by: str) -> Any:
        value = self.edits.store.run(lambda tx: self._decide(tx, conflict_id, choose, by))
        self.edits.jobs.ring("crm")
        return value

    def _decide(self, tx: Connection, conflict_id: int, choose: Callable[[Row[Any]], Any], by: str) -> Any:
        row = conflicts.lock_open(tx, conflict_id)
        if row is None:
            raise LookupError(conflict_id)
        values = accept({row.field: choose(row)}, [row.field], self.edits.region)
        self.edits.say(tx, row.lives_with, values, f"{DECIDED}{by}", again=True)
        conflicts.settle(tx, conflict_id, by, values[row.field], self.edits.clock.now())
        return values[row.field]
