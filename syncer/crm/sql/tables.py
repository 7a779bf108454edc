"""Tables and columns as the database describes them: found by name, or one error that says which name is not there."""

from __future__ import annotations

import warnings
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Inspector, MetaData, String, Table, UniqueConstraint, exc, func
from sqlalchemy.dialects import mssql, mysql

from config.errors import ConfigurationError, did_you_mean
from config.mapping_tables import Placed

FILE = "mappings/sql.toml"


def find(inspector: Inspector, key: str, section: Placed, name: str) -> Table:
    """The table or view `name`, in the section's schema; `key` is where the mapping names it. Raises
    `ConfigurationError`."""
    schema = section.db_schema
    if schema is not None and schema not in (known := inspector.get_schema_names()):
        problem = f"there is no schema '{schema}'; {did_you_mean(schema, known)}"
        raise ConfigurationError(f"{FILE} {key.partition('.')[0]}.schema", problem)
    # SQL Server refuses an OUTPUT clause on a table with triggers, and many that keep a moment of change have one.
    returns = inspector.dialect.name != "mssql"
    try:
        with warnings.catch_warnings():
            # A column type that SQLAlchemy does not know is read as it comes; only unmapped ones are such.
            warnings.simplefilter("ignore", exc.SAWarning)
            found = Table(
                name,
                MetaData(),
                schema=schema,
                autoload_with=inspector.bind,
                resolve_fks=False,
                implicit_returning=returns,
            )
        return _with_unnamed_indexes(inspector, found)
    except exc.NoSuchTableError:
        known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        problem = f"there is no table '{name}'; {did_you_mean(name, known)}"
        raise ConfigurationError(f"{FILE} {key}", problem) from None


def _with_unnamed_indexes(inspector: Inspector, table: Table) -> Table:
    """SQLite's description of a table leaves out the uniqueness that was declared beside a `varchar(40)`."""
    if inspector.dialect.name == "sqlite":
        for index in inspector.get_indexes(table.name, table.schema, include_auto_indexes=True):
            if index["unique"]:
                table.append_constraint(UniqueConstraint(*(name for name in index["column_names"] if name)))
    return table


def column(source: Any, name: str, key: str, hint: str = "") -> Column[Any]:
    """The column `name` of a table or query. Raises `ConfigurationError`; `hint` is what may help besides."""
    if name not in source.c:
        what = "the table" if isinstance(source, Table) else "the query"
        problem = f"{what} '{source.name}' has no column '{name}'; {did_you_mean(name, source.c.keys())}"
        raise ConfigurationError(f"{FILE} {key}", problem + (f"; {hint}" if hint else ""))
    found: Column[Any] = source.c[name]
    return found


def python_type(column: ColumnElement[Any]) -> type:
    """The type of the column's values; `object` for types that SQLAlchemy does not know."""
    try:
        return column.type.python_type
    except NotImplementedError:
        return object


def keeps_time(column: Column[Any]) -> bool:
    """Whether the column holds moments that the database itself can compare."""
    return issubclass(python_type(column), datetime)


def keeps_zone(column: Column[Any]) -> bool:
    """Whether a moment in this column is the same for everybody. MySQL's `timestamp` is, since our sessions are in
    UTC."""
    zoned = isinstance(column.type, mssql.DATETIMEOFFSET | mysql.TIMESTAMP)
    return zoned or bool(getattr(column.type, "timezone", False))


def now(column: Column[Any]) -> ColumnElement[Any]:
    """The present moment by the database's clock, as the column keeps it."""
    zoned = isinstance(column.type, mssql.DATETIMEOFFSET)
    return func.sysdatetimeoffset() if zoned else func.now()


def is_unique(column: Column[Any]) -> bool:
    """Whether the database keeps two rows from holding the same value in this column; of a query nobody knows."""
    table = column.table
    if not isinstance(table, Table):
        return False
    groups = [list(table.primary_key.columns)]
    groups += [list(item.columns) for item in table.constraints if isinstance(item, UniqueConstraint)]
    groups += [list(index.columns) for index in table.indexes if index.unique]
    return any(group == [column] for group in groups)


def is_required(column: Column[Any]) -> bool:
    """Whether a new row must give the column something."""
    by_itself = column.server_default is not None or column.identity is not None or column.computed is not None
    makes_key = column.primary_key and python_type(column) is int and column.autoincrement in (True, "auto")
    return not (column.nullable or by_itself or makes_key)


def is_text(column: Column[Any]) -> bool:
    """Whether the column holds free text; of a list of words the empty text is none."""
    return python_type(column) is str and isinstance(column.type, String) and not hasattr(column.type, "enums")
