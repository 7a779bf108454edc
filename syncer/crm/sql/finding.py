"""Whose row is whose: customers by phone, in whatever writing and in whichever table it stands; and who holds a value
that only one customer may hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import phonenumbers
from sqlalchemy import Column, ColumnElement, Connection, String, cast, func, or_, select

from syncer.crm import transforms
from syncer.crm.sql.mapping import Contacts
from syncer.crm.sql.tables import python_type
from syncer.crm.sql.views import is_alive
from syncer.domain.phone import Phone
from syncer.domain.phone_variants import variants

#: What people put between digits; without it a number has a few spellings only, which the database can look for.
_SEPARATORS = " -().+/"
#: SQL Server takes 2,100 parameters, and each spelling is one for each column of numbers.
_ASKED_AT_ONCE = 900
_NUMBERS = ("phone", "phone_alt")


def by_phone(tx: Connection, contacts: Contacts, phones: Collection[str], region: str) -> dict[str | None, Any]:
    """The row of each number, in whichever of its forms (Brazil, Mexico, Argentina), the first by key if several have
    it. Each table is searched once for all of them; what it finds is read as the sync reads it, so that the two never
    disagree on whose number it is."""
    if not phones:
        return {}
    wanted = {form: phone for phone in phones for form in variants(phone)} | {phone: phone for phone in phones}
    spellings = sorted({spelling for form in wanted for spelling in _spellings(form)})
    found: dict[str | None, Any] = {}
    most = _ASKED_AT_ONCE if tx.dialect.name == "mssql" else len(spellings)
    for start in range(0, len(spellings), most):
        for key, number in _rows(tx, contacts, spellings[start : start + most]):
            if (told := read(number, region)) in wanted:
                found.setdefault(wanted[told], key)
    return found


def _rows(tx: Connection, contacts: Contacts, spellings: Collection[str]) -> Iterator[tuple[Any, Any]]:
    """(a customer's key, a number of theirs that may be meant)."""
    alive = [] if contacts.deleted is None else [is_alive(contacts.deleted)]
    columns = [column for column, item in contacts.read if item.contact in _NUMBERS]
    if columns:
        mine = or_(*(_bare(column).in_(spellings) for column in columns))
        for key, *numbers in tx.execute(select(contacts.key, *columns).where(mine, *alive).order_by(contacts.key)):
            yield from ((key, number) for number in numbers if number is not None)
    for join in contacts.joins:
        if any(item.contact in _NUMBERS for item in join.read):
            theirs = contacts.source.join(join.table, join.on == join.key)
            asked = select(contacts.key, join.value).select_from(theirs).order_by(contacts.key)
            mine = _bare(join.value).in_(spellings)
            yield from ((row[0], row[1]) for row in tx.execute(asked.where(mine, *join.where, *alive)))


def read(value: Any, region: str) -> str:
    """A number of theirs in E.164, as far as it is one."""
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
