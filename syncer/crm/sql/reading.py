"""Reading the customer table page by page, by its key: no offset that slows down, no transaction open between pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CHAR, Column, ColumnElement, Connection, Engine, Select, cast, or_, select

from config.contact_fields import FieldMap
from syncer.crm.base import digester
from syncer.crm.sql import errors, joins
from syncer.crm.sql.mapping import Contacts, Join
from syncer.crm.sql.tables import keeps_time, python_type
from syncer.crm.sql.views import has_changed, is_alive, readable
from syncer.domain.crm_record import Fate, RawRow, SourcePage
from syncer.domain.errors import Never
from syncer.domain.text import storable

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
    """Pages of raw rows. `fields` says which value of a row is what; the moment of the last change comes after them.

    A row is read as (key, content of the customer table, moments, what joins hang on), and what the joined tables hold
    is put between content and moments: a row that was only touched is no change, so its moments stand last and do not
    count towards the digest.
    """

    def __init__(self, contacts: Contacts, region: str) -> None:
        self._contacts = contacts
        self._joins = [join for join in contacts.joins if join.read]
        pairs = sorted(contacts.read, key=lambda pair: _is_moment(contacts, *pair))
        self._content = sum(not _is_moment(contacts, *pair) for pair in pairs)
        own = [item for _, item in pairs]
        joined = [item for join in self._joins for item in join.read]
        self.fields: tuple[FieldMap, ...] = (*own[: self._content], *joined, *own[self._content :])
        self._digest = digester(self.fields[: self._content + len(joined)], region)
        self._columns = [column for column, _ in pairs]
        if contacts.changed_at is not None:
            self._columns.append(contacts.changed_at)
        self._hung = [join.on for join in self._joins if join.on is not contacts.key]
        # Of each join, where in a row stands what it hangs on; the key stands first.
        hooks = iter(range(1 + len(self._columns), 1 + len(self._columns) + len(self._hung)))
        self._hooks = [0 if join.on is contacts.key else next(hooks) for join in self._joins]

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
                rows = self._fetch(connection, self._statement(engine, *self._wanted(None), mine))
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
        if changed_since is not None and (changes := self._changes(changed_since)) is not None:
            conditions.append(changes)
        return conditions

    def _changes(self, since: datetime) -> ColumnElement[bool] | None:
        """Customers changed since then, or what hangs on them; None where the tables cannot tell."""
        stamps = [self._contacts.changed_at, *(join.changed_at for join in self._joins)]
        if not all(stamp is not None and keeps_time(stamp) for stamp in stamps):
            return None
        return or_(has_changed(stamps[0], since), *(_hangs_on_change(join, since) for join in self._joins))

    def _statement(self, engine: Engine, *conditions: ColumnElement[bool]) -> Select[Any]:
        columns = [readable(column, engine.dialect.name) for column in self._columns]
        return select(self._contacts.key, *columns, *_numbered(self._hung)).where(*conditions)

    def _fetch(self, connection: Connection, statement: Select[Any]) -> Sequence[Any]:
        """The rows, with what the joined tables hold of them."""
        rows: Sequence[Any] = connection.execute(statement).fetchall()
        if not self._joins or not rows:
            return rows
        columns = list(zip(*rows, strict=True))
        held = []
        for join, hook in zip(self._joins, self._hooks, strict=True):
            held += [joins.values_of(connection, join, columns[hook])] * len(join.read)
        before, after = 1 + self._content, 1 + len(self._columns)
        return list(zip(*columns[:before], *held, *columns[before:after], strict=True))

    def _read(
        self, engine: Engine, statement: Select[Any], last: Any, page_size: int, bad: Unreadable
    ) -> tuple[list[Any], Any, bool]:
        """The next rows, the last key among them, and whether more may follow."""
        if last is not None:
            statement = statement.where(self._contacts.key > last)
        try:
            with engine.connect() as connection:
                rows: Sequence[Any] = self._fetch(connection, statement)
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
                return list(self._fetch(connection, statement.where(key >= keys[0], key <= keys[-1])))
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
        digest, end = self._digest, 1 + self._content + sum(len(join.read) for join in self._joins)
        name = key_text(self._contacts.key)
        return [RawRow(name(row[0]), digest(row[1:end]), row[1:]) for row in map(tuple, rows)]


def _is_content(error: Exception) -> bool:
    """Whether a value is to blame, so that other rows may be fine."""
    return isinstance(errors.translate(error), Never)


def _is_moment(contacts: Contacts, column: Column[Any], item: FieldMap) -> bool:
    return item.contact == "updated_at" or column is contacts.changed_at


def _hangs_on_change(join: Join, since: datetime) -> ColumnElement[bool]:
    key: ColumnElement[Any] = (
        join.key if python_type(join.key) is python_type(join.on) else cast(join.key, join.on.type)
    )
    # What does not hold a value any more has changed as well, so the join's own conditions do not count here.
    return join.on.in_(select(key).where(has_changed(join.changed_at, since), join.key.is_not(None)))


def _numbered(columns: Sequence[Column[Any]]) -> list[ColumnElement[Any]]:
    return [column.label(f"hook_{number}") for number, column in enumerate(columns)]


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
