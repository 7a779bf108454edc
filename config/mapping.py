"""`mappings/sql.toml`: how a company's own customer database is laid out (R15, R21). A new layout needs no code."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

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


class FieldMap(FileModel):
    """One line: a CRM column, the contact field it stands for, which way values flow, and how they change."""

    crm: Column
    contact: str
    direction: Direction = "both"
    transform: str = "text"

    @field_validator("contact")
    @classmethod
    def _contact_field_exists(cls, name: str) -> str:
        if name not in CONTACT_FIELDS:
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


class Table(FileModel):
    """A table, in the named schema of the database or in its default one."""

    table: Column
    db_schema: Column | None = Field(default=None, alias="schema")


class ContactTable(Table):
    """The customer table: its key, how changes and deletions are seen, and its fields."""

    key: Column
    changed_at: Column | None = None
    """Column that grows with each change; without one every sync compares all rows."""
    deleted: Column | None = None
    """Soft-delete column: a row is deleted if it holds anything but null, false, 0 or empty text."""
    fields: Annotated[tuple[FieldMap, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _maps_each_name_once(self) -> ContactTable:
        reading = Counter(item.contact for item in self.fields if item.direction != "to_crm")
        writing = Counter(item.crm for item in self.fields if item.direction != "to_contact")
        for counter, what in ((reading, "contact field"), (writing, "CRM column")):
            twice = [name for name, times in counter.items() if times > 1]
            if twice:
                raise ValueError(f"fills the {what} '{twice[0]}' from two fields")
        if "phone" not in reading:
            raise ValueError("maps no column to 'phone', without which nobody can be reached")
        if self.key in writing:
            raise ValueError(f"writes to the key column '{self.key}'")
        return self

    @property
    def to_contact(self) -> tuple[FieldMap, ...]:
        """The fields read from the CRM."""
        return tuple(item for item in self.fields if item.direction != "to_crm")

    @property
    def to_crm(self) -> tuple[FieldMap, ...]:
        """The fields written to the CRM."""
        return tuple(item for item in self.fields if item.direction != "to_contact")


class MessageTable(Table):
    """Where conversations are recorded (R23, R24): column names; an absent one is not written."""

    ref: Column | None = None
    """Key: our id, there before the platform has named a message; unique, so that a repeated write changes nothing."""
    wamid: Column | None = None
    """The platform's id; the key where the table has no `ref`: then a send that was never accepted has no record."""
    customer: Column
    direction: Column
    body: Column
    kind: Column | None = None
    status: Column | None = None
    status_at: Column | None = None
    sent_at: Column | None = None
    error: Column | None = None
    reply_to: Column | None = None
    media_url: Column | None = None
    """Where the message's file can be fetched from the engine, with an API key."""
    media_type: Column | None = None

    @model_validator(mode="after")
    def _knows_a_message_again(self) -> MessageTable:
        if self.ref is None and self.wamid is None:
            raise ValueError("names neither 'ref' nor 'wamid', by which a message is known again")
        return self


class TaskTable(Table):
    """Where a handoff to a person is recorded (R32, R33): column names; an absent one is not written."""

    ref: Column
    """Idempotency key: unique in the company's table, so that a repeated write makes no second task."""
    customer: Column
    subject: Column
    body: Column
    priority: Column | None = None
    status: Column | None = None
    created_at: Column | None = None


def _absent(section: object) -> object:
    return None if section == "none" else section


class CrmMapping(FileModel):
    """The layout of one CRM database; `messages` and `tasks` may be left out, or be `"none"`."""

    contacts: ContactTable
    messages: Annotated[MessageTable | None, BeforeValidator(_absent)] = None
    tasks: Annotated[TaskTable | None, BeforeValidator(_absent)] = None
