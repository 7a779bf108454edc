"""What a CRM tells is looked at: changed here without a sync, whatever is told twice, in disorder, or by whom."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from syncer import parts
from syncer.domain.change_notice import Changed, Kind
from syncer.simulators.hubspot.config import HubSpotConfig
from syncer.store import crm_notices
from syncer.store.workers import WorkerSession
from tests.integration.crm_vendors import HUBSPOT, VENDORS, ZOHO, Vendor
from tests.integration.notice_house import House, house


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def office(request: pytest.FixtureRequest, database_url: str, redis_url: str) -> Iterator[House]:
    with house(request.param, database_url, redis_url, {"contacts": 30}) as found:
        found.subscribe()
        yield found


def one_of(vendor: Vendor, database_url: str, redis_url: str) -> Iterator[House]:
    with house(vendor, database_url, redis_url, {"contacts": 30}) as found:
        found.subscribe()
        yield found


@pytest.fixture
def hubspot(database_url: str, redis_url: str) -> Iterator[House]:
    yield from one_of(HUBSPOT, database_url, redis_url)


@pytest.fixture
def zoho(database_url: str, redis_url: str) -> Iterator[House]:
    yield from one_of(ZOHO, database_url, redis_url)


def test_a_contact_that_is_changed_there_is_changed_here_without_a_sync(office: House) -> None:
    crm_id = office.vendor.contact(1)
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    assert office.look() == 1
    assert office.field(crm_id, "city") == "台東市"
    office.vendor.change(office.site, 1, {office.vendor.city: "花蓮市"})
    office.look()
    assert office.field(crm_id, "city") == "花蓮市"
    assert office.rows("select count(*) from sync_runs")[0][0] == 0
    assert {row.state for row in office.rows("select state from crm_notices")} == {"done"}
    assert ("notices", None) in office.runtime.jobs.rung


def test_somebody_who_is_new_there_is_known_here_at_once(office: House) -> None:
    fields = {
        "hubspot": {"phone": "0912-000-111", "lastname": "王"},
        "salesforce": {"LastName": "王", "MobilePhone": "0912-000-111"},
        "zoho": {"Last_Name": "王", "Mobile": "0912-000-111"},
    }[office.vendor.name]
    crm_id = office.site.told("POST", office.vendor.records, **{office.vendor.key: fields})["id"]
    office.look()
    [row] = office.rows("select c.phone from contacts c join contact_sources s on s.contact_id = c.id")
    assert row.phone == "+886912000111"
    assert office.field(str(crm_id), "last_name") == "王"


def test_a_hundred_changes_are_one_question_to_the_crm(office: House) -> None:
    for number in range(30):
        office.vendor.change(office.site, number, {office.vendor.city: "台東市"})
    before = sum(office.site.requests().values())
    assert office.look(notices=30) == 30
    assert sum(office.site.requests().values()) - before <= 6
    cities = office.rows("select distinct fields ->> 'city' as city from contact_sources")
    assert [row.city for row in cities] == ["台東市"]


def test_what_is_told_twice_and_in_disorder_does_no_harm(office: House) -> None:
    office.site.fault("callbacks", "duplicate", share=0.5)
    office.site.fault("callbacks", "reorder", share=0.5, seconds=0.05)
    for city in ("台北市", "台中市", "台南市", "台東市"):
        office.vendor.change(office.site, 1, {office.vendor.city: city})
        office.vendor.change(office.site, 2, {office.vendor.city: city})

    def both() -> bool:
        office.notices.drain(office.session.number, Kind.CONTACT)
        cities = [office.field(office.vendor.contact(number), "city") for number in (1, 2)]
        return cities == ["台東市", "台東市"]

    office.until(both)
    time.sleep(0.1)  # what was held back comes now
    assert both()
    assert office.rows("select count(*) from contacts")[0][0] == 2


def test_a_worker_that_dies_while_it_looks_leaves_the_notice_to_the_next(office: House) -> None:
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    office.until(office.pending)
    dying = WorkerSession(office.runtime.store, "dying", office.runtime.clock)
    assert office.notices._claim(dying.number, office.vendor.name, Kind.CONTACT)
    assert office.pending() == []
    dying.close()
    assert "notices" in office.runtime.recovery.sweep()
    assert office.look() == 1
    assert office.field(office.vendor.contact(1), "city") == "台東市"


def test_a_change_during_the_look_is_looked_at_again(office: House) -> None:
    office.vendor.change(office.site, 1, {office.vendor.city: "台中市"})
    office.until(office.pending)
    name = office.vendor.name
    rows = office.notices._claim(office.session.number, name, Kind.CONTACT)
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    office.until(lambda: office.rows("select 1 from crm_notices where revision > 1"))
    office.notices._handle(office.session.number, name, Kind.CONTACT, rows)
    assert office.look() == 1
    assert office.field(office.vendor.contact(1), "city") == "台東市"


def test_a_crm_that_is_away_is_left_in_peace_and_nothing_is_lost(office: House) -> None:
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    office.until(office.pending)
    office.rows("update crm_notices set told_at = told_at - interval '30 hours' returning 1")
    office.site.fault("*", "server_error", status=503)
    assert office.look() == 1
    [row] = office.rows("select state, attempts from crm_notices")
    assert (row.state, row.attempts) == ("waiting", 0), "however long it has been away"
    office.site.heal()
    office.rows("delete from crm_breakers returning 1")
    office.wake()
    assert office.look() == 1
    assert office.field(office.vendor.contact(1), "city") == "台東市"
    assert office.rows("select count(*) from dead_letters")[0][0] == 0


@pytest.mark.parametrize("vendor", [HUBSPOT, ZOHO], ids=lambda vendor: vendor.name)
def test_who_is_deleted_there_leaves_here_as_in_a_sync(vendor: Vendor, database_url: str, redis_url: str) -> None:
    with house(vendor, database_url, redis_url, {"contacts": 30}) as office:
        office.subscribe()
        vendor.change(office.site, 1, {vendor.city: "台東市"})
        vendor.change(office.site, 2, {vendor.city: "台東市"})
        office.look(notices=2)
        office.site.told("DELETE", f"{vendor.records}/{vendor.contact(1)}")
        office.look()
        assert office.field(vendor.contact(1), "city") is None
        [gone] = office.rows("select crm_id, fate from departed_sources")
        assert (gone.crm_id, gone.fate) == (vendor.contact(1), "gone")
        assert office.rows("select count(*) from contacts")[0][0] == 1


def test_a_merge_there_makes_one_person_here(hubspot: House) -> None:
    first, second = (hubspot.vendor.contact(number) for number in (1, 2))
    hubspot.vendor.change(hubspot.site, 1, {"phone": "+886911000001"})
    hubspot.vendor.change(hubspot.site, 2, {"phone": "+886911000002"})
    hubspot.look(notices=2)
    assert hubspot.rows("select count(*) from contacts")[0][0] == 2
    hubspot.site.told("POST", "merge", primary=first, other=second)
    hubspot.look(notices=2)
    assert hubspot.rows("select count(*) from contacts")[0][0] == 1
    [gone] = hubspot.rows("select crm_id, fate from departed_sources")
    assert (gone.crm_id, gone.fate) == (second, f"merged:{first}")


def test_a_mass_deletion_is_left_to_the_full_sync_which_asks_a_person(database_url: str, redis_url: str) -> None:
    with house(HUBSPOT, database_url, redis_url, {"contacts": 150}) as office:
        office.subscribe()
        for number in range(150):
            office.vendor.change(office.site, number, {"city": "台東市"})
        office.look(notices=150)
        for number in range(120):
            office.site.told("DELETE", f"objects/contacts/{office.vendor.contact(number)}")
        office.look(notices=120)
        assert office.rows("select count(*) from contact_sources")[0][0] >= 50
        held = office.rows("select count(*) from crm_notices where state = 'ignored' and reason like 'many rows%'")
        assert held[0][0] == 120 - office.rows("select count(*) from departed_sources")[0][0]


def test_what_our_own_app_wrote_on_messages_is_not_read_back(hubspot: House) -> None:
    told = {"hs_communication_channel_type": "WHATS_APP", "hs_timestamp": "2026-11-23T12:00:00Z"}
    kept = {"objectTypeId": "0-18", "eventType": "object.creation"}
    hubspot.site.told("POST", "webhooks", subscriptions=[kept])
    answer = hubspot.site.asked("POST", "objects/2026-09/communications", {"properties": told})  # type: ignore[attr-defined]
    assert answer.status_code == 201
    typed = hubspot.site.told("POST", "objects/communications", properties=told)["id"]
    hubspot.until(lambda: hubspot.pending(Kind.REPLY))
    assert hubspot.pending(Kind.REPLY) == [typed]
    assert ("agents", None) in hubspot.runtime.jobs.rung  # type: ignore[attr-defined]


def test_a_look_at_what_is_known_already_changes_nothing(office: House) -> None:
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    office.look()
    before = office.rows("select * from contacts")
    office.vendor.change(office.site, 1, {})
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    if office.vendor.name != "hubspot":
        office.look()
    assert office.rows("select * from contacts") == before
    assert office.rows("select count(*) from crm_writes")[0][0] == 0


def test_both_channels_of_zoho_are_opened_once_and_tell_of_both_modules(zoho: House) -> None:
    zoho.subscribe()
    channels = zoho.site.told("GET", "channels")["channels"]
    assert {event for channel in channels for event in channel["events"]} == {
        f"{module}.{what}" for module in ("Contacts", "WA_Messages") for what in ("create", "edit", "delete")
    }
    assert len(channels) == 2
    record = zoho.site.told("POST", "records/WA_Messages", values={"Name": "x"})["id"]
    zoho.until(lambda: zoho.pending(Kind.REPLY))
    assert zoho.pending(Kind.REPLY) == [record]


def test_a_channel_that_zoho_refuses_is_an_alert_until_it_opens(zoho: House) -> None:
    zoho.site.fault("watch", "server_error", status=500)
    with pytest.raises(AssertionError):
        zoho.subscribe()
    [alert] = zoho.rows("select key, ended_at from alerts")
    assert (alert.key, alert.ended_at) == ("notices:zoho", None)
    zoho.site.heal()
    zoho.subscribe()
    assert zoho.rows("select 1 from alerts where ended_at is null") == []


def test_a_record_that_cannot_be_taken_in_costs_itself_alone_and_is_a_persons_at_last(hubspot: House) -> None:
    def odd(crm: str, record_ids: Sequence[str]) -> int:
        if "666" in record_ids:
            raise ArithmeticError("an odd one")
        return 0

    notices = replace(hubspot.notices, replies=odd)
    told = [Changed(Kind.REPLY, one) for one in ("1", "2", "666", "3")]
    hubspot.runtime.store.run(lambda tx: crm_notices.tell(tx, "hubspot", told, hubspot.runtime.clock.now()))
    notices.drain(hubspot.session.number, Kind.REPLY)
    for _ in range(2):
        hubspot.wake()
        notices.drain(hubspot.session.number, Kind.REPLY)
    states = {row.record_id: row.state for row in hubspot.rows("select record_id, state from crm_notices")}
    assert states == {"1": "done", "2": "done", "3": "done", "666": "dead"}
    [letter] = hubspot.rows("select id, subject from dead_letters where resolved_at is null")
    assert letter.subject == "crm_notice"
    parts.failures(hubspot.runtime).replay(letter.id)
    assert hubspot.pending(Kind.REPLY) == ["666"]
    assert hubspot.runtime.jobs.rung[-1][0] == "notices"  # type: ignore[attr-defined]


def test_notices_that_were_looked_at_are_forgotten_after_a_week(hubspot: House) -> None:
    told = [Changed(Kind.REPLY, "1"), Changed(Kind.REPLY, "2")]
    hubspot.runtime.store.run(lambda tx: crm_notices.tell(tx, "hubspot", told, hubspot.runtime.clock.now()))
    replace(hubspot.notices, replies=lambda crm, ids: 0, batch=1).drain(hubspot.session.number, Kind.REPLY)
    hubspot.rows("update crm_notices set settled_at = now() - interval '8 days' where record_id = '1' returning 1")
    assert hubspot.runtime.upkeep.tidy()["crm_notices"] == 1
    assert [row.record_id for row in hubspot.rows("select record_id from crm_notices")] == ["2"]


def test_a_week_of_credentials_that_are_refused_loses_no_notice(hubspot: House) -> None:
    hubspot.vendor.change(hubspot.site, 1, {"city": "台東市"})
    hubspot.until(hubspot.pending)
    hubspot.site.told("POST", "tokens", expire=HubSpotConfig().access_token)
    hubspot.look()
    [row] = hubspot.rows("select state, attempts from crm_notices")
    assert (row.state, row.attempts) == ("waiting", 0)
    assert hubspot.rows("select key from alerts where ended_at is null") == [("crm:hubspot",)]
    hubspot.notices.drain(hubspot.session.number, Kind.CONTACT)
    hubspot.site.told("POST", "tokens", accept=HubSpotConfig().access_token)
    hubspot.rows("update crm_breakers set retry_at = now() - interval '1 second' returning 1")
    hubspot.wake()
    hubspot.look()
    assert hubspot.field(hubspot.vendor.contact(1), "city") == "台東市"
    assert hubspot.rows("select key from alerts where ended_at is null") == []
