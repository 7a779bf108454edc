"""The life of a message as the webhook hears of it: steps, prices, conversations, failures, what is told by hand."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests

from syncer.simulators.whatsapp.sample_files import sample_file
from tests.fakes.whatsapp_bench import CUSTOMER, Bench, code_of, sample

MARKETING = {
    "name": "new_arrivals",
    "components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}, {"type": "text", "text": "9"}]}],
}


def voice_note(bench: Bench, **medium: Any) -> requests.Response:
    files = {"file": ("note.ogg", sample_file("audio")[0], "audio/ogg; codecs=opus")}
    uploaded = bench.graph("POST", f"{bench.number}/media", data={"messaging_product": "whatsapp"}, files=files)
    audio = {"id": uploaded.json()["id"], **medium}
    return bench.send({"messaging_product": "whatsapp", "to": f"+{CUSTOMER}", "type": "audio", "audio": audio})


def failed_with(bench: Bench, response: requests.Response) -> int:
    (status,) = bench.statuses(response, "failed")
    code: int = status["errors"][0]["code"]
    return code


# --- steps


def test_a_voice_note_is_played_after_it_is_read(bench: Bench):
    bench.control("POST", "settings", {"statuses": {"played": [0, 0], "played_share": 1}})
    bench.says("hi")
    heard = bench.statuses(voice_note(bench, voice=True), "played")
    assert {status["status"] for status in heard} == {"sent", "delivered", "read", "played"}
    assert bench.accepted()[0]["played_at"] >= bench.accepted()[0]["read_at"]
    plain = bench.statuses(voice_note(bench), "sent", "delivered", "read")
    time.sleep(0.05)
    assert "played" not in {status["status"] for status in plain}


def test_errors_are_told_of_failures_only_and_contacts_of_everything_else(bench: Bench):
    bench.statuses(bench.template(), "sent", "delivered", "read")
    failed_with(bench, bench.text("886911111111"))
    for change in bench.webhook.changes():
        for status in change["value"]["statuses"]:
            assert ("errors" in status) == (status["status"] == "failed")
            introduced = [contact["user_id"] for contact in change["value"].get("contacts", [])]
            assert (status.get("recipient_user_id") in introduced) == (status["status"] != "failed")


def test_a_failure_of_a_message_to_a_phone_names_no_user_id(bench: Bench):
    (status,) = bench.statuses(bench.text(), "failed")
    assert status["recipient_id"] == CUSTOMER
    assert "recipient_user_id" not in status
    assert set(status["errors"][0]) == {"code", "title", "message", "error_data", "href"}


# --- prices


def test_only_one_of_the_later_steps_has_a_price(bench: Bench):
    bench.control("POST", "settings", {"statuses": {"skip_delivered_share": 0.5}})
    for number in range(12):
        steps = bench.statuses(bench.template(f"8869000000{number:02d}"), "sent", "read")
        priced = [step["status"] for step in steps if "pricing" in step]
        assert sorted(priced) in (["delivered", "sent"], ["read", "sent"])


@pytest.mark.parametrize(
    ("in_window", "charged", "expected"),
    [(True, False, "free_customer_service"), (False, False, "regular"), (True, True, "regular")],
)
def test_a_utility_template_in_a_window_is_free_until_service_is_charged(
    bench: Bench, in_window: bool, charged: bool, expected: str
):
    bench.control("POST", "settings", {"statuses": {"service_charged": charged}})
    if in_window:
        bench.says("hi")
    first = next(step for step in bench.statuses(bench.template(), "sent") if step["status"] == "sent")
    assert first["pricing"] == {
        "billable": expected == "regular",
        "pricing_model": "PMP",
        "category": "utility",
        "type": expected,
    }


def test_conversations_are_told_up_to_version_23(bench: Bench):
    assert all("conversation" not in step for step in bench.statuses(bench.template(), "sent", "delivered", "read"))
    bench.control("POST", "settings", {"statuses": {"webhook_version": 23}})
    both = [bench.statuses(bench.template(), "sent", "delivered", "read") for _ in range(2)]
    steps = {step["status"]: step for step in both[0]}
    assert steps["sent"]["conversation"]["origin"] == {"type": "utility"}
    assert int(steps["sent"]["conversation"]["expiration_timestamp"]) > time.time()
    assert "expiration_timestamp" not in steps["delivered"]["conversation"]
    assert "conversation" not in steps["read"]
    assert len({step["conversation"]["id"] for steps in both for step in steps if "conversation" in step}) == 2


# --- failures


@pytest.mark.parametrize("code", [131026, 131047, 131049, 131050, 131053, 130472])
def test_a_planned_failure_comes_after_the_200(bench: Bench, code: int):
    bench.control("POST", "failures", {"failures": [{"code": code, "callback_data": "outbox-42", "count": 1}]})
    answer = bench.template()
    assert answer.status_code == 200
    assert failed_with(bench, answer) == code
    assert bench.statuses(bench.template(), "read")


def test_a_planned_failure_can_be_refused_at_once(bench: Bench):
    planned = {"code": 131042, "template": "order_confirmation", "at_once": True}
    bench.control("POST", "failures", {"failures": [planned]})
    assert code_of(bench.template()) == (400, 131042)
    bench.control("DELETE", "failures")
    assert bench.template().status_code == 200


def test_a_share_of_the_messages_fails(bench: Bench):
    bench.control("POST", "failures", {"failures": [{"code": 131026, "share": 0.5, "category": "utility", "skip": 10}]})
    answers = [bench.template(f"8869000000{number:02d}") for number in range(60)]
    bench.webhook.wait(lambda: len(bench.webhook.told("statuses")) >= 60)
    ended = [bench.statuses(answer)[0]["status"] for answer in answers[:10]]
    assert set(ended) <= {"sent", "delivered", "read"}
    (row,) = bench.control("GET", "failures")["failures"]
    assert 10 <= row["hits"] <= 40
    errors = Counter(row["error"] for row in bench.accepted())
    assert errors[131026] == row["hits"]


def test_a_failure_of_one_person_leaves_others_alone(bench: Bench):
    bench.control("POST", "failures", {"code": 131049, "to": f"+{CUSTOMER}"})
    assert failed_with(bench, bench.template()) == 131049
    assert bench.statuses(bench.template("886911111111"), "read")


@pytest.mark.parametrize("wrong", [{"share": 0.5}, {"code": 1, "shares": 1}, {"code": "many"}])
def test_a_wrong_failure_is_refused_with_a_sentence(bench: Bench, wrong: dict[str, Any]):
    answer = requests.post(f"{bench.url}/_sim/failures", json=wrong, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(("to", "fails"), [("12125550123", True), ("14165550123", False), ("18095550123", False)])
def test_marketing_does_not_reach_the_united_states(bench: Bench, to: str, fails: bool):
    answer = bench.template(to, template=MARKETING)
    if fails:
        assert failed_with(bench, answer) == 131049
    else:
        assert bench.statuses(answer, "read")
    assert bench.statuses(bench.template(to), "read")


# --- told by hand


def test_errors_come_out_of_band(bench: Bench):
    bench.control("POST", "errors", {"errors": [{"code": 130429, "details": "too many"}]})
    bench.webhook.wait(lambda: bench.webhook.told("errors"))
    (change,) = bench.webhook.changes()
    assert change["field"] == "messages"
    assert set(change["value"]) == {"messaging_product", "metadata", "errors"}
    (error,) = bench.webhook.told("errors")
    assert (error["code"], error["error_data"]) == (130429, {"details": "too many"})


def test_a_status_of_a_message_that_was_never_sent(bench: Bench):
    future = {"id": "wamid.never", "status": "delivered", "timestamp": 4_102_444_800}
    order = {"statuses": [future, {"status": "failed", "code": 131026}]}
    assert bench.control("POST", "statuses", order)["ids"][0] == "wamid.never"
    bench.webhook.wait(lambda: len(bench.webhook.told("statuses")) == 2)
    first, second = bench.webhook.told("statuses")
    assert (first["id"], first["status"], first["timestamp"]) == ("wamid.never", "delivered", "4102444800")
    assert second["errors"][0]["code"] == 131026


def test_a_status_can_be_forced_on_a_message(bench: Bench):
    bench.control("POST", "settings", {"statuses": {"read_share": 0}})
    answer = bench.template()
    bench.statuses(answer, "delivered")
    bench.control("POST", "statuses", {"statuses": [{"id": answer.json()["messages"][0]["id"], "status": "read"}]})
    forced = next(step for step in bench.statuses(answer, "read") if step["status"] == "read")
    assert (forced["biz_opaque_callback_data"], forced["recipient_id"]) == ("outbox-42", CUSTOMER)


def test_a_click_on_a_marketing_message_comes_without_contacts(bench: Bench):
    bench.control("POST", "clicks", {"component": "body"})
    bench.webhook.wait(lambda: bench.webhook.told("user_actions"))
    assert set(bench.webhook.changes()[0]["value"]) == {"messaging_product", "metadata", "user_actions"}
    data = bench.webhook.told("user_actions")[0]["marketing_messages_link_click_data"]
    assert data["click_component"] == "body"


def test_statuses_travel_up_to_a_thousand_in_one_delivery(bench_with: Callable[..., Bench]):
    bench = bench_with()
    bench.control("POST", "settings", {"callbacks": {"window": 60, "batch_items": 5_000}})
    bench.control("POST", "statuses", {"statuses": [{"id": f"wamid.{n}", "status": "sent"} for n in range(1_000)]})
    bench.control("POST", "settings", {"callbacks": {"batch_items": 1_000}})
    bench.control("POST", "statuses", {"statuses": [{"id": "wamid.last", "status": "sent"}]})
    bench.webhook.wait(lambda: len(bench.webhook.told("statuses")) == 1_001)
    assert sorted(body.count(b'"status":"sent"') for body in bench.webhook.bodies) == [1, 1_000]


def test_the_usage_of_a_number_comes_with_every_answer(bench: Bench):
    bench.control("POST", "settings", {"limits": {"throughput": 10}})
    answer = bench.send(sample("send_template.request"))
    usage = answer.headers["X-Business-Use-Case-Usage"]
    assert bench.config.waba_id in usage
    assert '"call_count":10' in usage
    assert "X-Business-Use-Case-Usage" in bench.graph("GET", bench.number).headers
