"""PUT contacts: what a shop or a form says of a person, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from syncer.store.session import Store
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.web_server import problem, serving

PHONE = "+886912345678"


@pytest.fixture
def api(database_url: str, redis_url: str, jobs: RecordingJobs, clock: FakeClock) -> Iterator[httpx.Client]:
    key = f"shop:contacts:{sha256(b'shop').hexdigest()}"
    with serving(app.build, database_url, redis_url, jobs, clock, SYNCER_API_KEYS=key) as client:
        client.base_url = client.base_url.join("/api/v1/")
        client.headers.update({"Authorization": "Bearer shop"})
        yield client


def rows(store: Store, query: str) -> list[Any]:
    with store.begin() as tx:
        return list(tx.execute(text(query)))


def test_a_stranger_is_made_by_phone_once(api: httpx.Client, store: Store, jobs: RecordingJobs) -> None:
    form = {"phone": "0912-345-678", "full_name": "王小明", "tags": ["vip"], "custom.level": "gold"}
    first, second = api.put("contacts", json=form), api.put("contacts", json=form)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    contact = first.json()
    assert (contact["phone"], contact["full_name"], contact["tags"]) == (PHONE, "王小明", ["vip"])
    assert contact["attributes"] == {"custom.level": "gold"}
    assert rows(store, "select crm, topic, state from crm_writes") == [("sql", "contact", "pending")]
    assert ("crm", None) in jobs.rung


def test_whoever_is_known_by_the_number_is_changed(api: httpx.Client, house: House) -> None:
    house.receive(said("w1", "hi", phone=PHONE, name="on WhatsApp"))
    answer = api.put("contacts", json={"phone": PHONE, "full_name": "王小明", "birthday": "1991-03-09"})
    assert answer.status_code == 200
    assert (answer.json()["full_name"], answer.json()["attributes"]) == ("王小明", {"birthday": "1991-03-09"})
    house.crm_writes.drain(house.worker)
    (record,) = house.crm.contacts.values()
    assert (record["full_name"], record["birthday"]) == ("王小明", "1991-03-09")


def test_given_fields_change_and_the_others_stay(api: httpx.Client, house: House) -> None:
    person = house.contact(PHONE, email="wang@example.com")
    answer = api.put(f"contacts/{person}", json={"city": "Tainan", "language": "zh_TW"})
    assert (answer.status_code, answer.json()["email"], answer.json()["language"]) == (200, "wang@example.com", "zh_TW")
    answer = api.put(f"contacts/{person}", json={"city": None, "email": None})
    assert (answer.json()["attributes"], answer.json()["email"]) == ({}, None)
    said_of = rows(house.store, "select edits from contacts")[0].edits
    assert {name: (edit["value"], edit["by"]) for name, edit in said_of.items()} == {
        "city": (None, "api:shop"),
        "email": (None, "api:shop"),
        "language": ("zh_TW", "api:shop"),
    }


def test_a_changed_number_keeps_the_conversation(api: httpx.Client, house: House) -> None:
    house.receive(said("w1", "hi", phone=PHONE))
    person = api.get("contacts", params={"phone": PHONE}).json()[0]["id"]
    answer = api.put(f"contacts/{person}", json={"phone": "0922 222 222"})
    assert (answer.json()["phone"], answer.json()["id"]) == ("+886922222222", person)
    assert len(api.get(f"contacts/{person}/conversation").json()) == 1
    assert api.get("contacts", params={"phone": PHONE}).json() == []


def test_a_number_of_somebody_else_is_409_and_nothing_is_changed(api: httpx.Client, house: House) -> None:
    person, other = house.contact(PHONE), house.contact("+886922222222")
    answer = api.put(f"contacts/{person}", json={"phone": "+886922222222", "city": "Tainan"})
    problem(answer, 409)
    assert f"contact {other}" in answer.json()["detail"]
    assert rows(house.store, "select distinct attributes from contacts") == [({},)]


def test_a_field_that_there_is_not_is_422_with_the_one_that_was_meant(api: httpx.Client, house: House) -> None:
    person = house.contact(PHONE)
    wrong = {"compny": "x", "external_id": "1", "marketing_consent": True, "email": "nobody"}
    answer = api.put(f"contacts/{person}", json=wrong)
    problem(answer, 422)
    details = {error["at"]: error["detail"] for error in answer.json()["errors"]}
    assert "did you mean 'company'?" in details["body.compny"]
    assert details["body.external_id"] == "belongs to the CRM"
    assert "consent" in details["body.marketing_consent"]
    assert details["body.email"] == "must be an e-mail address"
    problem(api.put("contacts", json={"full_name": "nobody's"}), 422)
    problem(api.put(f"contacts/{person}", json=["x"]), 422)
    problem(api.put("contacts/999", json={"city": "x"}), 404)
