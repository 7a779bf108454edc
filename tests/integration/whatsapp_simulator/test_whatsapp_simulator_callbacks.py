"""How the simulator's webhooks travel, and what breaks on request."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
import requests

from syncer.simulators.whatsapp.payloads import MOST_BYTES, Update, encode_batches
from syncer.simulators.whatsapp.state import BusinessNumber
from tests.fakes.whatsapp_bench import CUSTOMER, Bench, Receiver, code_of, sample, shape, until

# --- callbacks


def test_the_handshake_tells_a_right_token_from_a_wrong_one(bench: Bench):
    assert bench.control("POST", "handshake")["ok"] is True
    assert bench.control("POST", "handshake", {"verify_token": "wrong"}) == {"ok": False, "status": 403, "answer": "no"}


def test_a_callback_is_signed_over_its_exact_ascii_bytes(bench: Bench):
    bench.says("請問營業時間? 👍")
    (body,), (signature,) = bench.webhook.bodies, bench.webhook.signatures
    assert signature == "sha256=" + hmac.new(bench.config.app_secret.encode(), body, hashlib.sha256).hexdigest()
    assert body.isascii()
    assert shape(json.loads(body)) == shape(sample("inbound_text.callback"))
    assert bench.webhook.told("messages")[0]["text"]["body"] == "請問營業時間? 👍"


def test_a_callback_not_answered_200_comes_again_unchanged_until_it_is(bench: Bench):
    bench.webhook.answers = [500, 503, 302, 404]
    (wamid,) = bench.says("hi")
    bench.webhook.wait(lambda: len(bench.webhook.bodies) == 5)
    assert len(set(bench.webhook.bodies)) == 1
    until(lambda: len(bench.control("GET", "log/callbacks")["attempts"]) == 5)
    attempts = bench.control("GET", "log/callbacks")["attempts"]
    assert [(row["attempt"], row["status"]) for row in attempts] == [(1, 500), (2, 503), (3, 302), (4, 404), (5, 200)]
    (row,) = bench.control("GET", "log/inbound")["messages"]
    assert (row["wamid"], row["attempts"]) == (wamid, 5)
    assert row["answered_at"] > row["sent_at"]


def test_messages_can_travel_together(bench: Bench):
    bench.says(*(f"message {number}" for number in range(7)), batch=3)
    assert sorted(body.count(b'"type":"text"') for body in bench.webhook.bodies) == [1, 3, 3]


def test_updates_of_one_moment_travel_together_up_to_the_batch_size(bench: Bench):
    bench.control("POST", "settings", {"callbacks": {"window": 0.2, "batch_items": 10}})
    bench.says(*(f"message {number}" for number in range(25)))
    assert sorted(body.count(b'"type":"text"') for body in bench.webhook.bodies) == [5, 10, 10]


def test_a_full_batch_does_not_wait_for_its_window_to_end(bench: Bench):
    bench.control("POST", "settings", {"callbacks": {"window": 60, "batch_items": 10}})
    bench.says(*(f"message {number}" for number in range(20)))
    assert [body.count(b'"type":"text"') for body in bench.webhook.bodies] == [10, 10]


def test_no_callback_is_larger_than_three_megabytes():
    number = BusinessNumber("1", "886255501000", "Formosa Goods")
    updates = [Update("messages", {"id": str(index), "text": "👍" * 4096}, number) for index in range(200)]
    batches = encode_batches("waba", updates)
    assert max(len(body) for body, _ in batches) <= MOST_BYTES
    assert [update for _, part in batches for update in part] == updates


def test_updates_are_doubled_dropped_and_disordered_on_request(bench: Bench):
    faults = [
        {"route": "callbacks.messages", "kind": "duplicate", "count": 2, "seconds": 0.02},
        {"route": "callbacks.messages", "kind": "drop", "count": 1},
        {"route": "callbacks.messages", "kind": "reorder", "count": 20, "seconds": 0.3},
    ]
    bench.control("POST", "faults", {"faults": faults})
    ids = bench.control("POST", "inbound", {"messages": [{"from": CUSTOMER, "text": str(n)} for n in range(23)]})["ids"]
    bench.webhook.wait(lambda: len(bench.webhook.told("messages")) == 24)
    told = [message["id"] for message in bench.webhook.told("messages")]
    assert {wamid for wamid in told if told.count(wamid) == 2} == set(ids[:2])
    assert ids[2] not in told
    late = [wamid for wamid in told if wamid in ids[3:]]
    assert sorted(late) == sorted(ids[3:])
    assert late != ids[3:]


def test_callbacks_can_be_held_and_let_go(bench: Bench):
    bench.control("POST", "faults", {"route": "callbacks", "kind": "pause"})
    bench.control("POST", "inbound", {"messages": [{"from": CUSTOMER, "text": "hi"}]})
    until(lambda: bench.control("GET", "")["pending_items"] == 1)
    time.sleep(0.05)
    assert bench.webhook.bodies == []
    bench.control("DELETE", "faults")
    bench.webhook.wait(lambda: bench.webhook.bodies)


def test_customers_can_be_played_at_a_pace(bench: Bench):
    began = time.monotonic()
    bench.says(*(str(number) for number in range(11)), rate=50)
    assert 0.2 <= time.monotonic() - began < 2


def test_nothing_is_told_without_a_subscription_and_an_override_is_verified_first(bench: Bench, receiver: Receiver):
    edge = f"{bench.config.waba_id}/subscribed_apps"
    assert len(bench.graph("GET", edge).json()["data"]) == 1
    assert bench.graph("DELETE", edge).json() == {"success": True}
    assert bench.graph("GET", edge).json() == {"data": []}
    bench.control("POST", "inbound", {"messages": [{"from": CUSTOMER, "text": "lost"}]})
    wrong = {"override_callback_uri": receiver.url, "verify_token": "wrong"}
    assert code_of(bench.graph("POST", edge, wrong)) == (400, 2200)
    assert bench.graph("POST", edge, wrong | {"verify_token": "verify-me"}).json() == {"success": True}
    bench.says("heard")
    assert [message["text"]["body"] for message in receiver.told("messages")] == ["heard"]


# --- faults


def test_a_send_that_hangs_after_acceptance_happened_exactly_once(bench: Bench):
    bench.control("POST", "faults", {"route": "messages", "kind": "hang", "moment": "after_accept", "count": 1})
    with pytest.raises(requests.ReadTimeout):
        bench.send(sample("send_template.request"), timeout=0.2)
    (row,) = bench.accepted()
    bench.webhook.wait(lambda: {s["status"] for s in bench.webhook.told("statuses")} == {"sent", "delivered", "read"})
    assert {s["id"] for s in bench.webhook.told("statuses")} == {row["wamid"]}
    assert bench.control("GET", "stats")["doubled_callback_data"] == {}
    bench.template()
    assert bench.control("GET", "stats")["doubled_callback_data"] == {"outbox-42": 2}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "hang", "moment": "before_accept"}, 0),
        ({"kind": "cut", "moment": "before_accept"}, 0),
        ({"kind": "cut", "moment": "after_accept"}, 1),
    ],
)
def test_a_broken_connection_leaves_the_message_accepted_or_not(bench: Bench, fault: dict[str, Any], expected: int):
    bench.control("POST", "faults", {"route": "messages", "count": 1, **fault})
    with pytest.raises((requests.ConnectionError, requests.ReadTimeout)):
        bench.send(sample("send_template.request"), timeout=0.2)
    assert len(bench.accepted()) == expected


def test_an_answer_that_does_not_parse_still_means_acceptance(bench: Bench):
    bench.control("POST", "faults", {"route": "messages", "kind": "wrong_json", "count": 1})
    answer = bench.template()
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert len(bench.accepted()) == 1


def test_throttling_comes_with_and_without_retry_after(bench: Bench):
    plan = [
        {"route": "messages", "kind": "rate_limit", "retry_after": 7, "count": 1},
        {"route": "messages", "kind": "rate_limit", "code": 80007, "count": 1},
        {"route": "messages", "kind": "server_error", "status": 503, "count": 1},
    ]
    bench.control("POST", "faults", {"faults": plan})
    answers = [bench.template() for _ in range(4)]
    assert [answer.status_code for answer in answers] == [429, 429, 503, 200]
    assert [answer.headers.get("Retry-After") for answer in answers[:2]] == ["7", None]
    assert [row["code"] for row in bench.control("GET", "log/sends")["refused"]] == [130429, 80007, 131000]


def test_a_slow_answer_is_slow(bench: Bench):
    bench.control("POST", "faults", {"route": "*", "kind": "latency", "seconds": 0.15, "count": 1})
    began = time.monotonic()
    assert bench.template().status_code == 200
    assert time.monotonic() - began >= 0.15


@pytest.mark.parametrize(
    ("command", "body"),
    [
        ("faults", {"route": "messages", "kind": "drop"}),
        ("faults", {"route": "messages", "kind": "hang", "share": "half"}),
        ("faults", {"kind": "hang"}),
        ("settings", {"limits": {"throughputs": 5}}),
        ("settings", {"limits": {"throughput": "much"}}),
        ("inbound", {"messages": [{"text": "from nobody"}]}),
        ("templates", {"templates": [{"name": "nameless"}]}),
    ],
)
def test_a_wrong_command_is_refused_with_a_sentence(bench: Bench, command: str, body: Any):
    answer = requests.post(f"{bench.url}/_sim/{command}", json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


# --- what a webhook must live with


def test_a_whole_delivery_comes_twice_byte_for_byte(bench: Bench):
    bench.control("POST", "faults", {"route": "callbacks", "kind": "repeat", "count": 1, "seconds": 0.01})
    bench.says("hi", "again", batch=2)
    bench.webhook.wait(lambda: len(bench.webhook.bodies) == 2)
    assert bench.webhook.bodies[0] == bench.webhook.bodies[1]
    assert bench.webhook.signatures[0] == bench.webhook.signatures[1]


@pytest.mark.parametrize(
    ("order", "body"),
    [
        ({"payload": [1, "訂單"]}, b'[1,"\\u8a02\\u55ae"]'),
        ({"body": "{not json"}, b"{not json"),
        ({"body_base64": "//4="}, b"\xff\xfe"),
    ],
)
def test_any_bytes_can_be_delivered_signed(bench: Bench, order: dict[str, Any], body: bytes):
    bench.control("POST", "callbacks", order)
    bench.webhook.wait(lambda: bench.webhook.bodies)
    assert bench.webhook.bodies == [body]
    right = "sha256=" + hmac.new(bench.config.app_secret.encode(), body, hashlib.sha256).hexdigest()
    assert bench.webhook.signatures == [right]


@pytest.mark.parametrize(("signed", "expected"), [("none", None), ("wrong", "sha256="), ("sha1=0", "sha1=0")])
def test_a_delivery_can_be_forged(bench: Bench, signed: str, expected: str | None):
    bench.control("POST", "callbacks", {"payload": {}, "signature": signed})
    bench.webhook.wait(lambda: bench.webhook.bodies)
    right = "sha256=" + hmac.new(bench.config.app_secret.encode(), b"{}", hashlib.sha256).hexdigest()
    (header,) = bench.webhook.signatures
    assert header != right
    assert header is expected is None or header.startswith(expected)


def test_a_refused_forgery_is_not_repeated_when_told_so(bench: Bench):
    bench.webhook.answers = [401, 401]
    bench.control("POST", "callbacks", {"payload": {}, "signature": "wrong", "times": 2, "retry": False})
    until(lambda: len(bench.control("GET", "log/callbacks")["attempts"]) == 2)
    time.sleep(0.1)
    assert len(bench.webhook.bodies) == 2


def test_a_number_with_an_address_of_its_own_is_told_there(bench: Bench, receiver: Receiver):
    other = Receiver()
    try:
        second = bench.config.phone_number_ids[1]
        bench.control("POST", "numbers", {"id": second, "override_callback_uri": other.url})
        messages = [{"from": CUSTOMER, "text": each, "phone_number_id": each} for each in (bench.number, second)]
        bench.control("POST", "inbound", {"messages": messages, "batch": 2})
        other.wait(lambda: other.told("messages"))
        receiver.wait(lambda: receiver.told("messages"))
        assert [told["text"]["body"] for told in other.told("messages")] == [second]
        assert [told["text"]["body"] for told in receiver.told("messages")] == [bench.number]
    finally:
        other.close()


# --- answers that are none


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("truncated", "application/json"), ("html", "text/html"), ("text", "text/plain"), ("empty", "application/json")],
)
def test_a_200_can_be_no_json_at_all(bench: Bench, body: str, content_type: str):
    bench.control("POST", "faults", {"route": "messages", "kind": "wrong_json", "body": body, "count": 1})
    answer = bench.template()
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, content_type)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert len(bench.accepted()) == 1


def test_a_200_can_have_another_shape_before_or_after_acceptance(bench: Bench):
    plan = [
        {"route": "messages", "kind": "wrong_shape", "count": 1},
        {"route": "messages", "kind": "wrong_shape", "answer": [], "moment": "before_accept", "count": 1},
    ]
    bench.control("POST", "faults", {"faults": plan})
    assert [bench.template().json() for _ in range(2)] == [{"data": []}, []]
    assert len(bench.accepted()) == 1


def test_the_connection_can_end_in_the_middle_of_the_answer(bench: Bench):
    bench.control("POST", "faults", {"route": "messages", "kind": "half_answer", "count": 1})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        bench.template()
    assert len(bench.accepted()) == 1


def test_a_vendors_error_comes_with_its_own_status(bench: Bench):
    bench.control("POST", "faults", {"route": "messages", "kind": "refuse", "code": 131042, "count": 1})
    assert code_of(bench.template()) == (400, 131042)
    assert bench.accepted() == []


@pytest.mark.parametrize(
    "fault",
    [
        {"route": "messages", "kind": "wrong_json", "body": "poem"},
        {"route": "messages", "kind": "refuse"},
        {"route": "messages", "kind": "repeat"},
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_a_sentence(bench: Bench, fault: dict[str, Any]):
    answer = requests.post(f"{bench.url}/_sim/faults", json=fault, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]
