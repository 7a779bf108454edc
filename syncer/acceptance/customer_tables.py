"""The made-up company's tables, as `config/mappings/sql.toml` describes them; any database can hold them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    event,
    false,
    func,
    text,
)

metadata = MetaData()


def _moment(name: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), server_default=func.now())


customers = Table(
    "customers",
    metadata,
    Column("customer_id", Integer, primary_key=True),
    *(Column(name, Text) for name in ("name", "mobile", "tel", "email", "company", "city", "address", "birthday")),
    *(Column(name, Text) for name in ("gender", "language", "tags", "sales_rep", "remark", "channel")),
    *(Column(name, Text) for name in ("accepts_marketing", "accepts_service", "blacklisted")),
    Column("is_deleted", Boolean, nullable=False, server_default=false()),
    _moment("created_at"),
    _moment("updated_at"),
)
whatsapp_messages = Table(
    "whatsapp_messages",
    metadata,
    Column("message_id", Integer, primary_key=True),
    Column("ref", Text, unique=True),
    Column("wamid", Text, unique=True),
    Column("customer_id", ForeignKey("customers.customer_id"), index=True),
    *(Column(name, Text) for name in ("direction", "kind", "body", "status")),
    Column("status_at", DateTime(timezone=True)),
    Column("sent_at", DateTime(timezone=True)),
    *(Column(name, Text) for name in ("error", "reply_to", "media_url", "media_type", "payload")),
    _moment("recorded_at"),
)
service_tasks = Table(
    "service_tasks",
    metadata,
    Column("task_id", Integer, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("customer_id", ForeignKey("customers.customer_id"), index=True),
    *(Column(name, Text) for name in ("subject", "body", "priority")),
    Column("status", Text, nullable=False, server_default="open"),
    _moment("created_at"),
)
outgoing_messages = Table(
    "outgoing_messages",
    metadata,
    Column("message_id", Integer, primary_key=True),
    Column("customer_id", ForeignKey("customers.customer_id"), index=True),
    *(Column(name, Text) for name in ("phone", "body", "template", "language", "reply_to", "author")),
    *(Column(name, Text) for name in ("status", "ref", "error")),
    _moment("written_at"),
)
#: As docs/agent-replies.md has them.
_TRIGGER = (
    "create or replace function tell_syncer() returns trigger language plpgsql as "
    "$$ begin perform pg_notify('syncer_replies', ''); return null; end $$",
    "create or replace trigger tell_syncer after insert or update of status on outgoing_messages "
    "for each row when (new.status = 'to_send') execute function tell_syncer()",
)


@event.listens_for(outgoing_messages, "after_create")
def _tell_of_new_rows(_table: Table, connection: Connection, **_: Any) -> None:
    if connection.dialect.name == "postgresql":
        for statement in _TRIGGER:
            connection.execute(text(statement))
