"""What every mapping file shares: the engine's contact fields, the transforms, and one line of a mapping (R21)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from config.errors import did_you_mean
from config.toml import FileModel

CONTACT_FIELDS = {
    "external_id": "the CRM's own key of the record",
    "full_name": "name as it is written and spoken to",
    "first_name": "given name",
    "last_name": "family name",
    "phone": "mobile number that WhatsApp reaches",
    "phone_alt": "second number",
    "email": "e-mail address",
    "company": "company the person buys for",
    "city": "city",
    "address": "postal address",
    "birthday": "date of birth",
    "language": "language to write in, such as zh_TW",
    "tags": "set of labels",
    "owner": "colleague in charge",
    "notes": "free text",
    "gender": "f, m or x",
    "source": "where the customer came from",
    "marketing_consent": "agreed to promotional messages (R7)",
    "transactional_consent": "agreed to messages about own orders (R7)",
    "blocked": "must not be written to at all (R6)",
    "created_at": "when the CRM made the record",
    "updated_at": "when the CRM last changed it",
}
"""The engine's own contact fields, the right-hand side of a mapping."""

TRANSFORMS = {
    "text": "trimmed text without control characters",
    "phone": "any way of writing a number <-> E.164",
    "email": "trimmed, lower case",
    "bool_words": "yes/no in any usual word (Y, 1, true, 是, 同意 ...) <-> true or false",
    "tags": "words between commas, semicolons or spaces <-> set of labels",
    "date": "day in any usual order, Taiwan's Minguo years included <-> ISO date",
    "timestamp": "moment <-> UTC",
    "language": "language name or code <-> zh_TW, zh_CN, en ...",
    "gender": "word or letter <-> f, m, x",
}
"""What may happen to a value on its way: CRM side <-> contact side."""

READ_ONLY = frozenset({"external_id", "created_at", "updated_at"})
"""Contact fields that belong to the CRM: never written back."""

Column = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]
Direction = Literal["both", "to_contact", "to_crm"]
Wins = Literal["newest", "crm", "engine"]
"""Whose word on a field stands where both sides changed it: the later one (of equals the master's), always this CRM's,
or always the engine's."""

CUSTOM = re.compile(r"custom\.[a-z][a-z0-9_]{0,62}")
"""A field of the company's own, kept among a contact's attributes: `custom.membership_level`."""


class FieldMap(FileModel):
    """One line: a CRM column, the contact field it stands for, which way values flow, and how they change."""

    crm: Column
    contact: str
    direction: Direction = "both"
    transform: str = "text"
    wins: Wins = "newest"

    @field_validator("contact")
    @classmethod
    def _contact_field_exists(cls, name: str) -> str:
        if name not in CONTACT_FIELDS and not CUSTOM.fullmatch(name):
            raise ValueError(f"is no contact field: '{name}'; {did_you_mean(name, CONTACT_FIELDS)}")
        return name

    @field_validator("transform")
    @classmethod
    def _transform_exists(cls, name: str) -> str:
        if name not in TRANSFORMS:
            raise ValueError(f"is no transform: '{name}'; {did_you_mean(name, TRANSFORMS)}")
        return name

    @model_validator(mode="after")
    def _leaves_the_crms_own_alone(self) -> FieldMap:
        if self.contact in READ_ONLY and self.direction != "to_contact":
            raise ValueError(f"'{self.contact}' belongs to the CRM; its direction must be \"to_contact\"")
        return self


class ContactFields(FileModel):
    """The lines of one CRM's mapping: which of its fields are which of the engine's."""

    fields: Annotated[tuple[FieldMap, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _maps_each_name_once(self) -> ContactFields:
        reading = Counter(item.contact for item in self.to_contact)
        writing = Counter(item.crm for item in self.to_crm)
        for counter, what in ((reading, "contact field"), (writing, "CRM column")):
            twice = [name for name, times in counter.items() if times > 1]
            if twice:
                raise ValueError(f"fills the {what} '{twice[0]}' from two fields")
        if "phone" not in reading:
            raise ValueError("maps no column to 'phone', without which nobody can be reached")
        return self

    @property
    def to_contact(self) -> tuple[FieldMap, ...]:
        """The fields read from the CRM."""
        return tuple(item for item in self.fields if item.direction != "to_crm")

    @property
    def to_crm(self) -> tuple[FieldMap, ...]:
        """The fields written to the CRM."""
        return tuple(item for item in self.fields if item.direction != "to_contact")
