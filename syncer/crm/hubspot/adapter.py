"""`HubSpotCRM`: the CRM port over one HubSpot account. Which property is which field, the mapping file alone says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import Settings
from syncer.crm.exchange import client
from syncer.crm.hubspot import checks, replies
from syncer.crm.hubspot import mapping as layout
from syncer.crm.hubspot.bodies import InBody
from syncer.crm.hubspot.call import DEADLINE, Api
from syncer.crm.hubspot.mapping import COMMUNICATION_PROPERTIES, NO_PROPERTY, REF, Stage
from syncer.crm.hubspot.messages import InProperties, Keeping, write_messages
from syncer.crm.hubspot.pace import HubSpotPace
from syncer.crm.hubspot.people import People
from syncer.crm.hubspot.reading import Reader
from syncer.crm.hubspot.rows import OWNER, Rows
from syncer.crm.hubspot.tickets import write_tasks
from syncer.crm.pace import Pace
from syncer.crm.remote import Remote
from syncer.crm.sharing import ALONE, Shared
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
from syncer.domain.errors import DeliveryError
from syncer.http import HttpClient

#: The names of the owners are asked for again after this many seconds.
OWNERS_SECONDS = 3600.0


def from_settings(settings: Settings, shared: Shared = ALONE) -> HubSpotCRM:
    """The adapter that the environment and `mappings/hubspot.toml` describe. Raises `ConfigurationError`."""
    settings.require("HUBSPOT_ACCESS_TOKEN")
    hubspot = settings.hubspot
    token = hubspot.access_token
    assert token is not None
    crm = HubSpotCRM(
        load_object_mapping(settings.config_dir, "hubspot"),
        settings.default_region,
        base_url=str(hubspot.api_url),
        version=hubspot.api_version,
        access_token=lambda: token.get_secret_value(),
        pace=HubSpotPace(shared.quota),
        http=client("hubspot", DEADLINE, shared.meter),
    )
    crm.prepare()
    return crm


class HubSpotCRM(Remote):
    """One account at `base_url`, read and written as `mapping` says; `region` is assumed for numbers without country
    code.

    Nothing is connected before the first call. Safe to share between threads, and to fork.
    """

    name = "hubspot"

    def __init__(
        self,
        mapping: ObjectMapping,
        region: str,
        *,
        base_url: str,
        version: str,
        access_token: Callable[[], str],
        pace: Pace | None = None,
        http: HttpClient | None = None,
    ) -> None:
        super().__init__(mapping.contacts, http or client("hubspot", DEADLINE))
        self._api = Api(self._http, base_url=base_url, version=version, access_token=access_token, pace=pace)
        self._rows = Rows(self._mapping.to_contact, region)
        self._reader = Reader(self._api, self._mapping.object, self._rows)
        self._people = People(self._api, self._mapping, self._reader, region)
        self._lock = threading.Lock()
        self._checked = False
        self._ready: set[str] = set()
        self._stage: Stage | None = None
        self._kept: Keeping | None = None
        self._priorities: tuple[str, ...] = ()
        self._owners_until = 0.0

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        """Contacts in the order of their ids, or those changed since in the order of their changes."""
        self._compare()
        self._learn_owners()
        yield from self._reader.pages(cursor, page_size, changed_since)

    def look_up(self, crm_ids: Sequence[str]) -> list[Fate]:
        """What became of these contacts: archived ones are gone, merged ones lead to the one that stays."""
        self._compare()
        self._learn_owners()
        return self._reader.look_up(crm_ids)

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        """The rows in canonical fields."""
        return self._rows.translated(rows)

    def write_messages(self, messages: Sequence[CrmMessage]) -> list[WriteResult]:
        """Make the communications say what `messages` say."""
        if not messages:
            return []
        return write_messages(self._api, self._reader, messages, self._keeping())

    def write_tasks(self, tasks: Sequence[CrmTask]) -> list[WriteResult]:
        """Open tickets for the tasks that are new."""
        if not tasks:
            return []
        self._make_ready("tickets", [REF])
        return write_tasks(self._api, self._reader, tasks, self._first_stage(), self._priorities)

    def write_contacts(self, contacts: Sequence[CrmContact]) -> list[WriteResult]:
        """Update each person's contact, or create it."""
        if not contacts:
            return []
        self._compare()
        self._make_ready(self._mapping.object, [self._mapping.unique])
        return self._people.write(contacts)

    def replies(self, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
        """Communications that say `to_send`. Without properties of ours none can say so."""
        if record_ids == [] or not isinstance(self._keeping(), InProperties):
            return []
        self._learn_owners()
        if record_ids is None:
            return replies.waiting(self._api, self._rows.owners)
        return replies.of_records(self._api, record_ids, self._rows.owners)

    def take_replies(self, taken: Sequence[TakenReply]) -> list[WriteResult]:
        """Give the communications our reference, by which they are the messages' records from now on."""
        if not taken:
            return []
        self._keeping()
        return replies.take(self._api, taken)

    def check(self) -> list[CrmCheck]:
        """Reachable, permitted, laid out as the mapping says."""
        return checks.examine(self._api, self._mapping)

    def _compare(self) -> None:
        """HubSpot passes over properties that it does not have, so a misspelled one would look like an empty one."""
        with self._lock:
            if not self._checked:
                layout.check_contacts(self._mapping, layout.definitions(self._api, self._mapping.object))
                self._checked = True

    def _make_ready(self, kind: str, wanted: Sequence[str]) -> None:
        """Make the properties by which a record of ours is known again, where the account lacks them."""
        with self._lock:
            if kind in self._ready:
                return
            known = layout.definitions(self._api, kind)
            layout.check_unique(kind, wanted[0], known)
            layout.make(self._api, kind, layout.missing(kind, wanted, known))
            if kind == "tickets":
                options = known.get("hs_ticket_priority", {}).get("options") or ()
                self._priorities = tuple(str(option.get("value")) for option in options)
            self._ready.add(kind)

    def _keeping(self) -> Keeping:
        """In properties of ours; in the body, where the account takes none on communications."""
        if self._kept is None:
            found: Keeping = InProperties()
            try:
                self._make_ready("communications", COMMUNICATION_PROPERTIES)
            except DeliveryError as error:
                if error.code != NO_PROPERTY:
                    raise
                found = InBody()
            with self._lock:
                self._kept = self._kept or found
        return self._kept

    def _first_stage(self) -> Stage:
        with self._lock:
            if self._stage is None:
                self._stage = layout.stage(self._api)
            return self._stage

    def _learn_owners(self) -> None:
        if OWNER in self._rows.names and time.monotonic() >= self._owners_until:
            self._rows.owners = layout.owners(self._api)
            self._owners_until = time.monotonic() + OWNERS_SECONDS
