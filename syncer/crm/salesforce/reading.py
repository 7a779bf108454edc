"""Reading all contacts by key, those changed since a moment by moment and key, and single ones by id.

No query goes on where another stopped (a cursor of Salesforce's ends after two days, and its pages move under whoever
comes and goes): each asks anew from the last key seen, so reading resumes anywhere. An org tells moments to the second;
where one second fills a page, its records are read in the order of their ids.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from syncer.crm import moments, walking
from syncer.crm.refusals import HALF_ANSWER
from syncer.crm.salesforce import soql
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.rows import CHANGED, Rows
from syncer.domain.crm_record import Fate, RawRow, SourcePage
from syncer.domain.errors import DeliveryError, TryAgain

#: How far before the last read changes are looked for again: a long transaction's are seen later than they are stamped.
OVERLAP = timedelta(minutes=5)
#: Most records of one answer.
PAGE = 2_000
#: Answers that fewer records may cure: too large, too slow, or one record on them that Salesforce itself cannot read.
_NARROW = ("too_large", "QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "UNKNOWN_EXCEPTION", HALF_ANSWER)
#: A page that every org answers in time.
_SHORT = 200
#: Objects that remember into which record one of theirs was merged.
_MERGEABLE = ("Account", "Contact", "Lead")
#: A record that was merged more often than this is taken for deleted.
_MOST_MERGES = 10
_SECOND = timedelta(seconds=1)

logger = logging.getLogger(__name__)


class Reader:
    """Reads the object that holds the customers; `kind` is its name in the API."""

    def __init__(self, api: Api, kind: str, rows: Rows) -> None:
        self._api, self._kind, self.rows = api, kind, rows

    def pages(self, cursor: str | None, page_size: int, changed_since: datetime | None) -> Iterator[SourcePage]:
        """Pages of at most `page_size` rows, each made of as many answers as it takes; a page is cut short where the
        next answer fails. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
        walk = _Changes(self, cursor, changed_since) if changed_since is not None else _All(self, cursor)
        return walking.pages(walk, page_size)

    def found(self, where: str, order: str, limit: int, names: Sequence[str] = ()) -> tuple[list[RawRow], bool]:
        """The first rows of a query in ascending order, and whether there are no others."""
        condition = f" WHERE {where}" if where else ""
        text = f"SELECT {','.join(names or self.rows.names)} FROM {self._kind}{condition} ORDER BY {order}"
        rows, done = self.rows.page(self._api.query(f"{text} LIMIT {limit}", bulk=True))
        if not rows and not done:
            raise TryAgain("the answer has no records and says that more follow", code=HALF_ANSWER)
        return rows, done and len(rows) < limit

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these records, in their order, asked by id. Raises as `pages`."""
        ids = {one: soql.long_id(one) for one in crm_ids if soql.is_id(one)}
        there = self._rows_of(list(ids.values()))
        masters = self._masters([one for one in ids.values() if one not in there])
        fates = {one: Fate(one, there.get(long), masters.get(long)) for one, long in ids.items()}
        return [fates.get(one, Fate(one)) for one in crm_ids]

    def _rows_of(self, ids: Sequence[str]) -> dict[str, RawRow]:
        found: dict[str, RawRow] = {}
        for part in soql.parts(ids):
            text = f"SELECT {','.join(self.rows.names)} FROM {self._kind} WHERE Id IN {soql.listed(part)}"
            for response in self._api.answers(text):
                found |= {row.crm_id: row for row in self.rows.page(response)[0]}
        return found

    def _masters(self, ids: Sequence[str]) -> dict[str, str]:
        """Of records that are not there: the ones that they were merged into and that are there, however many merges
        later."""
        if self._kind not in _MERGEABLE:
            return {}
        led = self._merged_into(ids)
        ends = dict(led)
        for _ in range(_MOST_MERGES):
            further = self._merged_into(sorted(set(ends.values())))
            if not further:
                there = self._there(sorted(set(ends.values())))
                return {one: end for one, end in ends.items() if end in there}
            ends = {one: further.get(end, end) for one, end in ends.items()}
        return {}

    def _merged_into(self, ids: Sequence[str]) -> dict[str, str]:
        condition = "AND IsDeleted = true AND MasterRecordId != null"
        return {
            str(row["Id"]): str(row["MasterRecordId"])
            for part in soql.parts(ids)
            for row in self._asked(f"Id,MasterRecordId FROM {self._kind} WHERE Id IN", part, condition, deleted=True)
            if row.get("MasterRecordId")
        }

    def _there(self, ids: Sequence[str]) -> set[str]:
        asked = f"Id FROM {self._kind} WHERE Id IN"
        return {str(row["Id"]) for part in soql.parts(ids) for row in self._asked(asked, part, "", deleted=False)}

    def _asked(self, what: str, part: Sequence[str], condition: str, *, deleted: bool) -> list[dict[str, Any]]:
        return self._api.rows(f"SELECT {what} {soql.listed(part)} {condition}".rstrip(), deleted=deleted)


class _All:
    """Every record, in the order of the ids. Where an answer fails for its size or for a record that Salesforce itself
    cannot read, fewer are asked for, in the end one, and that one is stepped over when the one after it answers."""

    def __init__(self, reader: Reader, cursor: str | None) -> None:
        self._reader, self._after = reader, cursor
        self._width, self._since_narrowed = PAGE, 0

    def page(self, size: int) -> SourcePage:
        rows: list[RawRow] = []
        while len(rows) < size:
            limit = min(self._width, size - len(rows))
            try:
                found, ended = self._reader.found(_beyond(self._after), "Id", limit)
            except DeliveryError as error:
                if rows:
                    break
                if not isinstance(error, TryAgain) or not _may_be_cured(error, limit):
                    raise
                if limit > 1:
                    self._width, self._since_narrowed = max(limit // 10, 1), 0
                    continue
                return self._stepped_over(error)
            rows += found
            self._after = found[-1].crm_id if found else self._after
            self._widen(len(found))
            if ended:
                return SourcePage(rows, None)
        return SourcePage(rows, self._after)

    def _widen(self, count: int) -> None:
        self._since_narrowed += count
        if self._since_narrowed >= PAGE:
            self._width = PAGE

    def _stepped_over(self, error: TryAgain) -> SourcePage:
        """The page without the record; raises the error if everything fails, not this one record."""
        rows, _ = self._reader.found(_beyond(self._after), "Id", 1, ["Id"])
        if not rows:
            raise error
        lost = rows[0].crm_id
        self._reader.found(_beyond(lost), "Id", 1)
        logger.warning("record %s cannot be read and is stepped over: %s", lost, error)
        self._after, self._width = lost, PAGE
        return SourcePage([], lost, f"record {lost}: {error}")


def _may_be_cured(error: TryAgain, limit: int) -> bool:
    """Whether fewer records may be answered. Each silence costs a worker the whole deadline, so a short page that is
    not answered either means an org that is away."""
    if error.code == "timeout":
        return limit > _SHORT
    return error.code in _NARROW or error.code.startswith("http_5")


def _beyond(crm_id: str | None) -> str:
    return f"Id > {soql.literal(crm_id)}" if crm_id else ""


class _Changes:
    """Records changed since a moment, in that order.

    The cursor is `since SECOND`, the second from which to ask on, or `same SECOND ID` while the records of one second
    are read.
    """

    def __init__(self, reader: Reader, cursor: str | None, changed_since: datetime) -> None:
        self._reader, self.most = reader, PAGE
        self.cursor: str | None = cursor or f"since {soql.moment(changed_since - OVERLAP)}"

    def page(self, size: int) -> SourcePage:
        return walking.filled(self, size)

    def step(self, cursor: str, limit: int) -> tuple[list[RawRow], str | None]:
        how, text, *last = cursor.split(" ")
        second = datetime.fromisoformat(text)
        if how == "same":
            return self._of_one_second(second, last[0] if last else "", limit)
        rows, ended = self._reader.found(f"{CHANGED} >= {text}", f"{CHANGED}, Id", limit)
        if ended:
            return rows, None
        stamps = [self._second(row) for row in rows]
        latest = max(stamps)
        if min(stamps) == latest:
            return [], f"same {soql.moment(latest)} "
        # The latest second may go on beyond the page: its records come with the next one.
        return [row for row, stamp in zip(rows, stamps, strict=True) if stamp < latest], f"since {soql.moment(latest)}"

    def _of_one_second(self, second: datetime, last: str, limit: int) -> tuple[list[RawRow], str]:
        where = f"{CHANGED} >= {soql.moment(second)} AND {CHANGED} < {soql.moment(second + _SECOND)}"
        beyond = f" AND {_beyond(last)}" if last else ""
        rows, ended = self._reader.found(where + beyond, "Id", limit)
        if ended:
            return rows, f"since {soql.moment(second + _SECOND)}"
        return rows, f"same {soql.moment(second)} {rows[-1].crm_id}"

    def _second(self, row: RawRow) -> datetime:
        stamp = self._reader.rows.stamp(row)
        found = moments.moment(stamp) if stamp else None
        if found is None:
            raise TryAgain(f"record {row.crm_id} does not say when it was changed", code=HALF_ANSWER)
        return found.astimezone(UTC).replace(microsecond=0)
