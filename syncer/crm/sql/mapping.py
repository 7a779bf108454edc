"""The mapping file laid over the tables that are there: every name found, or one error that says which is not."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Inspector, MetaData, Table, UniqueConstraint, exc, inspect

from config.contact_fields import FieldMap
from config.errors import ConfigurationError, did_you_mean
from config.mapping import CrmMapping
from config.mapping import Table as Section

FILE = "mappings/sql.toml"

_KEY_TYPES = (int, Decimal, str, UUID)


@dataclass(frozen=True, slots=True)
class Contacts:
    """The customer table. `read` and `written` pair each column with its line of the mapping."""

    table: Table
    key: Column[Any]
    changed_at: Column[Any] | None
    deleted: Column[Any] | None
    read: tuple[tuple[Column[Any], FieldMap], ...]
    written: tuple[tuple[Column[Any], FieldMap], ...]


@dataclass(frozen=True, slots=True)
class Records:
    """A table of messages or tasks. `columns` maps the role a column plays (`body`, `status` ...) to the column; `key`
    is the role that recognises a record written before."""

    table: Table
    key: str
    columns: Mapping[str, Column[Any]]


@dataclass(frozen=True, slots=True)
class Layout:
    """All that the mapping names, found."""

    contacts: Contacts
    messages: Records | None
    tasks: Records | None


def lay_out(connection: Connection, mapping: CrmMapping) -> Layout:
    """Find every table and column of `mapping`; raises `ConfigurationError` at the first that is not there."""
    inspector = inspect(connection)
    return Layout(
        contacts=_contacts(inspector, mapping),
        messages=_records(inspector, "messages", mapping.messages),
        tasks=_records(inspector, "tasks", mapping.tasks),
    )


def _contacts(inspector: Inspector, mapping: CrmMapping) -> Contacts:
    section = mapping.contacts
    table = _table(inspector, "contacts", section)
    key = _column(table, section.key, "contacts.key")
    if python_type(key) not in _KEY_TYPES:
        problem = f"the column '{section.key}' holds {key.type}; a key must be a whole number, text or a UUID"
        raise ConfigurationError(f"{FILE} contacts.key", problem)
    pairs = [(_column(table, item.crm, f"contacts.fields[{item.crm}].crm"), item) for item in section.fields]
    return Contacts(
        table=table,
        key=key,
        changed_at=_column(table, section.changed_at, "contacts.changed_at") if section.changed_at else None,
        deleted=_column(table, section.deleted, "contacts.deleted") if section.deleted else None,
        read=tuple(pair for pair in pairs if pair[1].direction != "to_crm"),
        written=tuple(pair for pair in pairs if pair[1].direction != "to_contact"),
    )


def _records(inspector: Inspector, name: str, section: Section | None) -> Records | None:
    if section is None:
        return None
    table = _table(inspector, name, section)
    roles = section.model_dump(exclude={"table", "db_schema"}, exclude_none=True)
    columns = {role: _column(table, column, f"{name}.{role}") for role, column in roles.items()}
    return Records(table, "ref" if "ref" in columns else "wamid", columns)


def _table(inspector: Inspector, name: str, section: Section) -> Table:
    schema = section.db_schema
    if schema is not None and schema not in (known := inspector.get_schema_names()):
        problem = f"there is no schema '{schema}'; {did_you_mean(schema, known)}"
        raise ConfigurationError(f"{FILE} {name}.schema", problem)
    try:
        with warnings.catch_warnings():
            # A column type that SQLAlchemy does not know is read as it comes; only unmapped ones are such.
            warnings.simplefilter("ignore", exc.SAWarning)
            return Table(section.table, MetaData(), schema=schema, autoload_with=inspector.bind, resolve_fks=False)
    except exc.NoSuchTableError:
        known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        problem = f"there is no table '{section.table}'; {did_you_mean(section.table, known)}"
        raise ConfigurationError(f"{FILE} {name}.table", problem) from None


def _column(table: Table, name: str, key: str) -> Column[Any]:
    if name not in table.c:
        problem = f"the table '{table.name}' has no column '{name}'; {did_you_mean(name, table.c.keys())}"
        raise ConfigurationError(f"{FILE} {key}", problem)
    return table.c[name]


def python_type(column: Column[Any]) -> type:
    """The type of the column's values; `object` for types that SQLAlchemy does not know."""
    try:
        return column.type.python_type
    except NotImplementedError:
        return object


def keeps_time(column: Column[Any]) -> bool:
    """Whether the column holds moments that the database itself can compare."""
    return issubclass(python_type(column), datetime)


def is_unique(column: Column[Any]) -> bool:
    """Whether the database keeps two rows from holding the same value in this column."""
    table = column.table
    assert isinstance(table, Table)
    groups = [list(table.primary_key.columns)]
    groups += [list(item.columns) for item in table.constraints if isinstance(item, UniqueConstraint)]
    groups += [list(index.columns) for index in table.indexes if index.unique]
    return any(group == [column] for group in groups)
