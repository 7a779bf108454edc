"""The customer service window, and the customer's word, count at the moment of sending (X4, X6, law 10)."""

from __future__ import annotations

import time

from tests.integration.whatsapp_round_trip.engine import COMPANY, Engine, template

PHONE = "886971000001"
DAY = 86_400
OFFER = template("promotion_offer", "王小明", "85 折", "週日")


def test_outside_the_window_a_template_goes_and_the_message_follows_the_answer(engine: Engine) -> None:
    engine.says({"from": PHONE, "name": "王小明", "text": "12345", "timestamp": time.time() - DAY - 3600})
    number = engine.order("k1", to={"phone": PHONE}, text={"body": "您的包裹明天到"})
    engine.settle()
    [taken] = engine.accepted()
    assert (taken["template"], taken["parameters"]) == ("reply_waiting", ["王小明"])
    assert engine.message(number)["kind"] == "template"

    engine.control("POST", "press", {"message_id": taken["wamid"]})
    engine.settle()
    texts = [row for row in engine.accepted() if "您的包裹明天到" in row["text"]]
    assert [(row["kind"], row["error"]) for row in texts] == [("text", None)]
    assert engine.recorded()[texts[0]["wamid"]].status == "read"


def test_the_window_is_open_for_a_day_after_each_word_of_the_customers(engine: Engine) -> None:
    engine.says({"from": PHONE, "text": "12345", "timestamp": time.time() - DAY + 600})
    inside = engine.order("k1", to={"phone": PHONE}, text={"body": "還來得及"})
    engine.settle()
    engine.clock.advance(minutes=20)
    outside = engine.order("k2", to={"phone": PHONE}, text={"body": "太晚了"})
    engine.settle()
    assert (engine.message(inside)["kind"], engine.message(outside)["kind"]) == ("text", "template")
    engine.says({"from": PHONE, "text": "67890"})
    assert [row["text"] for row in engine.accepted() if "太晚了" in row["text"]] == [f"太晚了\n— {COMPANY}"]


def test_a_template_asked_for_by_the_caller_goes_instead_and_nothing_follows(engine: Engine) -> None:
    fallback = template("ticket_resolved", *("王小明", "S-1"))
    number = engine.order("k1", to={"phone": PHONE}, text={"body": "已解決"}, fallback=fallback)
    engine.settle()
    assert [row["template"] for row in engine.accepted()] == ["ticket_resolved"]
    engine.says({"from": PHONE, "text": "12345"})
    assert len(engine.accepted()) == 1
    assert engine.message(number)["status"] == "read"


def test_who_stops_marketing_between_planning_and_sending_gets_none(engine: Engine) -> None:
    engine.sends_batches = False
    people = engine.people(3, marketing="granted")
    phones = engine.column("select phone from contacts order by id")
    recipients = [{"contact_id": person, "parameters": ["顧客", "85 折", "週日"]} for person in people]
    campaign = {"name": "c", "template": "promotion_offer", "language": "zh_TW", "recipients": recipients}
    assert engine.api("POST", "campaigns", campaign).status_code == 202
    engine.control("POST", "preferences", {"phone": phones[0], "value": "stop"})
    engine.says({"from": phones[1].lstrip("+"), "text": "停止接收"})
    before = len(engine.accepted())
    engine.sends_batches = True
    engine.settle()

    offers = [row["to"] for row in engine.accepted()[before:]]
    assert offers == [phones[2].lstrip("+")]
    rows = engine.rows("select contact_id, state, reason from outgoing where lane = 'bulk' order by id")
    assert [tuple(row)[1:] for row in rows] == [("skipped", "no_marketing_consent")] * 2 + [("accepted", None)]
    assert engine.control("GET", "log/sends")["refused"] == []

    engine.control("POST", "preferences", {"phone": phones[0], "value": "resume", "timestamp": time.time() + 2})
    engine.settle()
    again = engine.order("k1", to={"phone": phones[0]}, template=OFFER)
    notice = engine.order("k2", to={"phone": phones[1]}, template=template("order_confirmation", "王", "A1", "$1"))
    never = engine.order("k3", to={"phone": phones[1]}, template=OFFER)
    engine.settle()
    assert [engine.message(number)["status"] for number in (again, notice)] == ["read", "read"]
    assert engine.message(never)["reason"] == "no_marketing_consent"


def test_a_stop_that_only_the_platform_knew_is_learnt_from_its_refusal(engine: Engine) -> None:
    [person] = engine.people(1, marketing="granted")
    phone = engine.value("select phone from contacts")
    engine.control("POST", "customers", {"customers": [{"phone": phone, "opted_out": True}]})
    first = engine.order("k1", to={"contact_id": person}, template=OFFER)
    engine.settle()
    second = engine.order("k2", to={"contact_id": person}, template=OFFER)
    engine.settle()
    assert (engine.message(first)["status"], engine.message(second)["reason"]) == ("failed", "no_marketing_consent")
    assert len(engine.accepted()) == 1
