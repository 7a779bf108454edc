"""Business numbers on the simulated platform: into service, out of it, what they are called and what they say."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import Bench, Receiver, code_of, sample, until

NEW = {"cc": "886", "phone_number": "0255503000", "verified_name": "Formosa Goods"}
EVERY_FIELD = (
    "id,display_phone_number,verified_name,status,quality_rating,code_verification_status,name_status,new_name_status,"
    "platform_type,throughput,whatsapp_business_manager_messaging_limit,health_status,webhook_configuration,"
    "is_on_biz_app,is_pin_enabled,account_mode"
)


def add(bench: Bench, **change: Any) -> requests.Response:
    return bench.graph("POST", f"{bench.config.waba_id}/phone_numbers", NEW | change)


def added(bench: Bench, **change: Any) -> str:
    return str(add(bench, **change).json()["id"])


def ask(bench: Bench, number: str, method: str = "SMS") -> requests.Response:
    return bench.graph("POST", f"{number}/request_code", {"code_method": method, "language": "zh_TW"})


def code(bench: Bench, number: str) -> dict[str, Any]:
    return dict(bench.control("GET", f"codes?phone_number_id={number}")["codes"][-1])


def verify(bench: Bench, number: str, digits: str) -> requests.Response:
    return bench.graph("POST", f"{number}/verify_code", {"code": digits})


def register(bench: Bench, number: str, pin: str = "123456") -> requests.Response:
    return bench.graph("POST", f"{number}/register", {"messaging_product": "whatsapp", "pin": pin})


def send_from(bench: Bench, number: str) -> requests.Response:
    return bench.graph("POST", f"{number}/messages", sample("send_template.request"))


# --- reading


def test_a_number_can_be_asked_for_every_documented_field(bench: Bench):
    row = bench.graph("GET", f"{bench.number}?fields={EVERY_FIELD}").json()
    assert set(row) == set(EVERY_FIELD.split(","))
    assert (row["status"], row["platform_type"], row["is_on_biz_app"]) == ("CONNECTED", "CLOUD_API", False)
    assert row["whatsapp_business_manager_messaging_limit"] == "TIER_100K"
    assert row["webhook_configuration"] == {"application": bench.config.callback_url}
    assert row["health_status"]["can_send_message"] == "AVAILABLE"
    assert [entity["entity_type"] for entity in row["health_status"]["entities"]] == ["PHONE_NUMBER", "WABA", "APP"]
    assert code_of(bench.graph("GET", f"{bench.number}?fields=mood")) == (400, 100)


def test_numbers_are_listed_page_by_page(bench: Bench):
    for line in range(3):
        added(bench, phone_number=f"25550300{line}")
    path: str | None = f"{bench.config.waba_id}/phone_numbers?limit=2&fields=status"
    pages = []
    while path:
        page = bench.graph("GET", path).json()
        pages.append([row["id"] for row in page["data"]])
        path = page["paging"]["next"].partition("/v25.0/")[2] if "next" in page["paging"] else None
    assert [len(page) for page in pages] == [2, 2, 1]
    assert len({one for page in pages for one in page}) == 5


# --- into service


def test_a_number_gets_into_service_by_text(bench_with: Callable[..., Bench]):
    bench = bench_with(template_review_seconds=0)
    number = added(bench)
    row = bench.graph("GET", f"{number}?fields=status,code_verification_status,display_phone_number").json()
    assert (row["status"], row["code_verification_status"]) == ("PENDING", "NOT_VERIFIED")
    assert row["display_phone_number"] == "886255503000"
    assert code_of(send_from(bench, number)) == (400, 133010)
    assert code_of(register(bench, number)) == (400, 133006)
    assert ask(bench, number).json() == {"success": True}
    sent = code(bench, number)
    assert re.fullmatch(r"\d{6}", sent["code"])
    assert (sent["method"], sent["language"]) == ("SMS", "zh_TW")
    assert sent["expires_at"] - sent["sent_at"] == 60
    assert verify(bench, number, sent["code"]).json() == {"success": True}
    assert register(bench, number).json() == {"success": True}
    assert send_from(bench, number).status_code == 200
    bench.webhook.wait(lambda: [c["field"] for c in bench.webhook.changes()][:1] == ["phone_number_name_update"])


def test_a_voice_code_is_the_second_way_and_voids_the_first(bench: Bench):
    number = added(bench)
    ask(bench, number)
    first = code(bench, number)["code"]
    ask(bench, number, "VOICE")
    second = code(bench, number)
    assert second["method"] == "VOICE"
    if first != second["code"]:
        assert code_of(verify(bench, number, first)) == (400, 136025)
    assert verify(bench, number, second["code"]).status_code == 200
    assert code_of(ask(bench, number)) == (400, 136024)


@pytest.mark.parametrize("how", ["query", "form", "json"])
def test_a_code_can_be_asked_for_in_a_query_a_form_and_as_json(bench: Bench, how: str):
    number, wanted = added(bench), {"code_method": "SMS", "language": "en_US"}
    url = f"{bench.url}/v25.0/{number}/request_code"
    headers = {"Authorization": f"Bearer {bench.config.access_token}"}
    given = {"query": {"params": wanted}, "form": {"data": wanted}, "json": {"json": wanted}}[how]
    assert requests.post(url, headers=headers, timeout=5, **given).json() == {"success": True}
    assert code(bench, number)["language"] == "en_US"


def test_a_code_ends_after_its_time_and_after_too_many_tries(bench: Bench):
    number = added(bench)
    assert code_of(verify(bench, number, "123456")) == (400, 136025)
    bench.control("POST", "settings", {"account": {"code_seconds": 0, "code_tries": 2}})
    ask(bench, number)
    assert code_of(verify(bench, number, code(bench, number)["code"])) == (400, 136025)
    bench.control("POST", "settings", {"account": {"code_seconds": 60}})
    ask(bench, number)
    right = code(bench, number)["code"]
    for _ in range(2):
        assert code_of(verify(bench, number, "x")) == (400, 136025)
    assert code_of(verify(bench, number, right)) == (400, 136025)
    assert code_of(ask(bench, number, "PIGEON")) == (400, 100)


def test_the_pin_of_two_step_verification_is_asked_for(bench: Bench):
    assert bench.graph("POST", bench.number, {"pin": "654321"}).json() == {"success": True}
    assert code_of(bench.graph("POST", bench.number, {"pin": "6543"})) == (400, 100)
    assert bench.graph("POST", f"{bench.number}/deregister").json() == {"success": True}
    assert code_of(send_from(bench, bench.number)) == (400, 133010)
    assert code_of(register(bench, bench.number, "111111")) == (400, 133005)
    assert register(bench, bench.number, "654321").json() == {"success": True}
    assert send_from(bench, bench.number).status_code == 200
    assert bench.graph("GET", f"{bench.number}?fields=is_pin_enabled").json()["is_pin_enabled"] is True


def test_wrong_pins_and_registrations_are_counted(bench: Bench):
    bench.graph("POST", bench.number, {"pin": "654321"})
    answers = [code_of(register(bench, bench.number, "111111"))[1] for _ in range(11)]
    assert answers == [133005] * 5 + [133008] * 5 + [133016]


def test_a_business_that_is_not_verified_has_two_numbers_and_then_twenty(bench: Bench):
    bench.control("POST", "capability", {"verified": False})
    assert code_of(add(bench)) == (400, 100)
    bench.control("POST", "capability", {"verified": True})
    assert add(bench).status_code == 200
    assert code_of(add(bench)) == (400, 100)
    for missing in ("cc", "phone_number", "verified_name"):
        assert code_of(add(bench, **{missing: ""})) == (400, 100)
    bench.webhook.wait(lambda: len(bench.webhook.changes()) >= 2)
    values = [c["value"] for c in bench.webhook.changes() if c["field"] == "business_capability_update"]
    assert [value["max_phone_numbers_per_business"] for value in values[:2]] == [2, 20]


# --- name, profile, username


def test_a_new_display_name_is_reviewed_and_told(bench_with: Callable[..., Bench]):
    bench = bench_with(template_review_seconds=0)
    wish = {"of": "display_name", "name": "Best", "verdict": "REJECTED", "reason": "NAME_HAS_ADJECTIVE"}
    bench.control("POST", "reviews", wish)
    rename = {"messaging_product": "whatsapp", "new_display_name": "The Best Shop"}
    assert bench.graph("POST", bench.number, rename).json() == {"success": True}
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 1)
    bench.graph("POST", bench.number, rename | {"new_display_name": "Formosa Tea"})
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 2)
    first, second = (change["value"] for change in bench.webhook.changes())
    assert first == {
        "display_phone_number": "886255501000",
        "decision": "REJECTED",
        "requested_verified_name": "The Best Shop",
        "rejection_reason": "NAME_HAS_ADJECTIVE",
    }
    assert (second["decision"], second["rejection_reason"]) == ("APPROVED", None)
    assert bench.graph("GET", f"{bench.number}?fields=verified_name").json()["verified_name"] == "Formosa Tea"


def test_the_business_profile_is_kept_and_checked(bench: Bench):
    edge = f"{bench.number}/whatsapp_business_profile"
    told = {"messaging_product": "whatsapp", "about": "Tea", "websites": ["https://tea.example"], "vertical": "RETAIL"}
    assert bench.graph("POST", edge, told).json() == {"success": True}
    bench.graph("POST", edge, {"messaging_product": "whatsapp", "about": "Best tea"})
    (row,) = bench.graph("GET", f"{edge}?fields=about,websites,email").json()["data"]
    assert row == {"about": "Best tea", "websites": ["https://tea.example"], "messaging_product": "whatsapp"}
    for wrong in ({"about": "x" * 140}, {"vertical": "TEA"}, {"websites": ["tea"]}, {"mood": "good"}):
        assert code_of(bench.graph("POST", edge, {"messaging_product": "whatsapp", **wrong})) == (400, 100)
    assert code_of(bench.graph("POST", edge, {"about": "x"})) == (400, 100)


def test_a_username_is_claimed_read_and_given_back(bench: Bench):
    edge = f"{bench.number}/username"
    assert bench.graph("GET", edge).json() == {}
    assert bench.graph("POST", edge, {"username": "@Formosa.Tea"}).json() == {"status": "approved"}
    assert bench.graph("GET", edge).json() == {"username": "formosa.tea", "status": "approved"}
    other = f"{bench.config.phone_number_ids[1]}/username"
    assert code_of(bench.graph("POST", other, {"username": "formosa.tea"})) == (400, 147001)
    for wrong in ("ab", "12345", "a..b", ".abc", "www.tea", "tea.com", "茶"):
        assert code_of(bench.graph("POST", other, {"username": wrong})) == (400, 147002), wrong
    assert code_of(bench.graph("POST", other, {"username": "official_tea"})) == (400, 147003)
    assert bench.graph("DELETE", edge).json() == {"success": True}
    assert code_of(bench.graph("DELETE", edge)) == (400, 147004)
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 2)
    assert [change["value"]["status"] for change in bench.webhook.changes()] == ["approved", "deleted"]


# --- addresses


def test_a_number_may_have_its_own_address_for_webhooks(bench: Bench):
    mine = Receiver()
    try:
        wish = {"override_callback_uri": mine.url, "verify_token": "wrong"}
        assert code_of(bench.graph("POST", bench.number, {"webhook_configuration": wish})) == (400, 2200)
        wish["verify_token"] = "verify-me"
        assert bench.graph("POST", bench.number, {"webhook_configuration": wish}).status_code == 200
        row = bench.graph("GET", f"{bench.number}?fields=webhook_configuration").json()["webhook_configuration"]
        assert row["phone_number"] == mine.url
        bench.control("POST", "inbound", {"messages": [{"from": "886912345678", "text": "mine"}]})
        mine.wait(lambda: mine.told("messages"))
        bench.says(
            messages=[{"from": "886912345678", "text": "x", "phone_number_id": bench.config.phone_number_ids[1]}]
        )
        assert [message["text"]["body"] for message in bench.webhook.told("messages")] == ["x"]
        bench.graph("POST", bench.number, {"webhook_configuration": {"override_callback_uri": ""}})
        bench.says("ours")
    finally:
        mine.close()


# --- what the platform changes by itself


def test_a_flagged_number_sends_and_a_restricted_or_banned_one_does_not(bench: Bench):
    def change(status: str) -> None:
        bench.control("POST", "numbers", {"id": bench.number, "status": status, "announce": True})

    change("FLAGGED")
    assert send_from(bench, bench.number).status_code == 200
    for status in ("RESTRICTED", "BANNED"):
        change(status)
        assert code_of(send_from(bench, bench.number)) == (403, 131031)
        health = bench.graph("GET", f"{bench.number}?fields=health_status").json()["health_status"]
        assert health["can_send_message"] == "BLOCKED"
    assert send_from(bench, bench.config.phone_number_ids[1]).status_code == 200
    change("CONNECTED")
    assert send_from(bench, bench.number).status_code == 200
    fields = ["phone_number_quality_update", *["account_update"] * 3]
    until(lambda: [c["field"] for c in bench.webhook.changes() if "statuses" not in c["value"]] == fields)


def test_the_quality_of_a_number_is_told_as_it_used_to_be(bench: Bench):
    low = {"id": bench.number, "quality_rating": "RED", "announce": True, "old_events": True}
    bench.control("POST", "numbers", low)
    bench.control("POST", "numbers", low | {"quality_rating": "GREEN"})
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 2)
    events = [change["value"]["event"] for change in bench.webhook.changes()]
    assert sorted(events) == ["FLAGGED", "UNFLAGGED"]


@pytest.mark.parametrize(("old_events", "event"), [(False, "ONBOARDING"), (True, "DOWNGRADE")])
def test_a_new_messaging_limit_is_told_and_kept(bench: Bench, old_events: bool, event: str):
    bench.control("POST", "capability", {"messaging_limit": 2000, "old_events": old_events})
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 3)
    fields = {change["field"]: change["value"] for change in bench.webhook.changes()}
    assert fields["business_capability_update"]["max_daily_conversations_per_business"] == 2000
    quality = fields["phone_number_quality_update"]
    assert (quality["event"], quality["old_limit"], quality["current_limit"]) == (event, "TIER_100K", "TIER_2K")
    row = bench.graph("GET", f"{bench.number}?fields=whatsapp_business_manager_messaging_limit").json()
    assert row["whatsapp_business_manager_messaging_limit"] == "TIER_2K"


def test_more_throughput_is_told(bench: Bench):
    bench.control("POST", "numbers", {"id": bench.number, "throughput_level": "HIGH", "announce": True})
    bench.webhook.wait(lambda: bench.webhook.changes())
    assert bench.webhook.changes()[0]["value"]["event"] == "THROUGHPUT_UPGRADE"
    assert bench.graph("GET", f"{bench.number}?fields=throughput").json()["throughput"] == {"level": "HIGH"}
    answer = requests.post(f"{bench.url}/_sim/numbers", json={"id": bench.number, "mood": "good"}, timeout=5)
    assert answer.status_code == 400
