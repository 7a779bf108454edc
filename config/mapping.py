"""`mappings/sql.toml`: how a company's own customer database is laid out (R15, R21). A new layout needs no code."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from config.contact_fields import Column, ContactFields
from config.toml import FileModel


class Table(FileModel):
    """A table, in the named schema of the database or in its default one."""

    table: Column
    db_schema: Column | None = Field(default=None, alias="schema")


class ContactTable(Table, ContactFields):
    """The customer table: its key, how changes and deletions are seen, and its fields."""

    key: Column
    changed_at: Column | None = None
    """Column that grows with each change; without one every sync compares all rows."""
    deleted: Column | None = None
    """Soft-delete column: a row is deleted if it holds anything but null, false, 0 or empty text."""

    @model_validator(mode="after")
    def _leaves_the_key_alone(self) -> ContactTable:
        if any(item.crm == self.key for item in self.to_crm):
            raise ValueError(f"writes to the key column '{self.key}'")
        return self


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
