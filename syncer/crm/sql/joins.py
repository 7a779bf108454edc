"""Fields that live in tables of their own: a phone table, a tag table. Read a page at a time, written row by row."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, insert, select, update

from syncer.crm.sql.mapping import Join
from syncer.crm.sql.tables import is_text, is_unique, keeps_time, keeps_zone, now, python_type
from syncer.crm.sql.values import Values, fit
from syncer.crm.sql.views import readable
from syncer.crm.sql.writes import LOCKED

#: Keys in one question; SQL Server takes 2,100 parameters.
ASKED_AT_ONCE = 500


def values_of(connection: Connection, join: Join, keys: Sequence[Any]) -> list[Any]:
    """What each customer has there, by what `join.on` holds of them: the first value, or of `many` a list; None of one
    who has nothing."""
    shown = readable(join.value, connection.dialect.name)
    found: dict[Any, list[Any]] = {key: [] for key in keys if key is not None}
    for key, value in _rows(connection, join, list(found), [shown]):
        found[key].append(value)
    return [_told(join, found.get(key) or ()) for key in keys]


def _told(join: Join, values: Sequence[Any]) -> Any:
    if not values:
        return None
    if not join.many:
        return values[0]
    listed = all(item.transform == "tags" for item in join.read)
    return list(values) if listed else join.separator.join(str(value) for value in values)


def _rows(
    connection: Connection, join: Join, keys: Sequence[Any], shown: Sequence[ColumnElement[Any]], *, lock: bool = False
) -> Iterable[tuple[Any, ...]]:
    """(one of `keys`, what is shown) of each row that holds a value, a customer's first one first."""
    named = _Names(keys)
    statement = _ordered(join, select(join.key, *shown).where(*join.where, join.value.is_not(None)))
    if lock:
        statement = statement.with_for_update().with_hint(join.table, LOCKED, "mssql")
    for start in range(0, len(keys), ASKED_AT_ONCE):
        asked = [fit(join.key, key) for key in keys[start : start + ASKED_AT_ONCE]]
        for key, *rest in connection.execute(statement.where(join.key.in_(asked))).fetchall():
            if (known := named.find(key)) is not None:
                yield known, *rest


def _ordered(join: Join, statement: Select[Any]) -> Select[Any]:
    # Whatever the company says of the order, the same rows come in the same one: a digest hangs on it.
    order: list[ColumnElement[Any]] = [] if join.primary is None else [join.primary.desc()]
    order += [] if join.order is None else [join.order]
    return statement.order_by(*order, *identity(join), join.value)


class _Names:
    """Which of our keys a row of the other table means. A database may take no notice of case or trailing spaces, and
    has then found a row for a key that is written otherwise."""

    def __init__(self, keys: Sequence[Any]) -> None:
        self._exact = {str(key): key for key in keys}
        self._folded: dict[str, Any] = {}
        for key in keys:
            folded = _folded(key)
            self._folded[folded] = None if folded in self._folded else key

    def find(self, key: Any) -> Any:
        known = self._exact.get(str(key))
        return known if known is not None else self._folded.get(_folded(key))


def _folded(key: Any) -> str:
    return str(key).rstrip(" ").casefold()


def identity(join: Join) -> tuple[Column[Any], ...]:
    """By what a row of the table is known again, besides its customer and value."""
    return tuple(join.table.primary_key.columns)


class Rows:
    """The rows of one join that belong to some customers, locked, and what has to change in them."""

    def __init__(self, tx: Connection, join: Join, keys: Sequence[Any]) -> None:
        self._tx, self._join = tx, join
        self._known: dict[Any, list[tuple[Any, ...]]] = {}
        shown = [join.value.label("old_value"), *(key.label(f"id_{n}") for n, key in enumerate(identity(join)))]
        for key, *rest in _rows(tx, join, [key for key in dict.fromkeys(keys) if key is not None], shown, lock=True):
            self._known.setdefault(key, []).append(tuple(rest))

    def old(self, key: Any) -> Any:
        """What the customer has there now, as a speller takes it: a value, or of `many` a list."""
        values = [row[0] for row in self._known.get(key, ())]
        return (values or None) if self._join.many else values[0] if values else None

    def write(self, key: Any, value: Any) -> None:
        """Make the customer's field say `value`. Of many the missing ones are added, and none is taken away."""
        rows = self._known.get(key, [])
        if self._join.many:
            known = {row[0] for row in rows}
            for one in dict.fromkeys(fit(self._join.value, item) for item in value or ()):
                if one not in known:
                    self._add(key, one)
        elif rows:
            self._change(key, rows[0], value)
        elif value is not None:
            self._add(key, fit(self._join.value, value))

    def _change(self, key: Any, row: Sequence[Any], value: Any) -> None:
        join, column = self._join, self._join.value
        fitted = fit(column, value)
        if fitted is None and not column.nullable:
            if not is_text(column) or is_unique(column):
                return  # it may not be empty
            fitted = ""
        mine = [join.key == fit(join.key, key), *join.where]
        mine += [column == value for column, value in zip(identity(join), row[1:], strict=True)]
        mine += [] if identity(join) else [column == row[0]]
        stamp = join.changed_at
        stamps: Values = {stamp.name: now(stamp)} if stamp is not None and keeps_zone(stamp) else {}
        self._tx.execute(update(join.table).where(*mine).values({**stamps, column.name: fitted}))

    def _add(self, key: Any, value: Any) -> None:
        join = self._join
        stamp = join.changed_at
        made: Values = {stamp.name: now(stamp)} if stamp is not None and _is_ours(stamp) else {}
        row = {**made, **join.added, join.key.name: fit(join.key, key), join.value.name: value, **self._made_key()}
        self._tx.execute(insert(join.table).values(row))

    def _made_key(self) -> Values:
        """A row's own key, where the database makes none."""
        own = [key for key in identity(self._join) if key.name not in {*self._join.added, *self._names}]
        if len(own) != 1 or own[0].server_default is not None or python_type(own[0]) not in (str, uuid.UUID):
            return {}
        return {own[0].name: fit(own[0], uuid.uuid4() if python_type(own[0]) is uuid.UUID else uuid.uuid4().hex)}

    @property
    def _names(self) -> tuple[str, str]:
        return self._join.key.name, self._join.value.name


def _is_ours(stamp: Column[Any]) -> bool:
    return stamp.server_default is None and keeps_time(stamp)
