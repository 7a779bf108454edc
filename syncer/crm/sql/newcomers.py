"""A new customer's row: what we know of them, the mapping's defaults for the rest, and a key."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Column, Connection, Table, insert, select

from config.contact_fields import FieldMap
from syncer.crm.sql.mapping import Contacts
from syncer.crm.sql.tables import is_required, is_text, is_unique, keeps_time, now, python_type
from syncer.crm.sql.values import Values, speller, to_crm
from syncer.domain.crm_record import CrmContact
from syncer.domain.errors import Never

#: Made keys are this long at most: as long as a UUID without its dashes.
_KEY_LENGTH = 32
_UUID_LENGTH = 36


def create(tx: Connection, contacts: Contacts, person: CrmContact, region: str) -> tuple[Any, Values]:
    """A new row: its key and what we wrote. Its phone is written even where the mapping only reads it: by the phone it
    is found again. Raises `Never` where customers are only read."""
    target = contacts.target
    if target is None:
        raise Never("customers are read by a query: name the table behind it in 'write_table', or add them there")
    lines = _lines(contacts, target)
    columns = {column.name: column for column, _ in lines}
    known = to_crm(columns, speller(lines, region), person.fields, {})
    values = {**_blank(columns), **contacts.defaults, **_made(contacts, target), **known}
    values |= _made_key(tx, _key(contacts, target), person.fields.get("phone") or None)
    return _insert(tx, contacts, target, values), values


def _insert(tx: Connection, contacts: Contacts, target: Table, values: Values) -> Any:
    key, statement = _key(contacts, target), insert(target).values(values)
    if key.name in values:
        tx.execute(statement)
        return values[key.name]
    if is_required(key):
        raise Never(f"nobody makes a key for the table '{target.name}': '{key.name}' needs a default in the database")
    if tx.dialect.insert_returning and tx.dialect.name != "mssql":
        return tx.execute(statement.returning(key)).scalar_one()
    made = tx.execute(statement).inserted_primary_key
    own = list(target.primary_key.columns)
    if not made or made[0] is None or key in own:
        return made[own.index(key)] if made and key in own else None
    # The key of the mapping is filled by the database, and is not the one that it tells us of.
    same = (column == value for column, value in zip(own, made, strict=True))
    return tx.execute(select(key).where(*same)).scalar_one()


def _key(contacts: Contacts, target: Table) -> Column[Any]:
    return target.c[contacts.key.name]


def _lines(contacts: Contacts, target: Table) -> tuple[tuple[Column[Any], FieldMap], ...]:
    if any(item.contact == "phone" for _, item in contacts.written):
        return contacts.written
    phones = [item for _, item in contacts.read if item.contact == "phone" and item.crm in target.c]
    return contacts.written + tuple((target.c[item.crm], item) for item in phones)


def filled(contacts: Contacts) -> list[Column[Any]]:
    """The columns that a new row of ours may fill."""
    target = contacts.target
    if target is None:
        return []
    lines = {column.name for column, _ in _lines(contacts, target)}
    key = _key(contacts, target)
    made = {*_made(contacts, target), *contacts.defaults, *([key.name] if _makes(key) else [])}
    return [column for column in target.c if column.name in made | lines]


def missing(contacts: Contacts) -> list[Column[Any]]:
    """The columns that a new row must fill, and of which we may know nothing."""
    target = contacts.target
    if target is None:
        return []
    mapped = {column.name: item for column, item in _lines(contacts, target)}
    sure = {column.name for column in filled(contacts)} - mapped.keys() | set(contacts.defaults)
    # Text can be left empty, and whoever has no number is not written of.
    sure |= {name for name, item in mapped.items() if item.contact == "phone" or _may_be_blank(target.c[name])}
    return [column for column in target.c if is_required(column) and column.name not in sure]


def _blank(columns: dict[str, Column[Any]]) -> Values:
    return {name: "" for name, column in columns.items() if is_required(column) and _may_be_blank(column)}


def _may_be_blank(column: Column[Any]) -> bool:
    return is_text(column) and not is_unique(column)


def _makes(key: Column[Any]) -> bool:
    return key.server_default is None and python_type(key) in (str, uuid.UUID)


def _made_key(tx: Connection, key: Column[Any], phone: str | None) -> Values:
    """A key where the database makes none, or does not tell which it made. The same phone gets the same key, so two
    workers cannot create one person twice."""
    kind = python_type(key)
    tells = tx.dialect.insert_returning and tx.dialect.name != "mssql"
    if kind not in (str, uuid.UUID) or (tells and not _makes(key)):
        return {}
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"tel:{phone}") if phone else uuid.uuid4()
    length = getattr(key.type, "length", None) or _KEY_LENGTH
    text = str(made) if length == _UUID_LENGTH else made.hex[:length]
    return {key.name: made if kind is uuid.UUID else text}


def _made(contacts: Contacts, target: Table) -> Values:
    """When a new row was made and changed, in columns that the database does not fill."""
    names = [item.crm for _, item in contacts.read if item.contact in ("created_at", "updated_at")]
    names += [contacts.changed_at.name] if contacts.changed_at is not None else []
    columns = [target.c[name] for name in names if name in target.c]
    return {column.name: now(column) for column in columns if column.server_default is None and keeps_time(column)}
