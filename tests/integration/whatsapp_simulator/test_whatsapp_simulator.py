"""The WhatsApp simulator over real HTTP: it accepts and refuses what the platform does, and tells how it went on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import CUSTOMER, Bench, code_of, sample, shape

# --- accepting and refusing


def test_a_template_is_accepted_in_the_documented_shape(bench: Bench):
    answer = bench.template()
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(sample("send_template.response"))
    assert answer.json()["contacts"] == sample("send_template.response")["contacts"]
    (row,) = bench.accepted()
    assert row["text"].splitlines() == [
        "王小明 您好,我們已收到您的訂單 A20260001,總金額 NT$1,280 元。出貨後會再通知您。",
        "Formosa Goods 福爾摩沙選物",
    ]
    assert (row["to"], row["kind"], row["template"]) == (CUSTOMER, "template", "order_confirmation")
    assert row["biz_opaque_callback_data"] == "outbox-42"
    assert abs(row["accepted_at"] - time.time()) < 5


def test_an_unknown_or_missing_token_is_refused(bench: Bench):
    for headers in ({"Authorization": "Bearer somebody-elses"}, {}):
        assert code_of(bench.send(sample("send_template.request"), headers=headers)) == (401, 190)
    assert bench.accepted() == []


def test_an_unknown_number_and_an_unknown_version_are_refused(bench: Bench):
    answer = bench.graph("POST", "999/messages", sample("send_template.request"))
    assert (*code_of(answer), answer.json()["error"]["error_subcode"]) == (400, 100, 33)
    old = requests.post(f"{bench.url}/v2.39/{bench.number}/messages", json={}, timeout=5)
    assert code_of(old) == (400, 2500)


TEXT = {"type": "text", "text": "x"}


@pytest.mark.parametrize(
    ("change", "parameters", "expected"),
    [
        ({"name": "no_such_template"}, None, (404, 132001)),
        ({"language": {"code": "fr_FR"}}, None, (404, 132001)),
        ({"language": {}}, None, (400, 131008)),
        ({}, [TEXT, TEXT], (400, 132000)),
        ({}, [TEXT, TEXT, TEXT, TEXT], (400, 132000)),
        ({}, [TEXT, TEXT, {"type": "text", "text": ""}], (400, 131008)),
        ({}, [TEXT, TEXT, {"type": "text"}], (400, 131008)),
        ({}, [TEXT, TEXT, {"type": "text", "text": "two\nlines"}], (400, 132018)),
        ({}, [TEXT, TEXT, {"type": "image", "image": {"id": "1"}}], (400, 132012)),
        ({}, [TEXT, TEXT, {"type": "text", "text": "名" * 10_000}], (400, 132005)),
        ({}, ["not an object", TEXT, TEXT], (400, 131008)),
        ({"components": {"type": "body"}}, None, (400, 100)),
        ({"name": "appointment_reminder", "language": {"code": "en_US"}}, [TEXT, TEXT], (400, 100)),
        (
            {"name": "appointment_reminder", "language": {"code": "en_US"}},
            [{**TEXT, "parameter_name": "first_name"}, {**TEXT, "parameter_name": "week"}],
            (400, 132000),
        ),
        ({"name": "login_code"}, [TEXT], (400, 131008)),
    ],
)
def test_a_template_that_does_not_fit_is_refused(
    bench: Bench, change: dict[str, Any], parameters: list[Any] | None, expected: tuple[int, int]
):
    assert (
        code_of(bench.template(template=change) if parameters is None else bench.filled(change, parameters)) == expected
    )
    log = bench.control("GET", "log/sends")
    assert log["accepted"] == []
    assert [row["code"] for row in log["refused"]] == [expected[1]]
    assert log["refused"][0]["biz_opaque_callback_data"] == "outbox-42"


def test_the_error_has_the_documented_envelope(bench: Bench):
    error = bench.template(template={"name": "no_such_template"}).json()
    expected = sample("error_unknown_template.response")
    assert shape(error) == shape(expected)
    assert error["error"]["error_data"] == expected["error"]["error_data"]
    assert error["error"]["message"] == expected["error"]["message"]


def test_named_parameters_may_come_in_any_order(bench: Bench):
    named = [
        {**TEXT, "parameter_name": "day", "text": "Monday"},
        {**TEXT, "parameter_name": "first_name", "text": "Ana"},
    ]
    change = {"name": "appointment_reminder", "language": {"code": "en_US"}}
    assert bench.filled(change, named).status_code == 200
    assert bench.accepted()[0]["text"].startswith("Hello Ana, see you on Monday")


@pytest.mark.parametrize(("status", "code"), [("PAUSED", 132015), ("DISABLED", 132016), ("REJECTED", 132001)])
def test_only_an_approved_template_is_sendable(bench: Bench, status: str, code: int):
    bench.control(
        "POST", "templates", {"templates": [{"name": "order_confirmation", "language": "zh_TW", "status": status}]}
    )
    assert code_of(bench.template())[1] == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"messaging_product": None}, 100),
        ({"to": ""}, 100),
        ({"to": "0912-345-678"}, 131009),
        ({"to": "not a number"}, 131009),
        ({"to": "+886255501000"}, 131021),
        ({"type": "telegram"}, 100),
        ({"text": None}, 100),
        ({"text": {"body": ""}}, 131008),
        ({"text": {"body": "x" * 4097}}, 100),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
        ({"context": {"message_id": "wamid.unknown"}}, 131009),
        ({"type": "image", "image": {"id": "1", "link": "https://example.com/a.jpg"}}, 131009),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button", "body": {"text": "?"}, "action": {"buttons": [0]}},
            },
            131009,
        ),
        ({"type": "reaction", "reaction": {"message_id": "wamid.unknown", "emoji": "👍"}}, 131009),
    ],
)
def test_a_malformed_message_is_refused(bench: Bench, change: dict[str, Any], code: int):
    assert code_of(bench.send(sample("send_text.request") | change)) == (400, code)
    assert bench.accepted() == []


@pytest.mark.parametrize("body", [b"{not json", b"[]", b'"text"', b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(bench: Bench, body: bytes):
    headers = {"Authorization": f"Bearer {bench.config.access_token}"}
    answer = requests.post(f"{bench.url}/v25.0/{bench.number}/messages", data=body, headers=headers, timeout=5)
    assert code_of(answer) == (400, 100)


# --- the customer service window


def test_free_form_text_outside_the_window_is_accepted_and_then_fails(bench: Bench):
    answer = bench.text()
    assert answer.status_code == 200
    (status,) = bench.statuses(answer, "failed")
    assert status["errors"][0]["code"] == 131047
    assert bench.accepted()[0]["error"] == 131047


def test_failures_can_be_refused_at_once(bench: Bench):
    bench.control("POST", "settings", {"statuses": {"failures_at_once": True}})
    assert code_of(bench.text()) == (400, 131047)


def test_a_customers_message_opens_the_window_for_the_number_it_was_written_to(bench: Bench):
    (wamid,) = bench.says("請問營業時間?")
    assert bench.statuses(bench.text(context={"message_id": wamid}), "sent", "delivered", "read")
    other = bench.graph("POST", f"{bench.config.phone_number_ids[1]}/messages", sample("send_text.request"))
    assert bench.statuses(other, "failed")[0]["errors"][0]["code"] == 131047
    (row,) = bench.control("GET", "log/inbound")["messages"]
    assert row["sent_at"] <= row["answered_at"] <= row["replied_at"]


def test_the_window_shuts_24_hours_after_the_last_message(bench: Bench):
    yesterday = time.time() - 24 * 3600 - 1
    bench.says(messages=[{"from": CUSTOMER, "text": "hi", "timestamp": yesterday}])
    assert bench.statuses(bench.text(), "failed")[0]["errors"][0]["code"] == 131047


# --- statuses


def test_statuses_climb_and_echo_the_callback_data(bench: Bench):
    statuses = bench.statuses(bench.template(), "sent", "delivered", "read")
    assert sorted(s["status"] for s in statuses) == ["delivered", "read", "sent"]
    assert {s["biz_opaque_callback_data"] for s in statuses} == {"outbox-42"}
    assert {s["status"] for s in statuses if "pricing" in s} == {"sent", "delivered"}
    row = bench.accepted()[0]
    assert row["accepted_at"] <= row["sent_at"] <= row["delivered_at"] <= row["read_at"]


def test_a_sent_status_arrives_in_the_documented_envelope(bench: Bench):
    bench.control("POST", "settings", {"statuses": {"delivered": [9, 9]}})
    bench.statuses(bench.template(), "sent")
    (body,) = bench.webhook.bodies
    assert shape(json.loads(body)) == shape(sample("status_sent.callback"))


def test_delivered_is_left_out_when_the_platform_skips_it(bench: Bench):
    bench.control("POST", "settings", {"statuses": {"skip_delivered_share": 1.0}})
    assert {s["status"] for s in bench.statuses(bench.template(), "sent", "read")} == {"sent", "read"}
    assert bench.accepted()[0]["delivered_at"] is None


def test_a_number_that_is_not_on_whatsapp_fails(bench_with: Callable[..., Bench]):
    bench = bench_with(dead_pattern="0000$")
    assert bench.statuses(bench.template("886900000000"), "failed")[0]["errors"][0]["code"] == 131026
    bench.control("POST", "customers", {"customers": [{"phone": CUSTOMER, "dead": True}]})
    (status,) = bench.statuses(bench.template(), "failed")
    assert (status["errors"][0]["code"], status["biz_opaque_callback_data"]) == (131026, "outbox-42")


def test_who_stopped_marketing_still_gets_utility_messages(bench: Bench):
    order = {"customers": [{"phone": CUSTOMER, "opted_out": True, "announce": True}]}
    bench.control("POST", "customers", order)
    bench.webhook.wait(lambda: [change["field"] for change in bench.webhook.changes()] == ["user_preferences"])
    assert bench.webhook.changes()[0]["value"]["user_preferences"][0]["value"] == "stop"
    marketing = bench.filled({"name": "new_arrivals"}, [TEXT, TEXT])
    assert bench.statuses(marketing, "failed")[0]["errors"][0]["code"] == 131050
    assert bench.statuses(bench.template(), "read")


def test_a_business_scoped_user_id_replaces_the_phone_number(bench: Bench):
    (person,) = bench.control(
        "POST", "customers", {"customers": [{"phone": CUSTOMER, "username": "@ming", "hides_phone": True}]}
    )["customers"]
    bench.says("hi")
    (message,) = bench.webhook.told("messages")
    assert "from" not in message
    assert message["from_user_id"] == person["user_id"]
    request = sample("send_text.request") | {"to": None, "recipient": person["user_id"]}
    answer = bench.send(request)
    assert answer.json()["contacts"] == [{"input": person["user_id"], "user_id": person["user_id"]}]
    assert all("recipient_id" not in status for status in bench.statuses(answer, "read"))


# --- limits


def test_the_throughput_of_a_number_is_limited(bench: Bench):
    bench.control("POST", "settings", {"limits": {"throughput": 2}})
    answers = [bench.template(f"88691234567{digit}") for digit in range(5)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert (429, 130429) in [code_of(answer) for answer in answers if answer.status_code != 200]


def test_one_customer_gets_45_messages_at_a_stretch(bench: Bench):
    bench.control("POST", "settings", {"limits": {"pair_interval": 6}})
    assert [bench.template().status_code for _ in range(45)] == [200] * 45
    assert code_of(bench.template()) == (429, 131056)
    assert bench.template("886987654321").status_code == 200


def test_the_messaging_limit_counts_customers_outside_a_window_once_for_all_numbers(bench: Bench):
    bench.says("hi")
    bench.control("POST", "settings", {"limits": {"messaging_limit": 2}})
    assert [bench.template(to).status_code for to in (CUSTOMER, "886911111111", "886922222222", "886911111111")] == [
        200
    ] * 4
    assert code_of(bench.template("886933333333")) == (429, 131048)
