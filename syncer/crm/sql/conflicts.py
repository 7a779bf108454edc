"""A value that only one customer may have, and another has it already: what is to be written instead."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, select

from config.contact_fields import FieldMap
from syncer.crm.sql import finding, people
from syncer.crm.sql.mapping import Contacts
from syncer.crm.sql.reading import key_value
from syncer.crm.sql.tables import is_unique
from syncer.crm.sql.values import fit
from syncer.crm.sql.views import is_alive
from syncer.domain.crm_record import CrmContact, WriteResult
from syncer.domain.errors import Never
from syncer.domain.phone_variants import variants

log = logging.getLogger(__name__)


def heal(tx: Connection, contacts: Contacts, person: CrmContact, region: str) -> WriteResult | None:
    """Write a person whom a unique column refused: into the row that holds the value, if that is the same person by
    phone, else without the value, which is logged. None where nobody holds it: something else was refused."""
    held = dict(_held(tx, contacts, person, region))
    if not held:
        return None
    if not person.crm_id:
        same = next((key for key, phones in held.values() if _is_one(person, phones, region)), None)
        if same is not None:
            [result] = people.write_contacts(tx, contacts, [replace(person, crm_id=str(same))], region)
            return result
    left = {name: value for name, value in person.fields.items() if name not in held}
    if "phone" in held and not person.crm_id:
        raise Never(f"their number belongs to the customer {held['phone'][0]}, who is marked as deleted")
    [result] = people.write_contacts(tx, contacts, [replace(person, fields=left)], region)
    for name, (key, _) in held.items():
        log.warning("customer %s: %s was left out, since the customer %s has the same", result.crm_id, name, key)
    return result


def _held(
    tx: Connection, contacts: Contacts, person: CrmContact, region: str
) -> Iterator[tuple[str, tuple[Any, list[Any]]]]:
    """(contact field, (the key of another customer who has this value, that customer's numbers))."""
    mine = _own_key(tx, contacts, person, region)
    spelled = people.spell(contacts, region).changes(person.fields, {})
    for item, key, column, conditions in _unique(contacts):
        if spelled.get(item.crm) is None:
            continue
        asked = select(key).where(column == fit(column, spelled[item.crm]), *conditions)
        holder = tx.execute(asked.where(key != mine) if mine is not None else asked).scalar()
        if holder is not None:
            yield item.contact, (holder, _numbers(tx, contacts, holder))


def _unique(contacts: Contacts) -> Iterator[tuple[FieldMap, Column[Any], Column[Any], tuple[ColumnElement[bool], ...]]]:
    """(line, the column that names the customer, the column of which each value is there once, conditions)."""
    for column, item in contacts.written:
        if contacts.target is not None and is_unique(column):
            yield item, contacts.target.c[contacts.key.name], column, ()
    for join in contacts.joins:
        if join.written and not join.many and join.on is contacts.key and is_unique(join.value):
            yield join.written, join.key, join.value, ()


def _own_key(tx: Connection, contacts: Contacts, person: CrmContact, region: str) -> Any:
    if person.crm_id:
        return key_value(contacts.key, person.crm_id)
    phone = people.phone_of(person)
    return finding.by_phone(tx, contacts, {phone}, region).get(phone) if phone else None


def _numbers(tx: Connection, contacts: Contacts, key: Any) -> list[Any]:
    """The numbers of a customer who is not deleted."""
    columns = [column for column, item in contacts.read if item.contact == "phone"]
    alive = [] if contacts.deleted is None else [is_alive(contacts.deleted)]
    row = tx.execute(select(contacts.key, *columns).where(contacts.key == key, *alive)).fetchone()
    return [] if row is None else [number for number in row[1:] if number is not None]


def _is_one(person: CrmContact, numbers: list[Any], region: str) -> bool:
    phone = people.phone_of(person)
    return phone is not None and any(finding.read(number, region) in {phone, *variants(phone)} for number in numbers)
