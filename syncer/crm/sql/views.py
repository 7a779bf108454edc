"""What every question about rows needs: values as a driver can give them, rows that are alive, rows that changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Enum, Integer, Numeric, String, cast, false, func, or_, type_coerce
from sqlalchemy.dialects import mysql

from syncer.crm import words
from syncer.crm.sql.tables import keeps_zone, python_type

#: How far before the last read changes are looked for again: their clock may differ, and what was committed late bears
#: an earlier time. Reading a row twice costs a digest.
OVERLAP = timedelta(minutes=5)
#: More of it where the column names no zone: written in local time, a moment may seem up to twelve hours older.
ZONELESS_OVERLAP = timedelta(hours=12)


def readable(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Moments as text where the database can give it: `infinity`, the year 20240 or SQLite's free text would make the
    driver raise, and one such row would end every sync. A word that is in no list of words is one, too."""
    column = worded(column)
    if python_type(column).__module__ != "datetime":
        return column
    if dialect == "postgresql":
        return cast(column, String)
    return type_coerce(column, String) if dialect == "sqlite" else column


def worded(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of listed words as the text that it is."""
    return type_coerce(column, String) if isinstance(column.type, Enum | mysql.SET) else column


def is_alive(deleted: ColumnElement[Any]) -> ColumnElement[bool]:
    """Rows whose soft-delete column holds nothing, false, 0 or a word for no."""
    if isinstance(deleted.type, Boolean):
        return or_(deleted.is_(None), deleted == false())
    if isinstance(deleted.type, Enum):
        deleted = cast(deleted, String)
    if isinstance(deleted.type, mysql.BIT):
        deleted = type_coerce(deleted, Integer)
    if isinstance(deleted.type, String):
        return or_(deleted.is_(None), func.lower(func.trim(deleted)).in_(words.NO_WORDS))
    if python_type(deleted) in (int, float, Decimal) or isinstance(deleted.type, Numeric):
        return or_(deleted.is_(None), deleted == 0)
    return deleted.is_(None)


def has_changed(column: Any, since: datetime) -> ColumnElement[bool]:
    """Rows changed since then, as far as `column` can tell."""
    # Many tables fill the column at the first change only, so a row without it may be new.
    floor = since.astimezone(UTC) - OVERLAP
    if not keeps_zone(column):
        floor -= ZONELESS_OVERLAP
    if not getattr(column.type, "timezone", False):
        floor = floor.replace(tzinfo=None)
    return or_(column >= floor, column.is_(None))
