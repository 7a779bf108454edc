"""A set of claimed messages on its way through the questions of admission."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.message import Category, Lane
from syncer.policies.admission import Standing
from syncer.policies.failover import Wait


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that may leave: to whom, from which number, and as what category the platform counts it."""

    row: Row[Any]
    address: str
    phone_number_id: str
    category: Category

    @property
    def id(self) -> int:
        """The message's number."""
        return int(self.row.id)

    @property
    def contact_id(self) -> int:
        """Whom it goes to."""
        return int(self.row.contact_id)


@dataclass(frozen=True, slots=True)
class Sifted:
    """What of a set may leave, by message; `rest_until` when the batch it belongs to should be left alone till then."""

    admitted: Mapping[int, Admitted] = field(default_factory=dict)
    rest_until: datetime | None = None


@dataclass
class Sieve:
    """One set on its way through the questions. `candidates` shrinks; `waits` and `skips` say why."""

    tx: Connection
    now: datetime
    candidates: dict[int, Admitted]
    standings: dict[int, Standing]
    windows: Mapping[tuple[int, str], datetime]
    waits: dict[int, Wait] = field(default_factory=dict)
    skips: dict[int, str] = field(default_factory=dict)

    def wait(self, key: int, until: datetime, reason: str) -> None:
        """This one may leave later."""
        self.candidates.pop(key, None)
        self.waits[key] = Wait(until, reason)

    def skip(self, key: int, reason: str) -> None:
        """This one never leaves."""
        self.candidates.pop(key, None)
        self.skips[key] = reason

    def becomes(self, key: int, **changes: Any) -> None:
        """Something about this one is different now."""
        self.candidates[key] = replace(self.candidates[key], **changes)

    def live(self) -> list[Admitted]:
        """The single messages still in question."""
        return [one for one in self.candidates.values() if one.row.lane == Lane.LIVE]

    def rows(self, wanted: Callable[[Row[Any]], bool] = lambda row: True) -> list[Row[Any]]:
        """Those still in question, of which `wanted` says yes."""
        return [one.row for one in self.candidates.values() if wanted(one.row)]

    def window(self, key: int) -> datetime | None:
        """Until when this person may be written to freely from the chosen number."""
        one = self.candidates[key]
        return self.windows.get((one.contact_id, one.phone_number_id))
