"""Templates on the simulated platform: what is accepted, reviewed, sent, paused and deleted, and what is told of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from syncer.simulators.whatsapp.components import checked
from syncer.simulators.whatsapp.seeds import TEMPLATES
from tests.fakes.whatsapp_bench import Bench, code_of, sample, until

BODY = {"type": "BODY", "text": "Your invoice {{1}} is ready.", "example": {"body_text": [["A1"]]}}
INVOICE = {"name": "invoice", "language": "en_US", "category": "UTILITY", "components": [BODY]}
NAMED_BODY = {
    "type": "BODY",
    "text": "Dear {{who}}, your parcel waits.",
    "example": {"body_text_named_params": [{"param_name": "who", "example": "Ana"}]},
}
TEXT = {"type": "text", "text": "x"}
SEEDS = len(TEMPLATES)


@pytest.fixture
def quick(bench_with: Callable[..., Bench]) -> Bench:
    """A platform whose reviewers take no time."""
    return bench_with(template_review_seconds=0)


def edge(bench: Bench) -> str:
    return f"{bench.config.waba_id}/message_templates"


def create(bench: Bench, **change: Any) -> Any:
    return bench.graph("POST", edge(bench), INVOICE | change)


def told(bench: Bench, field: str = "message_template_status_update") -> list[dict[str, Any]]:
    return [change["value"] for change in bench.webhook.changes() if change["field"] == field]


def events(bench: Bench) -> list[str]:
    return [value["event"] for value in told(bench)]


def approved(bench: Bench, **change: Any) -> str:
    """Create a template and return its id once it is approved."""
    template_id = str(create(bench, **change).json()["id"])
    until(lambda: status_of(bench, template_id) == "APPROVED")
    return template_id


def status_of(bench: Bench, template_id: str) -> str:
    return str(bench.graph("GET", f"{template_id}?fields=status").json()["status"])


def body(text: str, *examples: str) -> dict[str, Any]:
    return {"type": "BODY", "text": text, "example": {"body_text": [list(examples)]}}


# --- submitting


@pytest.mark.parametrize(
    ("change", "subcode"),
    [
        ({"name": "Invoice"}, None),
        ({"name": "in voice"}, None),
        ({"language": "english"}, None),
        ({"category": "PROMOTION"}, None),
        ({"parameter_format": "MIXED"}, None),
        ({"components": []}, None),
        ({"components": [{"type": "FOOTER", "text": "Shop"}]}, None),
        ({"components": [BODY, BODY]}, None),
        ({"components": [{**BODY, "type": "TAIL"}]}, None),
        ({"components": [{"type": "BODY", "text": "Hi {{1}}, welcome."}]}, 2388043),
        ({"components": [body("Hi {{1}} and {{2}}, welcome.", "a")]}, 2388043),
        ({"components": [body("{{1}}, welcome to our shop.", "a")]}, 2388299),
        ({"components": [body("Welcome to our shop {{1}}", "a")]}, 2388299),
        ({"components": [body("Hi {{2}}, welcome to our shop.", "a")]}, 2388072),
        ({"components": [body("Hi {{1}, welcome to our shop.", "a")]}, 2388072),
        ({"components": [body("A{{1}}{{2}}{{3}}.", "a", "b", "c")]}, 2388293),
        ({"components": [{"type": "BODY", "text": "x" * 1025}]}, 2388040),
        ({"components": [BODY, {"type": "FOOTER", "text": "x" * 61}]}, 2388040),
        ({"components": [BODY, {"type": "FOOTER", "text": "From {{1}} with love"}]}, 2388073),
        ({"components": [BODY, {"type": "HEADER", "format": "SONG"}]}, 2388047),
        ({"components": [BODY, {"type": "HEADER", "format": "TEXT", "text": "{{1}} {{2}}"}]}, 2388047),
        ({"components": [BODY, {"type": "HEADER", "format": "IMAGE"}]}, 2388043),
        ({"components": [NAMED_BODY]}, 2388072),
        ({"parameter_format": "NAMED", "components": [{**NAMED_BODY, "example": {}}]}, 2388043),
    ],
)
def test_a_malformed_template_is_refused(bench: Bench, change: dict[str, Any], subcode: int | None):
    answer = create(bench, **change)
    assert code_of(answer) in ((400, 100), (400, 131008))
    assert answer.json()["error"].get("error_subcode") == subcode
    assert len(bench.graph("GET", edge(bench)).json()["data"]) == SEEDS


@pytest.mark.parametrize(
    "buttons",
    [
        [{"type": "QUICK_REPLY"}],
        [{"type": "QUICK_REPLY", "text": "x" * 26}],
        [{"type": "QUICK_REPLY", "text": str(place)} for place in range(11)],
        [{"type": "URL", "text": "Open", "url": "shop.example"}],
        [{"type": "URL", "text": "Open", "url": "https://shop.example/{{1}}"}],
        [
            {
                "type": "URL",
                "text": "Open",
                "url": "https://shop.example/{{1}}/x",
                "example": ["https://shop.example/1/x"],
            }
        ],
        [{"type": "URL", "text": str(place), "url": "https://shop.example"} for place in range(3)],
        [{"type": "PHONE_NUMBER", "text": "Call", "phone_number": "none"}],
        [{"type": "COPY_CODE"}],
        [{"type": "COPY_CODE", "example": "x" * 21}],
        [{"type": "FLOW", "text": "Start"}],
        [{"type": "OTP", "otp_type": "COPY_CODE"}],
        [{"type": "JUMP", "text": "Jump"}],
        [
            {"type": "QUICK_REPLY", "text": "Yes"},
            {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550001111"},
            {"type": "QUICK_REPLY", "text": "No"},
        ],
    ],
)
def test_malformed_buttons_are_refused(bench: Bench, buttons: list[dict[str, Any]]):
    assert code_of(create(bench, components=[BODY, {"type": "BUTTONS", "buttons": buttons}])) == (400, 100)


def test_every_kind_of_header_and_button_is_accepted(quick: Bench):
    for form in ("IMAGE", "VIDEO", "DOCUMENT"):
        header = {"type": "HEADER", "format": form, "example": {"header_handle": ["4::abc"]}}
        assert create(quick, name=f"with_{form.lower()}", components=[header, BODY]).status_code == 200
    place = {"type": "HEADER", "format": "LOCATION"}
    title = {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": {"header_text": ["A1"]}}
    assert create(quick, name="with_place", components=[place, BODY]).status_code == 200
    buttons = [
        {"type": "QUICK_REPLY", "text": "Yes"},
        {"type": "URL", "text": "Open", "url": "https://shop.example/{{1}}", "example": ["https://shop.example/1"]},
        {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550001111"},
        {"type": "COPY_CODE", "example": "SAVE10"},
    ]
    parts = [title, BODY, {"type": "FOOTER", "text": "Shop"}, {"type": "BUTTONS", "buttons": buttons}]
    assert create(quick, name="with_all", components=parts).status_code == 200
    flow = {"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Start", "flow_id": "1"}]}
    assert create(quick, name="with_flow", components=[BODY, flow]).status_code == 200


def test_the_catalogue_has_room_for_250_templates(bench: Bench):
    bench.control("POST", "settings", {"account": {"template_limit": SEEDS + 1}})
    assert create(bench).status_code == 200
    assert create(bench, name="invoice_2").json()["error"]["error_subcode"] == 2388019


def test_a_form_is_understood_as_well_as_json(bench: Bench):
    form = {**INVOICE, "components": json.dumps(INVOICE["components"])}
    headers = {"Authorization": f"Bearer {bench.config.access_token}"}
    answer = requests.post(f"{bench.url}/v25.0/{edge(bench)}", data=form, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")


# --- review


def test_the_category_may_come_back_changed(bench: Bench):
    bench.control("POST", "reviews", {"name": "^invoice$", "category": "MARKETING"})
    assert create(bench).json()["category"] == "MARKETING"
    assert create(bench, name="invoice_2").json()["category"] == "UTILITY"


def test_a_rejected_template_says_why_and_what_to_do(quick: Bench):
    rule = {"verdict": "REJECTED", "reason": "INVALID_FORMAT", "recommendation": "Fewer variables."}
    quick.control("POST", "reviews", rule)
    template_id = create(quick).json()["id"]
    quick.webhook.wait(lambda: events(quick) == ["REJECTED"])
    (value,) = told(quick)
    assert value["rejection_info"]["recommendation"] == "Fewer variables."
    assert (value["reason"], value["message_template_category"]) == ("INVALID_FORMAT", "UTILITY")
    row = quick.graph("GET", f"{template_id}?fields=status,rejected_reason").json()
    assert row == {"id": template_id, "status": "REJECTED", "rejected_reason": "INVALID_FORMAT"}


def test_a_review_can_be_left_undecided_and_a_plan_ends(quick: Bench):
    quick.control("POST", "reviews", {"rules": [{"verdict": "PENDING", "count": 1}]})
    waits, passes = create(quick).json()["id"], create(quick, name="second").json()["id"]
    until(lambda: status_of(quick, passes) == "APPROVED")
    assert status_of(quick, waits) == "PENDING"
    assert quick.control("GET", "reviews")["rules"][0]["hits"] == 1
    assert quick.control("DELETE", "reviews") == {"rules": []}


def test_the_webhook_of_a_template_has_an_integer_id_a_time_and_no_metadata(quick: Bench):
    template_id = create(quick).json()["id"]
    quick.webhook.wait(lambda: quick.webhook.bodies)
    (entry,) = json.loads(quick.webhook.bodies[0])["entry"]
    value = entry["changes"][0]["value"]
    assert abs(entry["time"] - time.time()) < 5
    assert value == {
        "event": "APPROVED",
        "message_template_id": int(template_id),
        "message_template_name": "invoice",
        "message_template_language": "en_US",
        "message_template_category": "UTILITY",
        "reason": "NONE",
    }


def test_what_the_platform_starts_with_would_pass_its_own_checks():
    for seed in TEMPLATES:
        parts = [dict(part) for part in seed["components"]]
        for part in parts:
            if part["type"] == "BODY":
                part["text"] = f"Dear {part['text']}"
        if seed["category"] != "AUTHENTICATION":
            assert checked(parts, seed["category"], seed["parameter_format"], seed["language"]) == parts


# --- listing


def test_the_listing_filters_by_every_field(bench: Bench):
    def names(query: str) -> list[str]:
        return [row["name"] for row in bench.graph("GET", f"{edge(bench)}?{query}").json()["data"]]

    assert names("category=MARKETING") == ["new_arrivals", "member_coupon"]
    assert names("category=MARKETING,AUTHENTICATION&name=i") == ["new_arrivals", "login_code"]
    assert names("language=en_US&status=APPROVED&name=order") == ["order_confirmation"]
    assert names("content=verification") == []
    assert names("content=see+you+on") == ["appointment_reminder"]
    assert names("quality_score=RED") == []
    assert names("source=AUTO_GENERATED") == []
    fields = bench.graph("GET", f"{edge(bench)}?fields=name,quality_score,previous_category&limit=1").json()["data"]
    assert fields[0].keys() == {"id", "name", "quality_score"}
    assert code_of(bench.graph("GET", f"{edge(bench)}?fields=colour")) == (400, 100)
    assert code_of(bench.graph("GET", f"{edge(bench)}?limit=none")) == (400, 100)


# --- editing


def test_an_approved_template_can_be_edited_once_a_day_and_is_reviewed_again(quick: Bench):
    template_id = approved(quick)
    new = [body("Invoice {{1}} can be downloaded now.", "A2")]
    assert quick.graph("POST", template_id, {"components": new}).json() == {"success": True}
    until(lambda: status_of(quick, template_id) == "APPROVED")
    assert quick.graph("GET", template_id).json()["components"] == new
    quick.webhook.wait(lambda: told(quick, "message_template_components_update"))
    assert told(quick, "message_template_components_update")[0]["message_template_element"] == new[0]["text"]
    assert code_of(quick.graph("POST", template_id, {"components": new})) == (400, 100)
    quick.control("POST", "settings", {"account": {"edit_gap": 0, "edits_per_month": 2}})
    assert quick.graph("POST", template_id, {"components": new}).status_code == 200
    until(lambda: status_of(quick, template_id) == "APPROVED")
    assert code_of(quick.graph("POST", template_id, {"components": new})) == (400, 100)


def test_an_edit_is_refused_while_pending_and_for_an_approved_category(quick: Bench):
    quick.control("POST", "reviews", {"name": "pending", "verdict": "PENDING"})
    pending, ready = create(quick, name="pending_one").json()["id"], approved(quick)
    assert code_of(quick.graph("POST", pending, {"components": [BODY]})) == (400, 100)
    assert code_of(quick.graph("POST", ready, {"category": "MARKETING"})) == (400, 100)
    assert code_of(quick.graph("POST", ready, {})) == (400, 100)
    assert code_of(quick.graph("POST", ready, {"components": [{"type": "BODY", "text": ""}]})) == (400, 100)
    assert status_of(quick, ready) == "APPROVED"


def test_a_rejected_template_may_change_its_category(quick: Bench):
    quick.control("POST", "reviews", {"verdict": "REJECTED", "count": 1})
    template_id = create(quick).json()["id"]
    until(lambda: status_of(quick, template_id) == "REJECTED")
    assert quick.graph("POST", template_id, {"category": "MARKETING"}).status_code == 200
    until(lambda: status_of(quick, template_id) == "APPROVED")


# --- deleting


def test_a_deleted_template_delivers_until_it_is_gone_and_its_name_is_blocked(quick: Bench):
    quick.control("POST", "settings", {"account": {"deletion_seconds": 0.6}})
    approved(quick)
    invoice = {"name": "invoice", "language": {"code": "en_US"}}
    assert quick.graph("DELETE", f"{edge(quick)}?name=invoice").json() == {"success": True}
    assert quick.filled(invoice, [TEXT]).status_code == 200
    assert create(quick).json()["error"]["error_subcode"] == 2388023
    quick.webhook.wait(lambda: events(quick) == ["APPROVED", "PENDING_DELETION", "DELETED"])
    assert code_of(quick.filled(invoice, [TEXT])) == (404, 132001)
    until(lambda: create(quick).status_code == 200)


def test_one_language_can_be_deleted_by_its_id(bench: Bench):
    rows = bench.graph("GET", f"{edge(bench)}?name=order_confirmation").json()["data"]
    english = next(row["id"] for row in rows if row["language"] == "en_US")
    bench.graph("DELETE", f"{edge(bench)}?name=order_confirmation&hsm_id={english}")
    rows = bench.graph("GET", f"{edge(bench)}?name=order_confirmation").json()["data"]
    assert {row["language"]: row["status"] for row in rows} == {"zh_TW": "APPROVED", "en_US": "PENDING_DELETION"}
    gone = bench.graph("DELETE", f"{edge(bench)}?name=no_such_template")
    assert (*code_of(gone), gone.json()["error"]["error_subcode"]) == (400, 100, 2593002)
    assert code_of(bench.graph("DELETE", edge(bench))) == (400, 100)


# --- pausing, archiving


def test_pauses_grow_and_end_with_a_disabled_template(bench: Bench):
    order = {"name": "order_confirmation", "language": "zh_TW"}
    bench.control("POST", "settings", {"account": {"pause_seconds": [0.5, 60]}})
    bench.control("POST", "templates/pause", order)
    assert code_of(bench.template()) == (400, 132015)
    bench.webhook.wait(lambda: len(events(bench)) == 2)
    assert bench.template().status_code == 200
    (second,) = bench.control("POST", "templates/pause", order)["templates"]
    assert code_of(bench.template()) == (400, 132015)
    assert bench.graph("POST", f"{second['id']}/unpause").json() == {"success": True}
    assert code_of(bench.graph("POST", f"{second['id']}/unpause")) == (400, 100)
    assert bench.template().status_code == 200
    bench.control("POST", "templates/pause", order)
    assert code_of(bench.template()) == (400, 132016)
    bench.webhook.wait(lambda: len(events(bench)) == 5)
    titles = [(value["event"], value["other_info"]["title"]) for value in told(bench)]
    assert titles == [
        ("PAUSED", "FIRST_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("PAUSED", "SECOND_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("DISABLED", "DISABLED"),
    ]
    assert "disable_date" in told(bench)[-1]["disable_info"]


def test_pauses_last_three_hours_and_then_six(bench: Bench):
    order = {"name": "order_confirmation", "language": "zh_TW"}
    for hours in (3, 6):
        (row,) = bench.control("POST", "templates/pause", order)["templates"]
        assert row["pause_ends_at"] - time.time() == pytest.approx(hours * 3600, abs=5)
        bench.graph("POST", f"{row['id']}/unpause")


def test_templates_are_archived_and_brought_back(bench: Bench):
    rows = bench.graph("GET", f"{edge(bench)}?name=order_confirmation").json()["data"]
    ids = [row["id"] for row in rows]
    done = bench.graph("POST", f"{edge(bench)}/archive", {"hsm_ids": [*ids, "1"]}).json()
    assert done == {"archived_templates": ids, "failed_templates": {"1": "Template not found"}}
    assert code_of(bench.template()) == (404, 132001)
    again = bench.graph("POST", f"{edge(bench)}/archive", {"hsm_ids": ids[:1]}).json()
    assert list(again["failed_templates"]) == ids[:1]
    bench.graph("POST", f"{edge(bench)}/unarchive", {"hsm_ids": ids})
    assert bench.template().status_code == 200
    bench.webhook.wait(lambda: events(bench) == ["ARCHIVED", "ARCHIVED", "UNARCHIVED", "UNARCHIVED"])
    assert code_of(bench.graph("POST", f"{edge(bench)}/archive", {"hsm_ids": []})) == (400, 100)


# --- what the platform changes by itself


def test_a_change_of_quality_category_and_text_is_told_in_the_field_of_each(bench: Bench):
    order = {"name": "order_confirmation", "language": "zh_TW"}
    new = [{"type": "BODY", "text": "您好,訂單已收到。"}]
    change = {**order, "quality_score": "RED", "category": "MARKETING", "components": new}
    (row,) = bench.control("POST", "templates", {"templates": [change], "announce": True})["templates"]
    assert (row["quality_score"]["score"], row["previous_category"]) == ("RED", "UTILITY")
    bench.webhook.wait(lambda: len(bench.webhook.changes()) == 3)
    (quality,) = told(bench, "message_template_quality_update")
    assert (quality["previous_quality_score"], quality["new_quality_score"]) == ("GREEN", "RED")
    (category,) = told(bench, "template_category_update")
    assert (category["previous_category"], category["new_category"]) == ("UTILITY", "MARKETING")
    (components,) = told(bench, "message_template_components_update")
    assert components["message_template_element"] == "您好,訂單已收到。"
    assert type(components["message_template_id"]) is int


def test_the_odd_example_of_the_documentation_can_be_played(bench: Bench):
    change = {"name": "order_confirmation", "language": "zh_TW", "quality_score": "YELLOW"}
    bench.control("POST", "templates", {"templates": [change], "announce": True, "odd": True})
    bench.webhook.wait(lambda: bench.webhook.changes())
    (value,) = told(bench)
    assert (value["new_quality_score"], "event" in value) == ("YELLOW", False)


# --- sending


def put(bench: Bench, *parts: dict[str, Any], **change: Any) -> None:
    template = {"name": "special", "language": "en_US", "components": list(parts), **change}
    bench.control("POST", "templates", {"templates": [template]})


def send(bench: Bench, *components: dict[str, Any]) -> Any:
    special = {"name": "special", "language": {"code": "en_US"}, "components": list(components)}
    return bench.send({**sample("send_template.request"), "template": special})


def parameter(kind: str, value: Any) -> list[dict[str, Any]]:
    return [{"type": kind, kind: value}]


IMAGE_HEADER = {"type": "HEADER", "format": "IMAGE"}
PLACE_HEADER = {"type": "HEADER", "format": "LOCATION"}
GREETING = {"type": "BODY", "text": "Hello."}


@pytest.mark.parametrize(
    ("header", "parameters", "code"),
    [
        (IMAGE_HEADER, parameter("image", {"link": "https://shop.example/a.jpg"}), None),
        (IMAGE_HEADER, [], 132012),
        (IMAGE_HEADER, parameter("text", "x"), 132012),
        (IMAGE_HEADER, parameter("video", {"id": "1"}), 132012),
        (IMAGE_HEADER, parameter("image", {}), 131008),
        (IMAGE_HEADER, parameter("image", {"link": "shop.example"}), 131009),
        (IMAGE_HEADER, parameter("image", {"id": "1"}) * 2, 132000),
        (PLACE_HEADER, parameter("location", {"latitude": "25.03", "longitude": "121.56", "name": "Shop"}), None),
        (PLACE_HEADER, parameter("location", {"latitude": "25.03"}), 131008),
        (PLACE_HEADER, parameter("location", {"latitude": "north", "longitude": "121"}), 132012),
        ({"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, parameter("text", "A1"), None),
        ({"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, [], 132000),
        ({"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}, parameter("text", "x" * 60), 132005),
        ({"type": "HEADER", "format": "TEXT", "text": "Order"}, parameter("text", "A1"), 132000),
    ],
)
def test_header_parameters_are_checked(
    bench: Bench, header: dict[str, Any], parameters: list[dict[str, Any]], code: int | None
):
    put(bench, header, GREETING)
    answer = send(bench, {"type": "header", "parameters": parameters})
    assert (None if answer.status_code == 200 else code_of(answer)[1]) == code


URL = {"type": "URL", "text": "Open", "url": "https://shop.example/{{1}}"}
STATIC = {"type": "URL", "text": "Open", "url": "https://shop.example"}
COUPON = {"type": "COPY_CODE", "text": "Copy"}
REPLY = {"type": "QUICK_REPLY", "text": "Yes"}
OTP = {"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}


@pytest.mark.parametrize(
    ("button", "sub_type", "parameters", "code"),
    [
        (URL, "url", parameter("text", "orders/1"), None),
        (URL, "url", [], 131008),
        (URL, "url", parameter("text", ""), 131008),
        (URL, "url", parameter("payload", "x"), 132012),
        (URL, "quick_reply", parameter("text", "x"), 132012),
        (URL, "url", parameter("text", "x") * 2, 132000),
        (URL, "url", parameter("text", "two\nlines"), 132018),
        (URL, "url", parameter("text", "x" * 2001), 132005),
        (STATIC, "url", parameter("text", "x"), 132000),
        (COUPON, "copy_code", parameter("coupon_code", "SAVE10"), None),
        (COUPON, "copy_code", parameter("coupon_code", "x" * 21), 132005),
        (COUPON, "copy_code", parameter("text", "SAVE10"), 132012),
        (REPLY, "quick_reply", parameter("payload", "OPT_OUT"), None),
        (REPLY, "quick_reply", parameter("text", "OPT_OUT"), 132012),
        (OTP, "url", parameter("text", "123456"), None),
        (OTP, "url", parameter("text", "x" * 16), 132005),
    ],
)
def test_button_parameters_are_checked(
    bench: Bench, button: dict[str, Any], sub_type: str, parameters: list[dict[str, Any]], code: int | None
):
    put(bench, GREETING, {"type": "BUTTONS", "buttons": [button]})
    answer = send(bench, {"type": "button", "sub_type": sub_type, "index": "0", "parameters": parameters})
    assert (None if answer.status_code == 200 else code_of(answer)[1]) == code


def test_a_button_that_needs_a_parameter_and_one_that_does_not_exist_are_refused(bench: Bench):
    put(bench, GREETING, {"type": "BUTTONS", "buttons": [REPLY, COUPON]})
    assert code_of(send(bench)) == (400, 131008)
    coupon = {"type": "button", "sub_type": "copy_code", "index": 1, "parameters": parameter("coupon_code", "SAVE10")}
    assert send(bench, coupon).status_code == 200
    assert code_of(send(bench, {**coupon, "index": "5"})) == (400, 131009)
    assert code_of(send(bench, coupon, coupon)) == (400, 131009)


def test_money_and_dates_read_as_their_fallback(bench: Bench):
    put(bench, {"type": "BODY", "text": "You owe {{1}} since {{2}}."})
    money = {"fallback_value": "$1", "code": "USD", "amount_1000": 1000}
    parts = [*parameter("currency", money), *parameter("date_time", {"fallback_value": "May 1"})]
    assert send(bench, {"type": "body", "parameters": parts}).status_code == 200
    assert bench.accepted()[0]["text"] == "You owe $1 since May 1."
    wrong = [*parameter("currency", money | {"code": "dollars"}), parts[1]]
    assert code_of(send(bench, {"type": "body", "parameters": wrong})) == (400, 132012)


def test_an_authentication_template_has_the_platforms_own_words(quick: Bench):
    parts = [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 5},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
    ]
    own = {"name": "code", "category": "AUTHENTICATION", "language": "en_US"}
    assert code_of(create(quick, **own)) == (400, 100)
    assert code_of(create(quick, **own, components=parts[:2])) == (400, 131008)
    approved(quick, **own, components=parts)
    code = {"name": "code", "language": {"code": "en_US"}}
    spoken = {"type": "body", "parameters": parameter("text", "123456")}
    assert code_of(quick.template(template=code | {"components": [spoken]})) == (400, 131008)
    pressed = {"type": "button", "sub_type": "url", "index": "0", "parameters": parameter("text", "123456")}
    assert quick.template(template=code | {"components": [spoken, pressed]}).status_code == 200
    assert quick.accepted()[0]["text"].splitlines() == [
        "*123456* is your verification code. For your security, do not share this code.",
        "This code expires in 5 minutes.",
    ]
