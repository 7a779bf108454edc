"""A CRM's pages on their way in: gathered into groups, and what we know already dropped before any field is looked at
(R25).

    pages -> groups -> staged and compared in PostgreSQL -> what is new, translated

All this runs a group or two ahead of the writing, so that the CRM and our database are waited for at the same time. No
transaction of ours is open while a CRM is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow, SourcePage
from syncer.domain.errors import DeliveryError, SyncerError, TryAgain
from syncer.flows.contacts.page import POISON, Result, parked
from syncer.ports import CRM, Clock
from syncer.store import sync_seen
from syncer.store.session import Store
from syncer.store.sync_runs import LostPages

log = logging.getLogger(__name__)


@dataclass
class Group:
    """Pages that are compared and written together. Between the cursors `after` and `cursor` lie `pages` pages; `lost`
    are those of them that could not be read in full."""

    after: str | None
    cursor: str | None = None
    pages: int = 0
    rows: list[RawRow] = field(default_factory=list)
    lost: tuple[LostPages, ...] = ()

    def add(self, page: SourcePage) -> None:
        """The next page."""
        if page.lost is not None:
            before = self.cursor if self.pages else self.after
            self.lost += (LostPages(before, 1, len(page.rows), page.lost),)
        self.rows += page.rows
        self.cursor = page.cursor
        self.pages += 1


def gathered(
    pages: Iterable[SourcePage], after: str | None, size: int, clock: Clock, within: timedelta
) -> Iterator[Group]:
    """Groups of `size` rows or a page more; fewer where a CRM takes longer than `within` to give them. Pages that were
    read before the CRM failed come before its error. Raises `TryAgain` too when the pages end before their end."""
    group, began = Group(after), clock.now()
    try:
        for page in pages:
            if page.cursor is not None and page.cursor == (group.cursor if group.pages else group.after):
                raise TryAgain(f"the pages go in a circle at {page.cursor!r}")
            group.add(page)
            if group.cursor is None or len(group.rows) >= size or clock.now() - began >= within:
                yield group
                if group.cursor is None:
                    return
                group, began = Group(group.cursor), clock.now()
        raise TryAgain("the pages ended without saying that nothing follows")
    except DeliveryError:
        if group.pages:
            yield group
        raise


@dataclass(frozen=True, slots=True)
class Delta:
    """A group without the rows that have not changed; `seen` counts them all. The rest as in `Group`."""

    seen: int
    records: Sequence[SourceRecord]
    unreadable: Result
    after: str | None
    cursor: str | None
    pages: int = 1
    lost: tuple[LostPages, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Nothing in it has to be written."""
        return not self.records and not self.unreadable.parked and not self.lost


@dataclass(frozen=True)
class Comparison:
    """What one run has seen, held against what is stored. `batches` are numbers that the run has not used yet."""

    store: Store
    crm: CRM
    run_id: int
    batches: Iterator[int]

    def deltas(self, groups: Iterable[Group]) -> Iterator[Delta]:
        """What is new in each group."""
        return map(self.delta, groups)

    def delta(self, group: Group) -> Delta:
        """What is new in this one. An adapter that fails altogether over it costs the run this group."""
        try:
            records, unreadable = self._translate(self._changed(group.rows))
        except SyncerError:
            raise
        except Exception as error:
            log.exception("%d pages of %s cannot be translated", group.pages, self.crm.name)
            lost = (lost_by(error, group.after, group.pages),)
            return Delta(0, [], Result.nothing(), group.after, group.cursor, group.pages, lost)
        return Delta(len(group.rows), records, unreadable, group.after, group.cursor, group.pages, group.lost)

    def _changed(self, rows: Sequence[RawRow]) -> list[RawRow]:
        if not rows:
            return []
        with self.store.begin() as tx:
            new = set(sync_seen.stage(tx, self.run_id, next(self.batches), self.crm.name, rows))
        return [row for row in rows if row.crm_id in new] if new else []

    def _translate(self, rows: Sequence[RawRow]) -> tuple[list[SourceRecord], Result]:
        """Adapters promise never to raise here; one that does over a row costs us the row, not the group."""
        unreadable = Result.nothing()
        try:
            return (self.crm.translate(rows) if rows else []), unreadable
        except POISON:
            records = []
        for row in rows:
            try:
                records += self.crm.translate([row])
            except POISON as error:
                unreadable += parked(self.crm.name, row.crm_id, error)
        return records, unreadable


def lost_by(error: Exception, after: str | None, pages: int) -> LostPages:
    """Pages that an error has cost the run, none of their rows counted."""
    return LostPages(after, pages, 0, f"{type(error).__name__}: {error}"[:300])
