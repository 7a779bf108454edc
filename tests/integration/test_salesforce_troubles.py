"""The Salesforce adapter on a bad day: limits, breakdowns, web pages in place of answers, records that nobody can
read, locks, rules, and people who merge and delete while we write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from config.errors import ConfigurationError
from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import PACKAGED_FILES, load
from syncer.crm import registry
from syncer.crm.salesforce.adapter import SalesforceCRM
from syncer.crm.salesforce.messages import key
from syncer.crm.salesforce.pace import SalesforcePace
from syncer.crm.salesforce.tokens import client_credentials
from syncer.domain.crm_record import CrmContact, CrmTask
from syncer.domain.errors import FixCredentials, Never, OverQuota, TryAgain, TryLater
from syncer.simulators.salesforce.config import Behaviour
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.seeds import FIRST, FIRST_STAMP
from syncer.throttle.quota_memory import MemoryQuota
from tests.contract.salesforce_rooms import CONFIG, Org, adapter
from tests.fakes.clock import FakeClock
from tests.integration.crm_vendors import message

SHIPPED = load_object_mapping(PACKAGED_FILES, "salesforce")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Site = tuple[Org, SalesforceCRM]


@pytest.fixture
def site_with() -> Iterator[Callable[..., Site]]:
    running: list[Site] = []

    def begin(mapping: ObjectMapping = SHIPPED, how: dict[str, Any] | None = None, **config: Any) -> Site:
        org = Org(**config)
        running.append((org, adapter(org.url, mapping, **(how or {}))))
        return running[-1]

    yield begin
    for org, crm in running:
        crm.close()
        org.close()


@pytest.fixture
def site(site_with: Callable[..., Site]) -> Site:
    return site_with(contacts=250)


def read(crm: SalesforceCRM, cursor: str | None = None, size: int = 100, **how: Any) -> list[str]:
    return [row.crm_id for page in crm.pages(cursor, page_size=size, **how) for row in page.rows]


def contact(number: int) -> str:
    return record_id("003", FIRST + number)


def everyone(count: int) -> list[str]:
    return [contact(number) for number in range(count)]


def task(ref: str, crm_id: str | None) -> CrmTask:
    return CrmTask(ref, crm_id, "WhatsApp: complaint", "我要客訴", "urgent", NOON)


# --- reading


def test_a_token_that_has_ended_is_renewed_without_anybody_noticing(site: Site) -> None:
    org, crm = site
    pages = crm.pages(None, page_size=100)
    next(pages)
    org.told("POST", "tokens", end=True)
    assert len([row for page in pages for row in page.rows]) == 150
    assert org.told("GET", "stats")["tokens"] == 2


def test_an_app_that_may_not_log_in_any_more_is_told(site: Site) -> None:
    org, crm = site
    org.told("POST", "tokens", allowed=False)
    with pytest.raises(FixCredentials, match="invalid_grant"):
        read(crm)
    org.told("POST", "tokens", allowed=True, scope="openid")
    with pytest.raises(FixCredentials, match="'api'"):
        read(crm)


def test_a_wrong_secret_and_a_wrong_domain_are_told(site: Site) -> None:
    org, _ = site
    for how in ({"grant": client_credentials(CONFIG.client_id, "wrong")}, {"version": "v12.0"}):
        crm = adapter(org.url, SHIPPED, **how)
        with pytest.raises(FixCredentials):
            read(crm)
    elsewhere = adapter(f"{org.url}/elsewhere", SHIPPED)
    with pytest.raises(FixCredentials, match="SALESFORCE_LOGIN_URL"):
        read(elsewhere)


def test_reading_in_bulk_stops_before_the_calls_are_used_up_and_live_messages_go_on(
    site_with: Callable[..., Site],
) -> None:
    org, _ = site_with(contacts=250, behaviour=Behaviour(calls_most=1_000, calls_used=798))
    crm = adapter(org.url, SHIPPED, pace=SalesforcePace(MemoryQuota({}, FakeClock())))
    with pytest.raises(OverQuota, match="kept for live") as caught:
        read(crm, size=50)
    assert caught.value.wait_seconds >= 600
    assert crm.write_messages([message("in-1", contact(0))])[0].error is None
    org.told("POST", "settings", calls_used=1_000)
    with pytest.raises(TryLater, match="REQUEST_LIMIT_EXCEEDED"):
        crm.write_messages([message("in-2", contact(0))])
    before = org.requests()
    with pytest.raises(OverQuota):
        crm.write_messages([message("in-3", contact(0))])
    assert org.requests() == before, "nobody asks any more"
    crm.close()


@pytest.mark.parametrize("size", [70, 1_000, 5_000])
def test_changes_of_one_second_are_all_read_however_many(site_with: Callable[..., Site], size: int) -> None:
    org, crm = site_with(contacts=600 if size < 100 else 4_500, stamp_step_ms=0)
    since = datetime.fromtimestamp(FIRST_STAMP / 1000, UTC)
    count = 600 if size < 100 else 4_500
    assert read(crm, size=size, changed_since=since) == everyone(count)
    org.told("POST", "bulk", first=10, count=3, fields={"MailingCity": "台東市"})
    assert read(crm, size=size, changed_since=datetime.now(UTC)) == everyone(13)[10:]


def test_changes_within_one_second_are_told_apart_from_those_of_the_next(site_with: Callable[..., Site]) -> None:
    _, crm = site_with(contacts=3_000, stamp_step_ms=7)
    since = datetime.fromtimestamp(FIRST_STAMP / 1000, UTC)
    for size in (100, 250, 3_000):
        assert sorted(read(crm, size=size, changed_since=since)) == everyone(3_000)
    cursor, found = None, []
    while cursor or not found:
        page = next(crm.pages(cursor, page_size=130, changed_since=since))
        found += [row.crm_id for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(found) == everyone(3_000)


def test_an_answer_that_is_cut_short_ends_no_reading(site_with: Callable[..., Site]) -> None:
    org, crm = site_with(contacts=1_000, behaviour=Behaviour(calls_most=0, page_most=37))
    assert read(crm, size=400) == everyone(1_000)
    fates = crm.look_up(everyone(150))
    assert all(fate.row is not None for fate in fates)
    assert "queryAll" not in org.requests()


def test_nobody_is_gone_because_an_answer_failed(site: Site) -> None:
    org, crm = site
    crm.look_up([contact(0)])
    org.fault("queryAll", "server_error")
    org.told("DELETE", f"objects/Contact/{contact(1)}")
    with pytest.raises(TryAgain):
        crm.look_up([contact(1)])


def test_what_is_out_of_the_recycle_bin_is_gone_and_a_short_id_is_an_id(site: Site) -> None:
    org, crm = site
    org.told("DELETE", f"objects/Contact/{contact(1)}/purge")
    gone, there = crm.look_up([contact(1), contact(2)[:15]])
    assert (gone.row, gone.into) == (None, None)
    assert there.row is not None
    assert (there.crm_id, there.row.crm_id) == (contact(2)[:15], contact(2))


# --- the mapping and the settings


@pytest.mark.parametrize("name", ["Account.Nam", "Acount.Name", "Owner.Title"])
def test_a_lookup_that_leads_nowhere_is_told(site_with: Callable[..., Site], name: str) -> None:
    told = SHIPPED.model_dump()
    told["contacts"]["fields"] = [
        {**line, "crm": name} if line["crm"] == "Account.Name" else line for line in told["contacts"]["fields"]
    ]
    _, crm = site_with(mapping=ObjectMapping.model_validate(told))
    with pytest.raises(ConfigurationError, match="no field"):
        read(crm)


def test_an_org_without_our_fields_says_what_to_deploy(site: Site) -> None:
    org, crm = site
    org.told("DELETE", "fields/Task/WA_Ref__c")
    org.told("DELETE", "fields/Case/WA_Ref__c")
    with pytest.raises(FixCredentials, match="docs/salesforce"):
        crm.write_messages([message("in-1")])
    with pytest.raises(FixCredentials, match="docs/salesforce"):
        crm.write_tasks([task("handoff-1", None)])
    failed = [check.name for check in crm.check() if not check.ok]
    assert failed == ["messages are written once", "people's messages are found", "cases are written once"]


def test_what_a_task_has_no_field_for_is_left_out(site: Site) -> None:
    org, crm = site
    for name in ("WA_Media_Url__c", "WA_Kind__c", "WA_Reply_To__c"):
        org.told("DELETE", f"fields/Task/{name}")
    assert crm.write_messages([message("in-1", contact(0), status="read", reply_to="x")])[0].error is None
    assert [row["WA_Status__c"] for row in org.of("Task")] == ["read"]
    assert any("WA_Kind__c" in check.detail for check in crm.check())


def test_the_adapter_is_made_of_the_settings_and_compared_with_the_org(site: Site) -> None:
    org, _ = site
    told = {"CRM": "salesforce", "SALESFORCE_LOGIN_URL": org.url, "SALESFORCE_CLIENT_ID": CONFIG.client_id}
    crm = registry.build("salesforce", load(told | {"SALESFORCE_CLIENT_SECRET": CONFIG.client_secret}))
    assert crm.name == "salesforce"
    assert {"full_name", "phone", "marketing_consent"} <= crm.rules.keys()
    assert sum(len(page.rows) for page in crm.pages(None, page_size=1000)) == 250
    for missing in ("SALESFORCE_CLIENT_SECRET", "SALESFORCE_LOGIN_URL"):
        with pytest.raises(ConfigurationError, match=missing):
            registry.build("salesforce", load({name: value for name, value in told.items() if name != missing}))


def test_a_key_of_ours_takes_the_place_of_the_secret(site_with: Callable[..., Site]) -> None:
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    org, _ = site_with(contacts=3, public_key=public)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    told = {"CRM": "salesforce", "SALESFORCE_LOGIN_URL": org.url, "SALESFORCE_CLIENT_ID": CONFIG.client_id}
    told |= {"SALESFORCE_USERNAME": CONFIG.username, "SALESFORCE_PRIVATE_KEY": pem}
    crm = registry.build("salesforce", load(told))
    assert sum(len(page.rows) for page in crm.pages(None, page_size=1000)) == 3
    assert pem.strip() not in repr(load(told))
    stranger = registry.build("salesforce", load(told | {"SALESFORCE_USERNAME": "nobody@example.com"}))
    with pytest.raises(FixCredentials, match="approved"):
        list(stranger.pages(None, page_size=1000))


# --- contacts


@pytest.mark.parametrize(("name", "last"), [(None, "(WhatsApp)"), ("Chen", "Chen"), ("王小明", "王")])
def test_nobody_goes_without_a_last_name_and_none_is_made_up(site: Site, name: str | None, last: str) -> None:
    org, crm = site
    stranger = CrmContact("contact-1", None, {"phone": "+85291234567", "full_name": name})
    for _ in range(2):
        [result] = crm.write_contacts([stranger])
        assert result.error is None
    assert org.record(result.crm_id or "")["LastName"] == last
    [fate] = crm.look_up([result.crm_id or ""])
    assert fate.row is not None
    assert crm.translate([fate.row])[0].fields.get("full_name") == name
    [emptied] = crm.write_contacts([CrmContact("contact-1", result.crm_id, {"last_name": None, "first_name": None})])
    assert emptied.error is None
    assert org.record(result.crm_id or "")["LastName"] == "(WhatsApp)"


def test_none_empties_a_field(site: Site) -> None:
    org, crm = site
    assert crm.write_contacts([CrmContact("c", contact(0), {"city": None})])[0].error is None
    assert "MailingCity" not in org.record(contact(0))


def test_each_record_of_a_batch_has_its_own_fate(site: Site) -> None:
    org, crm = site
    org.told("POST", "rules/Contact", needed=["Title"])
    ids = everyone(200)
    people = [CrmContact(f"c-{one}", one, {"job_title": None if at < 37 else "y"}) for at, one in enumerate(ids)]
    for one in ids[:37]:
        org.told("PATCH", f"objects/Contact/{one}", fields={"Title": "x"})
    results = crm.write_contacts(people)
    failed = [result for result in results if result.error]
    assert [result.ref for result in failed] == [person.ref for person in people[:37]]
    assert {getattr(one.error, "code", "") for one in failed} == {"FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    assert org.requests()["collections.update"] == 1


def test_a_value_that_the_org_does_not_take_keeps_only_itself_from_being_written(site: Site) -> None:
    org, crm = site
    crm_id = contact(1)
    crm.look_up([crm_id])
    org.told("POST", "fields/Contact", field="=WA_Lifecycle_Stage__c:picklist", values=["Other"])
    changes = {"lifecycle_stage": "customer", "email": "no address", "marketing_consent": False}
    [result] = crm.write_contacts([CrmContact("c", crm_id, changes)])
    assert (type(result.error), getattr(result.error, "code", "")) == (Never, "INVALID_EMAIL_ADDRESS")
    seen = org.record(crm_id)
    assert (seen["WA_Marketing_Consent__c"], seen["WA_Lifecycle_Stage__c"]) == ("Opted out", "Lead")
    [made] = crm.write_contacts([CrmContact("c", None, changes | {"phone": "+85291234567"})])
    assert made.error is None
    assert "Email" not in org.record(made.crm_id or "")
    assert org.record(made.crm_id or "")["WA_Marketing_Consent__c"] == "Opted out"
    [result] = crm.write_contacts([CrmContact("c", crm_id, {"lifecycle_stage": "customer"})])
    assert getattr(result.error, "code", "") == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_a_field_that_must_be_filled_and_a_rule_are_that_records_failure(site: Site) -> None:
    org, crm = site
    org.told("POST", "fields/Contact", field="*Region__c:string(20)")
    other = adapter(org.url, SHIPPED)
    with pytest.raises(ConfigurationError, match="Region__c"):
        other.write_contacts([CrmContact("c", contact(0), {"city": "台北市"})])
    assert crm.write_messages([message("in-1", contact(0))])[0].error is None


def test_a_locked_record_is_tried_again_and_then_left_for_later(site: Site) -> None:
    org, crm = site
    org.told("POST", "locks/Contact", ids=[contact(0)], times=2)
    org.told("POST", "locks/Contact", ids=[contact(1)], times=50)
    people = [CrmContact(one, one, {"city": "新竹市"}) for one in everyone(3)]
    results = crm.write_contacts(people)
    assert [type(result.error) for result in results] == [type(None), TryAgain, type(None)]
    assert org.record(contact(0))["MailingCity"] == "新竹市"


def test_a_record_merged_away_leads_to_the_one_that_stays(site: Site) -> None:
    org, crm = site
    kept, other, deleted, purged = everyone(4)
    org.told("POST", "merge", master=kept, other=other)
    org.told("DELETE", f"objects/Contact/{deleted}")
    org.told("DELETE", f"objects/Contact/{purged}/purge")
    results = crm.write_contacts([CrmContact(one, one, {"city": "新竹市"}) for one in (kept, other, deleted, purged)])
    assert [(result.into, result.gone, result.error is None) for result in results] == [
        (None, False, True),
        (kept, False, False),
        (None, True, False),
        (None, True, False),
    ]


def test_a_record_merged_between_our_look_and_our_write_is_told_too(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, crm = site
    kept, other = everyone(2)
    crm.look_up([kept])
    request = crm._http.request
    merged: list[str] = []

    def meanwhile(method: str, url: str, **how: Any) -> Any:
        if method == "PATCH" and not merged:
            merged.append(other)
            org.told("POST", "merge", master=kept, other=other)
        return request(method, url, **how)

    monkeypatch.setattr(crm._http, "request", meanwhile)
    results = crm.write_contacts([CrmContact(one, one, {"city": "新竹市"}) for one in (kept, other)])
    assert [(result.into, result.error is None) for result in results] == [(None, True), (kept, False)]


def test_a_rule_for_duplicates_leads_to_the_same_person_and_to_nobody_else(site: Site) -> None:
    org, crm = site
    org.told("POST", "rules/Contact", alike=["LastName"])
    known = org.told("POST", "objects/Contact", fields={"LastName": "Wang", "Email": "A@example.com"})["id"]
    stranger = {"last_name": "Wang", "email": "a@example.com", "phone": "+886955000111"}
    [result] = crm.write_contacts([CrmContact("contact-9", None, stranger)])
    assert (result.crm_id, result.error) == (known, None)
    assert org.record(known)["MobilePhone"] == "+886955000111"
    namesake = {"last_name": "Wang", "email": "b@example.com", "phone": "+886955000222"}
    [refused] = crm.write_contacts([CrmContact("contact-10", None, namesake)])
    assert getattr(refused.error, "code", "") == "DUPLICATES_DETECTED"
    org.told("POST", "rules/Contact", alike=["LastName"], blocks=False)
    [saved] = crm.write_contacts([CrmContact("contact-10", None, namesake)])
    assert saved.error is None
    assert saved.crm_id != known


def test_a_stranger_is_found_in_an_unusual_spelling_and_made_anew_once_the_number_is_anothers(site: Site) -> None:
    org, crm = site
    typed = {"LastName": "Lin", "MobilePhone": "tel. 0 95 500-01.11"}
    known = org.told("POST", "objects/Contact", fields=typed)["id"]
    stranger = CrmContact("contact-1", None, {"phone": "+886955000111", "full_name": "Lin"})
    assert crm.write_contacts([stranger])[0].crm_id == known
    other = CrmContact("contact-2", None, {"phone": "+85291234567", "full_name": "陳大文"})
    first, second = crm.write_contacts([other])[0], crm.write_contacts([other])[0]
    assert first.crm_id == second.crm_id
    org.told("PATCH", f"objects/Contact/{first.crm_id}", fields={"MobilePhone": "+85261234567"})
    third = crm.write_contacts([other])[0]
    assert third.error is None
    assert third.crm_id != first.crm_id


def test_an_org_too_large_to_look_through_still_takes_strangers(site: Site) -> None:
    org, crm = site
    crm.look_up([contact(0)])
    # The first two ask for the usual spellings and for our own key, the third looks at every record.
    org.fault("query", "refuse", code=2, skip=2, count=1)
    [result] = crm.write_contacts([CrmContact("contact-1", None, {"phone": "+85291234567"})])
    assert result.error is None


def test_hundreds_of_strangers_fit_into_the_addresses_of_their_queries(site: Site) -> None:
    org, crm = site
    strangers = [
        CrmContact(f"c-{at}", None, {"phone": f"+55119{80_000_000 + at}", "full_name": f"Silva {at}"})
        for at in range(200)
    ]
    first, second = crm.write_contacts(strangers), crm.write_contacts(strangers)
    assert not [result.error for result in first + second if result.error]
    assert [result.crm_id for result in first] == [result.crm_id for result in second]
    assert len(org.of("Contact")) == 200
    messages = [message(f"in-wamid.HBgLNTUxMTk4MDAwMDAw{at:040d}", first[at].crm_id) for at in range(200)]
    assert not [result for result in crm.write_messages(messages) if result.error]
    assert org.requests()["collections.create"] == 1


def test_thousands_of_contacts_go_by_one_job(site_with: Callable[..., Site]) -> None:
    org, crm = site_with(contacts=2_500, how={"bulk_above": 1_000}, behaviour=Behaviour(calls_most=0, bulk_seconds=0.3))
    org.told("POST", "locks/Contact", ids=[contact(7)], times=50)
    people = [CrmContact(one, one, {"city": '新竹, "市"\n東', "blocked": True}) for one in everyone(2_500)]
    results = crm.write_contacts(people)
    assert [result.ref for result in results if result.error] == [contact(7)]
    assert isinstance(results[7].error, TryAgain)
    seen = org.record(contact(2_499))
    assert (seen["MailingCity"], seen["WA_Blocked__c"]) == ('新竹, "市"\n東', True)
    assert "collections.update" not in org.requests()
    strangers = [CrmContact(f"c-{at}", None, {"full_name": f"王{at}", "email": None}) for at in range(1_100)]
    made = crm.write_contacts(strangers)
    assert len({result.crm_id for result in made if result.error is None}) == 1_100


# --- messages and cases


def test_a_message_of_a_customer_merged_away_says_into_whom(site: Site) -> None:
    org, crm = site
    kept, other, deleted = everyone(3)
    org.told("POST", "merge", master=kept, other=other)
    org.told("DELETE", f"objects/Contact/{deleted}")
    batch = [message(f"in-{one}", one) for one in (kept, other, deleted)]
    results = crm.write_messages(batch)
    assert [(result.error is None, result.into, result.gone) for result in results] == [
        (True, None, False),
        (False, kept, False),
        (False, None, True),
    ]
    handed = crm.write_tasks([task("h-1", other)])
    assert (handed[0].into, isinstance(handed[0].error, Never)) == (kept, True)


def test_a_task_shows_on_the_day_what_was_said(site: Site) -> None:
    org, crm = site
    crm.write_messages([message("in-1", contact(0), body="請問\n營業時間？")])
    [row] = org.of("Task")
    assert (row["Subject"], row["Description"]) == ("WhatsApp in: 請問 營業時間？", "請問\n營業時間？")
    assert (row["ActivityDate"], row["Status"]) == ("2026-11-23", "Completed")


def test_a_new_message_costs_one_request_for_a_hundred(site: Site) -> None:
    org, crm = site
    crm.write_messages([message("in-0", contact(0))])
    before = sum(org.requests().values())
    crm.write_messages([message(f"in-{number}", contact(0)) for number in range(1, 101)])
    assert sum(org.requests().values()) == before + 1


def test_new_messages_do_not_wait_for_the_look_at_those_that_are_there(site: Site) -> None:
    org, crm = site
    sent = [message(f"out-{number}", contact(0), direction="out", status="sent") for number in range(20)]
    crm.write_messages(sent)
    org.fault("query", "server_error", status=503)
    read = [replace(one, status="read") for one in sent]
    with pytest.raises(TryAgain):
        crm.write_messages([*(message(f"in-{number}", contact(0)) for number in range(20)), *read])
    assert len(org.of("Task")) == 40
    org.heal()
    before = sum(org.requests().values())
    assert not [one for one in crm.write_messages([message("in-99", contact(0)), *read]) if one.error]
    assert sum(org.requests().values()) == before + 3
    assert {row["WA_Status__c"] for row in org.of("Task") if row["WA_Direction__c"] == "out"} == {"read"}


def test_an_unchanged_message_costs_no_write(site: Site) -> None:
    org, crm = site
    late = NOON + timedelta(microseconds=999_999)
    batch = [message(f"in-{number}", contact(0), status="read", status_at=late) for number in range(100)]
    crm.write_messages(batch)
    before = sum(org.requests().values())
    crm.write_messages(batch)
    assert sum(org.requests().values()) == before + 1


def test_references_of_any_length_are_told_apart(site: Site) -> None:
    org, crm = site
    refs = ["in-" + "x" * 600, "in-" + "x" * 601, "in-'x", "in-X", "in-x", "in-%", "in-a\x00", "in-a\ufffd"]
    for _ in range(2):
        assert not [result for result in crm.write_messages([message(ref) for ref in refs]) if result.error]
    assert sorted(row["WA_Ref__c"] for row in org.of("Task")) == sorted(map(key, refs))
    assert len({key(ref) for ref in refs}) == len(refs)


def test_one_record_of_a_wrong_shape_spoils_no_other(site: Site) -> None:
    org, crm = site
    org.told("POST", "fields/Task", field="WA_Kind__c:boolean")
    assert crm.write_messages([message("in-0")])[0].error is not None
    org.told("POST", "fields/Task", field="WA_Kind__c:string(40)")
    org.fault("collections.create", "refuse", code=4, count=1)
    with pytest.raises(TryAgain):
        crm.write_messages([message("in-1")])
    assert crm.write_messages([message("in-1")])[0].error is None


def test_a_case_goes_to_the_contacts_owner_unless_they_have_left(site: Site) -> None:
    org, crm = site
    users = []
    for name, active in (("林業務", True), ("陳離職", False)):
        fields = {"Username": f"{name}@example.com", "Name": name, "IsActive": True}
        users.append(org.told("POST", "objects/User", fields=fields)["id"])
        org.told("PATCH", f"objects/Contact/{contact(len(users))}", fields={"OwnerId": users[-1]})
        org.told("PATCH", f"objects/User/{users[-1]}", fields={"IsActive": active})
    crm.write_tasks([task("h-1", contact(1)), task("h-2", contact(2)), task("h-1", contact(1))])
    owners = {row["WA_Ref__c"]: row["OwnerId"] for row in org.of("Case")}
    assert owners["h-1"] == users[0]
    assert owners["h-2"] not in users
    [case] = [row for row in org.of("Case") if row["WA_Ref__c"] == "h-1"]
    assert (case["Origin"], case["Status"], case["Priority"]) == ("Web", "New", "High")


def test_a_case_says_whatsapp_where_the_org_has_the_word(site: Site) -> None:
    org, crm = site
    org.told("POST", "fields/Case", field="Origin:picklist", values=["Phone", "WhatsApp", "Web"])
    assert crm.write_tasks([task("h-1", contact(1))])[0].error is None
    assert [row["Origin"] for row in org.of("Case")] == ["WhatsApp"]
