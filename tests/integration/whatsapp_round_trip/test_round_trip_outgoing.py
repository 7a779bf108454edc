"""Whatever the company can ask for by the API reaches the customer as it was asked for, and its fate comes back (R22,
R23)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncer.domain import frozen
from syncer.simulators.whatsapp.sample_files import sample_file
from syncer.web.api.messages import Order
from tests.integration.whatsapp_round_trip.engine import COMPANY, PRIMARY, Engine, catalogue, template

SIGNED = f"\n— {COMPANY}"
FOOTER = COMPANY
LINK = "https://shop.example/menu"
#: A template of the account's own that the shipped catalogue has no likeness of: an image above, a coupon to copy.
COUPON = {
    "name": "member_coupon",
    "language": "zh_TW",
    "category": "UTILITY",
    "parameter_format": "POSITIONAL",
    "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::Y291cG9u"]}},
        {"type": "BODY", "text": "{{1}} 您好，送您 {{2}} 元折價券。", "example": {"body_text": [["王小明", "100"]]}},
        {"type": "FOOTER", "text": COMPANY},
        {
            "type": "BUTTONS",
            "buttons": [{"type": "QUICK_REPLY", "text": "停止接收"}, {"type": "COPY_CODE", "example": "SAVE100"}],
        },
    ],
}


@dataclass(frozen=True)
class Asked:
    """A content as the API takes it, and what of it the platform must have taken: `kind`, `text` that the customer
    reads, and any other field of its log. `{kind}` in a medium's id stands for an uploaded file of that kind."""

    content: dict[str, Any]
    kind: str
    text: str
    taken: dict[str, Any] = field(default_factory=dict)


def _media(kind: str, text: str = "", **more: Any) -> Asked:
    return Asked({"media": {"kind": kind, **more}}, kind, text)


ROWS = [{"id": "s1", "title": "上午"}, {"id": "s2", "title": "下午", "description": "兩點以後"}]
ASKED = {
    "text": Asked({"text": {"body": "包裹明天到"}}, "text", f"包裹明天到{SIGNED}"),
    "text with a preview": Asked({"text": {"body": f"看 {LINK}", "preview_url": True}}, "text", f"看 {LINK}{SIGNED}"),
    "image by id": _media("image", f"收據{SIGNED}", id="{image}", caption="收據"),
    "image by link": _media("image", COMPANY, link="https://shop.example/a.jpg"),
    "video by id": _media("video", f"教學{SIGNED}", id="{video}", caption="教學"),
    "audio by link": _media("audio", link="https://shop.example/a.ogg"),
    "voice note": Asked({"media": {"kind": "audio", "id": "{audio}", "voice": True}}, "audio", "", {"voice": True}),
    "document by id": _media("document", COMPANY, id="{document}", filename="發票.pdf"),
    "document by link": _media("document", f"合約{SIGNED}", link="https://shop.example/c.pdf", caption="合約"),
    "sticker": _media("sticker", id="{sticker}"),
    "location": Asked(
        {"location": {"latitude": 25.033964, "longitude": 121.564468, "name": "台北101", "address": "信義路五段7號"}},
        "location",
        "台北101",
    ),
    "location without a name": Asked(
        {"location": {"latitude": 25.5, "longitude": -121.25}}, "location", "25.5,-121.25"
    ),
    "contacts": Asked(
        {"contacts": {"cards": [{"name": "陳美玲", "phones": ["+886922333444"]}, {"name": "Ana", "company": "Acme"}]}},
        "contacts",
        "陳美玲, Ana",
    ),
    "reaction": Asked({"reaction": {"wamid": "{theirs}", "emoji": "👍"}}, "reaction", "👍"),
    "reaction taken back": Asked({"reaction": {"wamid": "{theirs}", "emoji": ""}}, "reaction", ""),
    "buttons": Asked(
        {
            "buttons": {
                "body": "要退貨嗎？",
                "header": "退貨",
                "buttons": [{"id": "y", "title": "要"}, {"id": "n", "title": "不要"}],
            }
        },
        "interactive",
        "要退貨嗎？",
        {"choices": [("y", "要"), ("n", "不要")]},
    ),
    "list": Asked(
        {"list": {"body": "何時送？", "button": "選時段", "sections": [{"rows": ROWS}]}},
        "interactive",
        "何時送？",
        {"choices": [("s1", "上午"), ("s2", "下午")]},
    ),
    "link": Asked({"link": {"body": "看菜單", "label": "菜單", "url": LINK}}, "interactive", "看菜單"),
    "flow": Asked(
        {"flow": {"body": "填資料", "flow_id": "123", "label": "開始", "token": "t-1", "screen": "FIRST"}},
        "interactive",
        "填資料",
    ),
    "question where": Asked(
        {"question": {"of": "location", "body": "您在哪裡？"}}, "interactive", f"您在哪裡？{SIGNED}"
    ),
    "question for a phone": Asked({"question": {"of": "phone", "body": "電話？"}}, "interactive", f"電話？{SIGNED}"),
    "template": Asked(
        {"template": template("order_confirmation", "王小明", "A1", "NT$100")},
        "template",
        "您好 王小明，我們已收到您的訂單 A1，金額 NT$100。備貨完成後會再通知您，謝謝您的訂購！",
        {"template": "order_confirmation", "language": "zh_TW", "choices": [("ORDER_STATUS", None)]},
    ),
    "template in the nearest language": Asked(
        {"template": template("order_confirmation", "Ana", "A1", "$3", language="en_GB")},
        "template",
        "Hello Ana, we have received your order A1 for $3. We will write again when it is ready. Thank you!",
        {"language": "en_US"},
    ),
    "template by names": Asked(
        {
            "template": {
                "name": "service_visit",
                "language": "en_US",
                "parameters": {
                    "place": "10 Elm St",
                    "customer_name": "Ana",
                    "service_name": "repair",
                    "appointment_time": "2 pm",
                },
            }
        },
        "template",
        "Hello Ana, for your repair we will be at 10 Elm St on 2 pm. Does that suit you?",
        {"choices": [("VISIT_OK", None), ("VISIT_CHANGE", None)]},
    ),
    "template with a text above and a link": Asked(
        {
            "template": template(
                "parcel_tracking", "王小明", "A1", header="A1", buttons=[{"index": 0, "kind": "url", "value": "9076"}]
            )
        },
        "template",
        "您好 王小明，訂單 A1 的包裹已在路上，點選下方按鈕即可查看目前位置。",
    ),
    "template with a file by link": Asked(
        {
            "template": template(
                "invoice_document",
                "王小明",
                "AB-1",
                "NT$5",
                header={"kind": "document", "link": LINK, "filename": "a.pdf"},
            )
        },
        "template",
        "您好 王小明，附上發票 AB-1，金額 NT$5，請查收並妥善保存。",
    ),
    "template with a file by id": Asked(
        {
            "template": template(
                "invoice_document", "王小明", "AB-1", "NT$5", header={"kind": "document", "id": "{document}"}
            )
        },
        "template",
        "您好 王小明，附上發票 AB-1，金額 NT$5，請查收並妥善保存。",
    ),
    "template with a coupon and a payload": Asked(
        {
            "template": template(
                "member_coupon",
                "王小明",
                "100",
                header={"kind": "image", "id": "{image}"},
                buttons=[
                    {"index": 0, "kind": "quick_reply", "value": "NO_MORE"},
                    {"index": 1, "kind": "copy_code", "value": "SAVE100"},
                ],
            )
        },
        "template",
        "王小明 您好，送您 100 元折價券。",
        {"choices": [("NO_MORE", None)]},
    ),
    "template of a one-time code": Asked(
        {"template": template("login_code", "123456")}, "template", "123456", {"category": "authentication"}
    ),
}
#: What the API calls each content of `frozen`; a question is one of two.
_NAMES = {"location_request": "question", "phone_request": "question"}


def test_the_table_has_every_content_that_the_api_takes() -> None:
    contents = {_NAMES.get(name, name) for name in frozen._CLASSES}
    assert contents == set(Order.model_fields) - {"to", "reply_to", "fallback"}
    assert {next(iter(asked.content)) for asked in ASKED.values()} == contents


def test_every_content_reaches_the_customer_as_it_was_asked_for(engine_with: Any) -> None:
    engine: Engine = engine_with(templates=[*catalogue(), COUPON])
    phones = {name: f"8869410000{n:02d}" for n, name in enumerate(ASKED)}
    theirs = dict(zip(ASKED, engine.says(*({"from": phone, "text": "123"} for phone in phones.values())), strict=True))
    files = {kind: _upload(engine, kind) for kind in ("image", "video", "audio", "document", "sticker")}
    numbers = {
        name: engine.order(f"k{n}", to={"phone": f"+{phones[name]}"}, **_filled(asked.content, files, theirs[name]))
        for n, (name, asked) in enumerate(ASKED.items())
    }
    engine.settle()

    problems, records = {}, engine.recorded()
    sends = {row["to"]: row for row in engine.accepted()}
    missing = {name: engine.message(numbers[name])["reason"] for name in ASKED if phones[name] not in sends}
    assert (missing, len(engine.accepted())) == ({}, len(ASKED)), "each of them once"
    for name, asked in ASKED.items():
        taken, message = sends[phones[name]], engine.message(numbers[name])
        problems[name] = _differences(asked, taken) | {
            what: value
            for what, value, wanted in (
                ("wamid", message["wamid"], taken["wamid"]),
                ("state", message["state"], "accepted"),
                ("status", message["status"], "played" if taken["voice"] else "read"),
                ("times", all(message[f"{step}_at"] for step in ("accepted", "sent", "delivered", "read")), True),
                ("kind", message["kind"], asked.kind),
                ("record", (records[taken["wamid"]].kind, records[taken["wamid"]].body), (asked.kind, message["body"])),
                ("record's status", records[taken["wamid"]].status, message["status"]),
                ("sender", asked.kind in _NAMELESS or _names_sender(taken, message), True),
            )
            if value != wanted
        }
    assert {name: found for name, found in problems.items() if found} == {}


def test_a_message_goes_to_whom_it_was_addressed_and_quotes_what_it_answers(engine: Engine) -> None:
    hidden = {"phone": "886942000001", "username": "@hidden", "hides_phone": True}
    user_id = engine.control("POST", "customers", {"customers": [hidden]})["customers"][0]["user_id"]
    theirs = engine.says({"from": "886942000001", "text": "123"}, {"from": "886942000002", "text": "456"})
    by_contact = engine.value("select contact_id from messages where wamid = :wamid", wamid=theirs[1])
    numbers = [
        engine.order("k1", to={"user_id": user_id}, text={"body": "給您"}, reply_to=theirs[0]),
        engine.order("k2", to={"contact_id": by_contact}, text={"body": "給您"}, reply_to=theirs[1]),
        engine.order("k3", to={"phone": "0942-000-002"}, text={"body": "再給您"}),
        engine.order("k4", to={"user_id": user_id}, template=template("order_cancelled", *_values("order_cancelled"))),
    ]
    engine.settle()
    messages, records = [engine.message(number) for number in numbers], engine.recorded()
    taken = [engine.sent(message["wamid"]) for message in messages]
    assert [row["to"] for row in taken] == [user_id, "886942000002", "886942000002", user_id]
    assert [row["context"] for row in taken] == [theirs[0], theirs[1], None, None]
    assert [records[message["wamid"]].reply_to for message in messages] == [theirs[0], theirs[1], None, None]
    assert [message["status"] for message in messages] == ["read"] * 4
    assert messages[1]["contact_id"] == messages[2]["contact_id"] == by_contact


def test_what_customers_press_and_fill_in_comes_back_to_the_message_it_answers(engine: Engine) -> None:
    phones = {name: f"88694300000{n}" for n, name in enumerate(_PRESSED)}
    engine.says(*({"from": phone, "text": "123"} for phone in phones.values()))
    for n, name in enumerate(_PRESSED):
        engine.order(f"k{n}", to={"phone": phones[name]}, **_PRESSED[name][0])
    engine.settle()
    ours = {row["to"]: row["wamid"] for row in engine.accepted()}
    pressed = {
        name: engine.control("POST", "press", {"message_id": ours[phones[name]], **how})["ids"][0]
        for name, (_, how, _, _) in _PRESSED.items()
    }
    engine.settle()
    records = engine.recorded()
    found = {name: (records[w].kind, records[w].body, records[w].reply_to) for name, w in pressed.items()}
    assert found == {name: (kind, body, ours[phones[name]]) for name, (_, _, kind, body) in _PRESSED.items()}


_PRESSED: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    "template": (ASKED["template"].content, {}, "button", "訂單進度"),
    "buttons": (ASKED["buttons"].content, {"choice": "n"}, "interactive", "不要"),
    "list": (ASKED["list"].content, {"choice": 1}, "interactive", "下午"),
    "flow": (ASKED["flow"].content, {"response": {"guests": 2}}, "interactive", "guests: 2"),
    "location": (ASKED["question where"].content, {}, "location", "台北101, 台北市信義區信義路五段7號"),
}
#: Kinds in which nothing of ours can be read.
_NAMELESS = {"audio", "sticker", "location", "contacts", "reaction"}


def _names_sender(taken: dict[str, Any], message: dict[str, Any]) -> bool:
    """R8: the customer reads the company's name, in the text or (interactive, templates) below it; an authentication
    template is the platform's own."""
    return COMPANY in taken["text"] or COMPANY in message["body"] or taken["category"] == "authentication"


def _differences(asked: Asked, taken: dict[str, Any]) -> dict[str, Any]:
    """What of it the platform took otherwise."""
    choices = [(choice.get("id") or choice.get("payload"), choice.get("title")) for choice in taken["choices"] or ()]
    found = taken | {"choices": choices}
    wanted: dict[str, Any] = {"kind": asked.kind, **asked.taken, "phone_number_id": PRIMARY, "error": None}
    differences = {name: found[name] for name, value in wanted.items() if found[name] != value}
    # Of interactive messages and templates the platform's log has the footer too, where the sender may stand.
    same = asked.text in found["text"] if asked.kind in ("interactive", "template") else asked.text == found["text"]
    return differences | ({} if same else {"text": found["text"]})


def _upload(engine: Engine, kind: str) -> str:
    content, mime_type = sample_file(kind)
    answer = engine.web.post(
        f"/api/v1/media?filename=a.{kind}",
        content=content,
        headers={"Authorization": "Bearer everything", "Content-Type": mime_type},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _filled(content: Any, files: dict[str, str], theirs: str) -> Any:
    if isinstance(content, dict):
        return {key: _filled(value, files, theirs) for key, value in content.items()}
    if isinstance(content, list):
        return [_filled(value, files, theirs) for value in content]
    if isinstance(content, str) and content.startswith("{"):
        return theirs if content == "{theirs}" else files[content.strip("{}")]
    return content


def _values(name: str) -> list[str]:
    """Values for every variable of a shipped template."""
    body = next(
        part["text"]
        for item in catalogue()
        if (item["name"], item["language"]) == (name, "zh_TW")
        for part in item["components"]
        if part["type"] == "BODY"
    )
    return [f"v{n}" for n in range(1, body.count("{{") + 1)]
