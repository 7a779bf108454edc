"""The Marketing Messages API beside the Cloud API, and the account's flags about both."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import CUSTOMER, Bench, code_of, sample

BODY = {"type": "body", "parameters": [{"type": "text", "text": "王小明"}, {"type": "text", "text": "9"}]}
ARRIVALS = {"name": "new_arrivals", "language": {"code": "zh_TW"}, "components": [BODY]}


def market(bench: Bench, version: str = "v25.0", **fields: Any) -> requests.Response:
    request = {
        "messaging_product": "whatsapp",
        "to": f"+{CUSTOMER}",
        "type": "template",
        "template": ARRIVALS,
        "biz_opaque_callback_data": "outbox-7",
        **fields,
    }
    headers = {"Authorization": f"Bearer {bench.config.access_token}"}
    path = f"{bench.url}/{version}/{bench.number}/marketing_messages"
    return requests.post(path, json=request, headers=headers, timeout=5)


def test_a_marketing_template_is_priced_as_marketing_lite(bench: Bench):
    answer = market(bench, product_policy="STRICT", message_activity_sharing=True)
    assert answer.json()["messages"][0]["message_status"] == "accepted"
    steps = bench.statuses(answer, "sent", "delivered", "read")
    assert {step["pricing"]["category"] for step in steps if "pricing" in step} == {"marketing_lite"}
    assert {step["biz_opaque_callback_data"] for step in steps} == {"outbox-7"}
    assert bench.accepted()[0]["lite"] is True


@pytest.mark.parametrize(
    ("version", "fields", "code"),
    [
        ("v25.0", {"type": "text", "text": {"body": "x"}}, 100),
        ("v22.0", {"type": "text", "text": {"body": "x"}}, 131055),
        ("v25.0", sample("send_template.request"), 134100),
        ("v22.0", sample("send_template.request"), 131055),
        ("v25.0", {"product_policy": "LOOSE"}, 100),
        ("v25.0", {"message_activity_sharing": "yes"}, 100),
        ("v25.0", {"messaging_product": None}, 100),
        ("v25.0", {"template": ARRIVALS | {"components": []}}, 132000),
        ("v25.0", {"status": "read", "message_id": "wamid.x", "type": None}, 100),
    ],
)
def test_what_is_no_marketing_template_is_refused(bench: Bench, version: str, fields: dict[str, Any], code: int):
    assert code_of(market(bench, version, **fields)) == (400, code)
    assert bench.accepted() == []


def test_who_is_not_onboarded_is_refused(bench: Bench):
    bench.control("POST", "marketing", {"marketing_messages_onboarding_status": "ELIGIBLE"})
    assert code_of(market(bench)) == (400, 131055)
    assert bench.control("GET", "marketing")["marketing_messages_onboarding_status"] == "ELIGIBLE"


def test_the_cloud_api_refuses_marketing_once_the_account_says_so(bench: Bench):
    assert bench.template(template=ARRIVALS).status_code == 200
    bench.control("POST", "marketing", {"disable_marketing_messages_on_cloud_api": True})
    assert code_of(bench.template(template=ARRIVALS)) == (400, 131063)
    assert bench.template().status_code == 200
    assert market(bench).status_code == 200


def test_the_limits_and_wishes_of_people_count_here_too(bench: Bench):
    bench.control("POST", "preferences", {"phone": CUSTOMER, "value": "stop"})
    (status,) = bench.statuses(market(bench), "failed")
    assert status["errors"][0]["code"] == 131050
    (status,) = bench.statuses(market(bench, to="+12125550123"), "failed")
    assert status["errors"][0]["code"] == 131049
    bench.control("POST", "settings", {"limits": {"pair_interval": 60, "pair_burst": 1}})
    assert market(bench, to="+886911111111").status_code == 200
    assert code_of(market(bench, to="+886911111111")) == (429, 131056)


def test_a_syncing_template_is_refused_by_a_fault(bench: Bench):
    bench.control("POST", "faults", {"route": "marketing_messages", "kind": "refuse", "code": 134101, "count": 1})
    assert code_of(market(bench)) == (400, 134101)
    assert [row["code"] for row in bench.control("GET", "log/sends")["refused"]] == [134101]
    assert market(bench).status_code == 200


@pytest.mark.parametrize("wrong", [{"no_such_flag": True}, {"disable_marketing_messages_on_cloud_api": "yes"}])
def test_a_wrong_flag_is_refused_with_a_sentence(bench: Bench, wrong: dict[str, Any]):
    assert requests.post(f"{bench.url}/_sim/marketing", json=wrong, timeout=5).status_code == 400
