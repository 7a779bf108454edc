"""The API: who may, what is promised once, and how it says no."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from syncer.domain.errors import AskPerson
from syncer.domain.message import SendRequest
from syncer.flows.reports import Reports
from syncer.store.session import Store
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.web_server import altered, problem, serving

PHONE = "+886912345678"
TEMPLATE = {"name": "order_confirmation", "language": "zh_TW"}


def key(name: str, scopes: str) -> str:
    return f"{name}:{scopes}:{sha256(name.encode()).hexdigest()}"


KEYS = ",".join([key("everything", "*"), key("reader", "messages.read+contacts.read"), key("reporter", "reports")])


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


@pytest.fixture
def api(database_url: str, redis_url: str, jobs: RecordingJobs, clock: FakeClock) -> Iterator[httpx.Client]:
    with serving(app.build, database_url, redis_url, jobs, clock, SYNCER_API_KEYS=KEYS) as client:
        client.base_url = client.base_url.join("/api/v1/")
        client.headers.update(bearer("everything"))
        yield client


def send(api: httpx.Client, idempotency_key: str = "k1", **order: Any) -> httpx.Response:
    order = {"to": {"phone": PHONE}, "template": parameters(api), **order}
    return api.post("messages", json=order, headers={"Idempotency-Key": idempotency_key})


def parameters(api: httpx.Client, *values: str) -> dict[str, Any]:
    """The shipped order confirmation, with as many values as it wants."""
    return {**TEMPLATE, "parameters": [*values, *("王小明", "A-1001", "1,280", "2026-11-23", "x")][:3]}


def rows(store: Store, query: str) -> list[Any]:
    with store.begin() as tx:
        return list(tx.execute(text(query)))


def test_without_a_key_it_is_401(api: httpx.Client) -> None:
    for headers in ({"Authorization": ""}, bearer("guess"), {"Authorization": "Basic ZXZlcnl0aGluZw=="}):
        answer = api.get("messages/1", headers=headers)
        problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_key_reaches_only_what_its_scopes_name(api: httpx.Client) -> None:
    problem(api.get("messages/1", headers=bearer("reader")), 404)
    problem(api.post("messages", json={}, headers=bearer("reader")), 403)
    problem(api.get("failures", headers=bearer("reader")), 403)
    problem(api.get("messages/1", headers=bearer("reporter")), 403)
    assert api.get("reports/live", headers=bearer("reporter")).status_code == 200


def test_every_route_but_the_documents_asks_for_a_key(api: httpx.Client) -> None:
    paths = api.get("openapi.json", headers={"Authorization": ""}).json()["paths"]
    for path, operations in paths.items():
        for method in operations:
            problem(
                api.request(method, path.format(id=1, event="message.received")[1:], headers={"Authorization": ""}), 401
            )


def test_a_message_is_taken_once_under_its_key(api: httpx.Client, store: Store, jobs: RecordingJobs) -> None:
    first, second = send(api), send(api)
    assert (first.status_code, first.json()["state"]) == (202, "planned")
    assert second.json() == first.json()
    planned = rows(store, "select lane, source, kind, category, phone_number_id from outgoing")
    assert planned == [("live", "api", "template", "utility", "106540352242922")]
    assert jobs.rung == [("realtime", None)]


def test_the_same_key_at_the_same_moment_is_one_message(api: httpx.Client, store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(api).json()["id"], range(16)))
    assert len(set(answers)) == 1
    assert len(rows(store, "select id from outgoing")) == 1


def test_a_key_used_for_another_message_is_refused(api: httpx.Client, store: Store) -> None:
    send(api)
    problem(send(api, to={"phone": "+886987654321"}), 422)
    problem(send(api, template=parameters(api, "陳大文")), 422)
    assert len(rows(store, "select id from outgoing")) == 1


def test_two_callers_may_choose_the_same_key(database_url: str, redis_url: str, store: Store) -> None:
    keys = f"{key('one', 'messages')},{key('two', 'messages')}"
    with serving(app.build, database_url, redis_url, SYNCER_API_KEYS=keys) as client:
        client.base_url = client.base_url.join("/api/v1/")
        for name in ("one", "two"):
            client.headers.update(bearer(name))
            assert send(client).status_code == 202
    assert len(rows(store, "select id from outgoing")) == 2


def test_a_message_without_an_idempotency_key_is_400(api: httpx.Client) -> None:
    told = problem(api.post("messages", json={"to": {"phone": PHONE}, "text": {"body": "hi"}}), 400)
    assert "idempotency-key" in json.dumps(told).lower()


@pytest.mark.parametrize(
    "order",
    [
        {"to": {"phone": "12"}},
        {"to": {"phone": PHONE, "contact_id": 1}},
        {"to": {}},
        {"to": {"contact_id": 999}},
        {"to": {"contact_id": 2**63}},
        {"text": {"body": "hi"}},
        {"template": {"name": "nothing", "language": "zh_TW"}},
        {"template": {**TEMPLATE, "parameters": []}},
        {"template": None},
        {"template": None, "text": {"body": "  "}},
        {"template": None, "text": {"body": "x" * 4097}},
        {"template": None, "text": {"body": "hi"}, "colour": "red"},
    ],
)
def test_an_order_that_cannot_be_is_422_and_plans_nothing(
    api: httpx.Client, store: Store, order: dict[str, Any]
) -> None:
    problem(send(api, **order), 422)
    assert rows(store, "select id from outgoing") == []


def test_a_text_names_the_company_and_survives_what_nobody_can_store(api: httpx.Client, store: Store) -> None:
    answer = send(api, template=None, text={"body": "\x00 🍵 مرحبا"})
    body = api.get(f"messages/{answer.json()['id']}").json()["body"]
    assert body.startswith("\N{REPLACEMENT CHARACTER} 🍵 مرحبا")
    assert "Formosa Tea Co." in body
    lone = b'{"to": {"phone": "+886912345678"}, "text": {"body": "\\ud800"}}'
    headers = {"Idempotency-Key": "k2", "Content-Type": "application/json"}
    assert api.post("messages", content=lone, headers=headers).status_code in (202, 422)


def test_what_is_not_json_is_400(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    problem(api.post("messages", content=b"{", headers=headers), 400)


def test_a_body_over_sixteen_mebibytes_is_413(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    problem(api.post("messages", content=b"[" * (17 * 1024 * 1024), headers=headers), 413)
    parts = (b" " * 65536 for _ in range(17 * 16))
    problem(api.post("messages", content=parts, headers=headers), 413)


def test_a_message_shows_how_far_it_has_come(api: httpx.Client, house: House) -> None:
    number = send(api).json()["id"]
    house.sending.drain_live(house.worker)
    told = api.get(f"messages/{number}").json()
    assert (told["state"], told["status"], told["wamid"]) == ("accepted", "accepted", "wamid.1")
    problem(api.get("messages/99999"), 404)
    problem(api.get("messages/seventeen"), 422)


def test_a_contact_is_found_by_its_phone_in_any_writing(api: httpx.Client, house: House) -> None:
    known = house.contact(PHONE)
    for phone in (PHONE, "0912-345-678", "886912345678", " 886912345678"):
        found = api.get("contacts", params={"phone": phone}).json()
        assert [person["id"] for person in found] == [known]
    assert found[0]["addresses"] == [{"kind": "phone", "value": PHONE}]
    assert api.get("contacts", params={"phone": "0987-654-321"}).json() == []
    problem(api.get("contacts", params={"phone": "12"}), 422)
    assert api.get(f"contacts/{known}").json() == found[0]
    problem(api.get("contacts/99999"), 404)


def test_a_conversation_is_paged_from_the_newest(api: httpx.Client, house: House) -> None:
    at = house.clock.now()
    house.receive(*(said(f"w{n}", f"number {n}", at=at - timedelta(minutes=n)) for n in range(5)))
    person = house.value("select id from contacts")
    page = api.get(f"contacts/{person}/conversation", params={"limit": 3}).json()
    assert [turn["body"] for turn in page] == ["number 0", "number 1", "number 2"]
    before = page[-1]["occurred_at"]
    rest = api.get(f"contacts/{person}/conversation", params={"before": before}).json()
    assert [turn["body"] for turn in rest] == ["number 3", "number 4"]
    problem(api.get("contacts/99999/conversation"), 404)


def test_a_word_of_consent_is_kept_and_told_to_the_crm(api: httpx.Client, house: House, jobs: RecordingJobs) -> None:
    person = house.contact(PHONE)
    said_yes = {"tier": "marketing", "word": "granted", "source": "form:newsletter", "proof": "https://x.example/8812"}
    answer = api.post(f"contacts/{person}/consent", json=said_yes)
    assert (answer.status_code, answer.json()) == (201, {"tier": "marketing", "word": "granted"})
    assert api.get(f"contacts/{person}").json()["marketing"] == "granted"
    assert house.rows("select source, proof from consents") == [
        ("api:everything:form:newsletter", "https://x.example/8812")
    ]
    assert ("crm", None) in jobs.rung
    older = said_yes | {"word": "revoked", "at": "2020-01-01T00:00:00Z"}
    assert api.post(f"contacts/{person}/consent", json=older).json()["word"] == "granted"
    problem(api.post("contacts/99999/consent", json=said_yes), 404)
    problem(api.post(f"contacts/{person}/consent", json=said_yes | {"word": "unknown"}), 422)


def test_a_campaign_is_planned_paused_and_resumed(api: httpx.Client, house: House, jobs: RecordingJobs) -> None:
    people = [house.contact(f"+88691234567{n}") for n in range(3)]
    recipients = [{"contact_id": p, "parameters": parameters(api)["parameters"]} for p in people]
    plan = {"name": "November", "template": "order_confirmation", "language": "zh_TW", "recipients": recipients}
    first = api.post("campaigns", json=plan, headers={"Idempotency-Key": "c1"})
    assert (first.status_code, first.json()["state"]) == (202, "running")
    assert first.json()["sends"] == {"planned": 3}
    assert jobs.queues == {"send"}
    again = api.post("campaigns", json=plan, headers={"Idempotency-Key": "c1"})
    number = first.json()["id"]
    assert again.json()["id"] == number
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "running"), ("resume", "running")):
        assert api.post(f"campaigns/{number}/{verb}").json()["state"] == state
    problem(api.post("campaigns", json=plan | {"name": "December"}, headers={"Idempotency-Key": "c1"}), 422)
    problem(api.post("campaigns", json=plan | {"recipients": [{"contact_id": 99999}]}), 422)
    problem(api.post("campaigns", json=plan | {"recipients": [{"contact_id": people[0]}]}), 422)
    problem(api.post("campaigns/99999/pause"), 404)
    house.rows("update campaigns set state = 'done' returning id")
    problem(api.post(f"campaigns/{number}/pause"), 409)


def test_a_failed_message_is_replayed_with_fresh_attempts_and_the_same_key(api: httpx.Client, house: House) -> None:
    number = _failed(api, house)
    letter = api.get("failures").json()[0]
    assert (letter["subject"], letter["subject_id"]) == ("outgoing", number)
    assert api.post(f"failures/{letter['id']}/replay").json() == {"id": letter["id"], "resolution": "replayed"}
    assert house.send_state(number) == ("planned", None)
    house.messenger.on_send = lambda request: None
    house.sending.drain_live(house.worker)
    assert house.send_state(number) == ("accepted", None)
    assert api.get(f"messages/{number}").json()["status"] == "accepted"
    assert house.rows("select idempotency_key, attempts from outgoing") == [("api:everything:k1", 1)]
    assert api.get("failures").json() == []
    problem(api.post(f"failures/{letter['id']}/replay"), 409)
    problem(api.post("failures/99999/replay"), 404)


def test_a_discarded_failure_is_not_tried_again(api: httpx.Client, house: House) -> None:
    number = _failed(api, house)
    letter = api.get("failures").json()[0]["id"]
    assert api.post(f"failures/{letter}/discard").status_code == 200
    problem(api.post(f"failures/{letter}/replay"), 409)
    assert house.sending.drain_live(house.worker) == 0
    assert house.send_state(number)[0] == "failed"


def _failed(api: httpx.Client, house: House) -> int:
    def refuse(request: SendRequest) -> None:
        raise AskPerson("the account is locked", code="131031")

    number: int = send(api).json()["id"]
    house.messenger.on_send = refuse
    house.sending.drain_live(house.worker)
    assert house.send_state(number)[0] == "failed"
    return number


CHOICE = {"id": "y", "title": "是"}


@pytest.mark.parametrize(
    ("kind", "content", "body"),
    [
        ("media", {"kind": "image", "id": "77", "caption": "收據"}, "收據\n— 福爾摩沙茶行"),
        ("location", {"latitude": 25.03, "longitude": 121.5, "name": "門市"}, "門市"),
        ("contacts", {"cards": [{"name": "王小明", "phones": ["+886912345678"]}]}, "王小明 +886912345678"),
        ("reaction", {"wamid": "wamid.1", "emoji": "👍"}, "👍"),
        ("buttons", {"body": "好嗎？", "buttons": [CHOICE]}, "好嗎？"),
        ("list", {"body": "哪天？", "button": "選", "sections": [{"rows": [CHOICE]}]}, "哪天？"),
        ("link", {"body": "看", "label": "開啟", "url": "https://example.com"}, "看"),
        ("flow", {"body": "填", "flow_id": "1", "label": "開始", "token": "t"}, "填"),
        ("question", {"of": "location", "body": "您在哪？"}, "您在哪？"),
        ("question", {"of": "phone", "body": "您的電話？"}, "您的電話？"),
    ],
)
def test_every_kind_of_message_can_be_asked_for(
    api: httpx.Client, store: Store, kind: str, content: dict[str, Any], body: str
) -> None:
    answer = send(api, template=None, reply_to="wamid.0", **{kind: content})
    assert answer.status_code == 202, answer.text
    planned = rows(store, "select kind, category, body, reply_to from outgoing")[0]
    assert planned.kind == (content["kind"] if kind == "media" else {"buttons": "interactive"}.get(kind, planned.kind))
    assert (planned.category, planned.reply_to) == ("service", "wamid.0")
    assert body.split("\n")[0] in planned.body


@pytest.mark.parametrize(
    "order",
    [
        {"text": {"body": "hi"}, "location": {"latitude": 1, "longitude": 2}},
        {"media": {"kind": "image"}},
        {"media": {"kind": "audio", "id": "1", "caption": "x"}},
        {"location": {"latitude": 91, "longitude": 2}},
        {"buttons": {"body": "?", "buttons": [CHOICE, CHOICE]}},
        {"buttons": {"body": "?", "buttons": [{"id": "1", "title": "x" * 21}]}},
        {"list": {"body": "?", "button": "x" * 21, "sections": [{"rows": [CHOICE]}]}},
        {"link": {"body": "?", "label": "x", "url": "javascript:alert(1)"}},
        {"question": {"of": "name", "body": "?"}},
        {"text": {"body": "hi"}, "fallback": {"name": "nothing", "language": "zh_TW"}},
        {"to": {"user_id": "not-one"}, "text": {"body": "hi"}},
    ],
)
def test_content_that_the_platform_would_refuse_is_422_and_plans_nothing(
    api: httpx.Client, store: Store, order: dict[str, Any]
) -> None:
    problem(send(api, **{"template": None, **order}), 422)
    assert rows(store, "select id from outgoing") == []


def test_a_person_who_hides_their_phone_is_named_by_user_id(api: httpx.Client, store: Store) -> None:
    user_id = "TW.13491208655302741918"
    assert send(api, to={"user_id": user_id}).status_code == 202
    assert rows(store, "select kind, value from identities") == [("user_id", user_id)]


def test_a_customers_message_is_marked_as_read(api: httpx.Client, house: House) -> None:
    problem(api.post("messages/read", json={"wamid": "wamid.unknown"}), 404)
    house.receive(said("wamid.old", "在嗎", at=house.clock.now() - timedelta(days=31)))
    problem(api.post("messages/read", json={"wamid": "wamid.old"}), 422)


def test_a_file_that_nobody_sent_is_404(api: httpx.Client) -> None:
    problem(api.get("media/1"), 404)


def test_a_sync_is_rung_for_by_name(api: httpx.Client, jobs: RecordingJobs) -> None:
    assert api.post("sync").json() == {"crms": ["sql"]}
    assert jobs.rung == [("sync", "sql")]
    problem(api.post("sync", json={"crm": "hubspot"}), 422)


def test_a_sync_that_nobody_would_hear_of_is_503(database_url: str) -> None:
    with serving(app.build, database_url, "redis://127.0.0.1:9/0", SYNCER_API_KEYS=KEYS) as client:
        problem(client.post("/api/v1/sync", headers=bearer("everything")), 503)


def test_the_live_report_counts_what_happened(api: httpx.Client, house: House) -> None:
    house.receive(said("w1", "營業時間", at=house.clock.now()), said("w2", "客訴", at=house.clock.now()))
    house.clock.advance(seconds=2)
    house.crm_writes.drain(house.worker)
    house.sending.drain_live(house.worker)
    _failed(api, house)
    live = api.get("reports/live").json()
    assert live["minutes"][-1] | {"minute": ""} == {"minute": "", "in": 2, "out": 2}
    assert live["inbound_delay"] == {"count": 2, "p50": 2.0, "p99": 2.0, "worst": 2.0}
    assert live["reply_delay"] == {"count": 1, "p50": 2.0, "p99": 2.0, "worst": 2.0}
    assert (live["failed"], live["messages"], live["error_rate"]) == (1, 4, 0.25)
    assert live["waiting"] == Reports(house.store, house.clock).waiting()
    assert (live["waiting"]["dead_letters"], live["waiting"]["inbox"]) == (1, 0)
    assert [(handoff["reason"], handoff["told"]) for handoff in live["handoffs"]] == [("complaint", True)]
    assert [letter["subject"] for letter in live["failures"]] == ["outgoing"]


def test_without_a_database_it_is_503(redis_url: str) -> None:
    nobody = "postgresql+psycopg2://syncer@127.0.0.1:9/syncer"
    with serving(app.build, nobody, redis_url, SYNCER_API_KEYS=KEYS) as client:
        answer = client.get("/api/v1/messages/1", headers=bearer("everything"))
        problem(answer, 503)
        problem(client.get("/api/v1/reports/live", headers=bearer("everything")), 503)


def test_the_documents_need_no_other_host(api: httpx.Client) -> None:
    page = api.get("docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    for name in ("docs/docs.js", "docs/page.css", "openapi.json"):
        content = api.get(name)
        assert content.status_code == 200
        assert "http" not in page.text
        assert "//cdn" not in content.text
    assert api.get("docs/..%2f..%2fauth.py").status_code == 404


def test_a_defect_is_a_problem_that_tells_nothing(api: httpx.Client, store: Store) -> None:
    with altered(store, "alter table outgoing rename to hidden", "alter table hidden rename to outgoing"):
        told = problem(send(api), 500)
    assert "outgoing" not in json.dumps(told)


def test_failed_recipients_are_tried_once_more_on_request(api: httpx.Client, house: House) -> None:
    people = [house.contact(f"+88691234567{n}") for n in range(2)]
    recipients = [{"contact_id": p, "parameters": parameters(api)["parameters"]} for p in people]
    plan = {"name": "November", "template": "order_confirmation", "language": "zh_TW", "recipients": recipients}
    number = api.post("campaigns", json=plan).json()["id"]
    for batch in house.sending.open_batches():
        house.sending.send_batch(house.worker, batch)
    with house.store.begin() as tx:
        failed = "status = 'failed', error_code = '131000', failed_at = occurred_at"
        tx.execute(text(f"update messages set {failed} where id in (select min(id) from messages)"))
    told = api.post(f"campaigns/{number}/retry-failed")
    assert told.status_code == 202
    assert {name: told.json()[name] for name in ("planned", "never", "later", "unknown")} == {
        "planned": 1,
        "never": 0,
        "later": 0,
        "unknown": 0,
    }
    assert told.json()["campaign"]["sends"] == {"accepted": 2, "planned": 1}
    assert api.post(f"campaigns/{number}/retry-failed").json()["planned"] == 0
    problem(api.post("campaigns/99999/retry-failed"), 404)
