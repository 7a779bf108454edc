"""The HubSpot adapter on a bad day: limits, breakdowns, web pages in place of answers, records that nobody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from config.errors import ConfigurationError
from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import PACKAGED_FILES, load
from syncer.clock import SystemClock
from syncer.crm import registry
from syncer.crm.hubspot.adapter import HubSpotCRM
from syncer.crm.hubspot.pace import HubSpotPace
from syncer.domain.crm_record import CrmContact, CrmTask
from syncer.domain.errors import FixCredentials, Never, TryAgain
from syncer.simulators.hubspot.config import SCOPES, Behaviour, Limits
from syncer.simulators.hubspot.seeds import FIRST_ID, FIRST_STAMP
from syncer.throttle.quota_memory import Budget, MemoryQuota
from tests.contract.hubspot_rooms import TOKEN, Portal, adapter
from tests.integration.crm_vendors import message

SHIPPED = load_object_mapping(PACKAGED_FILES, "hubspot")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Site = tuple[Portal, HubSpotCRM]


@pytest.fixture
def site_with() -> Iterator[Callable[..., Site]]:
    running: list[Site] = []

    def begin(mapping: ObjectMapping = SHIPPED, **config: Any) -> Site:
        portal = Portal(**config)
        running.append((portal, adapter(portal.url, mapping)))
        return running[-1]

    yield begin
    for portal, crm in running:
        crm.close()
        portal.close()


@pytest.fixture
def site(site_with: Callable[..., Site]) -> Site:
    return site_with(contacts=250)


def read(crm: HubSpotCRM, cursor: str | None = None, size: int = 100, **how: Any) -> list[str]:
    return [row.crm_id for page in crm.pages(cursor, page_size=size, **how) for row in page.rows]


def everyone(count: int) -> list[str]:
    return [str(FIRST_ID + number) for number in range(count)]


def test_an_expired_token_is_told_and_a_new_one_used(site: Site) -> None:
    portal, crm = site
    assert len(read(crm)) == 250
    portal.told("POST", "tokens", expire=TOKEN)
    with pytest.raises(FixCredentials, match="EXPIRED_AUTHENTICATION"):
        read(crm)
    portal.told("POST", "tokens", accept=TOKEN)
    assert len(read(crm)) == 250


def test_a_token_without_the_scope_is_told_with_the_scope(site: Site) -> None:
    portal, crm = site
    portal.told("POST", "tokens", scopes=["crm.schemas.contacts.read"])
    with pytest.raises(FixCredentials, match="MISSING_SCOPES"):
        read(crm)


def test_more_changes_than_a_search_shows_are_all_read(site_with: Callable[..., Site]) -> None:
    limits = Limits(burst=0, daily=0, searches=0, hits_most=600)
    portal, crm = site_with(contacts=2_000, stamp_step_ms=0, behaviour=Behaviour(limits=limits))
    since = datetime.fromtimestamp(FIRST_STAMP / 1000, UTC)
    found = read(crm, size=1000, changed_since=since)
    assert sorted(found) == everyone(2_000)
    portal.told("POST", "bulk", first=10, count=3, properties={"city": "台東市"})
    assert read(crm, size=1000, changed_since=datetime.now(UTC)) == everyone(13)[10:]


def test_the_adapter_is_made_of_the_settings_and_compared_with_the_account(site: Site) -> None:
    portal, _ = site
    told = {"CRM": "hubspot", "HUBSPOT_API_URL": portal.url, "HUBSPOT_ACCESS_TOKEN": TOKEN}
    crm = registry.build("hubspot", load(told))
    assert crm.name == "hubspot"
    assert {"full_name", "phone", "marketing_consent"} <= crm.rules.keys()
    assert sum(len(page.rows) for page in crm.pages(None, page_size=1000)) == 250
    with pytest.raises(ConfigurationError, match="HUBSPOT_ACCESS_TOKEN"):
        registry.build("hubspot", load({"CRM": "hubspot"}))


def test_a_full_sync_keeps_within_the_accounts_limit(site_with: Callable[..., Site]) -> None:
    limits = Limits(burst=8, interval_seconds=0.2, searches=0)
    portal, _ = site_with(contacts=2_500, behaviour=Behaviour(limits=limits))
    pace = HubSpotPace(MemoryQuota({"hubspot": Budget(8, 0.2)}, SystemClock()))
    paced = HubSpotCRM(SHIPPED, "TW", base_url=portal.url, version="2026-09", access_token=lambda: TOKEN, pace=pace)
    assert read(paced, size=1000) == everyone(2_500)
    assert portal.told("GET", "stats")["refused"] == 0
    paced.close()


def test_what_a_person_may_not_do_is_found_by_the_check(site: Site) -> None:
    portal, crm = site
    portal.told("POST", "tokens", scopes=sorted(SCOPES - {"tickets"}))
    failed = [check for check in crm.check() if not check.ok]
    assert [check.name for check in failed] == ["tickets have a stage to begin with"]
    assert "MISSING_SCOPES" in failed[0].detail


def test_none_empties_a_field(site: Site) -> None:
    portal, crm = site
    crm_id = str(FIRST_ID)
    assert crm.write_contacts([CrmContact("c", crm_id, {"city": None})])[0].error is None
    assert "city" not in portal.told("GET", f"objects/contacts/{crm_id}")["properties"]


def test_each_record_of_a_batch_has_its_own_fate(site: Site) -> None:
    portal, crm = site
    portal.told("POST", "rules/contacts", required=["company"])
    ids = everyone(100)
    for crm_id in ids[:37]:
        portal.told("PATCH", f"objects/contacts/{crm_id}", properties={"company": "x"})
    emptied = set(ids[:37])
    people = [CrmContact(f"c-{one}", one, {"company": None if one in emptied else "y"}) for one in ids]
    results = crm.write_contacts(people)
    failed = [result for result in results if result.error]
    assert len(failed) == 37
    assert {(type(one.error), getattr(one.error, "code", "")) for one in failed} == {
        (Never, "MISSING_REQUIRED_PROPERTY")
    }
    assert portal.requests()["contacts.batch_update"] == 1


def test_a_record_merged_away_leads_to_the_one_that_stays(site: Site) -> None:
    portal, crm = site
    kept, other, deleted = everyone(3)
    portal.told("POST", "merge", primary=kept, other=other)
    portal.told("DELETE", f"objects/contacts/{deleted}")
    results = crm.write_contacts([CrmContact(one, one, {"city": "新竹市"}) for one in (kept, other, deleted)])
    assert [(result.into, result.gone, result.error is None) for result in results] == [
        (None, False, True),
        (kept, False, False),
        (None, True, False),
    ]


def test_a_message_of_a_deleted_contact_says_so_and_one_of_a_merged_contact_goes_to_the_other(
    site: Site,
) -> None:
    portal, crm = site
    kept, other, deleted = everyone(3)
    portal.told("POST", "merge", primary=kept, other=other)
    portal.told("DELETE", f"objects/contacts/{deleted}")
    told = crm.write_messages([message(f"in-{one}", one) for one in (kept, deleted)])
    assert [(result.error is None, result.into, result.gone) for result in told] == [
        (True, None, False),
        (False, None, True),
    ]
    late = [message(f"late-{one}") for one in (other, deleted)]
    crm.write_messages(late)
    told = crm.write_messages([message(f"late-{one}", one) for one in (other, deleted)])
    assert [(result.error is None, result.into, result.gone) for result in told] == [
        (True, None, False),
        (False, None, True),
    ]
    assert [row["links"].get("contacts") for row in portal.of("communications")] == [[kept], [kept], None]
    [handed] = crm.write_tasks([CrmTask("h-1", deleted, "WhatsApp: complaint", "我要客訴", "urgent", NOON)])
    assert (handed.gone, isinstance(handed.error, Never)) == (True, True)


def test_a_new_person_whose_email_is_there_already_is_that_contact(site: Site) -> None:
    portal, crm = site
    known = portal.told("POST", "objects/contacts", properties={"email": "a@example.com", "city": "台北"})["id"]
    stranger = {"email": "a@example.com", "phone": "+886955000111", "full_name": "陳大文"}
    [result] = crm.write_contacts([CrmContact("contact-9", None, stranger)])
    assert (result.crm_id, result.error) == (known, None)
    values = portal.told("GET", f"objects/contacts/{known}")["properties"]
    assert (values["phone"], values["city"], values["lastname"]) == ("+886955000111", "台北", "陳")


def test_an_email_of_somebody_else_keeps_only_itself_from_being_written(site: Site) -> None:
    portal, crm = site
    portal.told("POST", "objects/contacts", properties={"email": "a@example.com"})
    crm_id = str(FIRST_ID + 1)
    [result] = crm.write_contacts([CrmContact("c", crm_id, {"email": "a@example.com", "city": "花蓮市"})])
    assert isinstance(result.error, Never)
    assert portal.told("GET", f"objects/contacts/{crm_id}")["properties"]["city"] == "花蓮市"


def test_a_stranger_is_made_once_though_the_index_lags(site: Site) -> None:
    portal, crm = site
    portal.told("POST", "settings", index_lag=60.0)
    stranger = CrmContact("contact-1", None, {"phone": "+85291234567", "full_name": "陳大文"})
    first, second = crm.write_contacts([stranger])[0], crm.write_contacts([stranger])[0]
    assert first.crm_id == second.crm_id
    portal.told("PATCH", f"objects/contacts/{first.crm_id}", properties={"phone": "+85261234567"})
    third = crm.write_contacts([stranger])[0]
    assert third.error is None
    assert third.crm_id != first.crm_id


def test_an_unchanged_message_costs_one_request_for_a_hundred(site: Site) -> None:
    portal, crm = site
    batch = [message(f"out-{number}", str(FIRST_ID), direction="out", status="read") for number in range(100)]
    crm.write_messages(batch)
    before = sum(portal.requests().values())
    crm.write_messages(batch)
    assert sum(portal.requests().values()) == before + 1


def test_a_new_message_is_not_looked_for_first_and_a_repeat_of_it_is_still_the_same_record(site: Site) -> None:
    portal, crm = site
    batch = [message(f"in-{number}", str(FIRST_ID)) for number in range(100)]
    crm.write_messages(batch[:1])
    before = sum(portal.requests().values())
    crm.write_messages(batch[1:])
    assert sum(portal.requests().values()) == before + 1
    assert [result.error for result in crm.write_messages(batch)] == [None] * 100
    assert len(portal.of("communications")) == 100


def test_new_messages_and_changed_ones_do_not_wait_for_each_other_and_both_end_before_an_error_is_told(
    site: Site,
) -> None:
    portal, crm = site
    contact = str(FIRST_ID)
    sent = [message(f"out-{number}", contact, direction="out", status="sent") for number in range(3)]
    crm.write_messages(sent)
    new = [message(f"in-{number}", contact) for number in range(3)]
    read = [replace(one, status="read") for one in sent]
    portal.fault("communications.batch_read", "server_error", status=502, count=1)
    with pytest.raises(TryAgain):
        crm.write_messages([*new, *read])
    assert len(portal.of("communications")) == 6
    portal.fault("communications.batch_create", "server_error", status=502, count=1)
    with pytest.raises(TryAgain):
        crm.write_messages([*[message(f"late-{number}", contact) for number in range(3)], *read])
    seen = {row["properties"]["wa_ref"]: row["properties"].get("wa_status") for row in portal.of("communications")}
    assert seen == dict.fromkeys([one.ref for one in new]) | dict.fromkeys([one.ref for one in sent], "read")


def test_messages_are_tied_a_hundred_at_once_to_a_contact_that_became_known_later(site: Site) -> None:
    portal, crm = site
    gone, *there = everyone(121)
    batch = [message(f"out-{one}", direction="out", status="sent") for one in (gone, *there)]
    crm.write_messages(batch)
    portal.told("DELETE", f"objects/contacts/{gone}")
    named = [replace(one, crm_contact_id=one.ref.removeprefix("out-")) for one in batch]
    before = portal.requests().get("associations", 0)
    told = crm.write_messages([*named, message("in-1", "no such customer")])
    assert portal.requests()["associations"] == before + 2
    assert [result.ref for result in told if result.error] == [f"out-{gone}", "in-1"]
    assert (told[0].gone, isinstance(told[0].error, Never)) == (True, True)
    assert [row["links"].get("contacts") for row in portal.of("communications")] == [None, *([one] for one in there)]


def test_messages_that_the_answer_is_silent_about_are_tied_one_by_one(site: Site) -> None:
    portal, crm = site
    batch = [message(f"out-{one}", direction="out", status="sent") for one in everyone(3)]
    crm.write_messages(batch)
    portal.told("POST", "merge", primary=everyone(1)[0], other=everyone(2)[1])
    named = [replace(one, crm_contact_id=one.ref.removeprefix("out-")) for one in batch]
    assert [result.error for result in crm.write_messages(named)] == [None] * 3
    kept, _, other = everyone(3)
    assert [row["links"].get("contacts") for row in portal.of("communications")] == [[kept], [kept], [other]]
    assert portal.requests()["associations"] == 2


def test_a_property_that_may_hold_a_reference_twice_is_not_trusted(site: Site) -> None:
    portal, crm = site
    shared = {"name": "wa_ref", "label": "ref", "type": "string", "fieldType": "text", "groupName": "ticketinformation"}
    assert portal.asked("POST", "properties/2026-09/tickets", shared).ok
    with pytest.raises(FixCredentials, match="make it unique"):
        crm.write_tasks([CrmTask("handoff-1", None, "WhatsApp: complaint", "我要客訴", "urgent", NOON)])
    assert portal.of("tickets") == []


def test_a_ticket_that_is_there_is_there_whatever_became_of_its_contact(site: Site) -> None:
    portal, crm = site
    tasks = [CrmTask(f"h-{one}", one, "WhatsApp: complaint", "我要客訴", "urgent", NOON) for one in everyone(2)]
    before = sum(portal.requests().values())
    crm.write_tasks(tasks[:1])
    prepared = sum(portal.requests().values()) - before
    assert [result.error for result in crm.write_tasks(tasks)] == [None, None]
    assert sum(portal.requests().values()) - before == prepared + 2
    for one in everyone(2):
        portal.told("DELETE", f"objects/contacts/{one}")
    new = CrmTask("h-new", everyone(1)[0], "WhatsApp: complaint", "我要客訴", "urgent", NOON)
    assert [(result.error is None, result.gone) for result in crm.write_tasks([*tasks, new])] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert len(portal.of("tickets")) == 2


def test_a_stranger_is_looked_for_by_number_and_by_key_and_made_with_three_requests(site: Site) -> None:
    portal, crm = site
    crm.write_contacts([CrmContact("c", str(FIRST_ID), {"city": "新竹市"})])
    before = sum(portal.requests().values())
    people = [
        CrmContact("contact-1", None, {"phone": "+85291234567", "full_name": "陳大文"}),
        CrmContact("contact-2", None, {"full_name": "陳小文"}),
    ]
    first = crm.write_contacts(people)
    assert sum(portal.requests().values()) == before + 3
    assert [result.crm_id for result in crm.write_contacts(people)] == [result.crm_id for result in first]


def test_a_ticket_goes_to_the_contacts_owner(site: Site) -> None:
    portal, crm = site
    crm_id = str(FIRST_ID)
    portal.told("PATCH", f"objects/contacts/{crm_id}", properties={"hubspot_owner_id": "41001"})
    task = CrmTask("handoff-1", crm_id, "WhatsApp: complaint", "我要客訴", "urgent", NOON)
    assert crm.write_tasks([task, task])[0].error is None
    [ticket] = portal.of("tickets")
    assert ticket["properties"]["hubspot_owner_id"] == "41001"
    assert ticket["links"] == {"contacts": [crm_id]}
    assert [fate.row and crm.translate([fate.row])[0].fields["owner"] for fate in crm.look_up([crm_id])] == ["林業務"]
