"""What fills a template's variables where nobody gave a value: the contact's own fields (R21)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.domain import names
from syncer.domain.campaign import Recipient
from syncer.domain.contact import GoldenRecord
from syncer.domain.template import Template, one_line


@dataclass(frozen=True, slots=True)
class Sources:
    """The contact fields behind one template: of its body's variables (`1`, `2` ... or names), and of its header's."""

    body: Mapping[str, str] = field(default_factory=dict)
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Why a recipient gets nothing: variables without a value, and the contact fields that are empty."""

    variables: tuple[str, ...]
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"no value for {', '.join(self.variables)}: the contact has no {', '.join(self.fields)}"


def spoken(contact: GoldenRecord, name: str) -> str | None:
    """A contact's field as a message quotes it, on one line; None where it is empty. Of a name that is known as a whole
    only, its parts."""
    value = _value(contact, name)
    text = one_line(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value or ""))
    return text or None


def _value(contact: GoldenRecord, name: str) -> Any:
    if name in ("full_name", "phone", "email", "language"):
        return getattr(contact, name)
    if name in ("first_name", "last_name") and not contact.attributes.get(name):
        return names.split(contact.full_name)[name == "last_name"]
    return contact.attributes.get(name)


def completed(template: Template, given: Recipient, sources: Sources, contact: GoldenRecord) -> Recipient | Missing:
    """The recipient with every variable that nobody gave a value for, or gave an empty one, filled from the contact.

    What is given stays. A variable without a source is left as it is, for `Template.fill` to judge.
    """
    values = _by_name(template.variables, given.parameters)
    if values is None:
        return given
    wanted = {name: sources.body[name] for name in template.variables if not values.get(name) and name in sources.body}
    found = {name: spoken(contact, source) for name, source in wanted.items()}
    header = given.header
    if template.header_variable is not None and not header and sources.header is not None:
        header = spoken(contact, sources.header)
        wanted, found = wanted | {"header": sources.header}, found | {"header": header}
    empty = tuple(name for name, value in found.items() if value is None)
    if empty:
        return Missing(empty, tuple(dict.fromkeys(wanted[name] for name in empty)))
    values |= {name: value for name, value in found.items() if value is not None and name in template.variables}
    if not wanted:
        return given
    return Recipient(given.contact_id, _as_given(template, values), header, given.buttons)


def _by_name(variables: Sequence[str], given: Sequence[str] | Mapping[str, str]) -> dict[str, str] | None:
    """None where there are more values than variables."""
    if isinstance(given, Mapping):
        return dict(given)
    return dict(zip(variables, given, strict=False)) if len(given) <= len(variables) else None


def _as_given(template: Template, values: Mapping[str, str]) -> Mapping[str, str]:
    """By name, in the template's order; what it does not know comes last, and is objected to there."""
    known = [name for name in template.variables if name in values]
    return {name: values[name] for name in (*known, *(name for name in values if name not in known))}
