"""The mapping file laid over the tables that are there: every name found, or one error that says which is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, FromClause, Inspector, Table, inspect, update

from config.contact_fields import FieldMap
from config.errors import ConfigurationError
from config.mapping import ContactTable, CrmMapping
from config.mapping_tables import JoinedTable, ReplyTable
from config.mapping_tables import Table as Section
from syncer.crm.sql import errors, queries
from syncer.crm.sql.tables import FILE, column, find, python_type
from syncer.crm.sql.values import Values, fit

_KEY_TYPES = (int, Decimal, str, UUID)

Pairs = tuple[tuple[Column[Any], FieldMap], ...]


@dataclass(frozen=True, slots=True)
class Join:
    """A table that holds one field of the customers'. `on` is the column of the customers that `key` points at,
    `where` the conditions of the rows that are meant, `added` what a row of ours holds besides key and value."""

    name: str
    table: Table
    key: Column[Any]
    on: Column[Any]
    value: Column[Any]
    where: tuple[ColumnElement[bool], ...]
    added: Values
    primary: Column[Any] | None
    order: Column[Any] | None
    changed_at: Column[Any] | None
    many: bool
    separator: str
    read: tuple[FieldMap, ...]
    written: FieldMap | None


@dataclass(frozen=True, slots=True)
class Contacts:
    """The customers: read from `source`, written to `target` (None: only read). `read` and `written` pair each column
    of those with its line of the mapping; the fields of `joins` live in tables of their own."""

    source: FromClause
    target: Table | None
    key: Column[Any]
    changed_at: Column[Any] | None
    deleted: Column[Any] | None
    read: Pairs
    written: Pairs
    joins: tuple[Join, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> list[FieldMap]:
        """Every line that is read."""
        return [item for _, item in self.read] + [item for join in self.joins for item in join.read]


@dataclass(frozen=True, slots=True)
class Records:
    """A table of messages or tasks. `columns` maps the role a column plays (`body`, `status` ...) to the column; `key`
    is the role that recognises a record written before."""

    table: Table
    key: str
    columns: Mapping[str, Column[Any]]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The table in which people write what is to be sent. `columns` by role, `key` and `ref` among them; the three
    words are as the status column takes them."""

    table: Table
    columns: Mapping[str, Column[Any]]
    to_send: Any = None
    taken: Any = None
    failed: Any = None


@dataclass(frozen=True, slots=True)
class Layout:
    """All that the mapping names, found."""

    contacts: Contacts
    messages: Records | None
    tasks: Records | None
    replies: Outgoing | None


def lay_out(connection: Connection, mapping: CrmMapping) -> Layout:
    """Find every table and column of `mapping`; raises `ConfigurationError` at the first that is not there."""
    inspector = inspect(connection)
    return Layout(
        contacts=_contacts(connection, inspector, mapping.contacts),
        messages=_records(inspector, "messages", mapping.messages),
        tasks=_records(inspector, "tasks", mapping.tasks),
        replies=_outgoing(inspector, mapping.replies),
    )


def _contacts(connection: Connection, inspector: Inspector, section: ContactTable) -> Contacts:
    if section.query is not None:
        source: FromClause = queries.source(connection, section.query)
    else:
        source = find(inspector, "contacts.table", section, section.table or "")
    key = _key(source, section.key, "contacts.key")
    target = _target(inspector, section, source)
    names = {join.name for join in section.joins}
    own = [item for item in section.fields if item.crm not in names]
    joins = tuple(_join(inspector, join, source, target, section) for join in section.joins)
    return _checked(
        connection,
        Contacts(
            source=source,
            target=target,
            key=key,
            changed_at=column(source, section.changed_at, "contacts.changed_at") if section.changed_at else None,
            deleted=column(source, section.deleted, "contacts.deleted") if section.deleted else None,
            read=tuple((_line(source, item), item) for item in own if item.direction != "to_crm"),
            written=tuple((_line(target, item), item) for item in own if item.direction != "to_contact"),
            joins=joins,
            defaults=_values(target, section.defaults, "contacts.defaults"),
        ),
    )


def _key(source: FromClause, name: str, where: str) -> Column[Any]:
    key = column(source, name, where)
    if python_type(key) not in _KEY_TYPES:
        problem = f"the column '{name}' holds {key.type}; a key must be a whole number, text or a UUID"
        raise ConfigurationError(f"{FILE} {where}", problem)
    return key


def _target(inspector: Inspector, section: ContactTable, source: FromClause) -> Table | None:
    if section.write_table is None:
        return source if isinstance(source, Table) else None
    target = find(inspector, "contacts.write_table", section, section.write_table)
    _key(target, section.key, "contacts.write_table")
    return target


def _line(table: FromClause | None, item: FieldMap) -> Column[Any]:
    hint = "" if item.direction == "to_contact" else 'a line that is only read says direction = "to_contact"'
    return column(table, item.crm, f"contacts.fields[{item.crm}].crm", hint if _is_derived(table) else "")


def _is_derived(table: FromClause | None) -> bool:
    return False if table is None else not isinstance(table, Table)


def _values(table: Table | None, given: Mapping[str, Any], where: str) -> Values:
    found = {} if table is None else {name: column(table, name, f"{where}.{name}") for name in given}
    try:
        return {name: fit(found[name], given[name]) for name in found}
    except ValueError as error:
        raise ConfigurationError(f"{FILE} {where}", str(error)) from None


def _join(
    inspector: Inspector, section: JoinedTable, source: FromClause, target: Table | None, contacts: ContactTable
) -> Join:
    where = f"contacts.joins[{section.name}]"
    table = find(inspector, f"{where}.table", section, section.table)
    if section.name in source.c:
        raise ConfigurationError(f"{FILE} {where}.name", "is a column of the customers' too; give it another name")
    lines = [item for item in contacts.fields if item.crm == section.name]
    written = next((item for item in lines if item.direction != "to_contact"), None)
    conditions, defaults = (_values(table, given, where) for given in (section.where, section.defaults))
    primary = column(table, section.primary, f"{where}.primary") if section.primary else None
    on = section.on or contacts.key
    if written and target is not None:
        column(target, on, f"{where}.on")
    return Join(
        name=section.name,
        table=table,
        key=column(table, section.key, f"{where}.key"),
        on=column(source, on, f"{where}.on"),
        value=column(table, section.value, f"{where}.value"),
        where=tuple(table.c[name] == value for name, value in conditions.items()),
        added={**defaults, **({primary.name: fit(primary, True)} if primary is not None else {}), **conditions},
        primary=primary,
        order=column(table, section.order, f"{where}.order") if section.order else None,
        changed_at=column(table, section.changed_at, f"{where}.changed_at") if section.changed_at else None,
        many=section.many,
        separator=section.separator or ",",
        read=tuple(item for item in lines if item.direction != "to_crm"),
        written=written,
    )


def _checked(connection: Connection, contacts: Contacts) -> Contacts:
    """A view may take changes or not, as its query is; only the database knows."""
    target = contacts.target
    if target is None or not contacts.written or target.name not in inspect(connection).get_view_names(target.schema):
        return contacts
    nothing: Values = {column.name: column for column, _ in contacts.written}
    with connection.begin_nested() as attempt:
        try:
            connection.execute(update(target).values(nothing).where(target.c[contacts.key.name].is_(None)))
        except errors.FAILURES as error:
            attempt.rollback()
            told = errors.translate(error)
            if "denied" not in told.detail:
                problem = f"the view '{target.name}' takes no changes ({told.detail})"
                remedy = "name the table behind it in 'write_table', or give its lines direction = \"to_contact\""
                raise ConfigurationError(f"{FILE} contacts.table", f"{problem}; {remedy}") from None
    return contacts


def _records(inspector: Inspector, name: str, section: Section | None) -> Records | None:
    if section is None:
        return None
    table = find(inspector, f"{name}.table", section, section.table)
    roles = section.model_dump(exclude={"table", "db_schema"}, exclude_none=True)
    columns = {role: column(table, known, f"{name}.{role}") for role, known in roles.items()}
    return Records(table, "ref" if "ref" in columns else "wamid", columns)


def _outgoing(inspector: Inspector, section: ReplyTable | None) -> Outgoing | None:
    if section is None:
        return None
    table = find(inspector, "replies.table", section, section.table)
    others = {"table", "db_schema", "to_send", "taken", "failed", "notify"}
    roles = section.model_dump(exclude=others, exclude_none=True)
    columns = {role: column(table, known, f"replies.{role}") for role, known in roles.items()}
    _key(table, section.key, "replies.key")
    if section.status is None:
        return Outgoing(table, columns)
    words = {"to_send": section.to_send, "taken": section.taken, "failed": section.failed}
    return Outgoing(table, columns, **{role: _word(columns["status"], role, word) for role, word in words.items()})


def _word(status: Column[Any], role: str, word: str) -> Any:
    try:
        fitted = fit(status, word)
    except ValueError as error:
        raise ConfigurationError(f"{FILE} replies.{role}", str(error)) from None
    if isinstance(fitted, str) and fitted != word:
        raise ConfigurationError(f"{FILE} replies.{role}", f"'{word}' is longer than the column '{status.name}' takes")
    return fitted
