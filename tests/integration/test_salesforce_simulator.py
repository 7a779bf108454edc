"""The simulated org refuses what Salesforce refuses, and breaks when it is told to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from syncer.simulators.salesforce.__main__ import config_from
from syncer.simulators.salesforce.config import Behaviour, SalesforceConfig
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.seeds import FIRST
from tests.contract.salesforce_rooms import Org


@pytest.fixture
def org_with() -> Iterator[Callable[..., Org]]:
    running: list[Org] = []

    def begin(**config: Any) -> Org:
        running.append(Org(**config))
        return running[-1]

    yield begin
    for org in running:
        org.close()


@pytest.fixture
def org(org_with: Callable[..., Org]) -> Org:
    return org_with(contacts=30)


def contact(number: int) -> str:
    return record_id("003", FIRST + number)


def code(answer: requests.Response) -> str:
    """The code of a refusal."""
    assert answer.status_code >= 400, answer.text
    told = answer.json()
    return str(told[0]["errorCode"] if isinstance(told, list) else told["error"])


def many(org: Org, method: str, *records: dict[str, Any], path: str = "composite/sobjects", **how: Any) -> Any:
    told = [{"attributes": {"type": "Contact"}, **record} for record in records]
    return org.asked(method, path, {"allOrNone": False, "records": told}, **how)


def ids(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row["Id"] for row in answer.json()["records"]]


# --- logging in


def test_a_token_is_given_for_the_apps_secret_only(org: Org) -> None:
    told = org.login().json()
    assert told["instance_url"] == org.url
    assert told["id"].split("/")[-2].startswith("00D")
    assert code(org.login(client_secret="wrong")) == "invalid_client"
    assert code(org.login(client_id="wrong")) == "invalid_client_id"
    assert code(org.login(grant_type="password")) == "unsupported_grant_type"
    assert org.login(grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion="a.b.c").status_code == 400


def test_a_token_lives_as_long_as_it_is_set_to(org: Org) -> None:
    org.told("POST", "settings", token_seconds=0.05)
    assert org.query("SELECT Id FROM Contact LIMIT 1").status_code == 200
    time.sleep(0.06)
    ended = org.query("SELECT Id FROM Contact LIMIT 1")
    assert (ended.status_code, code(ended)) == (401, "INVALID_SESSION_ID")


def test_calls_are_counted_and_refused_beyond_the_limit(org_with: Callable[..., Org]) -> None:
    org = org_with(behaviour=Behaviour(calls_most=3, calls_used=1))
    first = org.query("SELECT Id FROM Contact")
    assert first.headers["Sforce-Limit-Info"] == "api-usage=2/3"
    org.query("SELECT Id FROM Contact")
    refused = org.query("SELECT Id FROM Contact")
    assert (refused.status_code, code(refused)) == (403, "REQUEST_LIMIT_EXCEEDED")


def test_only_versions_that_are_served_answer(org: Org) -> None:
    head = {"Authorization": f"Bearer {org.login().json()['access_token']}"}
    for version, status in (("v60.0", 200), ("v68.0", 200), ("v59.0", 404), ("67.0", 404)):
        url = f"{org.url}/services/data/{version}/query"
        answer = requests.get(url, params={"q": "SELECT Id FROM Contact"}, headers=head, timeout=5)
        assert answer.status_code == status
    assert requests.get(f"{org.url}/services/data", timeout=5).json()[0]["version"] == "60.0"


# --- queries


def test_keys_lead_through_all_records_whoever_comes_and_goes(org: Org) -> None:
    found = ids(org.query("SELECT Id FROM Contact ORDER BY Id LIMIT 12"))
    org.told("DELETE", f"objects/Contact/{found[3]}")
    while page := ids(org.query(f"SELECT Id FROM Contact WHERE Id > '{found[-1]}' ORDER BY Id LIMIT 12")):
        found += page
    assert found == [contact(number) for number in range(30)]


def test_fields_come_as_they_were_asked_for_and_lookups_inside(org: Org) -> None:
    org.told("PATCH", f"objects/Contact/{contact(1)}", fields={"FirstName": "小明", "Description": 'a"b'})
    rows = org.query("SELECT Id,Description,FirstName,Owner.Name,Account.Name FROM Contact LIMIT 2").json()["records"]
    assert [list(row) for row in rows] == [["attributes", "Id", "Description", "FirstName", "Owner", "Account"]] * 2
    assert [row["Owner"]["Name"] for row in rows] == ["Syncer", "Syncer"]
    assert (rows[1]["Description"], rows[1]["FirstName"], rows[1]["Account"]) == ('a"b', "小明", None)


@pytest.mark.parametrize(
    ("soql", "expected"),
    [
        ("SELECT * FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'a' AND Id != null OR Id = null", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'O'Brien'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'a\\x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact ORDER BY Id OFFSET 10", "MALFORMED_QUERY"),
        ("DELETE FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id,Id FROM Contact", "INVALID_FIELD"),
        ("SELECT Nothing FROM Contact", "INVALID_FIELD"),
        ("SELECT Accounts.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 2026-01-01T00:00:00Z", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Description = 'a'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Id = '42'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Nobody", "INVALID_TYPE"),
        ("SELECT Id FROM WA_Message__c", "INVALID_TYPE"),
    ],
)
def test_a_query_that_salesforce_does_not_take_is_not_taken(org: Org, soql: str, expected: str) -> None:
    assert code(org.query(soql)) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("LastName = 'o''", None),
        ("LastName = 'O\\'Brien'", [0]),
        ("LastName = 'o\\'brien' OR LastName = 'Lin'", [0, 1]),
        ("(LastName = 'Lin' OR FirstName = 'x') AND FirstName != null", [1]),
        ("FirstName = null", [0]),
        ("MobilePhone LIKE '%9%1%2%'", [1]),
        ("LastName LIKE 'L_n'", [1]),
        ("LastName LIKE 'L\\_n'", []),
        ("WA_Blocked__c = true", [0]),
        ("Birthdate >= 1990-01-01", [1]),
        ("LastName IN ('Lin', 'nobody')", [1]),
    ],
)
def test_conditions_mean_what_they_mean_in_salesforce(
    org_with: Callable[..., Org], where: str, expected: list[int] | None
) -> None:
    org = org_with()
    people = [
        {"LastName": "O'Brien", "WA_Blocked__c": True},
        {"LastName": "Lin", "FirstName": "Mei", "MobilePhone": "(0912) 3", "Birthdate": "1991-03-09"},
    ]
    made = [org.told("POST", "objects/Contact", fields=person)["id"] for person in people]
    answer = org.query(f"SELECT Id FROM Contact WHERE {where} ORDER BY Id")
    if expected is None:
        assert code(answer) == "MALFORMED_QUERY"
    else:
        assert ids(answer) == [made[number] for number in expected]


def test_a_long_answer_goes_on_behind_a_locator_once(org_with: Callable[..., Org]) -> None:
    org = org_with(contacts=25, behaviour=Behaviour(calls_most=0, page_most=10))
    told = org.query("SELECT Id FROM Contact").json()
    assert (told["done"], told["totalSize"], len(told["records"])) == (False, 25, 10)
    locator = told["nextRecordsUrl"].removeprefix("/services/data/v67.0/")
    assert len(org.asked("GET", locator).json()["records"]) == 10
    assert code(org.asked("GET", locator)) == "INVALID_QUERY_LOCATOR"


def test_deleted_and_merged_records_are_seen_by_query_all_alone(org: Org) -> None:
    org.told("DELETE", f"objects/Contact/{contact(1)}")
    org.told("POST", "merge", master=contact(2), other=contact(3))
    asked = f"SELECT Id,IsDeleted,MasterRecordId FROM Contact WHERE Id IN ('{contact(1)}','{contact(3)}')"
    assert ids(org.query(asked)) == []
    rows = org.query(asked, "queryAll").json()["records"]
    assert [(row["IsDeleted"], row["MasterRecordId"]) for row in rows] == [(True, None), (True, contact(2))]


def test_an_address_may_only_be_so_long(org: Org) -> None:
    assert org.query(f"SELECT Id FROM Contact WHERE LastName = '{'x' * 7_990}'").status_code == 414


def test_a_search_through_a_large_org_takes_too_long(org_with: Callable[..., Org]) -> None:
    org = org_with(contacts=200, behaviour=Behaviour(calls_most=0, scan_most=100))
    assert code(org.query("SELECT Id FROM Contact WHERE MailingCity = '台北市'")) == "QUERY_TIMEOUT"
    assert len(ids(org.query("SELECT Id FROM Contact WHERE MobilePhone = '+886900000001'"))) == 1


def test_a_million_contacts_are_there_at_once(org_with: Callable[..., Org]) -> None:
    org = org_with(contacts=1_000_000)
    page = f"SELECT Id,LastName,MobilePhone FROM Contact WHERE Id > '{contact(900_000)}' ORDER BY Id LIMIT 2000"
    assert ids(org.query(page)) == [contact(900_001 + number) for number in range(2_000)]


# --- writing


def test_each_record_of_a_collection_has_its_own_fate_by_its_place(org: Org) -> None:
    refused = [
        {"FirstName": "no last name"},
        {"LastName": "x" * 81},
        {"LastName": "a", "Email": "nonsense"},
        {"LastName": "a", "WA_Marketing_Consent__c": "maybe"},
        {"LastName": "a", "SystemModstamp": "2026-01-01T00:00:00Z"},
        {"LastName": "a", "AccountId": contact(1)},
        {"LastName": "a", "AccountId": record_id("001", 9)},
    ]
    answer = many(org, "POST", {"LastName": "王"}, *refused, {"LastName": "李"}).json()
    assert [item["success"] for item in answer] == [True, *[False] * len(refused), True]
    assert [item["errors"][0]["statusCode"] for item in answer[1:-1]] == [
        "REQUIRED_FIELD_MISSING",
        "STRING_TOO_LONG",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
    ]
    assert answer[1]["errors"][0]["fields"] == ["LastName"]
    assert [row["LastName"] for row in org.of("Contact")] == ["王", "李"]


def test_a_value_of_a_wrong_type_and_an_unknown_field_spoil_the_whole_collection(org: Org) -> None:
    for wrong, expected in (
        ({"WA_Blocked__c": "Y"}, "JSON_PARSER_ERROR"),
        ({"Birthdate": "9.3.1991"}, "JSON_PARSER_ERROR"),
        ({"LastName": 7}, "JSON_PARSER_ERROR"),
        ({"Nothing__c": "x"}, "INVALID_FIELD"),
    ):
        assert code(many(org, "POST", {"LastName": "a", **wrong})) == expected
    assert org.of("Contact") == []


def test_an_external_id_finds_its_record_again(org: Org) -> None:
    path = "composite/sobjects/Contact/WA_External_Id__c"
    person = {"WA_External_Id__c": "wa-1", "LastName": "王"}
    [first] = many(org, "PATCH", person, path=path).json()
    [second] = many(org, "PATCH", {**person, "Title": "x"}, path=path).json()
    assert (first["created"], second["created"], first["id"]) == (True, False, second["id"])
    twice = many(org, "PATCH", person, person, path=path).json()
    assert [item["errors"][0]["statusCode"] for item in twice] == ["DUPLICATE_VALUE"] * 2
    [other] = many(org, "POST", person).json()
    assert other["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert many(org, "PATCH", person, path="composite/sobjects/Contact/Email").status_code == 404


def test_what_is_deleted_locked_or_unknown_is_not_updated(org: Org) -> None:
    org.told("DELETE", f"objects/Contact/{contact(1)}")
    org.told("POST", "locks/Contact", ids=[contact(2)], times=1)
    records = [{"Id": one, "Title": "x"} for one in (contact(1), contact(2), contact(99), "42", contact(3))]
    answer = many(org, "PATCH", *records).json()
    assert [item["errors"][0]["statusCode"] for item in answer[:-1]] == [
        "ENTITY_IS_DELETED",
        "UNABLE_TO_LOCK_ROW",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
    ]
    assert answer[-1]["success"]
    assert many(org, "PATCH", records[1]).json()[0]["success"]


def test_a_collection_has_at_most_200_records(org: Org) -> None:
    assert many(org, "POST", *[{"LastName": "a"}] * 200).status_code == 200
    assert code(many(org, "POST", *[{"LastName": "a"}] * 201)) == "EXCEEDED_ID_LIMIT"


def test_a_rule_for_duplicates_blocks_or_warns(org: Org) -> None:
    many(org, "POST", {"LastName": "a", "Email": "a@example.com"})
    org.told("POST", "rules/Contact", alike=["Email"])
    person, head = {"LastName": "b", "Email": "a@example.com"}, {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    [blocked] = many(org, "POST", person, headers=head).json()
    assert blocked["errors"][0]["statusCode"] == "DUPLICATES_DETECTED"
    assert blocked["errors"][0]["duplicateResut"]["matchResults"][0]["matchRecords"][0]["record"]["Id"]
    org.told("POST", "rules/Contact", blocks=False)
    assert not many(org, "POST", person).json()[0]["success"]
    assert many(org, "POST", person, headers=head).json()[0]["success"]


def test_single_records_are_made_shown_changed_and_deleted(org: Org) -> None:
    made = org.asked("POST", "sobjects/Contact", {"LastName": "王", "WA_External_Id__c": "wa-1"})
    assert made.status_code == 201
    path = f"sobjects/Contact/{made.json()['id']}"
    assert org.asked("PATCH", path, {"Title": "Ms"}).status_code == 204
    assert org.asked("GET", f"{path}?fields=Title").json()["Title"] == "Ms"
    by_key = "sobjects/Contact/WA_External_Id__c"
    answers = [org.asked("PATCH", f"{by_key}/wa-{number}", {"LastName": "x"}).status_code for number in (1, 2)]
    assert answers == [200, 201]
    assert org.asked("DELETE", path).status_code == 204
    assert code(org.asked("GET", path)) == "NOT_FOUND"


def test_a_describe_tells_what_the_adapter_asks_of_it(org: Org) -> None:
    told = {row["name"]: row for row in org.asked("GET", "sobjects/Contact/describe").json()["fields"]}
    assert told["WA_External_Id__c"]["unique"]
    assert not told["Id"]["createable"]
    assert told["OwnerId"]["relationshipName"] == "Owner"
    assert not told["LastName"]["nillable"]
    assert [item["value"] for item in told["WA_Service_Consent__c"]["picklistValues"]] == ["Opted in", "Opted out"]
    assert code(org.asked("GET", "sobjects/Nobody/describe")) == "NOT_FOUND"


def test_a_job_works_for_a_while_and_tells_of_each_record(org: Org) -> None:
    org.told("POST", "settings", bulk_seconds=0.05)
    opened = {"object": "Contact", "operation": "upsert", "externalIdFieldName": "WA_External_Id__c"}
    job = f"jobs/ingest/{org.asked('POST', 'jobs/ingest', opened).json()['id']}"
    file = "WA_External_Id__c,LastName,Title\nwa-1,王,\nwa-2,,x\nwa-3,李,#N/A\n"
    head = {"Content-Type": "text/csv"}
    assert org.asked("PUT", f"{job}/batches", data=file.encode(), headers=head).status_code == 201
    assert org.asked("PATCH", job, {"state": "UploadComplete"}).json()["state"] == "UploadComplete"
    assert org.asked("GET", job).json()["state"] == "InProgress"
    time.sleep(0.06)
    assert org.asked("GET", job).json()["numberRecordsFailed"] == 1
    assert len(org.asked("GET", f"{job}/successfulResults").text.splitlines()) == 3
    assert "REQUIRED_FIELD_MISSING" in org.asked("GET", f"{job}/failedResults").text
    assert code(org.asked("PATCH", job, {"state": "UploadComplete"})) == "INVALIDJOBSTATE"
    assert code(org.asked("POST", "jobs/ingest", {**opened, "externalIdFieldName": "Email"})) == "INVALIDJOB"


# --- on purpose


def test_faults_strike_the_route_they_are_planned_for(org: Org) -> None:
    org.fault("query", "rate_limit", retry_after=7)
    struck = org.query("SELECT Id FROM Contact")
    assert (struck.status_code, struck.headers["Retry-After"]) == (403, "7")
    assert many(org, "POST", {"LastName": "a"}).status_code == 200
    org.heal()
    org.fault("collections.create", "wrong_json", body="html")
    assert many(org, "POST", {"LastName": "a"}).text.startswith("<!DOCTYPE")
    assert len(org.of("Contact")) == 2


def test_a_wrong_control_command_says_what_is_wrong(org: Org) -> None:
    for method, path, body in (
        ("POST", "settings", {"nothing": 1}),
        ("POST", "objects/Contact", {"fields": {"FirstName": "x"}}),
        ("POST", "faults", {"route": "query", "kind": "nonsense"}),
        ("DELETE", "objects/Contact/42", None),
    ):
        answer = requests.request(method, f"{org.url}/_sim/{path}", json=body, timeout=5)
        assert answer.status_code == 400
        assert answer.json()["error"]
    assert requests.get(f"{org.url}/_sim/nothing", timeout=5).status_code == 404


def test_a_reset_leaves_nothing_behind(org: Org) -> None:
    many(org, "POST", {"LastName": "a"})
    org.told("POST", "reset", contacts=3)
    assert org.of("Contact") == []
    assert org.told("GET", "")["objects"]["Contact"] == 3


def test_the_command_line_makes_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"latency": 0.1, "calls_most": 5}))
    (tmp_path / "key.pem").write_text("-----BEGIN")
    words = ["--contacts", "7", "--message-object", "--settings", str(tmp_path / "settings.json")]
    config = config_from([*words, "--public-key", str(tmp_path / "key.pem")])
    assert (config.contacts, config.message_object, config.public_key) == (7, True, "-----BEGIN")
    assert (config.behaviour.latency, config.behaviour.calls_most) == (0.1, 5)
    assert config_from(["--no-limits"]).behaviour.calls_most == 0
    assert config_from([]) == SalesforceConfig()
    for wrong in (["--contact", "7"], ["--settings", str(tmp_path / "missing")], ["--faults", str(tmp_path)]):
        with pytest.raises(SystemExit):
            config_from(wrong)
