"""Reading all contacts by cursor, those changed since a moment by search, and single ones by id.

The list's cursor is the id of its last record, so it stands still whoever comes or goes. A search shows no more than
its first 10,000 hits and has no such cursor: each request asks anew from the last moment seen, and where that moment
alone fills a page, its records are read in the order of their ids. So any number of records with one stamp is read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from syncer.crm import moments, walking
from syncer.crm.batches import chunks
from syncer.crm.exchange import reading
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import BATCH, Api, is_id
from syncer.crm.hubspot.rows import CHANGED, Rows, found_and_missing
from syncer.crm.refusals import HALF_ANSWER
from syncer.domain.crm_record import Fate, RawRow, SourcePage
from syncer.domain.errors import DeliveryError, Never, TryAgain

#: How far before the last read changes are looked for again: the index of searches lags, by minutes on bad days.
OVERLAP = timedelta(minutes=5)
#: Most records of one answer.
LIST_PAGE, SEARCH_PAGE = 100, 200
#: Answers that come again and again for one page only: a record on it that HubSpot itself cannot read.
_POISON = ("http_500", "INTERNAL_ERROR", HALF_ANSWER)

logger = logging.getLogger(__name__)


class Reader:
    """Reads the object that holds the customers; `kind` is its name in the API."""

    def __init__(self, api: Api, kind: str, rows: Rows) -> None:
        self._api, self._kind, self.rows = api, kind, rows
        self._names = ",".join(rows.names)

    def pages(self, cursor: str | None, page_size: int, changed_since: datetime | None) -> Iterator[SourcePage]:
        """Pages of at most `page_size` rows, each made of as many answers as it takes; a page is cut short where the
        next answer fails. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
        walk = _Changes(self, cursor, changed_since) if changed_since is not None else _All(self, cursor)
        return walking.pages(walk, page_size)

    def listed(self, after: str | None, limit: int) -> tuple[list[RawRow], str | None]:
        """One answer of the list: rows, and the cursor after them."""
        asked = {"limit": str(limit), "properties": self._names} | ({"after": after} if after else {})
        try:
            return self.rows.page(self._api.get(f"objects/{self._kind}", asked, bulk=True))
        except Never as error:
            raise reading(error) from error

    def searched(self, filters: Sequence[dict[str, str]], order: str, limit: int) -> list[RawRow]:
        """The first rows of one search in ascending order."""
        body: dict[str, Any] = {
            "filterGroups": [{"filters": list(filters)}],
            "sorts": [{"propertyName": order, "direction": "ASCENDING"}],
            "properties": list(self.rows.names),
            "limit": limit,
        }
        try:
            return self.rows.page(self._api.search(self._kind, body, bulk=True))[0]
        except Never as error:
            raise reading(error) from error

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these records, in their order, asked by id. Raises as `pages`."""
        fates: dict[str, Fate] = {}
        for part in chunks(list(dict.fromkeys(crm_ids)), BATCH):
            fates |= self._fates([one for one in part if is_id(one)])
        return [fates.get(one, Fate(one)) for one in crm_ids]

    def _fates(self, part: Sequence[str]) -> dict[str, Fate]:
        if not part:
            return {}
        body = {"properties": list(self.rows.names), "inputs": [{"id": one} for one in part]}
        try:
            found, missing = found_and_missing(self._api.call("POST", f"objects/{self._kind}/batch/read", json=body))
        except Never as error:
            raise reading(error) from error
        fates = {one: Fate(one) for one in missing}
        fates |= {one: Fate(one, self.rows.raw(one, found[one])) for one in part if one in found}
        # Neither there nor missing: the answer holds the record that it was merged into, but not which is whose.
        return fates | {one: self._fate(one) for one in part if one not in fates}

    def _fate(self, crm_id: str) -> Fate:
        try:
            rows = self.rows.one(self._api.get(f"objects/{self._kind}/{crm_id}", {"properties": self._names}))
        except Never as error:
            if errors.is_missing(error):
                return Fate(crm_id)
            raise reading(error) from error
        return Fate(crm_id, rows) if rows.crm_id == crm_id else Fate(crm_id, into=rows.crm_id)


class _All:
    """Every record, in the order of the ids. A record that HubSpot itself cannot read is closed in on, ten and then one
    at a time, and stepped over when the one after it answers."""

    def __init__(self, reader: Reader, cursor: str | None) -> None:
        self._reader, self._after = reader, cursor
        self._width = LIST_PAGE
        self._since_narrowed = 0

    def page(self, size: int) -> SourcePage:
        rows: list[RawRow] = []
        while len(rows) < size:
            try:
                found, after = self._reader.listed(self._after, min(self._width, size - len(rows)))
            except DeliveryError as error:
                if rows:
                    break
                if not isinstance(error, TryAgain) or error.code not in _POISON:
                    raise
                if self._width > 1:
                    self._width, self._since_narrowed = self._width // 10, 0
                    continue
                return self._stepped_over(error)
            rows += found
            self._after = after
            self._widen(len(found))
            if after is None:
                return SourcePage(rows, None)
        return SourcePage(rows, self._after)

    def _widen(self, count: int) -> None:
        self._since_narrowed += count
        if self._since_narrowed >= LIST_PAGE:
            self._width = LIST_PAGE

    def _stepped_over(self, error: TryAgain) -> SourcePage:
        """The page without the record; raises the error if everything fails, not this one record."""
        beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": self._after or "0"}
        rows = self._reader.searched([beyond], "hs_object_id", 1)
        if not rows:
            raise error
        lost = rows[0].crm_id
        self._reader.listed(lost, 1)
        logger.warning("record %s cannot be read and is stepped over: %s", lost, error)
        self._after, self._width = lost, LIST_PAGE
        return SourcePage([], lost, f"record {lost}: {error}")


class _Changes:
    """Records changed since a moment, in that order.

    The cursor is `since:MS`, the moment from which to ask on, or `same:MS:ID` while the records of one moment are read.
    """

    def __init__(self, reader: Reader, cursor: str | None, changed_since: datetime) -> None:
        self._reader, self.most = reader, SEARCH_PAGE
        floor = _milliseconds(changed_since.astimezone(UTC) - OVERLAP)
        self.cursor: str | None = cursor or f"since:{max(floor, 0)}"

    def page(self, size: int) -> SourcePage:
        return walking.filled(self, size)

    def step(self, cursor: str, limit: int) -> tuple[list[RawRow], str | None]:
        how, moment, *last = cursor.split(":")
        if how == "same":
            return self._of_one_moment(int(moment), int(last[0]), limit)
        asked = {"propertyName": CHANGED, "operator": "GTE", "value": moment}
        rows = self._reader.searched([asked], CHANGED, limit)
        if len(rows) < limit:
            return rows, None
        stamps = [self._stamp(row) for row in rows]
        latest = max(stamps)
        if min(stamps) == latest:
            return [], f"same:{latest}:0"
        # The latest moment may go on beyond the page: its records come with the next one.
        return [row for row, stamp in zip(rows, stamps, strict=True) if stamp < latest], f"since:{latest}"

    def _of_one_moment(self, moment: int, last: int, limit: int) -> tuple[list[RawRow], str]:
        asked = [
            {"propertyName": CHANGED, "operator": "GTE", "value": str(moment)},
            {"propertyName": CHANGED, "operator": "LTE", "value": str(moment)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)},
        ]
        rows = self._reader.searched(asked, "hs_object_id", limit)
        if len(rows) < limit:
            return rows, f"since:{moment + 1}"
        return rows, f"same:{moment}:{rows[-1].crm_id}"

    def _stamp(self, row: RawRow) -> int:
        found = moments.moment(self._reader.rows.stamp(row))
        if found is None:
            raise TryAgain(f"record {row.crm_id} does not say when it was changed", code=HALF_ANSWER)
        return _milliseconds(found)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
