"""The simulated HubSpot portal refuses what HubSpot refuses, and breaks when it is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncer.simulators.hubspot.__main__ import config_from
from syncer.simulators.hubspot.config import Behaviour, HubSpotConfig, Limits
from syncer.simulators.hubspot.seeds import FIRST_ID, FIRST_STAMP
from tests.contract.hubspot_rooms import Portal

CONTACTS = "objects/2026-09/contacts"
UNIQUE = {"name": "wa_ref", "label": "ref", "type": "string", "fieldType": "text", "groupName": "contactinformation"}


@pytest.fixture
def portal_with() -> Iterator[Callable[..., Portal]]:
    running: list[Portal] = []

    def begin(**config: Any) -> Portal:
        running.append(Portal(**config))
        return running[-1]

    yield begin
    for portal in running:
        portal.close()


@pytest.fixture
def portal(portal_with: Callable[..., Portal]) -> Portal:
    return portal_with()


def made(portal: Portal, **properties: str) -> str:
    answer = portal.asked("POST", CONTACTS, {"properties": properties})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def search(portal: Portal, *filters: dict[str, Any], **more: Any) -> Any:
    return portal.asked("POST", f"{CONTACTS}/search", {"filterGroups": [{"filters": list(filters)}], **more})


def test_a_list_is_paged_by_the_last_id(portal_with: Callable[..., Portal]) -> None:
    portal = portal_with(contacts=250)
    ids: list[str] = []
    after = "0"
    for expected in (100, 100, 50):
        page = portal.asked("GET", f"{CONTACTS}?limit=100&properties=phone,city&after={after}").json()
        assert len(page["results"]) == expected
        ids += [row["id"] for row in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after", "")
    assert ids == [str(FIRST_ID + number) for number in range(250)]
    assert after == ""


def test_a_made_up_contact_and_the_same_one_written_look_alike(portal_with: Callable[..., Portal]) -> None:
    portal = portal_with(contacts=3)
    asked = f"{CONTACTS}?limit=3&properties=phone,city,lastname,wa_tags,no_such_property"
    before = portal.asked("GET", asked).json()
    portal.told("PATCH", f"objects/contacts/{FIRST_ID + 1}", properties={}, at=FIRST_STAMP + 1000)
    after = portal.asked("GET", asked).json()
    assert json.dumps(after) == json.dumps(before)
    assert "no_such_property" not in before["results"][0]["properties"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=abc"])
def test_a_list_refuses_what_it_does_not_know(portal: Portal, query: str) -> None:
    assert portal.asked("GET", f"{CONTACTS}?{query}").status_code == 400


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"phne": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"lifecyclestage": "buyer"}, "INVALID_OPTION"),
        ({"wa_blocked": "maybe"}, "INVALID_OPTION"),
        ({"email": "none"}, "INVALID_EMAIL"),
        ({"annualrevenue": "much"}, "INVALID_INTEGER"),
        ({"closedate": "soon"}, "INVALID_LONG"),
        ({"city": "x" * 65_537}, "PROPERTY_VALUE_TOO_LONG"),
        ({"city": "a\x00b"}, "INVALID_STRING"),
    ],
)
def test_a_value_that_does_not_hold_is_refused(portal: Portal, properties: dict[str, str], code: str) -> None:
    answer = portal.asked("POST", CONTACTS, {"properties": properties})
    assert answer.status_code == 400
    told = answer.json()
    assert (told["category"], told["errors"][0]["code"]) == ("VALIDATION_ERROR", code)
    assert portal.of("contacts") == []


def test_an_administrators_rule_holds_for_new_and_changed_records(portal: Portal) -> None:
    crm_id = made(portal, firstname="A")
    portal.told("POST", "rules/contacts", required=["city"])
    refused = portal.asked("POST", CONTACTS, {"properties": {"firstname": "B"}})
    changed = portal.asked("PATCH", f"{CONTACTS}/{crm_id}", {"properties": {"firstname": "C"}})
    assert refused.json()["errors"][0]["code"] == "MISSING_REQUIRED_PROPERTY"
    assert changed.status_code == 400
    assert portal.asked("PATCH", f"{CONTACTS}/{crm_id}", {"properties": {"city": "台北"}}).status_code == 200


def test_an_email_belongs_to_one_contact_which_the_refusal_names(portal: Portal) -> None:
    crm_id = made(portal, email="a@example.com")
    answer = portal.asked("POST", CONTACTS, {"properties": {"email": "A@example.com"}})
    assert answer.status_code == 409
    assert f"Existing ID: {crm_id}" in answer.json()["message"]


def test_inputs_that_carry_a_trace_fail_alone(portal: Portal) -> None:
    inputs = [{"properties": {"city": "a"}}, {"properties": {"wrong": "b"}}, {"properties": {"city": "c"}}]
    whole = portal.asked("POST", f"{CONTACTS}/batch/create", {"inputs": inputs})
    assert whole.status_code == 400
    traced = [{**one, "objectWriteTraceId": f"t{place}"} for place, one in enumerate(inputs)]
    answer = portal.asked("POST", f"{CONTACTS}/batch/create", {"inputs": traced})
    told = answer.json()
    assert (answer.status_code, told["numErrors"], len(told["results"])) == (207, 1, 2)
    assert told["errors"][0]["context"]["objectWriteTraceId"] == ["t1"]
    assert [row["objectWriteTraceId"] for row in told["results"]] == ["t0", "t2"]


def test_an_upsert_needs_a_unique_property(portal: Portal) -> None:
    one = {"id": "r-1", "idProperty": "wa_ref", "properties": {"city": "a"}, "objectWriteTraceId": "1"}
    refused = portal.asked("POST", f"{CONTACTS}/batch/upsert", {"inputs": [one]})
    assert refused.json()["errors"][0]["category"] == "VALIDATION_ERROR"
    portal.asked("POST", "properties/2026-09/contacts", {**UNIQUE, "hasUniqueValue": True})
    news = [portal.asked("POST", f"{CONTACTS}/batch/upsert", {"inputs": [one]}).json()["results"][0] for _ in "ab"]
    assert [row["new"] for row in news] == [True, False]
    assert len(portal.of("contacts")) == 1


@pytest.mark.parametrize("inputs", [[], [{"id": "1"}] * 2, [{"id": str(number)} for number in range(101)], "x", [1]])
def test_a_batch_that_does_not_hold_is_refused_whole(portal: Portal, inputs: Any) -> None:
    assert portal.asked("POST", f"{CONTACTS}/batch/update", {"inputs": inputs}).status_code == 400


def test_reading_a_batch_names_what_is_gone_and_follows_what_was_merged(portal: Portal) -> None:
    kept, other, deleted = (made(portal, firstname=name) for name in "abc")
    portal.asked("DELETE", f"{CONTACTS}/{deleted}")
    merge = {"primaryObjectId": kept, "objectIdToMerge": other}
    assert portal.asked("POST", f"{CONTACTS}/merge", merge).status_code == 200
    wanted = {"properties": ["firstname"], "inputs": [{"id": one} for one in (other, deleted, "999")]}
    answer = portal.asked("POST", f"{CONTACTS}/batch/read", wanted)
    assert answer.status_code == 207
    assert [row["id"] for row in answer.json()["results"]] == [kept]
    assert answer.json()["errors"][0]["context"]["ids"] == [deleted, "999"]
    assert portal.asked("GET", f"{CONTACTS}/{other}").json()["id"] == kept
    assert portal.asked("GET", f"{CONTACTS}/{deleted}").status_code == 404
    archived = portal.asked("GET", f"{CONTACTS}?archived=true").json()["results"]
    assert [(row["id"], "archivedAt" in row) for row in archived] == [(deleted, True)]


def test_a_search_shows_no_more_than_its_first_hits(portal_with: Callable[..., Portal]) -> None:
    limits = Limits(burst=0, daily=0, searches=0, hits_most=300)
    portal = portal_with(contacts=1000, behaviour=Behaviour(limits=limits))
    since = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(FIRST_STAMP + 500_000)}
    order = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    page = search(portal, since, sorts=order, limit=200).json()
    assert (page["total"], page["results"][0]["id"]) == (500, str(FIRST_ID + 500))
    assert search(portal, since, sorts=order, limit=200, after="100").status_code == 200
    assert search(portal, since, sorts=order, limit=200, after="200").status_code == 400
    assert search(portal, since, limit=201).status_code == 400


@pytest.mark.parametrize(
    "typed", ["0912-345-678", "+886 912 345 678", "(0912)345678", "886912345678", "00886912345678"]
)
def test_a_phone_is_found_by_its_digits_with_the_country(portal: Portal, typed: str) -> None:
    crm_id = made(portal, phone=typed)
    made(portal, phone="0922-222-222")
    name = "hs_searchable_calculated_international_phone_number"
    found = search(portal, {"propertyName": name, "operator": "IN", "values": ["886912345678", "1"]}).json()
    assert [row["id"] for row in found["results"]] == [crm_id]


@pytest.mark.parametrize(
    "condition",
    [
        {"propertyName": "no_such", "operator": "EQ", "value": "1"},
        {"propertyName": "city", "operator": "LIKE", "value": "1"},
        {"propertyName": "city", "operator": "EQ"},
        {"propertyName": "city", "operator": "IN", "values": []},
        {"propertyName": "city", "operator": "EQ", "value": "x" * 3000},
    ],
)
def test_a_search_that_hubspot_does_not_take_is_refused(portal: Portal, condition: dict[str, Any]) -> None:
    assert search(portal, condition).status_code == 400


def test_the_index_lags_behind(portal: Portal) -> None:
    portal.told("POST", "settings", index_lag=0.3)
    crm_id = made(portal, city="台北")
    wanted = {"propertyName": "city", "operator": "EQ", "value": "台北"}
    assert search(portal, wanted).json()["total"] == 0
    until = time.monotonic() + 5
    while search(portal, wanted).json()["total"] == 0 and time.monotonic() < until:
        time.sleep(0.05)
    assert [row["id"] for row in search(portal, wanted).json()["results"]] == [crm_id]


def test_the_limits_are_told_in_headers_and_kept(portal_with: Callable[..., Portal]) -> None:
    portal = portal_with(behaviour=Behaviour(limits=Limits(burst=3, daily=100, searches=2)))
    left = [portal.asked("GET", CONTACTS).headers["X-HubSpot-RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    full = portal.asked("GET", CONTACTS)
    assert (full.status_code, full.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    answers = [search(portal) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["policyName"] == "SECONDLY"
    assert "X-HubSpot-RateLimit-Remaining" not in answers[0].headers


def test_tokens_expire_and_scopes_are_asked_for(portal: Portal) -> None:
    token = HubSpotConfig().access_token
    assert portal.asked("GET", CONTACTS, token="wrong").json()["category"] == "INVALID_AUTHENTICATION"
    portal.told("POST", "tokens", expire=token)
    assert portal.asked("GET", CONTACTS).json()["category"] == "EXPIRED_AUTHENTICATION"
    portal.told("POST", "tokens", accept=token, scopes=["crm.objects.contacts.read"])
    assert portal.asked("GET", CONTACTS).status_code == 200
    refused = portal.asked("POST", CONTACTS, {"properties": {"city": "a"}})
    assert (refused.status_code, refused.json()["category"]) == (403, "MISSING_SCOPES")


def test_versions_of_another_time_are_not_served(portal: Portal) -> None:
    assert portal.asked("GET", "objects/2026-03/contacts").status_code == 200
    for version in ("v3", "2025-09", "2027-03"):
        assert portal.asked("GET", f"objects/{version}/contacts").status_code == 404


def test_a_message_is_tied_to_its_contact_and_to_nobody_who_is_not_there(portal: Portal) -> None:
    crm_id = made(portal, firstname="A")
    values = {"hs_communication_channel_type": "WHATS_APP", "hs_timestamp": "2026-11-23T10:00:00Z"}

    def recorded(to: str, kind: int = 81) -> Any:
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]
        told = {"properties": values, "associations": [{"to": {"id": to}, "types": types}]}
        return portal.asked("POST", "objects/2026-09/communications", told)

    assert recorded(crm_id).status_code == 201
    assert recorded("999").status_code == 400
    assert recorded(crm_id, 16).status_code == 400
    assert [row["links"] for row in portal.of("communications")] == [{"contacts": [crm_id]}]
    lone = portal.asked("POST", "objects/2026-09/communications", {"properties": values}).json()["id"]
    path = f"objects/2026-09/communications/{lone}/associations/default/contacts"
    assert portal.asked("PUT", f"{path}/{crm_id}").status_code == 200
    assert portal.asked("PUT", f"{path}/999").status_code == 404


def test_a_hundred_messages_are_tied_at_once_each_with_its_own_fate(portal: Portal) -> None:
    values = {"hs_communication_channel_type": "WHATS_APP", "hs_timestamp": "2026-11-23T10:00:00Z"}
    crm_id = made(portal, firstname="A")
    lone, other = (
        portal.asked("POST", "objects/2026-09/communications", {"properties": values}).json()["id"] for _ in "ab"
    )

    def tied(*pairs: tuple[str, str], to: str = "contacts") -> Any:
        inputs = [{"from": {"id": one}, "to": {"id": two}} for one, two in pairs]
        path = f"associations/2026-09/communications/{to}/batch/associate/default"
        return portal.asked("POST", path, {"inputs": inputs})

    half = tied((lone, crm_id), (other, "999"), ("998", crm_id))
    assert (half.status_code, half.json()["numErrors"]) == (207, 2)
    assert [(row["from"]["id"], row["to"]["id"]) for row in half.json()["results"]] == [(lone, crm_id)]
    assert [(error["category"], error["context"]) for error in half.json()["errors"]] == [
        ("OBJECT_NOT_FOUND", {"objectType": ["contact"], "id": ["999"]}),
        ("OBJECT_NOT_FOUND", {"objectType": ["communication"], "id": ["998"]}),
    ]
    assert tied((lone, crm_id)).status_code == 200
    assert tied().status_code == 400
    assert tied(*[(lone, crm_id)] * 101).status_code == 400
    assert tied((other, crm_id), (other, 5)).status_code == 400  # type: ignore[arg-type]
    assert tied((other, crm_id), to="companies").status_code in (400, 404)
    assert [row["links"] for row in portal.of("communications")] == [{"contacts": [crm_id]}, {}]


def test_owners_pipelines_and_properties_are_listed(portal: Portal) -> None:
    owners = portal.asked("GET", "owners/2026-09?email=lin@example.com").json()["results"]
    assert [(owner["lastName"], owner["firstName"]) for owner in owners] == [("林", "業務")]
    [pipeline] = portal.asked("GET", "pipelines/2026-09/tickets").json()["results"]
    assert [stage["metadata"]["ticketState"] for stage in pipeline["stages"]] == ["OPEN"] * 3 + ["CLOSED"]
    stage = portal.asked("GET", "properties/2026-09/contacts/lifecyclestage").json()
    assert "customer" in [option["value"] for option in stage["options"]]
    twice = [portal.asked("POST", "properties/2026-09/contacts", UNIQUE).status_code for _ in "ab"]
    assert twice == [201, 409]


@pytest.mark.parametrize(
    ("kind", "how", "status"),
    [
        ("rate_limit", {}, 429),
        ("server_error", {}, 500),
        ("server_error", {"status": 423}, 423),
        ("wrong_json", {"body": "html"}, 200),
        ("wrong_shape", {}, 200),
    ],
)
def test_faults_strike_the_route_they_name(portal: Portal, kind: str, how: dict[str, Any], status: int) -> None:
    portal.fault("contacts.list", kind, count=1, **how)
    struck, spared = portal.asked("GET", CONTACTS), portal.asked("GET", CONTACTS)
    assert struck.status_code == status
    assert "results" not in struck.text
    assert spared.json() == {"results": []}
    assert portal.requests()["contacts.list"] == 2


def test_a_wrong_command_of_the_control_api_says_so(portal: Portal) -> None:
    for path, body in (("settings", {"speed": 1}), ("faults", {"route": "x"}), ("merge", {"primary": "1"})):
        answer = portal._session.post(f"{portal.url}/_sim/{path}", json=body)
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True)
    assert portal._session.get(f"{portal.url}/_sim/nothing").status_code == 404


def test_the_command_line_says_what_the_portal_is_like(capsys: pytest.CaptureFixture[str]) -> None:
    config = config_from(["--contacts", "5", "--stamp-step-ms", "0", "--no-limits", "--access-token", "t"])
    assert (config.contacts, config.stamp_step_ms, config.access_token) == (5, 0, "t")
    assert config.behaviour.limits == Limits(burst=0, daily=0, searches=0)
    assert config_from([]) == HubSpotConfig()
    with pytest.raises(SystemExit):
        config_from(["--contcts", "5"])
    assert "--contcts" in capsys.readouterr().err
