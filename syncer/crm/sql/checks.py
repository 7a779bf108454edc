"""The adapter examines itself, for `syncer doctor`: nothing is written, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, func, insert, select, update

from config.errors import ConfigurationError
from syncer.crm.sql import errors, people
from syncer.crm.sql.mapping import Contacts, Layout, Records, is_unique, keeps_time, python_type
from syncer.domain.crm_record import CrmCheck
from syncer.domain.errors import DeliveryError

#: R21: a mapping of fewer fields works, but says little about a customer.
CORE_FIELDS = 15
#: Longest text message of the platform, in characters.
LONGEST_BODY = 4096


def examine(engine: Engine, layout: Callable[[], Layout]) -> list[CrmCheck]:
    """One line per question; the first two end it when the answer is no."""
    try:
        found = layout()
    except ConfigurationError as error:
        return [CrmCheck("database reachable", True), CrmCheck("mapping fits the tables", False, str(error))]
    except DeliveryError as error:
        return [CrmCheck("database reachable", False, str(error))]
    checks = [CrmCheck("database reachable", True), CrmCheck("mapping fits the tables", True)]
    checks += _of_contacts(found.contacts)
    for name, records in (("messages", found.messages), ("tasks", found.tasks)):
        checks += _of_records(name, records)
    for name, filled in _written(found):
        checks += [_complete(name, filled), _permitted(engine, name, filled)]
    return checks


def _of_contacts(contacts: Contacts) -> Iterator[CrmCheck]:
    mapped = len(contacts.read)
    yield CrmCheck("fields mapped", mapped >= CORE_FIELDS, f"{mapped} of at least {CORE_FIELDS}")
    name = contacts.key.name
    unique = is_unique(contacts.key)
    yield CrmCheck("key is unique", unique, "" if unique else f"make '{name}' unique: rows that share a key get lost")
    column = contacts.changed_at
    if column is None:
        yield CrmCheck("changes are seen", True, "no column says when a row was changed: every sync compares all rows")
    elif not keeps_time(column):
        yield CrmCheck("changes are seen", True, f"'{column.name}' holds no moments: every sync compares all rows")
    else:
        yield CrmCheck("changes are seen", True, f"by '{column.name}'")


def _of_records(name: str, records: Records | None) -> Iterator[CrmCheck]:
    if records is None:
        yield CrmCheck(f"{name} are written", True, f"the mapping names no table for {name}: none are written")
        return
    key = records.columns[records.key]
    unique = is_unique(key)
    advice = f"make '{records.table.name}.{key.name}' unique: two workers could write a record twice"
    yield CrmCheck(f"{name} are written once", unique, "" if unique else advice)
    body = records.columns["body"]
    length = getattr(body.type, "length", None)
    fits = length is None or length >= LONGEST_BODY
    yield CrmCheck(
        f"{name} fit whole", fits, "" if fits else f"'{body.name}' holds {length} of {LONGEST_BODY} characters"
    )


def _written(layout: Layout) -> Iterator[tuple[str, list[Column[Any]]]]:
    """The columns of each table that a new row of ours fills."""
    yield "contacts", people.filled(layout.contacts)
    for name, records in (("messages", layout.messages), ("tasks", layout.tasks)):
        if records is not None:
            yield name, list(records.columns.values())


def _complete(name: str, filled: Sequence[Column[Any]]) -> CrmCheck:
    """Whether the database takes a new row of ours, or asks for more than we know."""
    missing = [column.name for column in filled[0].table.c if column not in filled and _is_required(column)]
    return CrmCheck(f"new {name} can be added", not missing, f"nothing fills {', '.join(missing)}" if missing else "")


def _is_required(column: Column[Any]) -> bool:
    by_itself = column.server_default is not None or column.identity is not None or column.computed is not None
    makes_key = column.primary_key and python_type(column) is int
    return not (column.nullable or by_itself or makes_key)


def _permitted(engine: Engine, name: str, filled: Sequence[Column[Any]]) -> CrmCheck:
    try:
        with engine.connect() as connection:
            _try(connection, filled)
    except errors.FAILURES as error:
        return CrmCheck(f"{name} readable and writable", False, str(errors.translate(error)))
    return CrmCheck(f"{name} readable and writable", True)


def _try(connection: Connection, filled: Sequence[Column[Any]]) -> None:
    """Statements that touch no row, but that a database refuses to whoever lacks the right."""
    table = filled[0].table
    assert isinstance(table, Table)
    nothing = func.coalesce(1, 1) == 0
    connection.execute(select(*filled).limit(1))
    connection.execute(update(table).values({column.name: column for column in filled}).where(nothing))
    connection.execute(insert(table).from_select([column.name for column in filled], select(*filled).where(nothing)))
    connection.rollback()
