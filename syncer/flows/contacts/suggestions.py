"""Suggestions: contacts that look like one person are found for somebody to decide about, and their decision is carried
out (R5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.flows.contacts.merging import Merging
from syncer.policies import kinship
from syncer.policies.suggestions import SIMPLIFIED, TRADITIONAL, Profile, compare
from syncer.ports import Clock
from syncer.store import suggestions
from syncer.store.session import Store


@dataclass(frozen=True)
class Suggestions:
    """Finding and deciding."""

    store: Store
    clock: Clock
    merging: Merging

    def find(self) -> int:
        """Look at every contact; returns how many pairs are worth asking about. Cheap enough for every night: seconds
        for a hundred thousand contacts. A decided pair is never found again."""
        now = self.clock.now()
        with self.store.begin() as tx:
            portions = suggestions.candidates(tx, kinship.FAMILY, SIMPLIFIED, TRADITIONAL)
            count = sum(self._keep(tx, portion, now) for portion in portions)
            suggestions.forget(tx, now)
        return count

    def _keep(self, tx: Connection, portion: Sequence[Row[Any]], now: datetime) -> int:
        found = list(_alike(portion))
        suggestions.keep(tx, found, now)
        return len(found)

    def waiting(self, limit: int = 50) -> Sequence[Row[Any]]:
        """What waits for a decision, the likeliest first (see `store.suggestions.undecided`)."""
        with self.store.begin() as tx:
            return suggestions.undecided(tx, limit)

    def accept(self, suggestion_id: int, by: str) -> tuple[int, int]:
        """They are one: merge them; returns the contact that is kept, and the number of the join. Raises `LookupError`
        when nothing of that number waits, or one of the two is not there any more."""
        with self.store.begin() as tx:
            pair = self._waiting(tx, suggestion_id)
        why = f"suggestion {suggestion_id}: {', '.join(pair.reasons)}"
        done = self.merging.merge(pair.one_id, pair.other_id, by, why)
        self._decide(suggestion_id, suggestions.MERGED, by)
        return done

    def reject(self, suggestion_id: int, by: str) -> None:
        """They are two. Raises `LookupError` when nothing of that number waits."""
        with self.store.begin() as tx:
            self._waiting(tx, suggestion_id)
            suggestions.decide(tx, suggestion_id, suggestions.REJECTED, by, self.clock.now())

    def _decide(self, suggestion_id: int, decision: str, by: str) -> None:
        with self.store.begin() as tx:
            suggestions.decide(tx, suggestion_id, decision, by, self.clock.now())

    def _waiting(self, tx: Connection, suggestion_id: int) -> Row[Any]:
        found = suggestions.one(tx, suggestion_id)
        if found is None:
            raise LookupError(f"no suggestion {suggestion_id} waits for a decision")
        return found


def _alike(portion: Sequence[Row[Any]]) -> Iterator[tuple[int, int, Sequence[str], float]]:
    for row in portion:
        one = Profile(row.one_id, row.one_name, row.one_phone, row.one_email, row.one_birthday, row.one_company)
        other = Profile(
            row.other_id, row.other_name, row.other_phone, row.other_email, row.other_birthday, row.other_company
        )
        if (likeness := compare(one, other, named=row.named)) is not None:
            yield row.one_id, row.other_id, likeness.reasons, likeness.score
