"""Whose record is whose, for the adapters that write contacts by an API: the same rules for every vendor (R21).

A known record is updated; else the one with the person's phone; else a new one is made under a key of ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.contact_fields import FieldMap
from config.object_mapping import ContactObject
from syncer.crm import transforms
from syncer.domain.crm_record import CrmContact, Fate, WriteResult
from syncer.domain.errors import Never
from syncer.domain.phone import Phone
from syncer.domain.phone_variants import variants


@dataclass(slots=True)
class Update:
    """A record's fields as they are, and the people who are to be written there."""

    values: Mapping[str, Any]
    people: list[CrmContact] = field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        """What all of them say; of two words on a field the later."""
        return {name: value for person in self.people for name, value in person.fields.items()}


def phone_of(person: CrmContact) -> str | None:
    """The phone by which a person is found."""
    return person.fields.get("phone") or None


def key_of(person: CrmContact) -> str:
    """Our own id of a new record: the phone, so that the same stranger is made once, else our reference."""
    phone = phone_of(person)
    return f"wa-{phone.removeprefix('+')}" if phone else f"wa-{person.ref}"


def phone_lines(mapping: ContactObject) -> list[FieldMap]:
    """The lines of a mapping that hold phones."""
    return [line for line in mapping.to_contact if line.contact in ("phone", "phone_alt")]


def lines_of_new(mapping: ContactObject) -> list[FieldMap]:
    """What of a new record is written: its phone even where the mapping only reads it, for by that it is found
    again."""
    lines = list(mapping.to_crm)
    if not any(line.contact == "phone" for line in lines):
        lines += [line for line in phone_lines(mapping) if line.contact == "phone"]
    return lines


def forms_of(phones: Sequence[str]) -> dict[str, str]:
    """Every form of each number -> the number."""
    return {form: phone for phone in phones for form in variants(phone)} | {phone: phone for phone in phones}


def numbers(values: Mapping[str, Any], lines: Sequence[FieldMap], region: str) -> list[str]:
    """The numbers of a record, read as the sync reads them, so that the two never disagree on whose number it is."""
    found = (transforms.phone(values.get(line.crm), region) for line in lines)
    return [number.e164 for number in found if isinstance(number, Phone)]


def is_still(phone: str | None, theirs: Sequence[str]) -> bool:
    """Whether a record with the numbers `theirs` is still that of this phone: it may have been given to another."""
    return phone is None or not theirs or not {phone, *variants(phone)}.isdisjoint(theirs)


def departed(person: CrmContact, fate: Fate, code: str) -> WriteResult:
    """The result of somebody whose record was deleted or merged into another; `code` is the vendor's word for it."""
    text = f"was merged into {fate.into}" if fate.into else "is not there any more"
    error = Never(f"the contact {person.crm_id} {text}", code=code)
    return WriteResult(person.ref, error=error, into=fate.into, gone=fate.into is None)
