"""Reading all contacts, those changed since a moment, and single ones by id.

Zoho's list gives a token for the next page, good for a day and for the first 100,000 records. Whatever ends a token
early, reading goes on from the last id by a query for ids (COQL, which has no such bounds), whose records are then
fetched by id: rows look the same whichever way they came, so that their digests do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from syncer.crm import moments
from syncer.crm.batches import chunks
from syncer.crm.exchange import reading
from syncer.crm.refusals import HALF_ANSWER
from syncer.crm.zoho.call import BATCH, PAGE, Api, is_id
from syncer.crm.zoho.rows import Page, Rows
from syncer.domain.crm_record import Fate, RawRow, SourcePage
from syncer.domain.errors import DeliveryError, Never, TryAgain

#: How far before the last read changes are looked for again: a record is stamped before others can see it.
OVERLAP = timedelta(minutes=2)
#: What ends a chain of page tokens: a day has passed, 100,000 records have, or something else is asked than before.
_ENDS = (
    "EXPIRED_VALUE",
    "PAGINATION_LIMIT_EXCEEDED",
    "TOKEN_BOUND_DATA_MISMATCH",
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
)
#: Answers that come again and again for one page only: a record on it that Zoho itself cannot read.
_POISON = ("http_500", "INTERNAL_ERROR", HALF_ANSWER)
#: More records than this of one page that cannot be read, and it is not about the records.
_MOST_LOST = 3

logger = logging.getLogger(__name__)


class Reader:
    """Reads the module that holds the customers; `module` is its API name."""

    def __init__(self, api: Api, module: str, rows: Rows) -> None:
        self._api, self._module, self.rows = api, module, rows
        self._fields = ",".join(rows.names)

    def pages(self, cursor: str | None, page_size: int, changed_since: datetime | None) -> Iterator[SourcePage]:
        """Pages of at most `page_size` rows, each made of as many answers as it takes; a page is cut short where the
        next answer fails. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
        if changed_since is None or (cursor or "").startswith("id:"):
            walk: _All | _Changes = _All(self, cursor)
        else:
            walk = _Changes(self, cursor, changed_since)
        while True:
            page = walk.page(page_size)
            yield page
            if page.cursor is None:
                return
            if isinstance(walk, _Changes) and page.cursor.startswith("id:"):
                walk = _All(self, page.cursor)

    def listed(self, params: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Page:
        """One answer of the list. Raises as `pages`, and `Never` where the token of `params` is spent."""
        return self.rows.page(self._api.get(self._module, {"fields": self._fields, **params}, headers, bulk=True))

    def ids_after(self, last: str, limit: int) -> list[str]:
        """The next ids in their order. Raises as `pages`."""
        select = f"select id from {self._module} where id > '{last}' order by id asc limit 0, {limit}"
        try:
            return [str(row["id"]) for row in self._api.query(select, bulk=True) if "id" in row]
        except Never as error:
            raise reading(error) from error

    def by_ids(self, ids: Sequence[str]) -> dict[str, RawRow]:
        """The records that are there, by id. Raises as `pages`."""
        found: dict[str, RawRow] = {}
        for part in chunks(ids, BATCH):
            found |= self._of(part)
        return found

    def alive(self) -> None:
        """Raise what keeps the whole list from being read, if anything does."""
        self._api.get(self._module, {"fields": "id", "per_page": "1"})

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these records, in their order, asked by id: those in the recycle bin are gone. Of a merge Zoho
        says only that the absorbed one is gone. Raises as `pages`."""
        wanted = list(dict.fromkeys(crm_id for crm_id in crm_ids if is_id(crm_id)))
        found = self.by_ids(wanted) if wanted else {}
        return [Fate(one, found.get(one)) for one in crm_ids]

    def _of(self, ids: Sequence[str]) -> dict[str, RawRow]:
        try:
            page = self.rows.page(self._api.get(self._module, {"fields": self._fields, "ids": ",".join(ids)}))
        except Never as error:
            if error.code != "INVALID_DATA":
                raise reading(error) from error
            # An id that no record could have spoils the question for all.
            if len(ids) == 1:
                return {}
            return self._of(ids[: len(ids) // 2]) | self._of(ids[len(ids) // 2 :])
        return {row.crm_id: row for row in page.rows}


class _All:
    """Every record, in the order of the ids. The cursor is `token:WIDTH:LAST:TOKEN` while there is a page token, and
    `id:LAST` from then on; LAST is the id of the last row."""

    def __init__(self, reader: Reader, cursor: str | None) -> None:
        self._reader = reader
        self._token: str | None = None
        self._width, self._last = 0, "0"
        self._by_id = False
        if cursor is not None:
            how, *told = cursor.split(":", 3)
            self._by_id = how == "id"
            if self._by_id:
                self._last = told[0]
            else:
                self._width, self._last, self._token = int(told[0]), told[1], told[2]

    def page(self, size: int) -> SourcePage:
        rows: list[RawRow] = []
        lost: list[str] = []
        width = self._fitted(size)
        while not rows or len(rows) + width <= size:
            try:
                found, more = self._step(width, lost)
            except DeliveryError:
                if rows:
                    break
                raise
            rows += found
            if not more:
                return SourcePage(rows, None, "; ".join(lost) or None)
        return SourcePage(rows, self._cursor(), "; ".join(lost) or None)

    def _fitted(self, size: int) -> int:
        """A token goes with the width of the page that it came with."""
        if self._token is not None and self._width > size:
            self._token, self._by_id = None, True
        if self._token is None:
            self._width = min(PAGE, size)
        return self._width

    def _cursor(self) -> str:
        return f"id:{self._last}" if self._token is None else f"token:{self._width}:{self._last}:{self._token}"

    def _step(self, width: int, lost: list[str]) -> tuple[list[RawRow], bool]:
        if self._by_id:
            return self._after(width, lost)
        try:
            page = self._listed(width)
        except Never as error:
            if self._token is None or error.code not in _ENDS:
                raise reading(error) from error
        except TryAgain as error:
            if error.code not in _POISON:
                raise
        else:
            if page.rows:
                self._last = page.rows[-1].crm_id
            self._token = page.token
            self._by_id = page.token is None
            return page.rows, page.more
        self._token, self._by_id = None, True
        return self._after(width, lost)

    def _listed(self, width: int) -> Page:
        asked = {"per_page": str(width), "sort_by": "id", "sort_order": "asc"}
        return self._reader.listed(asked | ({"page_token": self._token} if self._token else {}))

    def _after(self, width: int, lost: list[str]) -> tuple[list[RawRow], bool]:
        ids = self._reader.ids_after(self._last, width)
        found = self._isolating(ids, lost)
        if ids:
            self._last = ids[-1]
        return [found[one] for one in ids if one in found], len(ids) == width

    def _isolating(self, ids: Sequence[str], lost: list[str]) -> dict[str, RawRow]:
        """The records, but those that Zoho itself cannot read: they are closed in on and stepped over, if others can be
        read."""
        if not ids:
            return {}
        try:
            return self._reader.by_ids(ids)
        except TryAgain as error:
            if error.code not in _POISON:
                raise
            if len(ids) == 1:
                if len(lost) >= _MOST_LOST:
                    raise
                self._reader.alive()
                logger.warning("record %s cannot be read and is stepped over: %s", ids[0], error)
                lost.append(f"record {ids[0]}: {error}")
                return {}
        half = len(ids) // 2
        return self._isolating(ids[:half], lost) | self._isolating(ids[half:], lost)


class _Changes:
    """Records changed since a moment, in the order of their changes.

    The cursor is `since:SECONDS`, the moment from which to ask on, or `token:WIDTH:SINCE:LAST:TOKEN`, LAST being the
    moment of the last row. Where a chain of tokens ends early, the next begins at that moment.
    """

    def __init__(self, reader: Reader, cursor: str | None, changed_since: datetime) -> None:
        self._reader = reader
        self._since = int((changed_since.astimezone(UTC) - OVERLAP).timestamp())
        self._last, self._width = self._since, 0
        self._token: str | None = None
        if cursor is not None and cursor.startswith("since:"):
            self._since = self._last = int(cursor.partition(":")[2])
        elif cursor is not None:
            _, width, since, last, self._token = cursor.split(":", 4)
            self._width, self._since, self._last = int(width), int(since), int(last)

    def page(self, size: int) -> SourcePage:
        rows: list[RawRow] = []
        if self._token is not None and self._width > size:
            self._begin_anew()
        self._width = self._width if self._token else min(PAGE, size)
        while not rows or len(rows) + self._width <= size:
            try:
                page = self._step()
            except DeliveryError:
                if rows:
                    break
                raise
            if page is None:
                return SourcePage(rows, "id:0")
            rows += page.rows
            if not page.more:
                return SourcePage(rows, None)
            if page.token is None:
                if self._last <= self._since:
                    return SourcePage(rows, "id:0")
                self._begin_anew()
        return SourcePage(rows, self._cursor())

    def _cursor(self) -> str:
        if self._token is None:
            return f"since:{self._since}"
        return f"token:{self._width}:{self._since}:{self._last}:{self._token}"

    def _begin_anew(self) -> None:
        self._token, self._since = None, self._last

    def _step(self) -> Page | None:
        """One answer; None where more records than a chain of tokens reaches have one moment: then all must be read."""
        try:
            page = self._listed()
        except Never as error:
            if self._token is None or error.code not in _ENDS:
                raise reading(error) from error
            if self._last <= self._since:
                return None
            self._begin_anew()
            return self._step()
        if page.rows:
            self._last = max(self._last, self._stamp(page.rows[-1]))
        self._token = page.token
        return page

    def _listed(self) -> Page:
        asked = {"per_page": str(self._width), "sort_by": "Modified_Time", "sort_order": "asc"}
        since = datetime.fromtimestamp(max(self._since, 0), UTC).isoformat(timespec="seconds")
        token = {"page_token": self._token} if self._token else {}
        return self._reader.listed(asked | token, {"If-Modified-Since": since})

    def _stamp(self, row: RawRow) -> int:
        found = moments.moment(self._reader.rows.stamp(row))
        if found is None:
            raise TryAgain(f"record {row.crm_id} does not say when it was changed", code=HALF_ANSWER)
        return int(found.timestamp())
