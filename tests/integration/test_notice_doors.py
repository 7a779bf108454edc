"""The doors of the CRMs: who is let in, what is refused and how, and that nothing is acknowledged that is not kept."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from syncer.crm.hubspot import signature
from syncer.crm.salesforce import soql
from syncer.crm.zoho import watch
from syncer.simulators.hubspot.config import HubSpotConfig
from syncer.simulators.salesforce.config import SalesforceConfig
from syncer.simulators.zoho.config import ZohoConfig
from tests.integration.crm_vendors import HUBSPOT, SALESFORCE, VENDORS, ZOHO, Vendor
from tests.integration.notice_house import House, house

Sent = tuple[str, bytes, dict[str, str]]
"""Path, body, headers."""
OUTBOUND = (Path(__file__).parents[1] / "data" / "salesforce" / "outbound_message.xml").read_bytes()
ORGANISATION = soql.long_id(SalesforceConfig().organisation).encode()


def hubspot_signed(office: House, body: bytes, secret: str = "", age: float = 0.0, query: str = "") -> Sent:
    stamp = str(int((time.time() - age) * 1000))
    path = office.path + query
    content = b"POST" + (office.url + path).encode() + body + stamp.encode()
    signed = signature.sign(secret or HubSpotConfig().client_secret, content).decode()
    return path, body, {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": stamp}


def hubspot_events(*events: dict[str, Any]) -> bytes:
    usual = {"eventId": 1, "subscriptionId": 2, "portalId": 62515, "appId": 3, "attemptNumber": 0}
    return json.dumps([{**usual, "occurredAt": 1795420800000, **event} for event in events]).encode()


def zoho_notice(office: House, **changes: Any) -> bytes:
    module = changes.get("module", "Contacts")
    channel = watch.channel_id(module, office.address)
    token = watch.token_of(ZohoConfig().client_secret, channel)
    told = {"module": module, "ids": ["7"], "operation": "update", "channel_id": channel, "token": token}
    return json.dumps({**told, **changes}).encode()


def genuine(office: House, body: bytes | None = None) -> Sent:
    """One delivery as the vendor would send it; `body` in the place of its own, as well proven as it can be."""
    match office.vendor.name:
        case "hubspot":
            event = {"subscriptionType": "contact.creation", "objectId": 7, "changeSource": "CRM_UI"}
            return hubspot_signed(office, hubspot_events(event) if body is None else body)
        case "salesforce":
            found = OUTBOUND.replace(b"00D5g000001abcdEAA", ORGANISATION)
            return office.path, found if body is None else body, {"Content-Type": "text/xml"}
        case _:
            return office.path, zoho_notice(office) if body is None else body, {"Content-Type": "application/json"}


def sent(office: House, delivery: Sent) -> httpx.Response:
    path, body, headers = delivery
    return office.web.post(path, content=body, headers=headers)


def status(office: House, delivery: Sent) -> int:
    answer = sent(office, delivery)
    if answer.status_code == 503 and office.vendor is SALESFORCE:  # the org's id is being asked for
        office.until(lambda: sent(office, delivery).status_code != 503)
        answer = sent(office, delivery)
    return answer.status_code


def kept(office: House) -> list[tuple[str, str]]:
    return [(row.kind, row.record_id) for row in office.rows("select kind, record_id from crm_notices order by 1, 2")]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def office(request: pytest.FixtureRequest, database_url: str, redis_url: str) -> Iterator[House]:
    with house(request.param, database_url, redis_url) as found:
        yield found


@pytest.fixture
def door(database_url: str, redis_url: str) -> Iterator[Callable[[Vendor], House]]:
    open_ones = []

    def opened(vendor: Vendor, **more: str) -> House:
        open_ones.append(house(vendor, database_url, redis_url, **more))
        return open_ones[-1].__enter__()

    yield opened
    for one in open_ones:
        one.__exit__(None, None, None)


def test_a_genuine_delivery_is_kept_and_answered_as_its_vendor_wants(office: House) -> None:
    assert status(office, genuine(office)) == 200
    answer = sent(office, genuine(office))
    if office.vendor is SALESFORCE:
        assert b"<Ack>true</Ack>" in answer.content
        assert answer.headers["content-type"].startswith("text/xml")
    assert len(kept(office)) == 1
    assert ("notices", None) in office.runtime.jobs.rung  # type: ignore[attr-defined]


def test_a_delivery_that_proves_nothing_is_401_and_not_kept(office: House) -> None:
    assert status(office, genuine(office)) == 200
    path, body, headers = genuine(office)
    with office.runtime.store.begin() as tx:
        tx.execute(text("delete from crm_notices"))
    wrong: list[Sent] = {
        "hubspot": [
            (path, body, {}),
            (path, body + b" ", headers),
            (path + "?other=1", body, headers),
            (path, body, {**headers, "X-HubSpot-Request-Timestamp": "9" * 400}),
            (path, body, {**headers, "X-HubSpot-Request-Timestamp": str(int(time.time() * 1000) + 1)}),
            hubspot_signed(office, body, secret="a-guess"),
            hubspot_signed(office, body, age=400),
            hubspot_signed(office, body, age=-400),
        ],
        "salesforce": [
            ("/webhooks/salesforce", body, headers),
            ("/webhooks/salesforce/%2e%2e", body, headers),
            ("/webhooks/salesforce/guess", body, headers),
            (path[:-1], body, headers),
            (path, body.replace(ORGANISATION, soql.long_id("00D5g000001abcd").encode()), headers),
        ],
        "zoho": [
            (path, zoho_notice(office, token="guess"), headers),
            (path, zoho_notice(office, token=None), headers),
            (path, zoho_notice(office, channel_id="1"), headers),
            (path, zoho_notice(office, module="Leads"), headers),
        ],
    }[office.vendor.name]
    refused = [sent(office, delivery).status_code for delivery in wrong]
    assert set(refused) <= {401, 404}, refused
    assert kept(office) == []


def test_what_is_none_of_the_vendors_deliveries_is_400(office: House) -> None:
    assert status(office, genuine(office)) == 200
    for body in (b"", b"{", b"<", b"null", b"<a/>", b'{"a": 1}', b"\xff\xfe", b"[" * 100_000):
        assert sent(office, genuine(office, body)).status_code == 400, body[:20]


def test_what_is_larger_than_any_delivery_is_413(office: House) -> None:
    for body in (b"x" * (5 * 1024 * 1024), (b"x" * 65536 for _ in range(80))):
        answer = office.web.post(office.path, content=body, headers=genuine(office)[2])
        assert answer.status_code == 413


def test_other_methods_are_405(office: House) -> None:
    answer = office.web.get(office.path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_an_entity_is_refused_before_it_is_expanded(door: Callable[[Vendor], House]) -> None:
    office = door(SALESFORCE)
    assert status(office, genuine(office)) == 200
    path, body, headers = genuine(office)
    head, _, rest = body.partition(b"?>")
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    spoilt = head + b"?>" + laughs + rest.replace(b"0912-345-678", b"&b;")
    assert sent(office, (path, spoilt, headers)).status_code == 400


def test_a_secret_that_is_being_replaced_is_good_until_it_is_gone(door: Callable[..., House]) -> None:
    office = door(HUBSPOT)
    body = genuine(office)[1]
    for secret in ("the-new-one", HubSpotConfig().client_secret):
        assert sent(office, hubspot_signed(office, body, secret=secret)).status_code == 200


def test_an_address_of_an_older_secret_key_is_good_until_the_key_is_gone(door: Callable[..., House]) -> None:
    from syncer.crm.salesforce.notices import secrets_of

    office = door(SALESFORCE)
    newer, older = secrets_of(office.runtime.settings)
    assert office.path == f"/webhooks/salesforce/{newer}"
    assert status(office, genuine(office)) == 200
    _, body, headers = genuine(office)
    assert sent(office, (f"/webhooks/salesforce/{older}", body, headers)).status_code == 200


def test_the_address_may_have_a_query_which_is_signed_too(door: Callable[..., House]) -> None:
    office = door(HUBSPOT)
    assert sent(office, hubspot_signed(office, genuine(office)[1], query="?a=%40b&c=1%2C2")).status_code == 401
    plain = "?a=@b&c=1,2"
    _, body, headers = hubspot_signed(office, genuine(office)[1], query=plain)
    assert sent(office, ("/webhooks/hubspot?a=%40b&c=1%2C2", body, headers)).status_code == 200


def test_events_name_the_records_and_others_are_acknowledged(door: Callable[..., House]) -> None:
    office = door(HUBSPOT)
    events = hubspot_events(
        {"subscriptionType": "contact.propertyChange", "objectId": 11, "propertyName": "city"},
        {"subscriptionType": "contact.propertyChange", "objectId": 12, "changeSource": "INTEGRATION", "sourceId": "3"},
        {
            "subscriptionType": "contact.merge",
            "objectId": 21,
            "primaryObjectId": 21,
            "mergedObjectIds": [22, 23],
            "newObjectId": 24,
        },
        {"subscriptionType": "contact.privacyDeletion", "objectId": 31},
        {"subscriptionType": "object.restore", "objectTypeId": "0-1", "objectId": 32},
        {"subscriptionType": "object.creation", "objectTypeId": "0-18", "objectId": 41},
        {
            "subscriptionType": "object.creation",
            "objectTypeId": "0-18",
            "objectId": 42,
            "changeSource": "INTEGRATION",
            "sourceId": "3",
        },
        {
            "subscriptionType": "object.creation",
            "objectTypeId": "0-18",
            "objectId": 43,
            "changeSource": "INTEGRATION",
            "sourceId": "4",
        },
        {"subscriptionType": "object.deletion", "objectTypeId": "0-18", "objectId": 44},
        {
            "subscriptionType": "object.associationChange",
            "fromObjectTypeId": "0-18",
            "fromObjectId": 45,
            "toObjectTypeId": "0-1",
            "toObjectId": 46,
        },
        {"subscriptionType": "deal.creation", "objectId": 51},
        {"subscriptionType": "conversation.newMessage", "objectId": 52},
        {"subscriptionType": "object.creation", "objectTypeId": "2-999", "objectId": 53},
        {"subscriptionType": "contact.creation", "objectId": "x"},
        {"subscriptionType": None},
    )
    assert sent(office, hubspot_signed(office, events)).status_code == 200
    contacts = ["11", "12", "21", "22", "23", "24", "31", "32", "46"]
    assert kept(office) == [("contact", one) for one in contacts] + [("reply", one) for one in ("41", "43", "45")]
    nothing = hubspot_events({"subscriptionType": "deal.creation", "objectId": 51})
    assert sent(office, hubspot_signed(office, nothing)).status_code == 200


def test_objects_that_nobody_wants_are_acknowledged(door: Callable[..., House]) -> None:
    office = door(SALESFORCE)
    assert status(office, genuine(office)) == 200
    path, body, headers = genuine(office)
    with office.runtime.store.begin() as tx:
        tx.execute(text("delete from crm_notices"))
    other = sent(office, (path, body.replace(b"sf:Contact", b"sf:Opportunity"), headers))
    assert (other.status_code, b"<Ack>true</Ack>" in other.content, kept(office)) == (200, True, [])
    assert sent(office, (path, body.replace(b"sf:Contact", b"sf:Task"), headers)).status_code == 200
    assert [kind for kind, _ in kept(office)] == ["reply"]


def test_a_notification_without_data_holds_up_none_of_the_others(door: Callable[..., House]) -> None:
    """So comes a record that was deleted before it was told of."""
    office = door(SALESFORCE)
    assert status(office, genuine(office)) == 200
    path, body, headers = genuine(office)
    empty = b'<Notification><Id>04l5g00000CwVsbAAF</Id><sObject xsi:nil="true"/></Notification>'
    with office.runtime.store.begin() as tx:
        tx.execute(text("delete from crm_notices"))
    assert (
        sent(office, (path, body.replace(b"</notifications>", empty + b"</notifications>"), headers)).status_code == 200
    )
    assert len(kept(office)) == 1


def test_messages_that_are_gone_are_nothing_to_be_sent(door: Callable[..., House]) -> None:
    office = door(ZOHO)
    for operation in ("insert", "update", "delete"):
        body = zoho_notice(office, module="WA_Messages", operation=operation, ids=[operation, "8", "8"])
        assert sent(office, genuine(office, body)).status_code == 200
    assert kept(office) == [("reply", "8")]
    assert office.rows("select revision from crm_notices")[0].revision == 2


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_without_a_database_nothing_is_acknowledged(vendor: Vendor, redis_url: str, database_url: str) -> None:
    with house(vendor, database_url, redis_url) as office:
        assert status(office, genuine(office)) == 200
        engine = office.runtime.store.engine
        with socket.create_server(("127.0.0.1", 0)) as taken:
            nowhere = taken.getsockname()[1]
        office.runtime.store.engine = type(office.runtime.store)(_elsewhere(nowhere)).engine
        answer = sent(office, genuine(office))
        assert (answer.status_code, b"Ack" in answer.content) == (503, False)
        assert answer.headers["retry-after"]
        office.runtime.store.engine = engine
        assert status(office, genuine(office)) == 200


def _elsewhere(port: int) -> Any:
    from syncer.store.session import open_engine

    return open_engine(f"postgresql+psycopg2://syncer@127.0.0.1:{port}/syncer")


def test_a_crm_without_its_secret_has_no_door(door: Callable[..., House]) -> None:
    office = door(HUBSPOT, HUBSPOT_CLIENT_SECRET="")
    assert office.web.post("/webhooks/hubspot", content=b"[]").status_code == 404
    for name in ("salesforce", "zoho"):
        assert office.web.post(f"/webhooks/{name}", content=b"[]").status_code == 404


@pytest.mark.parametrize("vendor", [HUBSPOT, SALESFORCE], ids=lambda vendor: vendor.name)
def test_what_was_not_taken_is_delivered_again(vendor: Vendor, database_url: str, redis_url: str) -> None:
    with house(vendor, database_url, redis_url, {"contacts": 5}) as office:
        office.site.told("POST", "settings", push_retry=0.05)
        engine = office.runtime.store.engine
        office.runtime.store.engine = _elsewhere(1)
        office.subscribe()
        office.vendor.change(office.site, 1, {vendor.city: "台東市"})
        office.until(lambda: office.site.requests().get("callbacks", 0) >= 3)
        office.runtime.store.engine = engine
        office.until(lambda: ("contact", vendor.contact(1)) in kept(office))


def quickly(count: int) -> Any:
    """Some of what hypothesis could think of; a fixture serves all examples."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return examples(max_examples=count, deadline=None, database=None, suppress_health_check=health)


NAMES = st.sampled_from(
    ["subscriptionType", "objectId", "objectTypeId", "mergedObjectIds", "appId", "ids", "module", "token", "operation"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
ODD = st.one_of(st.binary(max_size=200), JSON.map(lambda value: json.dumps(value).encode()))


@quickly(60)
@given(body=ODD)
@example(body=b'[{"subscriptionType": "contact.creation", "objectId": 1e400}]')
@example(body=b'[{"subscriptionType": "contact.merge", "mergedObjectIds": [[], {}, "\\ud800"]}]')
@example(body=b'[{"subscriptionType": "contact.creation", "objectId": ' + b"9" * 5000 + b"}]")
@example(body=b'{"ids": ["1"], "channel_id": "\\ud800", "token": "\\ud800"}')
@example(body=b"[" + b"[" * 5_000)
def test_whatever_is_proven_as_well_as_it_can_be_is_answered_and_kept_whole_or_not(office: House, body: bytes) -> None:
    found = status(office, genuine(office, body))
    assert found in (200, 400, 401)
    assert found == 200 or kept(office) == []
