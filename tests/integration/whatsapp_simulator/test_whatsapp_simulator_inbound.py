"""Customers speak: every type of message, its surroundings, presses, preferences, hidden phones and changed numbers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import CUSTOMER, SAMPLES, Bench, code_of, shape


def say(bench: Bench, kind: str, **item: Any) -> dict[str, Any]:
    """The customer's message of this type, as the webhook was told it."""
    message = {"from": CUSTOMER, "name": "王小明", "type": kind, **item}
    (wamid,) = bench.says(messages=[message])
    return next(told for told in bench.webhook.told("messages") if told["id"] == wamid)


def value_of(bench: Bench, wamid: str) -> dict[str, Any]:
    values = [change["value"] for change in bench.webhook.changes()]
    return next(value for value in values if wamid in [told["id"] for told in value.get("messages", [])])


def recorded(name: str) -> dict[str, Any]:
    payload = json.loads((SAMPLES / "webhooks" / f"{name}.json").read_text(encoding="utf-8"))
    message: dict[str, Any] = payload["entry"][0]["changes"][0]["value"]["messages"][0]
    return message


def last_wamid(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    wamid: str = response.json()["messages"][0]["id"]
    return wamid


def press(bench: Bench, response: requests.Response, /, **order: Any) -> dict[str, Any]:
    wamid = last_wamid(response)
    before = len(bench.webhook.told("messages"))
    (answer,) = bench.control("POST", "press", {"message_id": wamid, **order})["ids"]
    bench.webhook.wait(lambda: len(bench.webhook.told("messages")) > before)
    message = next(told for told in bench.webhook.told("messages") if told["id"] == answer)
    assert message["context"] == {"from": "886255501000", "id": wamid}
    return message


def interactive(bench: Bench, kind: str, action: dict[str, Any], **more: Any) -> requests.Response:
    content = {"type": kind, "body": {"text": "?"}, "action": action, **more}
    return bench.send(
        {"messaging_product": "whatsapp", "to": f"+{CUSTOMER}", "type": "interactive"} | {"interactive": content}
    )


# --- types


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("text", "message_text"),
        ("location", "message_location"),
        ("button", "message_button"),
        ("button_reply", "message_button_reply"),
        ("list_reply", "message_list_reply"),
        ("nfm_reply", "message_flow_reply"),
        ("order", "message_order"),
        ("request_welcome", "message_request_welcome"),
        ("unsupported", "message_unsupported"),
    ],
)
def test_a_type_alone_gives_a_message_of_the_recorded_shape(bench: Bench, kind: str, name: str):
    told, expected = say(bench, kind), recorded(name)
    expected.pop("context", None)
    assert shape(told) == shape(expected)
    assert told["type"] == expected["type"]


def test_contacts_and_unknown_types_have_their_own_marks(bench: Bench):
    assert say(bench, "contacts")["contacts"][0]["origin"] == "other"
    assert say(bench, "unknown")["errors"][0]["code"] == 131051
    assert say(bench, "hologram", hologram={"shape": "cube"})["hologram"] == {"shape": "cube"}


def test_a_content_given_by_hand_is_told_as_it_is(bench: Bench):
    reply = {"id": "x", "title": "自訂"}
    assert say(bench, "button_reply", button_reply=reply)["interactive"] == {
        "type": "button_reply",
        "button_reply": reply,
    }
    whole = {"type": "list_reply", "list_reply": reply}
    assert say(bench, "interactive", interactive=whole)["interactive"] == whole
    pin = {"latitude": 1.5, "longitude": 2}
    assert say(bench, "location", location=pin)["location"] == pin


def test_a_reaction_is_on_the_last_message_and_can_be_taken_away(bench: Bench):
    bench.says("hi")
    wamid = last_wamid(bench.text())
    assert say(bench, "reaction")["reaction"] == {"message_id": wamid, "emoji": "👍"}
    assert say(bench, "reaction", reaction={"emoji": ""})["reaction"] == {"message_id": wamid}


def test_an_edit_and_a_revocation_name_what_was_said_before(bench: Bench):
    (wamid,) = bench.says("hi")
    edit = say(bench, "edit", edit={"body": "hello"})
    assert edit["edit"] == {"original_message_id": wamid, "message": {"type": "text", "text": {"body": "hello"}}}
    revoked = say(bench, "revoke", revoke={"original_message_id": wamid})
    assert revoked["revoke"] == {"original_message_id": wamid}


@pytest.mark.parametrize("kind", ["reaction", "edit", "revoke"])
def test_who_said_nothing_cannot_take_it_back(bench: Bench, kind: str):
    answer = requests.post(
        f"{bench.url}/_sim/inbound", json={"messages": [{"from": "886955555555", "type": kind}]}, timeout=5
    )
    assert answer.status_code == 400


# --- surroundings


def test_a_message_can_be_a_reply_or_forwarded_or_about_a_product(bench: Bench):
    (wamid,) = bench.says("hi")
    ours = last_wamid(bench.text())
    assert say(bench, "text", text="a", reply_to=ours)["context"] == {"from": "886255501000", "id": ours}
    assert say(bench, "text", text="b", reply_to=wamid)["context"] == {"from": CUSTOMER, "id": wamid}
    assert say(bench, "text", text="c", forwarded=True)["context"] == {"forwarded": True}
    assert say(bench, "text", text="d", frequently_forwarded=True)["context"] == {"frequently_forwarded": True}
    product = say(bench, "text", text="e", product=True)["context"]["referred_product"]
    assert set(product) == {"catalog_id", "product_retailer_id"}


def test_a_click_on_an_ad_opens_a_free_entry_point(bench: Bench):
    told = say(bench, "text", text="我想了解這個優惠", referral=True)
    expected = recorded("message_text_from_ad")["referral"]
    assert set(told["referral"]) - {"welcome_message"} == set(expected)
    sent = next(s for s in bench.statuses(bench.text(), "sent", "read") if s["status"] == "sent")
    assert sent["pricing"]["type"] == "free_entry_point"
    assert sent["conversation"]["origin"] == {"type": "referral_conversion"}


# --- answers to what was sent


def test_quick_replies_of_a_template_come_as_buttons(bench: Bench):
    body = {"type": "body", "parameters": [{"type": "text", "text": "x"}] * 3}
    plain = bench.template(template={"name": "shipping_notice", "components": [body]})
    assert press(bench, plain, choice=1)["button"] == {"payload": "聯絡客服", "text": "聯絡客服"}
    button = {
        "type": "button",
        "sub_type": "quick_reply",
        "index": "0",
        "parameters": [{"type": "payload", "payload": "TRACK-1"}],
    }
    special = bench.template(template={"name": "shipping_notice", "components": [body, button]})
    assert press(bench, special)["button"] == {"payload": "TRACK-1", "text": "查詢進度"}


def test_buttons_and_rows_come_with_their_ids(bench: Bench):
    bench.says("hi")
    buttons = [{"type": "reply", "reply": {"id": name, "title": name.upper()}} for name in ("yes", "no")]
    sent = interactive(bench, "button", {"buttons": buttons})
    assert press(bench, sent, choice="no")["interactive"] == {
        "type": "button_reply",
        "button_reply": {"id": "no", "title": "NO"},
    }
    rows = [{"id": "s1", "title": "上午"}, {"id": "s2", "title": "下午", "description": "信義門市"}]
    sent = interactive(bench, "list", {"button": "選", "sections": [{"title": "時段", "rows": rows}]})
    assert press(bench, sent, choice="下午")["interactive"] == {"type": "list_reply", "list_reply": rows[1]}


def test_forms_places_cards_and_carts_come_as_their_own_types(bench: Bench):
    bench.says("hi")
    flow = {"flow_message_version": "3", "flow_id": "1", "flow_cta": "填寫", "flow_token": "t-1"}
    answer = press(
        bench, interactive(bench, "flow", {"name": "flow", "parameters": flow}), response={"date": "2026-11-24"}
    )
    assert json.loads(answer["interactive"]["nfm_reply"]["response_json"]) == {
        "flow_token": "t-1",
        "date": "2026-11-24",
    }
    place = press(bench, interactive(bench, "location_request_message", {"name": "send_location"}))
    assert isinstance(place["location"]["latitude"], float)
    card = press(bench, interactive(bench, "request_contact_info", {"name": "request_contact_info"}))
    assert (card["contacts"][0]["origin"], card["contacts"][0]["phones"][0]["wa_id"]) == ("contact_request", CUSTOMER)
    cart = press(bench, interactive(bench, "product", {"catalog_id": "7", "product_retailer_id": "TEA-01"}))
    assert (cart["order"]["catalog_id"], cart["order"]["product_items"][0]["product_retailer_id"]) == ("7", "TEA-01")


def test_nothing_can_be_pressed_on_a_text(bench: Bench):
    bench.says("hi")
    wamid = last_wamid(bench.text())
    for order in ({"message_id": wamid}, {"message_id": "wamid.unknown"}):
        assert requests.post(f"{bench.url}/_sim/press", json=order, timeout=5).status_code == 400


# --- who they are


def test_a_username_hides_the_phone_until_the_business_writes_to_it(bench: Bench):
    marked = {"phone": CUSTOMER, "username": "@ming", "hides_phone": True, "parent_user_id": "TW.ENT.1"}
    (person,) = bench.control("POST", "customers", {"customers": [marked]})["customers"]
    hidden = say(bench, "text", text="hi")
    assert "from" not in hidden
    assert (hidden["from_user_id"], hidden["from_parent_user_id"]) == (person["user_id"], "TW.ENT.1")
    (contact,) = value_of(bench, hidden["id"])["contacts"]
    assert ("wa_id" in contact, contact["parent_user_id"]) == (False, "TW.ENT.1")
    assert contact["profile"]["username"] == "@ming"
    bench.text()
    assert say(bench, "text", text="again")["from"] == CUSTOMER


def test_the_contact_book_shows_the_phone_of_a_username(bench: Bench):
    marked = {"phone": CUSTOMER, "hides_phone": True, "in_contact_book": True}
    bench.control("POST", "customers", {"customers": [marked]})
    assert say(bench, "text", text="hi")["from"] == CUSTOMER


def test_a_changed_number_moves_the_person(bench: Bench):
    bench.says("hi")
    new = "886987654321"
    told = say(bench, "user_changed_number", user_changed_number={"wa_id": new})
    assert (told["from"], told["type"]) == (CUSTOMER, "system")
    assert shape(told["system"] | {"user_id": "", "previous_user_id": ""}) == shape(
        recorded("message_system_number_changed")["system"] | {"user_id": "", "previous_user_id": ""}
    )
    assert (told["system"]["wa_id"], told["system"]["previous_user_id"]) == (new, told["from_user_id"])
    assert "contacts" not in value_of(bench, told["id"])
    assert bench.statuses(bench.text(new), "read")[0]["recipient_user_id"] == told["system"]["user_id"]
    assert bench.statuses(bench.template(CUSTOMER), "failed")[0]["errors"][0]["code"] == 131026
    (after,) = bench.says(messages=[{"from": new, "text": "still me"}])
    assert value_of(bench, after)["contacts"][0]["profile"]["name"] == "王小明"


def test_a_changed_user_id_replaces_the_old_one(bench: Bench):
    bench.says("hi")
    told = say(bench, "user_changed_user_id")
    assert told["system"]["previous_user_id"] == told["from_user_id"] != told["system"]["user_id"]
    request = {"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}}
    assert bench.statuses(bench.send(request | {"recipient": told["system"]["user_id"]}), "read")
    gone = bench.send(request | {"recipient": told["from_user_id"]})
    assert bench.statuses(gone, "failed")[0]["errors"][0]["code"] == 131026


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("5531987654321", "553187654321"),
        ("551187654321", "5511987654321"),
        ("525512345678", "5215512345678"),
        ("541112345678", "5491112345678"),
        ("886912345678", "886912345678"),
    ],
)
def test_the_platform_answers_with_its_own_form_of_a_number(bench: Bench, written: str, kept: str):
    contact = bench.template(written).json()["contacts"][0]
    assert contact == {"input": f"+{written}", "wa_id": kept}
    assert bench.template(kept).json()["contacts"][0]["wa_id"] == kept
    assert len({row["user_id"] for row in bench.accepted()}) == 1


def test_a_customer_is_reached_under_an_alias(bench: Bench):
    bench.control("POST", "customers", {"customers": [{"phone": "5511987654321", "aliases": ["+5511900000000"]}]})
    assert bench.template("5511900000000").json()["contacts"][0]["wa_id"] == "5511987654321"
    bench.says(messages=[{"from": "551187654321", "text": "hi"}])
    assert bench.webhook.told("messages")[-1]["from"] == "5511987654321"


# --- preferences and reading


@pytest.mark.parametrize(("value", "opted_out"), [("stop", True), ("resume", False), ("signup", False)])
def test_a_preference_is_told_and_kept(bench: Bench, value: str, opted_out: bool):
    order = {"phone": CUSTOMER, "value": value, "timestamp": 1731705721}
    assert bench.control("POST", "preferences", order)["opted_out"] is opted_out
    bench.webhook.wait(lambda: bench.webhook.told("user_preferences"))
    (change,) = bench.webhook.changes()
    (told,) = change["value"]["user_preferences"]
    assert change["field"] == "user_preferences"
    assert (told["value"], told["timestamp"], told["category"]) == (value, 1731705721, "marketing_messages")


def mark_read(bench: Bench, wamid: str, **more: Any) -> requests.Response:
    return bench.send({"messaging_product": "whatsapp", "status": "read", "message_id": wamid, **more})


def test_reading_a_message_reads_the_earlier_ones_and_can_show_typing(bench: Bench):
    first, second, third = bench.says("a", "b", "c")
    assert mark_read(bench, second, typing_indicator={"type": "text"}).json() == {"success": True}
    rows = {row["wamid"]: row for row in bench.control("GET", "log/inbound")["messages"]}
    assert all(rows[wamid]["marked_read_at"] for wamid in (first, second))
    assert rows[third]["marked_read_at"] is None
    assert [bool(rows[wamid]["typing_at"]) for wamid in (first, second)] == [False, True]


def test_what_cannot_be_marked_as_read_is_refused(bench: Bench):
    (wamid,) = bench.says("hi")
    (old,) = bench.says(messages=[{"from": CUSTOMER, "text": "x", "timestamp": time.time() - 31 * 86_400}])
    ours = last_wamid(bench.text())
    for refused in (
        mark_read(bench, "wamid.unknown"),
        mark_read(bench, ours),
        mark_read(bench, old),
        mark_read(bench, wamid, typing_indicator={"type": "voice"}),
        mark_read(bench, wamid, status="unread"),
    ):
        assert code_of(refused) == (400, 131009)
