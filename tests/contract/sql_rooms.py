"""The made-up company's database as a room of the CRM suite, and smaller layouts that a mapping alone describes."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from config.files import load_mapping
from config.mapping import CrmMapping
from config.settings import PACKAGED_FILES
from syncer.acceptance.customer_tables import (
    customers,
    metadata,
    outgoing_messages,
    service_tasks,
    whatsapp_messages,
)
from syncer.crm.sql.adapter import SqlCRM
from syncer.crm.sql.engine import open_engine
from tests.contract.crm_suite import NOON

_RENAMED = {"customer_id": "crm_contact_id", "sent_at": "occurred_at"}


def mapped(text: str) -> CrmMapping:
    """A mapping from the text of its file."""
    return CrmMapping.model_validate(tomllib.loads(text))


#: Outgoing messages among those on record.
SHARED = """
[contacts]
table = "customers"
key = "customer_id"
fields = [{ crm = "mobile", contact = "phone" }]
[replies]
table = "whatsapp_messages"
key = "message_id"
customer = "customer_id"
body = "body"
reply_to = "reply_to"
status = "status"
ref = "ref"
error = "error"
"""


class SqlRoom:
    """The tables of `customer_tables` at `url`, under the shipped `mappings/sql.toml`."""

    reply_fields = frozenset({"phone", "template", "language", "reply_to", "author"})
    replies_are_messages = False

    def __init__(self, url: str, *, holds_nul: bool) -> None:
        self.holds_nul = holds_nul
        mapping = self.mapping()
        self.columns = {item.contact: item.crm for item in mapping.contacts.fields}
        self.engine = open_engine(url)
        metadata.create_all(self.engine)
        self.crm = SqlCRM(url, mapping, "TW")

    def mapping(self) -> CrmMapping:
        return load_mapping(PACKAGED_FILES, "sql")

    def close(self) -> None:
        self.crm.close()
        self.engine.dispose()

    def add(self, changed_at: datetime = NOON, **fields: Any) -> str:
        with self.engine.begin() as tx:
            made = tx.execute(insert(customers).values(**self._row(changed_at, fields))).inserted_primary_key
            assert made is not None
            return str(made[0])

    def change(self, crm_id: str, changed_at: datetime = NOON, **fields: Any) -> None:
        with self.engine.begin() as tx:
            mine = customers.c.customer_id == int(crm_id)
            tx.execute(update(customers).where(mine).values(**self._row(changed_at, fields)))

    def _row(self, changed_at: datetime, fields: dict[str, Any]) -> dict[str, Any]:
        return {"updated_at": changed_at, **{self.columns[name]: value for name, value in fields.items()}}

    def remove(self, crm_id: str) -> None:
        with self.engine.begin() as tx:
            tx.execute(update(customers).where(customers.c.customer_id == int(crm_id)).values(is_deleted=True))

    def erase(self, crm_id: str) -> None:
        """Delete the row itself."""
        with self.engine.begin() as tx:
            tx.execute(delete(customers).where(customers.c.customer_id == int(crm_id)))

    def contact(self, crm_id: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            row = connection.execute(select(customers).where(customers.c.customer_id == int(crm_id))).mappings().one()
        return {name: row[column] for name, column in self.columns.items()}

    def contact_ids(self) -> list[str]:
        with self.engine.connect() as connection:
            ids = connection.execute(select(customers.c.customer_id).where(customers.c.is_deleted.is_(False)))
            return [str(number) for number in ids.scalars()]

    def messages(self) -> list[dict[str, Any]]:
        return self._seen(whatsapp_messages)

    def tasks(self) -> list[dict[str, Any]]:
        return self._seen(service_tasks)

    def finish_task(self, ref: str) -> None:
        with self.engine.begin() as tx:
            tx.execute(update(service_tasks).where(service_tasks.c.ref == ref).values(status="done", subject="!"))

    def write_reply(self, body: str, *, crm_id: str | None = None, phone: str | None = None, **more: Any) -> str:
        return self._typed(customer_id=_number(crm_id), phone=phone, body=body, status="to_send", **more)

    def log_message(self, crm_id: str, body: str) -> str:
        return self._typed(customer_id=_number(crm_id), body=body)

    def _typed(self, **columns: Any) -> str:
        with self.engine.begin() as tx:
            made = tx.execute(insert(outgoing_messages).values(**columns)).inserted_primary_key
            assert made is not None
            return str(made[0])

    def reply(self, record_id: str) -> dict[str, Any]:
        table = outgoing_messages
        return self._marks(select(table).where(table.c.message_id == int(record_id)))

    def _marks(self, asked: Any) -> dict[str, Any]:
        with self.engine.connect() as connection:
            row = connection.execute(asked).mappings().one()
        return {name: row[name] for name in ("ref", "status", "error")}

    def _seen(self, table: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).order_by(*table.primary_key)).mappings().all()
        return [{_RENAMED.get(name, name): _plain(name, value) for name, value in row.items()} for row in rows]


class SharedTableRoom(SqlRoom):
    """As `SqlRoom`, but people write what is to be sent among the messages themselves."""

    reply_fields = frozenset({"reply_to"})
    replies_are_messages = True

    def mapping(self) -> CrmMapping:
        outgoing = mapped(SHARED).replies
        return super().mapping().model_copy(update={"replies": outgoing})

    def _typed(self, **columns: Any) -> str:
        kept = {name: value for name, value in columns.items() if name in whatsapp_messages.c}
        with self.engine.begin() as tx:
            made = tx.execute(insert(whatsapp_messages).values(direction="out", **kept)).inserted_primary_key
            assert made is not None
            return str(made[0])

    def reply(self, record_id: str) -> dict[str, Any]:
        return self._marks(select(whatsapp_messages).where(whatsapp_messages.c.message_id == int(record_id)))


def _number(crm_id: str | None) -> int | None:
    return None if crm_id is None else int(crm_id)


def _plain(name: str, value: Any) -> Any:
    if name == "customer_id":
        return None if value is None else str(value)
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
