"""Reading a CRM page by page from a cursor, each page made of as many answers as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from syncer.domain.crm_record import RawRow, SourcePage
from syncer.domain.errors import DeliveryError


class Walk(Protocol):
    """A way through the records that knows where it stands."""

    def page(self, size: int) -> SourcePage:
        """The next page of at most `size` rows; its cursor is None on the last one."""


class Steps(Protocol):
    """A way that takes one answer at a time."""

    cursor: str | None
    most: int

    def step(self, cursor: str, limit: int) -> tuple[list[RawRow], str | None]:
        """One answer of at most `limit` rows, and the cursor after them, None where there are no others."""


def pages(walk: Walk, size: int) -> Iterator[SourcePage]:
    """All pages from where the walk stands. Raises as its `page`."""
    while True:
        page = walk.page(size)
        yield page
        if page.cursor is None:
            return


def filled(steps: Steps, size: int) -> SourcePage:
    """A page, cut short where the next answer fails. Raises what its first answer raises."""
    rows: list[RawRow] = []
    while len(rows) < size and steps.cursor is not None:
        try:
            found, after = steps.step(steps.cursor, min(steps.most, size - len(rows)))
        except DeliveryError:
            if rows:
                break
            raise
        rows += found
        steps.cursor = after
    return SourcePage(rows, steps.cursor)
