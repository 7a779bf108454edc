"""`mappings/sql.toml`: how a company's own customer database is laid out (R15, R21). A new layout needs no code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from config.contact_fields import Column, ContactFields
from config.mapping_tables import Defaults, JoinedTable, Placed, Query, ReplyTable, Table
from config.toml import FileModel


class ContactTable(Placed, ContactFields):
    """The customer table, or the query that stands for it: its key, how changes and deletions are seen, its fields."""

    table: Column | None = None
    query: Query | None = None
    """What is read instead of a table; it is only read, unless `write_table` names the table behind it."""
    write_table: Column | None = None
    """The table that is written where `table` is a view, or a query is read. It has the columns of the written lines
    under the same names, and the key."""
    key: Column
    changed_at: Column | None = None
    """Column that grows with each change; without one every sync compares all rows."""
    deleted: Column | None = None
    """Soft-delete column: a row is deleted if it holds anything but null, false, 0 or empty text."""
    joins: tuple[JoinedTable, ...] = ()
    """Fields that live in tables of their own; a line names one as its `crm`."""
    defaults: Defaults = {}
    """What columns get when we add a row and know nothing better."""

    @model_validator(mode="before")
    @classmethod
    def _only_reads_a_query(cls, data: object) -> object:
        """Lines of a query say nothing of writing: what cannot be written is read."""
        if not isinstance(data, dict) or "query" not in data or "write_table" in data:
            return data
        own = {join.get("name") for join in data.get("joins") or () if isinstance(join, dict)}
        lines = data.get("fields")
        if not isinstance(lines, list | tuple):
            return data
        return {**data, "fields": [_read_only(line, own) for line in lines]}

    @model_validator(mode="after")
    def _has_one_source(self) -> ContactTable:
        if (self.table is None) == (self.query is None):
            raise ValueError("must name either a 'table' or a 'query' that the customers are read from")
        if self.defaults and self.read_only:
            raise ValueError("gives 'defaults' for new rows, but a query is only read; name its table in 'write_table'")
        return self

    @model_validator(mode="after")
    def _leaves_the_key_alone(self) -> ContactTable:
        if any(item.crm == self.key for item in self.to_crm):
            raise ValueError(f"writes to the key column '{self.key}'; give the line direction = \"to_contact\"")
        if self.key in self.defaults:
            raise ValueError(f"gives a default for the key column '{self.key}'; leave it out, keys are made per row")
        return self

    @model_validator(mode="after")
    def _uses_its_joins(self) -> ContactTable:
        twice = [name for name, times in Counter(join.name for join in self.joins).items() if times > 1]
        if twice:
            raise ValueError(f"has two joins called '{twice[0]}'; give each a name of its own")
        for join in self.joins:
            lines = [item for item in self.fields if item.crm == join.name]
            if not lines:
                raise ValueError(f"has a join '{join.name}' that no line uses; add {{ crm = \"{join.name}\", ... }}")
            back = [item for item in lines if item.direction != "to_contact" and item.transform != "tags"]
            if join.many and back:
                problem = f"cannot write '{join.name}' back, which joins many values into one"
                raise ValueError(f'{problem}; give its line direction = "to_contact" or transform = "tags"')
        return self

    @property
    def read_only(self) -> bool:
        """Whether customers cannot be written at all, joined tables apart."""
        return self.query is not None and self.write_table is None


def _read_only(line: Any, joins: set[Any]) -> Any:
    if not isinstance(line, Mapping) or line.get("crm") in joins:
        return line
    if line.get("direction", "to_contact") != "to_contact":
        name = line.get("crm")
        raise ValueError(f"writes '{name}', but a query is only read; name the table behind it in 'write_table'")
    return {**line, "direction": "to_contact"}


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
    """The layout of one CRM database; `messages`, `tasks` and `replies` may be left out, or be `"none"`."""

    contacts: ContactTable
    messages: Annotated[MessageTable | None, BeforeValidator(_absent)] = None
    tasks: Annotated[TaskTable | None, BeforeValidator(_absent)] = None
    replies: Annotated[ReplyTable | None, BeforeValidator(_absent)] = None

    @model_validator(mode="after")
    def _shares_a_table_rightly(self) -> CrmMapping:
        """Where people write what is to be sent among the messages themselves, only a status tells the two apart."""
        if not self.replies_are_messages:
            return self
        assert self.replies is not None
        assert self.messages is not None
        for role in ("ref", "status"):
            if getattr(self.replies, role) is None or getattr(self.replies, role) != getattr(self.messages, role):
                problem = f"[replies] and [messages] share the table '{self.messages.table}'"
                raise ValueError(f"{problem}; both must name the same '{role}' column")
        return self

    @property
    def replies_are_messages(self) -> bool:
        """Whether a message to be sent stands in the very table that messages are recorded in."""
        places = [(one.table, one.db_schema) for one in (self.replies, self.messages) if one is not None]
        return len(places) == 2 and places[0] == places[1]
