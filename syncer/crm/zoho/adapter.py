"""`ZohoCRM`: the CRM port over one Zoho organisation. Which field is which, the mapping file alone says."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime

from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import Settings
from syncer.crm.exchange import client
from syncer.crm.remote import Remote
from syncer.crm.sharing import ALONE, Shared
from syncer.crm.side_by_side import both
from syncer.crm.tokens import ProcessTokens
from syncer.crm.zoho import checks, handoffs, watch
from syncer.crm.zoho import mapping as layout
from syncer.crm.zoho.auth import Auth
from syncer.crm.zoho.call import DEADLINE, Api
from syncer.crm.zoho.handoffs import Desk
from syncer.crm.zoho.mapping import MESSAGES, Module
from syncer.crm.zoho.messages import InModule, Keeping, write_messages
from syncer.crm.zoho.note_replies import FromNotes
from syncer.crm.zoho.notes import InNotes
from syncer.crm.zoho.pace import ZohoPace
from syncer.crm.zoho.people import People
from syncer.crm.zoho.reading import Reader
from syncer.crm.zoho.replies import FromModule, Replying
from syncer.crm.zoho.rows import Rows
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

NEEDED = ("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN")


def from_settings(settings: Settings, shared: Shared = ALONE) -> ZohoCRM:
    """The adapter that the environment and `mappings/zoho.toml` describe. Without tokens to share this process keeps
    its own. Raises `ConfigurationError`."""
    settings.require(*NEEDED)
    zoho = settings.zoho
    http = client("zoho", DEADLINE, shared.meter)
    given = (zoho.client_id, zoho.client_secret, zoho.refresh_token)
    client_id, client_secret, refresh_token = ("" if one is None else one.get_secret_value() for one in given)
    auth = Auth(
        http,
        shared.tokens or ProcessTokens(),
        accounts_url=str(zoho.accounts_url),
        api_url=str(zoho.api_url),
        client_id=client_id,
        client_secret=client_secret,
        refresh_token=refresh_token,
    )
    mapping = load_object_mapping(settings.config_dir, "zoho")
    crm = ZohoCRM(
        mapping,
        settings.default_region,
        http=http,
        auth=auth,
        version=zoho.api_version,
        channel_secret=client_secret,
        pace=ZohoPace(shared.quota),
    )
    crm.prepare()
    return crm


class ZohoCRM(Remote):
    """One organisation, read and written as `mapping` says; `region` is assumed for numbers without country code.
    `channel_secret` makes the words that Zoho's notices carry.

    Nothing is connected before the first call. Safe to share between threads, and to fork.
    """

    name = "zoho"

    def __init__(
        self,
        mapping: ObjectMapping,
        region: str,
        *,
        http: HttpClient,
        auth: Auth,
        version: str,
        channel_secret: str,
        pace: ZohoPace | None = None,
    ) -> None:
        super().__init__(mapping.contacts, http)
        self._region, self._channel_secret = region, channel_secret
        self._api = Api(http, auth, version=version, pace=pace)
        self._reader = Reader(self._api, self._mapping.object, Rows(self._mapping.to_contact, region))
        self._knowing, self._placing, self._opening = threading.Lock(), threading.Lock(), threading.Lock()
        self._contacts: Module | None = None
        self._keeps: tuple[Keeping, Replying] | None = None
        self._desk: Desk | None = None

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        """Contacts in the order of their ids, or those changed since in the order of their changes."""
        self._known()
        yield from self._reader.pages(cursor, page_size, changed_since)

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these contacts: those in the recycle bin, and those merged into another, are gone."""
        self._known()
        return self._reader.look_up(crm_ids)

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields."""
        return self._reader.rows.translated(rows)

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        """Make the records of messages say what `messages` say."""
        return write_messages(self._api, messages, self._keeping()[0]) if messages else []

    def write_tasks(self, tasks: Sequence[CrmTask]) -> list[WriteResult]:
        """Open cases or tasks for those that are new."""
        if not tasks:
            return []
        return handoffs.write_tasks(self._api, tasks, self._handing_over())

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        """Update each person's contact, or create it."""
        if not contacts:
            return []
        return People(self._api, self._mapping, self._known(), self._region).write(contacts)

    def replies(self, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
        """What the organisation's people want sent."""
        if record_ids is not None and not record_ids:
            return []
        return self._keeping()[1].waiting(self._api, record_ids)

    def take_replies(self, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """Make their records those of the messages that they became."""
        return self._keeping()[1].take(self._api, taken) if taken else []

    def check(self) -> list[CrmCheck]:
        """Reachable, permitted, laid out as the mapping says."""
        return checks.examine(self._api, self._mapping)

    def renew_channels(self, notify_url: str, now: datetime) -> datetime:
        """Have Zoho tell `notify_url` of changed contacts, and of messages where the company has a module of them; to
        be repeated by the beat. Returns until when it tells. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
        modules = [self._mapping.object, *([MESSAGES] if layout.module_if_any(self._api, MESSAGES) else [])]
        api, secret = self._api, self._channel_secret
        opened = [watch.renew(api, module=one, notify_url=notify_url, secret=secret, now=now) for one in modules]
        return min(channel.expires_at for channel in opened)

    def _compare(self) -> object:
        """Messages' and handoffs' places are looked up too: otherwise the first of each would wait for that."""
        found = self._known()
        both(self._keeping, self._handing_over)
        return found

    def _known(self) -> Module:
        """The fields of the contacts; a misspelled one would look like an empty one, so the mapping is held against
        them before anything is read."""
        with self._knowing:
            if self._contacts is None:
                found = layout.module(self._api, self._mapping.object)
                layout.check_contacts(self._mapping, found)
                self._contacts = found
            return self._contacts

    def _keeping(self) -> tuple[Keeping, Replying]:
        """In the company's module; as notes, where there is none that could hold them."""
        with self._placing:
            if self._keeps is None:
                module = layout.module_if_any(self._api, MESSAGES)
                if module is None or layout.lacking(module):
                    notes = InNotes()
                    self._keeps = notes, FromNotes(notes)
                else:
                    self._keeps = InModule(module), FromModule(module)
            return self._keeps

    def _handing_over(self) -> Desk:
        """Where handoffs go."""
        with self._opening:
            self._desk = self._desk or handoffs.desk(self._api)
            return self._desk
