"""The Zoho adapter on a bad day: limits, breakdowns, refused tokens, web pages, records that nobody can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from config.errors import ConfigurationError
from config.files import load_object_mapping
from config.object_mapping import ObjectMapping
from config.settings import PACKAGED_FILES, load
from syncer.crm import registry
from syncer.crm.sharing import Shared
from syncer.crm.tokens import ProcessTokens
from syncer.crm.zoho.adapter import ZohoCRM, from_settings
from syncer.crm.zoho.pace import ZohoPace
from syncer.domain.crm_record import CrmContact, CrmTask, Fate
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater
from syncer.ports import Quota
from syncer.simulators.zoho.config import SCOPES, Behaviour, Limits
from syncer.simulators.zoho.seeds import FIRST_ID, FIRST_STAMP
from syncer.throttle.quota_memory import MemoryQuota
from tests.contract.zoho_rooms import CONFIG, Site, adapter
from tests.fakes.clock import FakeClock
from tests.integration.crm_vendors import message

SHIPPED = load_object_mapping(PACKAGED_FILES, "zoho")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Place = tuple[Site, ZohoCRM]


@pytest.fixture
def place_with() -> Iterator[Callable[..., Place]]:
    running: list[Place] = []

    def begin(mapping: ObjectMapping = SHIPPED, quota: Quota | None = None, **config: Any) -> Place:
        site = Site(**config)
        running.append((site, adapter(site.url, mapping, pace=ZohoPace(quota))))
        return running[-1]

    yield begin
    for site, crm in running:
        crm.close()
        site.close()


@pytest.fixture
def place(place_with: Callable[..., Place]) -> Place:
    return place_with(contacts=450)


def read(crm: ZohoCRM, cursor: str | None = None, size: int = 200, **how: Any) -> list[str]:
    return [row.crm_id for page in crm.pages(cursor, page_size=size, **how) for row in page.rows]


def everyone(count: int, first: int = 0) -> list[str]:
    return [str(FIRST_ID + number) for number in range(first, count)]


def test_an_expired_token_is_renewed_once_by_all_threads(place: Place) -> None:
    site, crm = place
    assert len(read(crm)) == 450
    before = site.told("POST", "tokens", expire=True)["given_out"]
    with ThreadPoolExecutor(8) as workers:
        found = list(workers.map(lambda one: crm.look_up([one]), everyone(8)))
    assert all(fates[0].row is not None for fates in found)
    assert site.told("POST", "tokens")["given_out"] == before + 1


def test_a_revoked_refresh_token_is_told_and_not_asked_for_again_and_again(place: Place) -> None:
    site, crm = place
    assert len(read(crm)) == 450
    site.told("POST", "tokens", revoke=CONFIG.refresh_token)
    asked = site.requests()["token"]
    for _ in range(20):
        with pytest.raises(FixCredentials, match=r"invalid_code.*data centre"):
            read(crm)
    assert site.requests()["token"] == asked + 1


@pytest.mark.parametrize(
    ("kind", "how", "error"),
    [
        ("server_error", {"status": 503}, TryAgain),
        ("wrong_json", {"body": "html"}, TryLater),
        ("wrong_json", {"body": "empty"}, TryAgain),
        ("refuse", {"code": 1, "status": 400, "answer": {"error": "Access Denied"}}, TryLater),
        ("cut", {}, TryAgain),
        ("half_answer", {}, TryAgain),
    ],
)
def test_an_accounts_server_that_does_not_answer_is_asked_again(
    place: Place, kind: str, how: dict[str, Any], error: type[DeliveryError]
) -> None:
    site, crm = place
    site.fault("token", kind, **how)
    with pytest.raises(error):
        read(crm)
    site.heal()
    assert len(read(crm)) == 450


def test_a_client_of_another_data_centre_is_told_with_the_one_that_was_asked(place: Place) -> None:
    site, _ = place
    stranger = adapter(site.url, SHIPPED, client_id="1000.OTHER")
    with pytest.raises(FixCredentials, match=r"invalid_client.*127\.0\.0\.1.*ZOHO_ACCOUNTS_URL"):
        read(stranger)
    [check] = stranger.check()
    assert (check.ok, "ZOHO_ACCOUNTS_URL" in check.detail) == (False, True)
    stranger.close()


def test_a_token_that_is_good_nowhere_is_told_with_both_addresses(place: Place) -> None:
    site, crm = place
    site.fault("Contacts.list", "refuse", code=1, status=401, answer={"code": "INVALID_TOKEN"})
    with pytest.raises(FixCredentials, match=r"a new token is refused too, asked for at 127\.0\.0\.1"):
        read(crm)


def test_the_address_that_comes_with_the_token_counts(place_with: Callable[..., Place]) -> None:
    site, _ = place_with(contacts=3)
    elsewhere = adapter(site.url, SHIPPED, api_url="http://127.0.0.1:1")
    assert read(elsewhere) == everyone(3)
    elsewhere.close()


@pytest.mark.parametrize(
    ("scope", "what"),
    [
        ("ZohoCRM.modules.ALL", "contacts readable"),
        ("ZohoCRM.coql.READ", "queries permitted"),
        ("ZohoCRM.settings.fields.READ", "organisation reachable and permitted"),
    ],
)
def test_a_scope_that_is_missing_is_found_by_the_check(place: Place, scope: str, what: str) -> None:
    site, crm = place
    site.told("POST", "tokens", scopes=sorted(SCOPES - {scope}))
    failed = [check for check in crm.check() if not check.ok]
    assert what in {check.name for check in failed}
    assert all("OAUTH_SCOPE_MISMATCH" in check.detail for check in failed)


def test_reading_goes_on_past_what_tokens_reach(place_with: Callable[..., Place]) -> None:
    limits = Limits(tokens=0, credits=0, concurrent=0, chained=400)
    site, crm = place_with(contacts=1_300, behaviour=Behaviour(limits=limits))
    assert read(crm, size=500) == everyone(1_300)
    assert site.requests()["coql"] > 3


def test_more_changes_than_tokens_reach_are_all_read(place_with: Callable[..., Place]) -> None:
    limits = Limits(tokens=0, credits=0, concurrent=0, chained=400)
    since = datetime.fromtimestamp(FIRST_STAMP, UTC)
    _, crm = place_with(contacts=1_300, behaviour=Behaviour(limits=limits))
    assert sorted(set(read(crm, changed_since=since))) == everyone(1_300)
    site, crm = place_with(contacts=1_300, stamp_step=0, behaviour=Behaviour(limits=limits))
    assert sorted(set(read(crm, changed_since=since))) == everyone(1_300)
    site.told("POST", "bulk", first=10, count=3, values={"Mailing_City": "台東市"})
    assert read(crm, changed_since=datetime.now(UTC)) == everyone(13, 10)


def test_a_cursor_that_waited_too_long_goes_on_all_the_same(place: Place) -> None:
    site, crm = place
    first = next(crm.pages(None, page_size=200))
    site.told("POST", "settings", limits={"page_token_seconds": 0})
    assert read(crm, first.cursor) == everyone(450, 200)
    assert read(crm, first.cursor, size=50) == everyone(450, 200)


def test_the_only_record_is_not_given_up_for_an_outage(place_with: Callable[..., Place]) -> None:
    site, crm = place_with(contacts=1)
    crm.look_up(everyone(1))
    site.fault("Contacts", "server_error")
    with pytest.raises(TryAgain):
        read(crm)


def test_the_unique_field_must_be_made_before_anything_is_written(place: Place) -> None:
    site, crm = place
    site.told("POST", "fields/Contacts", field="WA_External_Id")
    with pytest.raises(ConfigurationError, match="may hold the same value twice"):
        crm.write_contacts([CrmContact("c", None, {"phone": "+886912345678"})])
    assert site.of("Contacts") == []


def test_the_adapter_is_made_of_the_settings_with_the_tokens_it_is_given(place: Place) -> None:
    site, _ = place
    told = {"CRM": "zoho", "ZOHO_API_URL": site.url, "ZOHO_ACCOUNTS_URL": site.url}
    told |= {"ZOHO_CLIENT_ID": CONFIG.client_id, "ZOHO_CLIENT_SECRET": CONFIG.client_secret}
    told |= {"ZOHO_REFRESH_TOKEN": CONFIG.refresh_token}
    shared = ProcessTokens()
    before = site.told("POST", "tokens")["given_out"]
    for _ in range(3):
        crm = from_settings(load(told), Shared(tokens=shared))
        assert len(read(crm, size=1000)) == 450
        crm.close()
    assert site.told("POST", "tokens")["given_out"] == before + 1
    looked = site.requests()["fields"]
    handoff = CrmTask("h-1", str(FIRST_ID), "WhatsApp: complaint", "我要客訴", "high", FakeClock().now())
    assert not [one for one in (*crm.write_messages([message("in-1")]), *crm.write_tasks([handoff])) if one.error]
    assert site.requests()["fields"] == looked, "the places of both were looked up at the start"
    assert registry.build("zoho", load(told)).name == "zoho"
    with pytest.raises(ConfigurationError, match="ZOHO_REFRESH_TOKEN"):
        registry.build("zoho", load({**told, "ZOHO_REFRESH_TOKEN": ""}))


def test_the_last_credits_are_kept_for_messages(place_with: Callable[..., Place]) -> None:
    limits = Limits(tokens=0, credits=40, concurrent=0)
    _, crm = place_with(contacts=10_000, behaviour=Behaviour(limits=limits), quota=MemoryQuota({}, FakeClock()))
    pages, found = crm.pages(None, page_size=200), 0
    for page in islice(pages, 21):
        found += len(page.rows)
    with pytest.raises(TryLater, match="kept for live messages") as stopped:
        sum(1 for _ in pages)
    assert stopped.value.wait_seconds >= 600
    assert found == 4_200
    assert crm.write_messages([message("in-1")])[0].error is None


def test_used_up_credits_make_everybody_wait_longer_than_a_crowd_does(
    place_with: Callable[..., Place], clock: FakeClock
) -> None:
    limits = Limits(tokens=0, credits=8, concurrent=0)
    quota = MemoryQuota({}, clock)
    site, crm = place_with(contacts=3, behaviour=Behaviour(limits=limits), quota=quota)
    crm.look_up(everyone(1))
    site.fault("Contacts.list", "rate_limit", count=1)
    waits = []
    for _ in range(9):
        try:
            crm.look_up(everyone(1))
        except TryLater as full:
            waits.append(full.wait_seconds)
        clock.advance(seconds=5)
    assert waits[:2] == [5.0, 900.0]
    assert waits[2] == pytest.approx(895, abs=0.01), "the next does not even ask"


def test_no_write_sets_off_the_companys_own_workflows(place: Place) -> None:
    site, crm = place
    crm_id = str(FIRST_ID)
    crm.write_contacts([CrmContact("a", crm_id, {"city": "花蓮市"}), CrmContact("b", None, {"phone": "+85291234567"})])
    crm.write_messages([message("in-1", crm_id)])
    assert site.told("GET", "stats")["workflows"] == 0


@pytest.mark.parametrize(
    ("name", "written"),
    [("Chen", (None, "Chen")), ("Anna van der Berg", ("Anna", "van der Berg")), (None, (None, "+85291234567"))],
)
def test_everybody_has_a_family_name_in_zoho(place: Place, name: str | None, written: tuple[str | None, str]) -> None:
    site, crm = place
    person = {"phone": "+85291234567"} | ({"full_name": name} if name else {})
    [result] = crm.write_contacts([CrmContact("c", None, person)])
    seen = site.told("GET", f"records/Contacts/{result.crm_id}")
    assert (seen.get("First_Name"), seen["Last_Name"]) == written
    [fate] = crm.look_up([result.crm_id or ""])
    assert fate.row is not None
    assert crm.translate([fate.row])[0].fields.get("full_name") == name
    before = fate.row.digest
    crm.write_contacts([CrmContact("c", result.crm_id, person)])
    assert [one.row and one.row.digest for one in crm.look_up([result.crm_id or ""])] == [before]
    crm.write_contacts([CrmContact("c", result.crm_id, {"full_name": "陳大文"})])
    seen = site.told("GET", f"records/Contacts/{result.crm_id}")
    assert (seen.get("First_Name"), seen["Last_Name"]) == ("大文", "陳")


def test_none_empties_a_field(place: Place) -> None:
    site, crm = place
    crm_id = str(FIRST_ID)
    site.told("PATCH", f"records/Contacts/{crm_id}", tags=["VIP"], values={"WA_Blocked": True})
    emptied = {"city": None, "blocked": None, "tags": None, "full_name": None}
    assert crm.write_contacts([CrmContact("c", crm_id, emptied)])[0].error is None
    seen = site.told("GET", f"records/Contacts/{crm_id}")
    assert "Mailing_City" not in seen
    assert (seen["WA_Blocked"], seen["Tag"]) == (False, [])


def test_each_record_of_a_batch_has_its_own_fate(place: Place) -> None:
    site, crm = place
    ids = everyone(100)
    for crm_id in ids[:37]:
        site.told("PATCH", f"records/Contacts/{crm_id}", values={"Department": "x"})
    site.told("POST", "rules/Contacts", required=["Department"])
    site.told("POST", "lock/Contacts", ids=[ids[50]])
    site.told("DELETE", f"records/Contacts/{ids[60]}")
    people = [CrmContact(f"c-{one}", one, {"department": None if one in ids[:37] else "y"}) for one in ids]
    results = crm.write_contacts(people)
    kinds = [(type(one.error), getattr(one.error, "code", "")) for one in results if one.error]
    assert kinds == [*[(Never, "MANDATORY_NOT_FOUND")] * 37, (TryLater, "RECORD_LOCKED"), (Never, "INVALID_DATA")]
    assert [one.gone for one in results].index(True) == 60
    assert site.requests()["Contacts.update"] == 1


def test_a_merged_record_is_gone_and_the_one_that_stays_is_there(place: Place) -> None:
    site, crm = place
    kept, other = everyone(2)
    site.told("POST", "merge", into=kept, other=other)
    fates = crm.look_up([kept, other])
    assert (fates[0].row is not None, fates[1]) == (True, Fate(other))
    [result] = crm.write_contacts([CrmContact("c", other, {"city": "新竹市"})])
    assert (result.gone, type(result.error)) == (True, Never)


def test_a_new_person_whose_email_must_be_unique_is_the_one_who_has_it(place: Place) -> None:
    site, crm = place
    site.told("POST", "fields/Contacts", field="!Email:email")
    typed = {"Last_Name": "陳", "Email": "a@example.com", "Mailing_City": "台北"}
    known = site.told("POST", "records/Contacts", values=typed)["id"]
    stranger = {"email": "a@example.com", "phone": "+886955000111", "full_name": "陳大文", "tags": ["new"]}
    [result] = crm.write_contacts([CrmContact("contact-9", None, stranger)])
    assert (result.crm_id, result.error) == (known, None)
    seen = site.told("GET", f"records/Contacts/{known}")
    assert (seen["Mobile"], seen["Mailing_City"], seen["First_Name"]) == ("+886955000111", "台北", "大文")
    assert [tag["name"] for tag in seen["Tag"]] == ["new"]


def test_an_email_of_somebody_else_keeps_only_itself_from_being_written(place: Place) -> None:
    site, crm = place
    site.told("POST", "fields/Contacts", field="!Email:email")
    site.told("POST", "records/Contacts", values={"Last_Name": "陳", "Email": "a@example.com"})
    crm_id = str(FIRST_ID + 1)
    [result] = crm.write_contacts([CrmContact("c", crm_id, {"email": "a@example.com", "city": "花蓮市"})])
    assert (type(result.error), getattr(result.error, "code", "")) == (Never, "DUPLICATE_DATA")
    assert site.told("GET", f"records/Contacts/{crm_id}")["Mailing_City"] == "花蓮市"


def test_what_is_there_already_costs_one_look_for_a_hundred(place: Place) -> None:
    site, crm = place
    people = [CrmContact(one, one, {"city": "花蓮市", "tags": ["VIP"]}) for one in everyone(100)]
    costs = []
    for _ in range(2):
        before = sum(site.requests().values())
        assert not [result for result in crm.write_contacts(people) if result.error]
        costs.append(sum(site.requests().values()) - before)
    assert costs[1] == 1
    assert site.requests()["Contacts.add_tags"] == 1


def test_an_option_that_there_is_not_keeps_nothing_else_from_being_written(place: Place) -> None:
    site, crm = place
    known, other = everyone(2)
    people = [
        CrmContact("a", known, {"lifecycle_stage": "x", "city": "花蓮市"}),
        CrmContact("b", other, {"lifecycle_stage": "lead"}),
        CrmContact("c", None, {"lifecycle_stage": "x", "phone": "+85291234567"}),
    ]
    results = crm.write_contacts(people)
    assert [type(result.error) for result in results] == [Never, type(None), Never]
    assert site.told("GET", f"records/Contacts/{known}")["Mailing_City"] == "花蓮市"
    assert site.told("GET", f"records/Contacts/{results[2].crm_id}")["Mobile"] == "+85291234567"


def test_a_stranger_is_made_once_and_a_number_passed_on_makes_another(place: Place) -> None:
    site, crm = place
    stranger = CrmContact("contact-1", None, {"phone": "+85291234567", "full_name": "陳大文"})
    first, second = crm.write_contacts([stranger])[0], crm.write_contacts([stranger])[0]
    assert first.crm_id == second.crm_id
    site.told("PATCH", f"records/Contacts/{first.crm_id}", values={"Mobile": "+85261234567"})
    third = crm.write_contacts([stranger])[0]
    assert third.error is None
    assert third.crm_id != first.crm_id


def test_texts_are_cut_to_their_fields(place: Place) -> None:
    site, crm = place
    crm_id = str(FIRST_ID)
    long = {"full_name": "長" * 300, "city": "x" * 500, "tags": ["t" * 40]}
    for _ in range(2):
        assert crm.write_contacts([CrmContact("c", crm_id, long)])[0].error is None
    seen = site.told("GET", f"records/Contacts/{crm_id}")
    assert len(seen["Mailing_City"]) == 100
    assert [tag["name"] for tag in seen["Tag"]] == ["t" * 25]


def test_a_hundred_new_messages_cost_one_request_and_are_made_once(place: Place) -> None:
    site, crm = place
    crm.write_messages([message("in-0", str(FIRST_ID))])
    batch = [message(f"in-{number}", str(FIRST_ID)) for number in range(1, 101)]
    costs = []
    for _ in range(2):
        before = sum(site.requests().values())
        assert not [result for result in crm.write_messages(batch) if result.error]
        costs.append(sum(site.requests().values()) - before)
    # Told again, each is refused by its reference, and the records are held against what the messages say.
    assert costs == [1, 3]
    assert len(site.of("WA_Messages")) == 101


def test_new_messages_do_not_wait_for_the_look_at_those_that_are_there(place: Place) -> None:
    site, crm = place
    sent = [message(f"out-{number}", str(FIRST_ID), direction="out", status="sent") for number in range(20)]
    crm.write_messages(sent)
    site.fault("coql", "server_error", status=503)
    read = [replace(one, status="read") for one in sent]
    with pytest.raises(TryAgain):
        crm.write_messages([*(message(f"in-{number}", str(FIRST_ID)) for number in range(20)), *read])
    assert len(site.of("WA_Messages")) == 40
    site.heal()
    before = sum(site.requests().values())
    assert not [one for one in crm.write_messages([message("in-99", str(FIRST_ID)), *read]) if one.error]
    assert sum(site.requests().values()) == before + 3
    assert {row["WA_Status"] for row in site.of("WA_Messages") if row["WA_Direction"] == "out"} == {"read"}


def test_an_address_is_passed_on_in_one_batch(place: Place) -> None:
    """The stranger is another person than the one who had the address until now."""
    site, crm = place
    site.told("POST", "fields/Contacts", field="!Email:email")
    known = site.told("POST", "records/Contacts", values={"Last_Name": "陳", "Email": "a@example.com"})["id"]
    heir = {"email": "a@example.com", "phone": "+886955000111", "full_name": "林小美"}
    results = crm.write_contacts([CrmContact("n", None, heir), CrmContact("k", known, {"email": "b@example.com"})])
    assert [one.error for one in results] == [None, None]
    assert results[0].crm_id != known
    assert site.told("GET", f"records/Contacts/{known}")["Email"] == "b@example.com"


def test_a_module_that_lacks_a_field_is_told_and_messages_become_notes(place_with: Callable[..., Place]) -> None:
    site, crm = place_with(contacts=1)
    site.told("POST", "fields/WA_Messages", field="WA_Ref")
    [check] = [one for one in crm.check() if one.name == "messages are written once"]
    assert (check.ok, "WA_Ref (do not allow duplicate values)" in check.detail) == (False, True)
    assert crm.write_messages([message("in-1", str(FIRST_ID))])[0].error is None
    assert len(site.of("Notes")) == 1
