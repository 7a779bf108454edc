"""Our values as a column takes them, whatever type the company gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Enum
from sqlalchemy.dialects import mysql

from config.contact_fields import FieldMap
from syncer.crm import moments
from syncer.crm.spelling import Speller
from syncer.crm.sql.tables import is_text, is_unique, python_type
from syncer.domain.text import shorten, storable

Values = dict[str, Any]
"""Values by column."""


def fit(column: Column[Any], value: Any) -> Any:
    """`value` for `column`; texts are cut at the column's length. Raises `ValueError` where it cannot stand there."""
    if value is None:
        return None
    kind = python_type(column)
    if kind is str:
        return _text(column, value)
    if kind is datetime or kind is date:
        return _moment(column, value, kind)
    if kind in (int, float, Decimal, UUID, bool):
        return _number(column, value, kind)
    return value


def fit_key(column: Column[Any], value: Any) -> Any:
    """As `fit`, but a text that is too long is an error: a cut key would be another's."""
    fitted = fit(column, value)
    if isinstance(fitted, str) and fitted != value:
        raise ValueError(f"'{value}' does not fit into the column '{column.name}'")
    return fitted


def _text(column: Column[Any], value: Any) -> str:
    if isinstance(value, list | tuple):
        value = ",".join(str(item) for item in value)
    plain = storable(value.isoformat() if isinstance(value, date) else str(value))
    # Of listed words the length is the longest word's, and a shortened word is none of them.
    length = None if isinstance(column.type, Enum | mysql.SET) else getattr(column.type, "length", None)
    return shorten(plain, length) if length else plain


def _moment(column: Column[Any], value: Any, kind: type) -> date:
    found = moments.moment(value)
    if found is None:
        raise ValueError(f"'{value}' is no moment for the column '{column.name}'")
    if kind is date:
        return found.date()
    return found if getattr(column.type, "timezone", False) else found.replace(tzinfo=None)


def _number(column: Column[Any], value: Any, kind: type) -> Any:
    if isinstance(value, datetime):
        value = value.timestamp()
    try:
        return value if isinstance(value, kind) and not isinstance(value, bool) else kind(value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ValueError(f"'{value}' does not fit into the column '{column.name}'") from error


def to_crm(columns: Mapping[str, Column[Any]], speller: Speller, person: Mapping[str, Any], old: Values) -> Values:
    """A contact's canonical fields as the columns take them, those only that differ from what stands there now (`old`,
    by column)."""
    return settled(columns, speller.changes(person, old), old)


def settled(columns: Mapping[str, Column[Any]], spelled: Mapping[str, Any], old: Values) -> Values:
    """What of the `spelled` fields goes into `columns`, and differs from `old`. None empties a column; one that may not
    be empty and is no text keeps what it has. Where each value may stand once, nothing is null and never empty text."""
    values: Values = {}
    for name, value in spelled.items():
        if (column := columns.get(name)) is None:
            continue
        if value is None and not column.nullable:
            value = "" if is_text(column) and not is_unique(column) else old.get(name)
        fitted = fit(column, value)
        if fitted == "" and column.nullable and is_unique(column):
            fitted = None
        if fitted != old.get(name):
            values[name] = fitted
    return values


def speller(
    written: Sequence[tuple[Column[Any], FieldMap]], region: str, kinds: Mapping[str, type] | None = None
) -> Speller:
    """What spells values for these columns; `kinds` says by the line's name where it is no single value."""
    found = {item.crm: python_type(column) for column, item in written}
    return Speller([item for _, item in written], region, {**found, **(kinds or {})})
