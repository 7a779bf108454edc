"""What the platform tells of the account, and how it shuts the door: blocks, tokens, limits on requests."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import Bench, code_of, sample, until

DOCUMENTED = (
    "account_alerts",
    "account_review_update",
    "account_update",
    "security",
    "phone_number_quality_update",
    "phone_number_name_update",
    "business_capability_update",
    "business_username_update",
    "flows",
    "payment_configuration_update",
    "partner_solutions",
    "message_template_status_update",
    "message_template_quality_update",
    "message_template_components_update",
    "template_category_update",
)


def field_of(bench: Bench, field: str) -> list[dict[str, Any]]:
    return [change["value"] for change in bench.webhook.changes() if change["field"] == field]


# --- account


def test_a_disabled_account_sends_nothing_until_it_is_reinstated(bench: Bench):
    bench.control("POST", "account", {"event": "DISABLED_UPDATE"})
    assert code_of(bench.template()) == (403, 131031)
    row = bench.graph("GET", f"{bench.number}?fields=health_status").json()["health_status"]
    assert row["can_send_message"] == "BLOCKED"
    assert row["entities"][1]["errors"][0]["error_code"] == 131031
    bench.control(
        "POST", "account", {"event": "DISABLED_UPDATE", "value": {"ban_info": {"waba_ban_state": "REINSTATE"}}}
    )
    assert bench.template().status_code == 200
    bench.webhook.wait(lambda: len(field_of(bench, "account_update")) == 2)
    states = [value["ban_info"]["waba_ban_state"] for value in field_of(bench, "account_update")]
    assert sorted(states) == ["DISABLE", "REINSTATE"]


def test_a_restriction_ends_by_itself_and_a_violation_stops_nothing(bench: Bench):
    bench.control(
        "POST", "account", {"event": "ACCOUNT_VIOLATION", "value": {"violation_info": {"violation_type": "X"}}}
    )
    assert bench.template().status_code == 200
    bench.control("POST", "account", {"event": "ACCOUNT_RESTRICTION", "seconds": 0.5})
    assert code_of(bench.template()) == (403, 368)
    until(lambda: bench.template().status_code == 200)
    until(lambda: len(field_of(bench, "account_update")) == 2)
    violation, restriction = field_of(bench, "account_update")
    assert violation == {"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "X"}}
    assert restriction["restriction_info"][0]["restriction_type"] == "RESTRICTED_BIZ_INITIATED_MESSAGING"


@pytest.mark.parametrize(("code", "status"), [(131042, 400), (131048, 429), (131031, 403), (368, 403), (131057, 400)])
def test_a_block_refuses_sends_with_its_code_and_is_logged(bench: Bench, code: int, status: int):
    (block,) = bench.control("POST", "blocks", {"code": code, "details": "Because."})["blocks"]
    answer = bench.template()
    assert code_of(answer) == (status, code)
    assert answer.json()["error"]["error_data"]["details"] == "Because."
    (row,) = bench.control("GET", "log/sends")["refused"]
    assert (row["code"], row["biz_opaque_callback_data"]) == (code, "outbox-42")
    assert bench.control("GET", "blocks")["blocks"][0]["hits"] == 1
    bench.control("DELETE", f"blocks?id={block['id']}")
    assert bench.template().status_code == 200


def test_a_block_of_one_number_leaves_the_other_alone(bench: Bench):
    bench.control("POST", "blocks", {"code": 131048, "phone_number_id": bench.number, "retry_after": 30})
    first = bench.template()
    assert (code_of(first), first.headers["Retry-After"]) == ((429, 131048), "30")
    other = bench.graph("POST", f"{bench.config.phone_number_ids[1]}/messages", sample("send_template.request"))
    assert other.status_code == 200


def test_a_block_may_stop_templates_only(bench: Bench):
    bench.says("hi")
    bench.control("POST", "blocks", {"code": 131064, "types": ["template"]})
    assert code_of(bench.template())[1] == 131064
    assert bench.text().status_code == 200


@pytest.mark.parametrize(
    "body", [{"code": 7}, {}, {"code": 131048, "colour": "red"}, {"code": 1, "phone_number_id": "9"}]
)
def test_a_block_that_makes_no_sense_is_refused(bench: Bench, body: dict[str, Any]):
    assert requests.post(f"{bench.url}/_sim/blocks", json=body, timeout=5).status_code == 400


# --- tokens


def test_a_token_is_rotated_without_a_gap(bench: Bench):
    old, new = bench.config.access_token, "the-new-one"
    bench.control("POST", "tokens", {"accept": [new]})
    for token in (old, new):
        assert (
            bench.send(sample("send_template.request"), headers={"Authorization": f"Bearer {token}"}).status_code == 200
        )
    assert bench.control("POST", "tokens", {"expire": [old]}) == {"accepted": [new], "expired": [old]}
    answer = bench.template()
    assert (*code_of(answer), answer.json()["error"]["error_subcode"]) == (401, 190, 463)
    token = bench.graph("GET", f"debug_token?input_token={old}", headers={"Authorization": f"Bearer {new}"}).json()
    assert token["data"]["is_valid"] is False


def test_a_token_can_have_an_end(bench: Bench):
    bench.control("POST", "tokens", {"expire": [bench.config.access_token], "expire_in": 0.5})
    assert bench.template().status_code == 200
    data = bench.graph("GET", f"debug_token?input_token={bench.config.access_token}").json()["data"]
    assert abs(data["expires_at"] - time.time()) < 5
    until(lambda: bench.template().status_code == 401)


# --- requests per hour


def test_management_requests_have_an_hourly_limit_that_sends_do_not_spend(bench: Bench):
    bench.control("POST", "settings", {"account": {"management_per_hour": 4}})
    answers = [bench.graph("GET", bench.number) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429]
    assert code_of(answers[-1]) == (429, 80007)
    usage = json.loads(answers[1].headers["X-Business-Use-Case-Usage"])
    assert usage[bench.config.waba_id][0]["call_count"] == 50
    assert bench.template().status_code == 200


def test_an_account_without_a_registered_number_is_asked_less(bench: Bench):
    for number in bench.config.phone_number_ids:
        bench.control("POST", "numbers", {"id": number, "status": "DISCONNECTED"})
    answers = [bench.graph("GET", bench.number).status_code for _ in range(201)]
    assert answers == [200] * 200 + [429]


def test_an_apps_own_limit_counts_everything(bench: Bench):
    bench.control("POST", "settings", {"account": {"app_calls_per_hour": 2}})
    assert [bench.template().status_code, bench.graph("GET", bench.number).status_code] == [200, 200]
    assert code_of(bench.template()) == (429, 4)
    assert code_of(bench.graph("GET", bench.number)) == (429, 4)


# --- any field


@pytest.mark.parametrize("field", DOCUMENTED)
def test_every_documented_field_can_be_told_with_an_example(bench: Bench, field: str):
    value = bench.control("POST", "notices", {"field": field})["value"]
    assert value
    bench.webhook.wait(lambda: bench.webhook.changes())
    assert bench.webhook.changes() == [{"field": field, "value": value}]
    assert abs(json.loads(bench.webhook.bodies[0])["entry"][0]["time"] - time.time()) < 5


def test_a_field_that_nobody_knows_can_be_told_with_and_without_a_number(bench: Bench):
    bench.control("POST", "notices", {"field": "from_next_year", "value": {"a": [1]}})
    bench.control("POST", "notices", {"field": "calls", "value": {"calls": []}, "phone_number_id": bench.number})
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 2)
    assert field_of(bench, "from_next_year") == [{"a": [1]}]
    assert field_of(bench, "calls")[0]["metadata"]["phone_number_id"] == bench.number


def test_a_reset_opens_every_door_again(bench: Bench):
    bench.control("POST", "blocks", {"code": 368})
    bench.control("POST", "tokens", {"expire": [bench.config.access_token]})
    bench.control("POST", "app/onboard", {})
    bench.control("POST", "reviews", {"verdict": "REJECTED"})
    bench.control("POST", "reset")
    assert bench.template().status_code == 200
    assert bench.control("GET", "reviews") == {"rules": []}
    assert bench.control("GET", "numbers")["numbers"][0]["is_on_biz_app"] is False
