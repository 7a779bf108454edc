"""The parts of `mappings/sql.toml` beside the customer table: where tables lie, joined tables, outgoing messages."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from config.contact_fields import Column, Separator
from config.toml import FileModel

Scalar = StrictBool | StrictInt | Decimal | datetime | date | StrictStr
"""What a TOML file can say of one column."""
Defaults = dict[Column, Scalar]
"""Column -> value."""
Words = Annotated[str, Field(min_length=1, max_length=100)]
Channel = Annotated[str, Field(max_length=63, pattern=r"^[a-z_][a-z0-9_]*$")]


def _one_question(query: str) -> str:
    bare = query.strip().rstrip(";").strip()
    if not re.match(r"(?is)(select|with)\b", bare):
        raise ValueError('must be one question to the database, such as query = "select id, phone from v_customers"')
    if ";" in bare:
        raise ValueError("holds more than one statement; leave out the semicolon")
    return bare


Query = Annotated[str, AfterValidator(_one_question)]


class Placed(FileModel):
    """Something in the named schema of the database or in its default one."""

    db_schema: Column | None = Field(default=None, alias="schema")


class Table(Placed):
    """A table."""

    table: Column


class JoinedTable(Table):
    """A field that lives in a table of its own: phones, tags, addresses."""

    name: Column
    """What a line calls it: `crm = "<name>"`."""
    key: Column
    """The column that points to the customer."""
    on: Column | None = None
    """The customer table's column that it points at: the key, where nothing is said."""
    value: Column
    where: Defaults = {}
    """Only rows that hold this are meant, and rows that we add hold it: `{ kind = "mobile" }`."""
    primary: Column | None = None
    """A flag: of several rows the one that bears it comes first."""
    order: Column | None = None
    """A column that grows: of several rows the one with the least comes first."""
    many: bool = False
    """All values and not only the first: a list for the transform `tags`, else one text."""
    separator: Separator | None = None
    """What stands between many values that become one text; a comma where nothing is said."""
    changed_at: Column | None = None
    """Column that grows with each change; without one every sync compares all customers."""
    defaults: Defaults = {}
    """What other columns get when we add a row."""

    @model_validator(mode="after")
    def _says_what_it_means(self) -> JoinedTable:
        if self.separator and not self.many:
            raise ValueError("has a 'separator' but takes only one value; add many = true, or leave it out")
        own = {self.key, self.value}
        twice = sorted(own & {*self.where, *self.defaults})
        if twice:
            raise ValueError(
                f"fixes '{twice[0]}', which differs from row to row; leave it out of 'where' and 'defaults'"
            )
        return self


class ReplyTable(Table):
    """Where the company's people write messages to be sent (R22): column names, and what the status says."""

    key: Column
    ref: Column
    """Ours, written when we take the message; empty until then."""
    customer: Column | None = None
    phone: Column | None = None
    body: Column
    template: Column | None = None
    language: Column | None = None
    reply_to: Column | None = None
    written_at: Column | None = None
    author: Column | None = None
    status: Column | None = None
    """Without it every row that has no `ref` is to be sent."""
    to_send: Words = "to_send"
    taken: Words = "queued"
    failed: Words = "failed"
    error: Column | None = None
    notify: Channel | None = None
    """PostgreSQL channel on which a trigger of the company's tells of new rows."""

    @model_validator(mode="after")
    def _says_whom_and_when(self) -> ReplyTable:
        if self.customer is None and self.phone is None:
            raise ValueError("names neither 'customer' nor 'phone', so nobody knows whom a message goes to")
        words = [self.to_send, self.failed, self.taken]
        if len({word.strip().casefold() for word in words}) < len(words):
            raise ValueError("gives one word to two of 'to_send', 'taken' and 'failed'; each needs its own")
        if self.status == self.ref:
            raise ValueError(f"uses '{self.ref}' as 'ref' and as 'status'; they need a column each")
        return self
