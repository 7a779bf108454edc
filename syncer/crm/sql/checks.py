"""The adapter examines itself, for `syncer doctor`: nothing is written, and nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, func, insert, inspect, select, update

from config.errors import ConfigurationError
from syncer.crm.sql import errors, newcomers
from syncer.crm.sql.listening import Listener
from syncer.crm.sql.mapping import Contacts, Join, Layout, Outgoing, Records
from syncer.crm.sql.tables import is_required, is_unique, keeps_time
from syncer.domain.crm_record import CrmCheck
from syncer.domain.errors import DeliveryError

#: R21: a mapping of fewer fields works, but says little about a customer.
CORE_FIELDS = 15
#: Longest text message of the platform, in characters.
LONGEST_BODY = 4096


def examine(engine: Engine, layout: Callable[[], Layout], listener: Listener | None) -> list[CrmCheck]:
    """One line per question; the first two end it when the answer is no."""
    try:
        found = layout()
    except ConfigurationError as error:
        return [CrmCheck("database reachable", True), CrmCheck("mapping fits the tables", False, str(error))]
    except DeliveryError as error:
        return [CrmCheck("database reachable", False, str(error))]
    checks = [CrmCheck("database reachable", True), CrmCheck("mapping fits the tables", True)]
    checks += _of_contacts(engine, found.contacts)
    for name, records in (("messages", found.messages), ("tasks", found.tasks)):
        checks += _of_records(name, records)
    for name, filled, missing in _written(found):
        checks += [_complete(name, missing), _permitted(engine, name, filled)]
    return [*checks, *_of_replies(engine, found.replies, listener)]


def _of_contacts(engine: Engine, contacts: Contacts) -> Iterator[CrmCheck]:
    mapped = len({item.contact for item in contacts.lines})
    yield CrmCheck("fields mapped", mapped >= CORE_FIELDS, f"{mapped} of at least {CORE_FIELDS}")
    yield _key_is_unique(engine, contacts)
    stamps = {"the customers": contacts.changed_at}
    stamps |= {f"the join '{join.name}'": join.changed_at for join in contacts.joins if join.read}
    told = ", ".join(f"'{column.name}'" for column in stamps.values() if column is not None)
    without = next((name for name, column in stamps.items() if column is None), None)
    timeless = [column for column in stamps.values() if column is not None and not keeps_time(column)]
    if without is not None:
        yield CrmCheck("changes are seen", True, f"no column says when {without} changed: every sync compares all rows")
    elif timeless:
        told = f"'{timeless[0].name}' holds no moments: every sync compares all rows"
        yield CrmCheck("changes are seen", True, told)
    else:
        yield CrmCheck("changes are seen", True, f"by {told}")
    if contacts.target is None:
        told = "the mapping reads a query and names no 'write_table': customers are only read"
        yield CrmCheck("contacts are written", True, told)


def _key_is_unique(engine: Engine, contacts: Contacts) -> CrmCheck:
    name = contacts.key.name
    try:
        unique = is_unique(contacts.key) or (_is_made_up(engine, contacts) and _stands_once(engine, contacts.key))
    except errors.FAILURES as error:
        return CrmCheck("key is unique", False, str(errors.translate(error)))
    return CrmCheck("key is unique", unique, "" if unique else f"make '{name}' unique: rows that share a key get lost")


def _is_made_up(engine: Engine, contacts: Contacts) -> bool:
    """Whether the customers are a query or a view, which know no index: there the rows themselves are counted."""
    source = contacts.source
    return not isinstance(source, Table) or source.name in inspect(engine).get_view_names(source.schema)


def _stands_once(engine: Engine, key: Column[Any]) -> bool:
    with engine.connect() as connection:
        return connection.execute(select(key).group_by(key).having(func.count() > 1).limit(1)).first() is None


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


def _of_replies(engine: Engine, replies: Outgoing | None, listener: Listener | None) -> Iterator[CrmCheck]:
    if replies is None:
        yield CrmCheck("messages to be sent", True, "the mapping names no table for them: none are picked up")
        return
    key = replies.columns["key"]
    advice = f"make '{replies.table.name}.{key.name}' unique: a message is known by it"
    yield CrmCheck("messages to be sent are told apart", is_unique(key), "" if is_unique(key) else advice)
    by = "by polling" if listener is None or not listener.hears else "by NOTIFY, and by polling"
    yield CrmCheck("messages to be sent are picked up", True, by)
    marks = [replies.columns[role] for role in ("ref", "status", "error") if role in replies.columns]
    yield _permitted(engine, "messages to be sent", marks, adds=False)


def _written(layout: Layout) -> Iterator[tuple[str, list[Column[Any]], list[Column[Any]]]]:
    """The columns of each table that a new row of ours fills, and those that it should fill and cannot."""
    if layout.contacts.target is not None:
        yield "contacts", newcomers.filled(layout.contacts), newcomers.missing(layout.contacts)
    for join in layout.contacts.joins:
        if join.written:
            filled = _filled(join)
            yield join.name, filled, _lacking(join.table, filled)
    for name, records in (("messages", layout.messages), ("tasks", layout.tasks)):
        if records is not None:
            filled = list(records.columns.values())
            yield name, filled, _lacking(records.table, filled)


def _filled(join: Join) -> list[Column[Any]]:
    names = {*join.added, join.key.name, join.value.name}
    return [column for column in join.table.c if column.name in names]


def _lacking(table: Table, filled: Sequence[Column[Any]]) -> list[Column[Any]]:
    return [column for column in table.c if column not in filled and is_required(column)]


def _complete(name: str, missing: Sequence[Column[Any]]) -> CrmCheck:
    """Whether the database takes a new row of ours, or asks for more than we know."""
    told = f"nothing fills {', '.join(column.name for column in missing)}: give them 'defaults'" if missing else ""
    return CrmCheck(f"new {name} can be added", not missing, told)


def _permitted(engine: Engine, name: str, filled: Sequence[Column[Any]], *, adds: bool = True) -> CrmCheck:
    try:
        with engine.connect() as connection:
            _try(connection, filled, adds)
    except errors.FAILURES as error:
        return CrmCheck(f"{name} readable and writable", False, str(errors.translate(error)))
    return CrmCheck(f"{name} readable and writable", True)


def _try(connection: Connection, filled: Sequence[Column[Any]], adds: bool) -> None:
    """Statements that touch no row, but that a database refuses to whoever lacks the right."""
    table = filled[0].table
    assert isinstance(table, Table)
    nothing = func.coalesce(1, 1) == 0
    connection.execute(select(*filled).limit(1))
    connection.execute(update(table).values({column.name: column for column in filled}).where(nothing))
    if adds:
        names = [column.name for column in filled]
        connection.execute(insert(table).from_select(names, select(*filled).where(nothing)))
    connection.rollback()
