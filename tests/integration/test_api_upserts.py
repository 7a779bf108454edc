"""Customers by the word of an integration: found or made by whatever key it has, merged like any CRM's rows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from syncer.domain.contact import SourceRecord
from syncer.flows.contacts.page import take_in
from syncer.flows.contacts.sync import ContactSync
from syncer.flows.upkeep import Upkeep
from syncer.policies.upserting import digest
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCRM
from tests.fakes.jobs import RecordingJobs
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.web_server import problem, serving

PHONE = "+886912345678"
KEYS = ",".join(f"{name}:*:{sha256(name.encode()).hexdigest()}" for name in ("zapier", "make"))


@pytest.fixture
def api(database_url: str, redis_url: str, jobs: RecordingJobs, clock: FakeClock) -> Iterator[httpx.Client]:
    with serving(app.build, database_url, redis_url, jobs, clock, SYNCER_API_KEYS=KEYS) as client:
        client.base_url = client.base_url.join("/api/v1/")
        client.headers.update({"Authorization": "Bearer zapier"})
        yield client


def record(crm_id: str, phone: str, **fields: Any) -> SourceRecord:
    """A row of the company's CRM."""
    held = {"phone": phone, **fields}
    return SourceRecord("sql", crm_id, digest(held), held, phone, None)


def put(api: httpx.Client, given: Any, key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    answer = api.post("contacts", json=given, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def contact(api: httpx.Client, number: int) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"contacts/{number}").json()
    return found


def test_a_stranger_becomes_a_contact_and_the_master_hears_of_it(api: httpx.Client, house: House) -> None:
    given = {"phone": "0912-345-678", "full_name": "王小明", "tags": ["lead"], "custom.campaign": "autumn"}
    answer = api.post("contacts", json=given)
    assert answer.status_code == 201
    assert answer.json() == {"result": "created", "id": answer.json()["id"], "key": PHONE, "problem": None}
    found = contact(api, answer.json()["id"])
    assert (found["full_name"], found["phone"], found["tags"]) == ("王小明", PHONE, ["lead"])
    assert found["attributes"] == {"custom.campaign": "autumn"}
    assert found["addresses"] == [{"kind": "crm:hooks", "value": PHONE}, {"kind": "phone", "value": PHONE}]
    assert ("sql", "contact") in house.rows("select crm, topic from crm_writes")
    assert api.post("contacts", json=given).json()["result"] == "unchanged"


def test_fields_that_are_not_given_stay_null_empties_and_an_empty_text_says_nothing(api: httpx.Client) -> None:
    number = put(api, {"external_id": "L-1", "phone": PHONE, "full_name": "Amy", "city": "Taipei"})["id"]
    told = put(api, {"external_id": "L-1", "email": "AMY@Example.com", "city": None, "full_name": ""})
    assert told == {"result": "updated", "id": number, "key": "L-1", "problem": None}
    found = contact(api, number)
    assert (found["full_name"], found["email"], found["attributes"]) == ("Amy", "amy@example.com", {})


def test_a_person_whom_a_crm_knows_is_the_same_person_and_the_crm_is_told(api: httpx.Client, house: House) -> None:
    now = house.clock.now()
    with house.store.begin() as tx:
        take_in(tx, "sql", [record("c-1", PHONE, full_name="Chen", city="Tainan")], now, shared_above=20)
    house.clock.advance(minutes=1)
    told = put(api, {"phone": PHONE, "full_name": "Robert Chen"})
    assert told["result"] == "updated"
    found = contact(api, told["id"])
    assert (found["full_name"], found["attributes"]) == ("Robert Chen", {"city": "Tainan"})
    assert house.rows("select crm, topic, subject_id from crm_writes where crm = 'sql'") == [
        ("sql", "contact", told["id"])
    ]


def test_a_word_of_a_crm_that_came_later_stands(api: httpx.Client, house: House) -> None:
    told = put(api, {"phone": PHONE, "full_name": "Bob"})
    for name in ("Chen", "Robert Chen"):
        house.clock.advance(minutes=1)
        row = record("c-1", PHONE, full_name=name)
        row.changed_at = house.clock.now()
        with house.store.begin() as tx:
            take_in(tx, "sql", [row], house.clock.now(), shared_above=20)
    assert contact(api, told["id"])["full_name"] == "Robert Chen"


def test_an_address_alone_finds_its_one_person(api: httpx.Client, house: House) -> None:
    with house.store.begin() as tx:
        rows = [
            record("c-1", PHONE, email="amy@example.com"),
            record("c-2", "+886987654321", email="two@example.com"),
            record("c-3", "+886987654322", email="two@example.com"),
        ]
        take_in(tx, "sql", rows, house.clock.now(), shared_above=20)
    amy = api.get("contacts", params={"phone": PHONE}).json()[0]["id"]
    told = put(api, {"email": "Amy@example.com", "city": "Hualien"})
    assert (told["result"], told["id"], told["key"]) == ("updated", amy, "amy@example.com")
    assert put(api, {"email": "amy@example.com", "city": "Yilan"})["id"] == amy
    assert contact(api, amy)["attributes"]["city"] == "Yilan"
    refused = problem(api.post("contacts", json={"email": "two@example.com"}), 422)
    assert refused["errors"] == [
        {"at": "body.email", "detail": "belongs to several contacts; say which by phone or external_id"}
    ]
    assert put(api, {"email": "new@example.com"})["result"] == "created"


def test_an_array_is_answered_item_by_item(api: httpx.Client) -> None:
    given = [
        {"phone": PHONE, "full_name": "Amy"},
        {"phone": "12", "full_name": "Nobody"},
        {"full_name": "Nameless"},
        {"phone": "0987654321", "colour": "red"},
        {"external_id": "L-2", "phone": "0987 654 321", "tags": "vip, tea", "marketing_consent": "true"},
        {"phone": PHONE, "city": "Taipei"},
    ]
    told = put(api, given)
    assert [one["result"] for one in told] == ["created", "refused", "refused", "refused", "created", "created"]
    assert told[0]["id"] == told[5]["id"]
    assert [one["problem"]["errors"][0]["at"] for one in told[1:4]] == ["body.phone", "body.phone", "body.colour"]
    assert told[1]["problem"]["status"] == 422
    second = contact(api, told[4]["id"])
    assert (second["tags"], second["marketing"]) == (["tea", "vip"], "granted")
    assert contact(api, told[0]["id"])["full_name"] == "Amy"


@pytest.mark.parametrize(
    "given",
    [{}, {"phone": ""}, {"phone": None}, {"phone": 12}, {"phone": PHONE, "tags": 5}, {"external_id": "x" * 300}],
)
def test_one_that_cannot_be_is_a_problem(api: httpx.Client, given: Any) -> None:
    problem(api.post("contacts", json=given), 422)


@pytest.mark.parametrize("given", [[], [{"phone": PHONE}] * 101, "text", None, [[]]])
def test_what_is_no_contact_is_a_problem(api: httpx.Client, given: Any) -> None:
    problem(api.post("contacts", json=given), 422)


def test_a_repeat_under_the_same_key_changes_nothing_that_came_later(api: httpx.Client) -> None:
    first = put(api, [{"phone": PHONE, "city": "Taipei"}, {"phone": "12"}], key="k1")
    put(api, {"phone": PHONE, "city": "Tainan"}, key="k2")
    assert put(api, [{"phone": PHONE, "city": "Taipei"}, {"phone": "12"}], key="k1") == first
    assert contact(api, first[0]["id"])["attributes"] == {"city": "Tainan"}


def test_the_same_key_for_another_request_is_refused_and_another_callers_key_is_another(api: httpx.Client) -> None:
    put(api, {"phone": PHONE, "city": "Taipei"}, key="k1")
    problem(api.post("contacts", json={"phone": PHONE, "city": "X"}, headers={"Idempotency-Key": "k1"}), 422)
    mine = {"Idempotency-Key": "k1", "Authorization": "Bearer make"}
    assert api.post("contacts", json={"phone": PHONE, "city": "X"}, headers=mine).status_code == 200


def test_the_same_request_many_times_at_once_is_one(api: httpx.Client, house: House) -> None:
    given = {"phone": PHONE, "full_name": "Amy"}
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: put(api, given, key="k1"), range(16)))
    assert all(one == told[0] for one in told)
    assert told[0]["result"] == "created"
    assert house.value("select count(*) from contacts") == 1


def test_requests_are_forgotten_after_a_week_and_hold_no_number_or_address(api: httpx.Client, house: House) -> None:
    put(api, {"phone": PHONE, "email": "amy@example.com", "full_name": "Amy Wang"}, key="k1")
    held = str(house.rows("select to_jsonb(r) from idempotent_requests r"))
    assert "created" in held
    for secret in (PHONE, PHONE[4:], "amy@", "Wang"):
        assert secret not in held
    house.clock.advance(days=8)
    assert Upkeep(house.store, house.clock).tidy()["idempotent_requests"] == 1


def test_a_no_is_heard_like_any_crms_and_ours_is_not_overruled(api: httpx.Client) -> None:
    number = put(api, {"phone": PHONE, "marketing_consent": True})["id"]
    assert contact(api, number)["marketing"] == "granted"
    put(api, {"phone": PHONE, "marketing_consent": False})
    assert contact(api, number)["marketing"] == "revoked"
    own = {"tier": "marketing", "word": "revoked", "source": "phone call", "proof": "call 17"}
    api.post(f"contacts/{number}/consent", json=own)
    put(api, {"phone": PHONE, "marketing_consent": True})
    assert contact(api, number)["marketing"] == "revoked"


def test_a_full_sync_of_a_crm_lets_no_row_of_ours_go(
    api: httpx.Client, store: Store, clock: FakeClock, house: House
) -> None:
    mine = put(api, {"phone": PHONE, "full_name": "Amy"})["id"]
    crm = FakeCRM("sql")
    crm.add(clock.now(), phone="+886987654321", full_name="Bob")
    sync = ContactSync(store, {"sql": crm}, clock)
    session = WorkerSession(store, "sync", clock)
    for _ in range(2):
        clock.advance(minutes=10)
        sync.run("sql", session.number)
    session.close()
    assert contact(api, mine)["addresses"][0] == {"kind": "crm:hooks", "value": PHONE}
    assert house.value("select count(*) from departed_sources") == 0


def test_contacts_are_found_by_each_of_their_keys(api: httpx.Client) -> None:
    number = put(api, {"external_id": "L-1", "phone": PHONE, "email": "amy@example.com"})["id"]
    said = api.put("contacts", json={"phone": "0987-654-321", "email": "Bob@example.com"}).json()["id"]
    for query, found in (
        ({"external_id": "L-1"}, [number]),
        ({"email": "Amy@example.com"}, [number]),
        ({"email": "bob@example.com"}, [said]),
        ({"phone": "0912 345 678"}, [number]),
        ({"external_id": "L-2"}, []),
        ({"email": "nobody@example.com"}, []),
    ):
        assert [one["id"] for one in api.get("contacts", params=query).json()] == found
    problem(api.get("contacts"), 422)
    problem(api.get("contacts", params={"phone": PHONE, "email": "x"}), 422)


def test_polling_lists_are_the_newest_first_with_an_id_for_every_change(api: httpx.Client, house: House) -> None:
    numbers = [put(api, {"phone": f"+88691234567{n}", "full_name": f"N{n}"})["id"] for n in range(3)]
    house.clock.advance(minutes=1)
    since = house.clock.now()
    house.clock.advance(minutes=1)
    before = api.get("lists/contacts").json()
    put(api, {"phone": "+886912345670", "full_name": "N0 anew"})
    changed = api.get("lists/contacts").json()
    assert [one["contact_id"] for one in changed] == [numbers[0], numbers[2], numbers[1]]
    assert changed[0]["full_name"] == "N0 anew"
    assert len({one["id"] for one in [*before, *changed]}) == 4
    recent = api.get("lists/contacts", params={"updated_since": since.isoformat()}).json()
    assert [one["contact_id"] for one in recent] == [numbers[0]]
    created = api.get("lists/contacts", params={"event": "contact.created", "limit": 2}).json()
    assert [one["id"] for one in created] == [f"contact-{numbers[2]}", f"contact-{numbers[1]}"]
    problem(api.get("lists/contacts", params={"event": "contact.deleted"}), 422)
    problem(api.get("lists/contacts", params={"limit": 0}), 422)


def test_messages_and_handoffs_can_be_polled(api: httpx.Client, house: House) -> None:
    house.receive(said("w1", "hello", at=house.clock.now() - timedelta(seconds=2)))
    house.receive(said("w2", "complaint", at=house.clock.now()))
    told = api.get("lists/messages").json()
    assert [(one["body"], one["event"], one["phone"]) for one in told] == [
        ("complaint", "message.received", PHONE),
        ("hello", "message.received", PHONE),
    ]
    assert [one["reason"] for one in api.get("lists/handoffs").json()] == ["complaint"]
    assert api.get("lists/messages", params={"event": "message.sent"}).json() == []


def test_a_row_that_was_known_here_is_still_the_same_person_after_its_number_changes(api: httpx.Client) -> None:
    number = put(api, {"external_id": "L-1", "phone": PHONE})["id"]
    assert put(api, {"external_id": "L-1", "phone": "+886987654321"})["id"] == number
    assert contact(api, number)["phone"] == "+886987654321"
