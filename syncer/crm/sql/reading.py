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
from syncer.crm.sql.mapping import Contacts, keeps_time, python_type
from syncer.domain.crm_record import RawRow, SourcePage
from syncer.domain.text import storable

#: How far before the last read changes are looked for again: their clock may differ, and what was committed late bears
#: an earlier time. Reading a row twice costs a digest.
OVERLAP = timedelta(minutes=5)
#: More of it where the column names no zone: written in local time, a moment may seem up to twelve hours older.
ZONELESS_OVERLAP = timedelta(hours=12)


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
        statement = self._statement(engine, page_size, changed_since)
        last = None if cursor is None else key_value(self._contacts.key, cursor)
        while True:
            rows = self._read(engine, statement, last)
            more = len(rows) == page_size
            last = rows[-1][0] if more else None
            page = self._raw(rows)
            yield SourcePage(page, page[-1].crm_id if more else None)
            if not more:
                return

    def _statement(self, engine: Engine, page_size: int, changed_since: datetime | None) -> Select[Any]:
        contacts = self._contacts
        columns = [_readable(column, engine.dialect.name) for column in self._columns]
        statement = select(contacts.key, *columns).where(contacts.key.is_not(None)).order_by(contacts.key)
        if contacts.deleted is not None:
            statement = statement.where(is_alive(contacts.deleted))
        if changed_since is not None and contacts.changed_at is not None and keeps_time(contacts.changed_at):
            statement = statement.where(_changed(contacts.changed_at, changed_since))
        return statement.limit(page_size)

    def _read(self, engine: Engine, statement: Select[Any], last: Any) -> list[Any]:
        if last is not None:
            statement = statement.where(self._contacts.key > last)
        with engine.connect() as connection:
            return list(connection.execute(statement).fetchall())

    def _raw(self, rows: Sequence[Any]) -> list[RawRow]:
        digest, end = self._digest, self._content + 1
        name = key_text(self._contacts.key)
        return [RawRow(name(row[0]), digest(row[1:end]), row[1:]) for row in map(tuple, rows)]


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
