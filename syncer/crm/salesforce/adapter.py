"""`SalesforceCRM`: the CRM port over one Salesforce org. Which field is which, the mapping file alone says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime

from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import Settings
from syncer.crm.exchange import client
from syncer.crm.pace import Pace
from syncer.crm.remote import Remote
from syncer.crm.salesforce import bulk, checks
from syncer.crm.salesforce import mapping as layout
from syncer.crm.salesforce.call import DEADLINE, Api
from syncer.crm.salesforce.cases import write_tasks
from syncer.crm.salesforce.mapping import Described, MessageShape
from syncer.crm.salesforce.messages import write_messages
from syncer.crm.salesforce.pace import SalesforcePace
from syncer.crm.salesforce.people import People
from syncer.crm.salesforce.reading import Reader
from syncer.crm.salesforce.replies import replies, take_replies
from syncer.crm.salesforce.rows import Rows
from syncer.crm.salesforce.tokens import Grant, Tokens, client_credentials, jwt_bearer
from syncer.crm.sharing import ALONE, Shared
from syncer.crm.side_by_side import both
from syncer.domain.contact import SourceRecord
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
from syncer.http import HttpClient


def from_settings(settings: Settings, shared: Shared = ALONE) -> SalesforceCRM:
    """The adapter that the environment and `mappings/salesforce.toml` describe. Raises `ConfigurationError`."""
    settings.require("SALESFORCE_LOGIN_URL", "SALESFORCE_CLIENT_ID")
    salesforce = settings.salesforce
    crm = SalesforceCRM(
        load_object_mapping(settings.config_dir, "salesforce"),
        settings.default_region,
        login_url=str(salesforce.login_url),
        version=salesforce.api_version,
        grant=grant_of(settings),
        pace=SalesforcePace(shared.quota),
        http=client("salesforce", DEADLINE, shared.meter),
    )
    crm.prepare()
    return crm


def grant_of(settings: Settings) -> Grant:
    """By a signed request where there is a key, else by the app's secret."""
    salesforce = settings.salesforce
    assert salesforce.client_id is not None
    client_id = salesforce.client_id.get_secret_value()
    if salesforce.private_key is not None:
        settings.require("SALESFORCE_USERNAME")
        return jwt_bearer(
            client_id,
            str(salesforce.username),
            str(salesforce.login_url),
            salesforce.private_key.get_secret_value(),
        )
    settings.require("SALESFORCE_CLIENT_SECRET")
    assert salesforce.client_secret is not None
    return client_credentials(client_id, salesforce.client_secret.get_secret_value())


class SalesforceCRM(Remote):
    """One org whose My Domain address is `login_url`, read and written as `mapping` says; `region` is assumed for
    numbers without country code.

    Nothing is connected before the first call. Safe to share between threads, and to fork.
    """

    name = "salesforce"

    def __init__(
        self,
        mapping: ObjectMapping,
        region: str,
        *,
        login_url: str,
        version: str,
        grant: Grant,
        pace: Pace | None = None,
        http: HttpClient | None = None,
        bulk_above: int = bulk.ABOVE,
    ) -> None:
        super().__init__(mapping.contacts, http or client("salesforce", DEADLINE))
        self._region, self._bulk_above = region, bulk_above
        self._api = Api(self._http, Tokens(self._http, login_url, grant), version=version, pace=pace)
        self._rows = Rows(self._mapping.to_contact, region)
        self._reader = Reader(self._api, self._mapping.object, self._rows)
        self._knowing, self._placing, self._opening = threading.Lock(), threading.Lock(), threading.Lock()
        self._people: People | None = None
        self._shape: MessageShape | None = None
        self._case: Described | None = None

    def organisation(self) -> str:
        """The org's own id, by which its outbound messages are known. Raises `TryAgain`, `TryLater`,
        `FixCredentials`."""
        return self._api.tokens.current().organisation

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        """Contacts in the order of their ids, or those changed since in the order of their changes."""
        self._writer()
        yield from self._reader.pages(cursor, page_size, changed_since)

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these contacts: deleted ones are gone, merged ones lead to the one that stays."""
        self._writer()
        return self._reader.look_up(crm_ids)

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields."""
        return self._rows.translated(rows)

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        """Make the org's records say what the messages say."""
        if not messages:
            return []
        return write_messages(self._api, self._reader, messages, self._message_shape())

    def write_tasks(self, tasks: Sequence[CrmTask]) -> list[WriteResult]:
        """Open cases for the tasks that are new."""
        if not tasks:
            return []
        contact = layout.case_contact(self._mapping.object)
        return write_tasks(self._api, self._reader, tasks, self._case_fields(), contact)

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        """Update each person's contact, or create it."""
        return self._writer().write(contacts) if contacts else []

    def replies(self, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
        """What the org's people want sent."""
        if record_ids is not None and not record_ids:
            return []
        return replies(self._api, self._message_shape(), record_ids)

    def take_replies(self, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """Make their records those of the messages that they became."""
        return take_replies(self._api, self._message_shape(), taken) if taken else []

    def check(self) -> list[CrmCheck]:
        """Reachable, permitted, laid out as the mapping says."""
        return checks.examine(self._api, self._mapping)

    def _compare(self) -> object:
        """Messages' and cases' fields are looked up too: otherwise the first of each would wait for that."""
        found = self._writer()
        both(self._message_shape, self._case_fields)
        return found

    def _writer(self) -> People:
        """Whoever writes contacts, once the mapping has been compared with the org."""
        with self._knowing:
            if self._people is None:
                known = layout.described(self._api, self._mapping.object)
                layout.check_contacts(self._api, self._mapping, known)
                self._people = People(
                    self._api, self._mapping, self._reader, self._region, known.kinds(), self._bulk_above
                )
            return self._people

    def _message_shape(self) -> MessageShape:
        with self._placing:
            if self._shape is None:
                self._shape = layout.message_shape(self._api, self._mapping.object)
            return self._shape

    def _case_fields(self) -> Described:
        with self._opening:
            if self._case is None:
                known = layout.described(self._api, "Case")
                layout.require_ref(known)
                self._case = known
            return self._case
