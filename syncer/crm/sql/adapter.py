"""`SqlCRM`: the CRM port over a company's own database. What is where, the mapping file alone says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from config.files import load_mapping
from config.mapping import CrmMapping
from config.settings import Settings
from syncer.crm.base import Translator, rules
from syncer.crm.sharing import ALONE, Shared
from syncer.crm.sql import checks, conflicts, errors, people, records, replies
from syncer.crm.sql.counting import count_transactions
from syncer.crm.sql.engine import open_engine
from syncer.crm.sql.listening import Listener
from syncer.crm.sql.mapping import Layout, lay_out
from syncer.crm.sql.reading import FAILURES, Reader
from syncer.crm.sql.writes import write
from syncer.domain.contact import FieldRule, SourceRecord
from syncer.domain.crm_record import (
    AgentReply,
    CrmCheck,
    CrmContact,
    CrmMessage,
    CrmTask,
    Fate,
    RawRow,
    SourcePage,
    TakenReply,
    WriteResult,
)
from syncer.domain.errors import DeliveryError


def from_settings(settings: Settings, shared: Shared = ALONE) -> SqlCRM:
    """The adapter that the environment and `mappings/sql.toml` describe. Raises `ConfigurationError`."""
    settings.require("CRM_DATABASE_URL")
    assert settings.crm.database_url is not None
    crm = SqlCRM(settings.crm.database_url, load_mapping(settings.config_dir, "sql"), settings.default_region)
    if shared.meter is not None:
        count_transactions(crm.engine, shared.meter)
    crm.prepare()
    return crm


class SqlCRM:
    """A customer database at `url`, laid out as `mapping` says; `region` is assumed for numbers without country code.

    Nothing is connected before the first call. Safe to share between threads; a fork is safe after `prepare`.
    """

    name = "sql"

    def __init__(self, url: str, mapping: CrmMapping, region: str) -> None:
        self.engine = open_engine(url)
        self._mapping = mapping
        self._region = region
        self._lock = threading.Lock()
        self._layout: Layout | None = None
        channel = mapping.replies.notify if mapping.replies else None
        self._listener = Listener(self.engine, channel) if channel else None

    @property
    def rules(self) -> Mapping[str, FieldRule]:
        """What the mapping says of each contact field."""
        return rules(self._mapping.contacts.fields)

    def prepare(self) -> None:
        """Compare the mapping with the database now. Raises `ConfigurationError` if they do not fit; a database that
        does not answer is left for later. No connection stays open, so that a process may fork afterwards."""
        try:
            self.layout()
        except DeliveryError:
            return
        finally:
            self.engine.dispose()

    def layout(self) -> Layout:
        """The tables behind the mapping, looked up at the first need. Raises `ConfigurationError`, `TryAgain`,
        `TryLater`, `FixCredentials`."""
        with self._lock:
            if self._layout is None:
                self._layout = self._look_up()
            return self._layout

    def _look_up(self) -> Layout:
        try:
            with self.engine.connect() as connection:
                return lay_out(connection, self._mapping)
        except errors.FAILURES as error:
            raise errors.translate(error) from error

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        """Customers in the order of their key. Without a column of changes, `changed_since` reads them all."""
        layout = self.layout()
        try:
            yield from Reader(layout.contacts, self._region).pages(self.engine, cursor, page_size, changed_since)
        except FAILURES as error:
            raise errors.translate(error) from error

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """Each customer's row; of one that is deleted, or marked as deleted, nothing."""
        layout = self.layout()
        try:
            return Reader(layout.contacts, self._region).look_up(self.engine, crm_ids)
        except FAILURES as error:
            raise errors.translate(error) from error

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields."""
        fields = Reader(self.layout().contacts, self._region).fields
        return Translator(self.name, fields, self._region).records(rows)

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        """Make the message table say what `messages` say. Without such a table there is nothing to do."""
        table = self.layout().messages
        if table is None:
            return [WriteResult(message.ref) for message in messages]
        return write(self.engine, messages, lambda tx, part: records.write_messages(tx, table, part))

    def write_tasks(self, tasks: Sequence[CrmTask]) -> list[WriteResult]:
        """Add the tasks that are new. Without such a table there is nothing to do: the console shows the handoffs."""
        table = self.layout().tasks
        if table is None:
            return [WriteResult(task.ref) for task in tasks]
        return write(self.engine, tasks, lambda tx, part: records.write_tasks(tx, table, part))

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        """Update each person's row, or create it."""
        table = self.layout().contacts
        return write(
            self.engine,
            contacts,
            lambda tx, part: people.write_contacts(tx, table, part, self._region),
            lambda tx, person: conflicts.heal(tx, table, person, self._region),
        )

    def replies(self, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
        """What the outgoing table wants sent. Without such a table there is nothing."""
        table = self.layout().replies
        if table is None:
            return []
        try:
            return replies.waiting(self.engine, table, record_ids)
        except FAILURES as error:
            raise errors.translate(error) from error

    def take_replies(self, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """Say in the outgoing table what became of these messages. One that somebody holds locked is worth another
        try; it holds back no other."""
        table = self.layout().replies
        if table is None:
            return [WriteResult(one.ref) for one in taken]
        return write(self.engine, taken, lambda tx, part: replies.take(tx, table, part))

    def rings(self) -> bool:
        """Whether a trigger of the company's has told of new messages, on PostgreSQL and where the mapping names its
        channel."""
        return self._listener is not None and self._listener.rang()

    def check(self) -> list[CrmCheck]:
        """Reachable, laid out as the mapping says, keys unique, tables writable, messages picked up."""
        return checks.examine(self.engine, self.layout, self._listener)

    def close(self) -> None:
        """Give back every connection."""
        if self._listener is not None:
            self._listener.close()
        self.engine.dispose()
