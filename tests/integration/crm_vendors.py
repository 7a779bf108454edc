"""The CRMs with a simulator, each under the mapping that is shipped for it: what tests of all of them have to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import PACKAGED_FILES
from syncer.domain.crm_record import CrmMessage
from syncer.domain.errors import DeliveryError, FixCredentials, TryAgain, TryLater
from syncer.ports import CRM
from syncer.simulators.hubspot.seeds import FIRST_ID as HUBSPOT_FIRST
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.seeds import FIRST as SALESFORCE_FIRST
from syncer.simulators.zoho.seeds import FIRST_ID as ZOHO_FIRST
from tests.contract import hubspot_rooms, salesforce_rooms, zoho_rooms
from tests.contract.simulated import Simulated

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def message(ref: str, contact: str | None = None, **more: Any) -> CrmMessage:
    """A message that came in, of a contact or of nobody yet; `more` replaces what it says."""
    values: dict[str, Any] = {"direction": "in", "kind": "text", "body": "hi", "wamid": ref, "status": None}
    values |= {"crm_contact_id": contact, "phone": None, "status_at": None, "occurred_at": NOON}
    return CrmMessage(ref=ref, **values | more)


@dataclass(frozen=True)
class Vendor:
    """One vendor's words: `contact` is the id of the made-up contact with a number, `records` the path of contacts in
    the control API, `key` what it calls their fields there, `listing` the route that lists them, `phone` a mapped field
    and a misspelling of it, `creating` the route that records messages, `refs` and `linked` what these
    hold, and `refusals` are faults of its own, each with the error that a page becomes."""

    name: str
    begin: Callable[..., Simulated]
    adapter: Callable[..., CRM]
    contact: Callable[[int], str]
    records: str
    key: str
    city: str
    listing: str
    phone: tuple[str, str]
    account: str
    creating: str
    refs: Callable[[Any], list[str]]
    linked: Callable[[Any], list[Any]]
    refusals: Sequence[tuple[str, dict[str, Any], type[DeliveryError]]]

    @property
    def mapping(self) -> ObjectMapping:
        """The one that is shipped."""
        return load_object_mapping(PACKAGED_FILES, self.name)

    def change(self, site: Simulated, number: int, fields: dict[str, Any]) -> None:
        """Type into a made-up contact."""
        site.told("PATCH", f"{self.records}/{self.contact(number)}", **{self.key: fields})

    def poison(self, site: Simulated, numbers: list[int]) -> None:
        """Nobody can read these from now on."""
        kind = self.records.partition("/")[2]
        site.told("POST", f"poison/{kind}", ids=[self.contact(number) for number in numbers])


HUBSPOT = Vendor(
    name="hubspot",
    begin=hubspot_rooms.Portal,
    adapter=hubspot_rooms.adapter,
    contact=lambda number: str(HUBSPOT_FIRST + number),
    records="objects/contacts",
    key="properties",
    city="city",
    listing="contacts.list",
    phone=("mobilephone", "mobilphone"),
    account="account",
    creating="communications.batch_create",
    refs=lambda site: [row["properties"]["wa_ref"] for row in site.of("communications")],
    linked=lambda site: [row["links"]["contacts"] for row in site.of("communications")],
    refusals=(
        ("rate_limit", {"code": 1}, TryLater),
        ("server_error", {"status": 423}, TryLater),
        ("server_error", {"status": 477}, TryLater),
    ),
)
SALESFORCE = Vendor(
    name="salesforce",
    begin=salesforce_rooms.Org,
    adapter=salesforce_rooms.adapter,
    contact=lambda number: record_id("003", SALESFORCE_FIRST + number),
    records="objects/Contact",
    key="fields",
    city="MailingCity",
    listing="query",
    phone=("MobilePhone", "MobilPhone"),
    account="org",
    creating="collections.create",
    refs=lambda site: [row["WA_Ref__c"] for row in site.of("Task")],
    linked=lambda site: [[row["WhoId"]] for row in site.of("Task")],
    refusals=(
        ("rate_limit", {"code": 1}, TryLater),
        ("refuse", {"code": 3}, TryAgain),
        ("refuse", {"code": 5}, FixCredentials),
    ),
)
ZOHO = Vendor(
    name="zoho",
    begin=zoho_rooms.Site,
    adapter=zoho_rooms.adapter,
    contact=lambda number: str(ZOHO_FIRST + number),
    records="records/Contacts",
    key="values",
    city="Mailing_City",
    listing="Contacts",
    phone=("Mobile", "Mobil"),
    account="organisation",
    creating="WA_Messages.insert",
    refs=lambda site: [row["WA_Ref"] for row in site.of("WA_Messages")],
    linked=lambda site: [[row["WA_Contact"]["id"]] for row in site.of("WA_Messages")],
    refusals=(("rate_limit", {"retry_after": 7}, TryLater),),
)
VENDORS = (HUBSPOT, SALESFORCE, ZOHO)
