"""Reading the customer table page by page, by its key: no offset that slows down, no transaction open between pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CHAR,
    Boolean,
    Column,
    ColumnElement,
    Engine,
    Numeric,
    Select,
    String,
    cast,
    func,
    or_,
    select,
    type_coerce,
)

from config.contact_fields import FieldMap
from syncer.crm import words
from syncer.crm.base import digester
from syncer.crm.sql import errors
from syncer.crm.sql.mapping import Contacts, keeps_time, python_type
from syncer.domain.crm_record import Fate, RawRow, SourcePage
from syncer.domain.errors import Never
from syncer.domain.text import storable

#: How far before the last read changes are looked for again: their clock may differ, and what was committed late bears
#: an earlier time. Reading a row twice costs a digest.
OVERLAP = timedelta(minutes=5)
#: More of it where the column names no zone: written in local time, a moment may seem up to twelve hours older.
ZONELESS_OVERLAP = timedelta(hours=12)
#: A page with more rows than this that cannot be read is no matter of single rows.
MOST_UNREADABLE = 100
#: Keys in one question; every database takes so many parameters.
_ASKED_AT_ONCE = 500
#: No key column holds more, and drivers refuse it.
_BIGGEST_KEY = 2**63


#: What reading may raise; arithmetic comes from a driver that is given no number for a decimal.
FAILURES = (*errors.FAILURES, ArithmeticError)


class Unreadable:
    """Rows of a page that the database or its driver cannot give."""

    def __init__(self) -> None:
        self._rows: list[str] = []
        self._why = ""

    def add(self, crm_id: str, error: Exception) -> None:
        """One more. Raises `error` when so many are unreadable that the rows are hardly to blame."""
        if len(self._rows) == MOST_UNREADABLE:
            raise error
        self._rows.append(crm_id[:40])
        self._why = errors.translate(error).detail

    @property
    def reason(self) -> str | None:
        """Which rows, and why the last of them; None of none."""
        if not self._rows:
            return None
        named = ", ".join(self._rows[:5]) + (", ..." if len(self._rows) > 5 else "")
        return f"{len(self._rows)} row(s) cannot be read ({named}): {self._why}"[:300]


class Reader:
    """Pages of raw rows. `fields` says which value of a row is what; the moment of the last change comes after them."""

    def __init__(self, contacts: Contacts, region: str) -> None:
        self._contacts = contacts
        # A row that was only touched is no change: its moments do not count towards the digest, so they stand last.
        pairs = sorted(contacts.read, key=lambda pair: _is_moment(contacts, *pair))
        self.fields: tuple[FieldMap, ...] = tuple(item for _, item in pairs)
        self._content = sum(not _is_moment(contacts, *pair) for pair in pairs)
        self._digest = digester(self.fields[: self._content], region)
        self._columns = [column for column, _ in pairs]
        if contacts.changed_at is not None:
            self._columns.append(contacts.changed_at)

    def pages(
        self, engine: Engine, cursor: str | None, page_size: int, changed_since: datetime | None
    ) -> Iterator[SourcePage]:
        """The pages after `cursor`. A page that is not full is the last, and its cursor None."""
        contacts = self._contacts
        statement = self._statement(engine, *self._wanted(changed_since)).order_by(contacts.key).limit(page_size)
        last = None if cursor is None else key_value(contacts.key, cursor)
        name = key_text(contacts.key)
        while True:
            bad = Unreadable()
            rows, last, more = self._read(engine, statement, last, page_size, bad)
            yield SourcePage(self._raw(rows), name(last) if more else None, bad.reason)
            if not more:
                return

    def look_up(self, engine: Engine, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these rows. One that cannot be read raises: it must not be taken for gone."""
        found: dict[str, RawRow] = {}
        for start in range(0, len(crm_ids), _ASKED_AT_ONCE):
            keys = [self._key_of(crm_id) for crm_id in crm_ids[start : start + _ASKED_AT_ONCE]]
            mine = self._contacts.key.in_([key for key in keys if key is not None])
            with engine.connect() as connection:
                rows = connection.execute(self._statement(engine, *self._wanted(None), mine)).fetchall()
            found |= {row.crm_id: row for row in self._raw(rows)}
        return [Fate(crm_id, found.get(crm_id)) for crm_id in crm_ids]

    def _key_of(self, crm_id: str) -> Any:
        """None for what no row of this table can be called."""
        try:
            key = key_value(self._contacts.key, crm_id)
        except ValueError:
            return None
        return key if not isinstance(key, int) or abs(key) < _BIGGEST_KEY else None

    def _wanted(self, changed_since: datetime | None) -> list[ColumnElement[bool]]:
        contacts = self._contacts
        conditions: list[ColumnElement[bool]] = [contacts.key.is_not(None)]
        if contacts.deleted is not None:
            conditions.append(is_alive(contacts.deleted))
        if changed_since is not None and contacts.changed_at is not None and keeps_time(contacts.changed_at):
            conditions.append(_changed(contacts.changed_at, changed_since))
        return conditions

    def _statement(self, engine: Engine, *conditions: ColumnElement[bool]) -> Select[Any]:
        columns = [_readable(column, engine.dialect.name) for column in self._columns]
        return select(self._contacts.key, *columns).where(*conditions)

    def _read(
        self, engine: Engine, statement: Select[Any], last: Any, page_size: int, bad: Unreadable
    ) -> tuple[list[Any], Any, bool]:
        """The next rows, the last key among them, and whether more may follow."""
        if last is not None:
            statement = statement.where(self._contacts.key > last)
        try:
            with engine.connect() as connection:
                rows: Sequence[Any] = connection.execute(statement).fetchall()
            keys = [rows[-1][0]] if rows else []
            more = len(rows) == page_size
        except FAILURES as error:
            if not _is_content(error):
                raise
            with engine.connect() as connection:
                keys = list(connection.execute(statement.with_only_columns(self._contacts.key)).scalars())
            rows, more = self._in_parts(engine, statement, keys, bad), len(keys) == page_size
        return list(rows), (keys[-1] if keys else last), more

    def _in_parts(self, engine: Engine, statement: Select[Any], keys: Sequence[Any], bad: Unreadable) -> list[Any]:
        """The rows of these keys, halved until those that cannot be read are alone."""
        if not keys:
            return []
        key = self._contacts.key
        try:
            with engine.connect() as connection:
                return list(connection.execute(statement.where(key >= keys[0], key <= keys[-1])).fetchall())
        except FAILURES as error:
            if not _is_content(error):
                raise
            if len(keys) == 1:
                bad.add(key_text(key)(keys[0]), error)
                return []
        middle = len(keys) // 2
        parts = (keys[:middle], keys[middle:])
        return [row for part in parts for row in self._in_parts(engine, statement, part, bad)]

    def _raw(self, rows: Sequence[Any]) -> list[RawRow]:
        digest, end = self._digest, self._content + 1
        name = key_text(self._contacts.key)
        return [RawRow(name(row[0]), digest(row[1:end]), row[1:]) for row in map(tuple, rows)]


def _is_content(error: Exception) -> bool:
    """Whether a value is to blame, so that other rows may be fine."""
    return isinstance(errors.translate(error), Never)


def _is_moment(contacts: Contacts, column: Column[Any], item: FieldMap) -> bool:
    return item.contact == "updated_at" or column is contacts.changed_at


def _readable(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """Moments as text where the database can give it: `infinity`, the year 20240 or SQLite's free text would make the
    driver raise, and one such row would end every sync."""
    if python_type(column).__module__ != "datetime":
        return column
    if dialect == "postgresql":
        return cast(column, String)
    return type_coerce(column, String) if dialect == "sqlite" else column


def is_alive(deleted: Column[Any]) -> ColumnElement[bool]:
    """Rows whose soft-delete column holds nothing, false, 0 or a word for no."""
    if isinstance(deleted.type, Boolean):
        return deleted.is_not(True)
    if isinstance(deleted.type, String):
        return or_(deleted.is_(None), func.lower(func.trim(deleted)).in_(words.NO_WORDS))
    if python_type(deleted) in (int, float, Decimal) or isinstance(deleted.type, Numeric):
        return or_(deleted.is_(None), deleted == 0)
    return deleted.is_(None)


def _changed(column: Column[Any], since: datetime) -> ColumnElement[bool]:
    # Many tables fill the column at the first change only, so a row without it may be new.
    floor = since.astimezone(UTC) - OVERLAP
    if not getattr(column.type, "timezone", False):
        floor = (floor - ZONELESS_OVERLAP).replace(tzinfo=None)
    return or_(column >= floor, column.is_(None))


def key_text(key: Column[Any]) -> Callable[[Any], str]:
    """A function from a key to its text form."""
    if python_type(key) is Decimal:
        return lambda value: format(Decimal(value).normalize(), "f")  # 9, not 9.000
    if python_type(key) is not str:
        return str
    # A CHAR column fills up with spaces, which it then takes no notice of.
    return (lambda value: storable(value).rstrip(" ")) if isinstance(key.type, CHAR) else storable


def key_value(key: Column[Any], text: str) -> Any:
    """A key from its text form. Raises `ValueError` for a text that no key of this table could have."""
    kind = python_type(key)
    try:
        return kind(text) if kind in (int, Decimal, UUID) else text
    except ArithmeticError as error:
        raise ValueError(f"'{text}' is no key of '{key.table.name}'") from error
