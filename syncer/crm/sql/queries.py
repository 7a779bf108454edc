"""A query in the place of a table: what columns it has and what they hold, asked of the driver without reading it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CHAR,
    Boolean,
    Connection,
    Date,
    DateTime,
    Float,
    Integer,
    Numeric,
    String,
    Subquery,
    TextClause,
    Uuid,
    column,
    exc,
    inspect,
    text,
)
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.types import NullType, TypeEngine

from config.errors import ConfigurationError
from syncer.crm.sql import errors
from syncer.crm.sql.tables import FILE
from syncer.domain.errors import FixCredentials

Type = TypeEngine[Any]

#: Type codes that a driver gives to a column. PostgreSQL: pg_type.oid; MySQL: the protocol's field types; pymssql:
#: DB-API groups.
_POSTGRESQL: dict[Any, Type] = {
    16: Boolean(),
    **dict.fromkeys((20, 21, 23), Integer()),
    **dict.fromkeys((25, 1043), String()),
    1042: CHAR(),
    **dict.fromkeys((700, 701), Float()),
    1082: Date(),
    1114: DateTime(),
    1184: DateTime(timezone=True),
    1700: Numeric(),
    2950: Uuid(),
}
_MYSQL: dict[Any, Type] = {
    **dict.fromkeys((1, 2, 3, 8, 9), Integer()),
    **dict.fromkeys((4, 5), Float()),
    **dict.fromkeys((7, 12), DateTime()),
    10: Date(),
    **dict.fromkeys((0, 246), Numeric()),
    **dict.fromkeys((15, 252, 253, 254), String()),
}
_MSSQL: dict[Any, Type] = {1: String(), 3: Integer(), 4: DateTime(), 5: Numeric()}
_BY_DIALECT = {"postgresql": _POSTGRESQL, "mysql": _MYSQL, "mariadb": _MYSQL, "mssql": _MSSQL}
#: What pyodbc says of a column, and what a value of SQLite's is.
_BY_PYTHON_TYPE: dict[Any, Type] = {
    bool: Boolean(),
    int: Integer(),
    float: Float(),
    str: String(),
    Decimal: Numeric(),
    datetime: DateTime(),
    date: Date(),
    uuid.UUID: Uuid(),
}


def source(connection: Connection, query: str) -> Subquery:
    """The query as something to read from, called `customers`. Raises `ConfigurationError` where the database does not
    understand it, else as any question to a database."""
    # A colon before a word would be taken for a parameter; a doubled one is PostgreSQL's cast.
    plain = text(re.sub(r"(?<!:):(?=\w)", r"\\:", query))
    try:
        columns = (
            _from_sqlite(connection, plain) if connection.dialect.name == "sqlite" else _columns(connection, plain)
        )
    except exc.DBAPIError as error:
        told = errors.translate(error)
        if not isinstance(told, FixCredentials):
            raise
        raise ConfigurationError(f"{FILE} contacts.query", f"the database refuses it: {told.detail}") from None
    return plain.columns(*columns).subquery("customers")


def _columns(connection: Connection, plain: TextClause) -> list[ColumnClause[Any]]:
    known = {**_BY_PYTHON_TYPE, **_BY_DIALECT.get(connection.dialect.name, {})}
    with connection.execute(text(f"select * from ({plain.text}) customers where 1 = 0")) as result:
        described = result.cursor.description if result.cursor is not None else ()
        return [column(entry[0], known.get(entry[1], NullType())) for entry in described]


def _from_sqlite(connection: Connection, plain: TextClause) -> list[ColumnClause[Any]]:
    """SQLite's driver tells no types: those of a view that is there for this moment, else that of the first value."""
    connection.execute(text("drop view if exists temp.syncer_query"))
    connection.execute(text(f"create temp view syncer_query as {plain.text}"))
    described = inspect(connection).get_columns("syncer_query", schema="temp")
    first = connection.execute(text("select * from temp.syncer_query limit 1")).fetchone()
    connection.execute(text("drop view temp.syncer_query"))
    values: Sequence[Any] = tuple(first) if first is not None else (None,) * len(described)
    return [
        column(
            entry["name"], _BY_PYTHON_TYPE.get(type(value), NullType()) if _is_open(entry["type"]) else entry["type"]
        )
        for entry, value in zip(described, values, strict=True)
    ]


def _is_open(kind: Type) -> bool:
    """Of an expression SQLite has no type, which is read as a number of any kind."""
    return isinstance(kind, NullType) or type(kind) is Numeric
