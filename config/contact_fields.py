"""What every mapping file shares: the engine's contact fields, the transforms, and one line of a mapping (R21)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, field_validator, model_validator

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
    "job_title": "title or role at that company",
    "department": "department there",
    "address": "street and house number, or the whole postal address",
    "city": "city",
    "state": "state, province or county",
    "postal_code": "postal code",
    "country": "country",
    "birthday": "date of birth",
    "language": "language to write in, such as zh_TW",
    "tags": "set of labels",
    "owner": "colleague in charge",
    "notes": "free text",
    "salutation": "form of address, such as Ms. or 小姐",
    "gender": "f, m or x",
    "source": "where the customer came from",
    "lifecycle_stage": "how far the customer has come: lead, customer ...",
    "marketing_consent": "agreed to promotional messages (R7)",
    "transactional_consent": "agreed to messages about own orders (R7)",
    "blocked": "must not be written to at all (R6)",
    "do_not_call": "must not be called; says nothing of messages",
    "email_opt_out": "wants no e-mail; says nothing of messages",
    "same_as": "the same person in another CRM: the CRM's name, a colon, its key there (`sql:4711`)",
    "created_at": "when the CRM made the record",
    "updated_at": "when the CRM last changed it",
}
"""The engine's own contact fields, the right-hand side of a mapping."""

TRANSFORMS = {
    "text": "trimmed text without control characters",
    "phone": "any way of writing a number <-> E.164",
    "email": "trimmed, lower case",
    "bool": "true or false of an API, or any usual word <-> true or false; written as true or false",
    "bool_words": "yes/no in any usual word (Y, 1, true, 是, 同意 ...) <-> true or false; written as the row spells it",
    "number": "1,280 or NT$1,280.50 <-> 1280 or 1280.50",
    "tags": "words between commas, semicolons or spaces <-> set of labels",
    "picklist": "the CRM's options <-> ours, by the line's `values`; any other word stays as it is",
    "date": "day in any usual order, Taiwan's Minguo years included <-> ISO date",
    "timestamp": "moment <-> UTC",
    "language": "language name or code <-> zh_TW, zh_CN, en ...",
    "gender": "word or letter <-> f, m, x",
    "first_name": "the given name in a whole name (only read)",
    "last_name": "the family name in a whole name (only read)",
}
"""What may happen to a value on its way: CRM side <-> contact side."""

OPTIONS = {
    "values": ("picklist", "bool_words", "language", "gender", "tags"),
    "zone": ("date", "timestamp"),
    "separator": ("tags",),
    "inverted": ("bool", "bool_words"),
}
"""Option of a line -> the transforms that take it."""

READ_ONLY = frozenset({"external_id", "created_at", "updated_at", "same_as"})
"""Contact fields that belong to the CRM: never written back."""

KINDS = {
    "tags": ("tags",),
    "blocked": ("bool", "bool_words"),
    "marketing_consent": ("bool", "bool_words"),
    "transactional_consent": ("bool", "bool_words"),
}
"""Contact field -> the transforms that make what it holds: a list of labels, true or false."""

SPOKEN = tuple(
    name
    for name in CONTACT_FIELDS
    if name not in READ_ONLY | {"tags", "blocked", "do_not_call", "email_opt_out", "notes"} and "consent" not in name
)
"""Contact fields that a message may quote."""

ONE_WAY = frozenset({"first_name", "last_name"})
"""Transforms that take a part of a value: there is no way back."""


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"is no time zone: '{name}'; {did_you_mean(name, available_timezones())}") from None
    return name


def _as_read(word: str) -> str:
    return word.strip().casefold()


Column = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]
Word = Annotated[str, Field(min_length=1, max_length=255)]
Separator = Annotated[str, Field(min_length=1, max_length=5)]
Direction = Literal["both", "to_contact", "to_crm"]
Wins = Literal["newest", "crm", "engine"]
"""Whose word on a field stands where both sides changed it: the later one (of equals the master's), always this CRM's,
or always the engine's."""

CUSTOM = re.compile(r"custom\.[a-z][a-z0-9_]{0,62}")
"""A field of the company's own, kept among a contact's attributes: `custom.membership_level`."""


Zone = Annotated[str, AfterValidator(_known_zone)]


class FieldMap(FileModel):
    """One line: a CRM column, the contact field it stands for, which way values flow, and how they change."""

    crm: Column
    contact: str
    direction: Direction = "both"
    transform: str = "text"
    wins: Wins = "newest"
    values: dict[str, Word] | None = None
    """Our value -> the CRM's word for it. Of `bool_words` ours are "true" and "false"."""
    zone: Zone | None = None
    """Where the clocks of values without a zone stand, and whose day a moment is: an IANA name (Asia/Taipei)."""
    separator: Separator | None = None
    """What alone parts two labels, where they hold spaces or commas themselves."""
    inverted: bool = False
    """The column says the opposite, as an "opted out" box does of a consent. On a consent only the no counts: a box
    that nobody has ticked is nobody's yes (R7)."""

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
    def _takes_its_options(self) -> FieldMap:
        for name, transforms in OPTIONS.items():
            if getattr(self, name) and self.transform not in transforms:
                raise ValueError(
                    f"gives '{name}' to the transform '{self.transform}'; it is for {', '.join(transforms)}"
                )
        if self.transform not in KINDS.get(self.contact, (self.transform,)):
            raise ValueError(
                f"fills '{self.contact}' by '{self.transform}'; it takes {' or '.join(KINDS[self.contact])}"
            )
        if self.transform == "picklist" and not self.values:
            raise ValueError("is a picklist without 'values'")
        if self.values and self.transform == "bool_words" and not self.values.keys() <= {"true", "false"}:
            raise ValueError("has 'values' for something else than true and false")
        twice = [word for word, times in Counter(map(_as_read, (self.values or {}).values())).items() if times > 1]
        if twice:
            raise ValueError(f"gives two values for the CRM's '{twice[0]}'")
        return self

    @model_validator(mode="after")
    def _leaves_the_crms_own_alone(self) -> FieldMap:
        if self.contact in READ_ONLY and self.direction != "to_contact":
            raise ValueError(f"'{self.contact}' belongs to the CRM; its direction must be \"to_contact\"")
        if self.transform in ONE_WAY and self.direction != "to_contact":
            raise ValueError(f"the transform '{self.transform}' only reads; its direction must be \"to_contact\"")
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
