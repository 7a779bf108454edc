"""Our values as a column takes them, whatever type the company gave it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column

from syncer.crm import moments, transforms, words
from syncer.crm.sql.mapping import python_type
from syncer.domain.text import shorten, storable


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
    length = getattr(column.type, "length", None)
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


def to_crm(column: Column[Any], transform: str, value: Any, old: Any, region: str) -> Any:
    """A contact's canonical `value` for `column`, where `old` stands now.

    What means the same already stays as the company's people wrote it, words are spelled as the old one is, and tags
    are added to those there: a label that someone gave in the CRM since our last look is not lost.
    """
    read = transforms.reader(transform, region)
    known = read(old) if old is not None and old != "" else None
    if transform == "tags":
        return _with_tags(column, known or [], value, old)
    if known is not None and known == value:
        return old
    return fit(column, _spelled(column, transform, value, old))


def _spelled(column: Column[Any], transform: str, value: Any, old: Any) -> Any:
    if python_type(column) is not str:
        return value
    written = old if isinstance(old, str) else None
    if transform == "bool_words":
        return words.spell_answer(bool(value), written)
    return words.spell_gender(value, written) if transform == "gender" else value


def _with_tags(column: Column[Any], known: Sequence[str], value: Sequence[str], old: Any) -> Any:
    missing = [label for label in value if label not in known]
    if not missing:
        return old
    if python_type(column) is not str:
        return [*known, *missing]
    mark = next((mark for mark in ("；", ";", "|", "、", "，") if isinstance(old, str) and mark in old), ",")
    return fit(column, mark.join([*known, *missing]))
