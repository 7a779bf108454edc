"""Writing customers: the row that is known, else the row with that phone, else a new one (R21)."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

import phonenumbers
from sqlalchemy import Column, ColumnElement, Connection, Row, String, cast, func, insert, or_, select

from config.contact_fields import FieldMap
from syncer.crm import transforms
from syncer.crm.spelling import Speller
from syncer.crm.sql.mapping import Contacts, keeps_time, python_type
from syncer.crm.sql.reading import is_alive, key_value
from syncer.crm.sql.values import Values, speller, to_crm
from syncer.crm.sql.writes import change, present
from syncer.domain.crm_record import CrmContact, WriteResult
from syncer.domain.errors import Never
from syncer.domain.phone import Phone
from syncer.domain.phone_variants import variants

#: What people put between digits; without it a number has a few spellings only, which the database can look for.
_SEPARATORS = " -().+/"
#: Made keys are this long at most: as long as a UUID without its dashes.
_KEY_LENGTH = 32


def write_contacts(tx: Connection, contacts: Contacts, people: Sequence[CrmContact], region: str) -> list[WriteResult]:
    """Update or create each person's row, all in the caller's transaction. A row that was removed meanwhile is that
    person's `Never`; the others are written."""
    strangers = {phone for person in people if not person.crm_id and (phone := _phone(person))}
    by_phone = _find(tx, contacts, strangers, region)
    keys = {person.ref: _known_key(contacts, person, by_phone) for person in people}
    columns = [column.label(f"old_{index}") for index, (column, _) in enumerate(contacts.written)]
    there = present(tx, contacts.key, sorted({key for key in keys.values() if key is not None}, key=str), columns)
    spell = speller(contacts.written, region)
    changes: dict[Any, Values] = {}
    results = []
    for person in people:
        phone = _phone(person)
        key = keys[person.ref] if keys[person.ref] is not None else by_phone.get(phone)
        if key is None:
            key = _create(tx, contacts, person, region)
            if phone:  # two people without a number are not one person
                by_phone.setdefault(phone, key)
        elif key in there:
            changes.setdefault(key, {}).update(_changes(contacts, person, there[key], spell))
        elif person.crm_id:
            lost = Never(f"the customer {person.crm_id} is not there any more")
            results.append(WriteResult(person.ref, error=lost, gone=True))
            continue
        results.append(WriteResult(person.ref, crm_id=str(key)))
    change(tx, contacts.key, changes, **_touched(contacts))
    return results


def _phone(person: CrmContact) -> str | None:
    return person.fields.get("phone") or None


def _known_key(contacts: Contacts, person: CrmContact, by_phone: dict[str | None, Any]) -> Any:
    return key_value(contacts.key, person.crm_id) if person.crm_id else by_phone.get(_phone(person))


def _find(tx: Connection, contacts: Contacts, phones: Collection[str], region: str) -> dict[str | None, Any]:
    """The row of each number, in whichever of its forms (Brazil, Mexico, Argentina), the first by key if several have
    it. The table is searched once for all of them; what it finds is read as the sync reads it, so that the two never
    disagree on whose number it is."""
    columns = [column for column, item in contacts.read if item.contact in ("phone", "phone_alt")]
    if not phones:
        return {}
    wanted = {form: phone for phone in phones for form in variants(phone)} | {phone: phone for phone in phones}
    spellings = sorted({spelling for form in wanted for spelling in _spellings(form)})
    statement = select(contacts.key, *columns).where(or_(*(_bare(column).in_(spellings) for column in columns)))
    if contacts.deleted is not None:
        statement = statement.where(is_alive(contacts.deleted))
    found: dict[str | None, Any] = {}
    for key, *numbers in tx.execute(statement.order_by(contacts.key)):
        for number in (_read(value, region) for value in numbers if value is not None):
            if number in wanted:
                found.setdefault(wanted[number], key)
    return found


def _read(value: Any, region: str) -> str:
    found = transforms.phone(value, region)
    return found.e164 if isinstance(found, Phone) else "+" + "".join(filter(str.isdigit, str(value)))


def _bare(column: Column[Any]) -> ColumnElement[str]:
    bare: ColumnElement[str] = column if python_type(column) is str else cast(column, String)
    for separator in _SEPARATORS:
        bare = func.replace(bare, separator, "")
    return bare


def _spellings(phone: str) -> set[str]:
    """The digits of a number with and without country code, trunk zero and international prefix."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return {phone.removeprefix("+")}  # the platform vouches for numbers that no table of ours knows
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    abroad = {f"{prefix}{code}{zero}{national}" for prefix in ("", "00", "002") for zero in ("", "0")}
    return {national, f"0{national}", *abroad}


def _changes(contacts: Contacts, person: CrmContact, old: Row[Any], spell: Speller) -> Values:
    """Fields that are not given stay; one that is given as None is emptied."""
    columns = {column.name: column for column, _ in contacts.written}
    before = dict(zip(columns, tuple(old)[1:], strict=True))
    return to_crm(columns, spell, person.fields, before)


def _create(tx: Connection, contacts: Contacts, person: CrmContact, region: str) -> Any:
    """A new row's key. Its phone is written even where the mapping only reads it: by the phone it is found again."""
    lines = _lines(contacts)
    values = to_crm({column.name: column for column, _ in lines}, speller(lines, region), person.fields, {})
    values = {**_made(contacts), **values, **_made_key(contacts.key, _phone(person))}
    statement = insert(contacts.table).values(values)
    if contacts.key.name in values:
        tx.execute(statement)
        return values[contacts.key.name]
    if tx.dialect.insert_returning:
        return tx.execute(statement.returning(contacts.key)).scalar_one()
    made = tx.execute(statement).inserted_primary_key
    return made[0] if made else None


def _lines(contacts: Contacts) -> tuple[tuple[Column[Any], FieldMap], ...]:
    if any(item.contact == "phone" for _, item in contacts.written):
        return contacts.written
    return contacts.written + tuple(pair for pair in contacts.read if pair[1].contact == "phone")


def filled(contacts: Contacts) -> list[Column[Any]]:
    """The columns that a new row of ours may fill."""
    made = {*_made(contacts), *_made_key(contacts.key, None)}
    lines = {column.name for column, _ in _lines(contacts)}
    return [column for column in contacts.table.c if column.name in made | lines]


def _made_key(key: Column[Any], phone: str | None) -> Values:
    """A key where the database makes none. The same phone gets the same key, so two workers cannot create one person
    twice."""
    kind = python_type(key)
    if key.server_default is not None or kind not in (str, uuid.UUID):
        return {}
    made = uuid.uuid5(uuid.NAMESPACE_URL, f"tel:{phone}") if phone else uuid.uuid4()
    length = min(_KEY_LENGTH, getattr(key.type, "length", None) or _KEY_LENGTH)
    return {key.name: made if kind is uuid.UUID else made.hex[:length]}


def _made(contacts: Contacts) -> Values:
    """When a new row was made and changed, in columns that the database does not fill."""
    columns = [column for column, item in contacts.read if item.contact in ("created_at", "updated_at")]
    columns += [contacts.changed_at] if contacts.changed_at is not None else []
    return {column.name: func.now() for column in columns if column.server_default is None and keeps_time(column)}


def _touched(contacts: Contacts) -> dict[str, ColumnElement[Any]]:
    # A column without a zone may hold local time, so only the company's own trigger can fill it rightly.
    column = contacts.changed_at
    return {column.name: func.now()} if column is not None and getattr(column.type, "timezone", False) else {}
