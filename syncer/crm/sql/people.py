"""Writing customers: the row that is known, else the row with that phone, else a new one (R21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table

from syncer.crm.spelling import Speller
from syncer.crm.sql import finding, newcomers
from syncer.crm.sql.joins import Rows
from syncer.crm.sql.mapping import Contacts, Join
from syncer.crm.sql.reading import key_value
from syncer.crm.sql.tables import keeps_zone, now
from syncer.crm.sql.values import Values, settled, speller
from syncer.crm.sql.views import worded
from syncer.crm.sql.writes import change, present
from syncer.domain.crm_record import CrmContact, WriteResult
from syncer.domain.errors import Never


def write_contacts(tx: Connection, contacts: Contacts, people: Sequence[CrmContact], region: str) -> list[WriteResult]:
    """Update or create each person's row and what hangs on it, all in the caller's transaction. A row that was removed
    meanwhile is that person's `Never`; the others are written."""
    return _Writing(tx, contacts, people, region).results()


class _Writing:
    """One set of people on their way into the tables."""

    def __init__(self, tx: Connection, contacts: Contacts, people: Sequence[CrmContact], region: str) -> None:
        self._tx, self._contacts, self._people, self._region = tx, contacts, people, region
        strangers = {phone for person in people if not person.crm_id and (phone := phone_of(person))}
        self._by_phone = finding.by_phone(tx, contacts, strangers, region)
        self._keys = {person.ref: self._known_key(person) for person in people}
        self._there = self._look()
        self._joins = {join.name: join for join in contacts.joins if join.written}
        hung = [self._hung(key, join) for join in self._joins.values() for key in self._there]
        self._rows = {name: Rows(tx, join, hung) for name, join in self._joins.items()}
        self._spell = spell(contacts, region)
        self._changes: dict[Any, Values] = {}

    def results(self) -> list[WriteResult]:
        """Write everybody."""
        results = [self._write(person) for person in self._people]
        if self._contacts.target is not None:
            key = self._contacts.target.c[self._contacts.key.name]
            change(self._tx, key, self._changes, **_touched(self._contacts))
        return results

    def _known_key(self, person: CrmContact) -> Any:
        known = key_value(self._contacts.key, person.crm_id) if person.crm_id else None
        return known if known is not None else self._by_phone.get(phone_of(person))

    def _look(self) -> dict[Any, Row[Any]]:
        """The rows of those who are known, locked; what is only read is only looked at."""
        contacts = self._contacts
        where: Any = contacts.target if contacts.target is not None else contacts.source
        columns = [worded(column).label(f"old_{index}") for index, (column, _) in enumerate(contacts.written)]
        columns += [where.c[join.on.name].label(f"on_{join.name}") for join in contacts.joins if join.written]
        keys = sorted({key for key in self._keys.values() if key is not None}, key=str)
        return present(self._tx, where.c[contacts.key.name], keys, columns, lock=isinstance(where, Table))

    def _write(self, person: CrmContact) -> WriteResult:
        phone = phone_of(person)
        key = self._keys[person.ref] if self._keys[person.ref] is not None else self._by_phone.get(phone)
        if key is None:
            key = self._create(person)
            if phone:  # two people without a number are not one person
                self._by_phone.setdefault(phone, key)
        elif key in self._there:
            self._update(key, person)
        elif person.crm_id:
            lost = Never(f"the customer {person.crm_id} is not there any more")
            return WriteResult(person.ref, error=lost, gone=True)
        return WriteResult(person.ref, crm_id=str(key))

    def _create(self, person: CrmContact) -> Any:
        key, row = newcomers.create(self._tx, self._contacts, person, self._region)
        spelled = self._spell.changes(person.fields, {})
        for name, join in self._joins.items():
            on = key if join.on is self._contacts.key else row.get(join.on.name)
            if spelled.get(name) is not None and on is not None:
                self._rows[name].write(on, spelled[name])
        return key

    def _update(self, key: Any, person: CrmContact) -> None:
        """Fields that are not given stay; one that is given as None is emptied."""
        columns = {column.name: column for column, _ in self._contacts.written}
        before = dict(zip(columns, tuple(self._there[key])[1:], strict=False))
        held = {name: self._rows[name].old(self._hung(key, join)) for name, join in self._joins.items()}
        spelled = self._spell.changes(person.fields, {**before, **held})
        self._changes.setdefault(key, {}).update(settled(columns, spelled, before))
        for name in self._joins.keys() & spelled.keys():
            self._rows[name].write(self._hung(key, self._joins[name]), spelled[name])

    def _hung(self, key: Any, join: Join) -> Any:
        """What a customer's rows of the other table point at."""
        return self._there[key]._mapping[f"on_{join.name}"]


def phone_of(person: CrmContact) -> str | None:
    """The number under which a person may be found."""
    return person.fields.get("phone") or None


def spell(contacts: Contacts, region: str) -> Speller:
    """What spells a person's fields for the tables."""
    joined = [(join.value, join.written) for join in contacts.joins if join.written]
    lists: dict[str, type] = {join.name: list for join in contacts.joins if join.many}
    return speller([*contacts.written, *joined], region, lists)


def _touched(contacts: Contacts) -> dict[str, ColumnElement[Any]]:
    # A column without a zone may hold local time, so only the company's own trigger can fill it rightly.
    stamp, target = contacts.changed_at, contacts.target
    if stamp is None or target is None or stamp.name not in target.c:
        return {}
    column = target.c[stamp.name]
    return {column.name: now(column)} if keeps_zone(column) else {}
