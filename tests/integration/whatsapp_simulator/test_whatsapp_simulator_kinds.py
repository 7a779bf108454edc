"""Every kind of message the business can send: what is accepted, and what each limit refuses."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import CUSTOMER, Bench, code_of

LINK = {"link": "https://example.com/a"}
BODY = {"text": "?"}
BUTTON = {"type": "reply", "reply": {"id": "1", "title": "好"}}
ROW = {"id": "1", "title": "上午"}
URL = {"name": "cta_url", "parameters": {"display_text": "查看", "url": "https://example.com"}}
FLOW = {"flow_message_version": "3", "flow_id": "1", "flow_cta": "填寫", "flow_token": "t", "flow_action": "navigate"}
ITEM = {"product_retailer_id": "TEA-01"}
TITLE = {"type": "text", "text": "茶"}
CARD = {"name": {"formatted_name": "陳美玲", "first_name": "美玲"}, "phones": [{"phone": "+886922333444"}]}


def send(bench: Bench, kind: str, content: Any, **fields: Any) -> requests.Response:
    return bench.send({"messaging_product": "whatsapp", "to": f"+{CUSTOMER}", "type": kind, kind: content, **fields})


def interactive(kind: str, action: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    return "interactive", {"type": kind, "body": BODY, "action": action, **more}


def sections(count: int, rows: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"title": f"s{s}", "rows": [{"id": f"{s}-{r}", "title": f"{s}-{r}"} for r in range(rows)], **more}
        for s in range(count)
    ]


def products(count: int, per_section: int = 30) -> list[dict[str, Any]]:
    items = [{"product_retailer_id": f"SKU-{number}"} for number in range(count)]
    return [
        {"title": f"s{start}", "product_items": items[start : start + per_section]}
        for start in range(0, count, per_section)
    ]


ACCEPTED = {
    "text": ("text", {"body": "x" * 4096, "preview_url": True}),
    "image by link": ("image", {**LINK, "caption": "x" * 1024}),
    "video by link": ("video", LINK),
    "audio by link": ("audio", {**LINK, "voice": True}),
    "document by link": ("document", {**LINK, "filename": "訂單.pdf", "caption": "x"}),
    "sticker by link": ("sticker", LINK),
    "location in strings": ("location", {"latitude": "25.03", "longitude": "121.56", "name": "台北101"}),
    "location in numbers": ("location", {"latitude": -90, "longitude": 180}),
    "contacts": ("contacts", [CARD, CARD]),
    "buttons": interactive("button", {"buttons": [BUTTON]}, footer={"text": "x" * 60}),
    "buttons under a text": interactive("button", {"buttons": [BUTTON]}, header={"type": "text", "text": "x" * 60}),
    "buttons under a photo": interactive("button", {"buttons": [BUTTON]}, header={"type": "image", "image": LINK}),
    "buttons under a video": interactive("button", {"buttons": [BUTTON]}, header={"type": "video", "video": LINK}),
    "link under a document": interactive("cta_url", URL, header={"type": "document", "document": LINK}),
    "list": interactive("list", {"button": "選", "sections": [{"rows": [ROW]}]}),
    "list of ten rows": interactive("list", {"button": "選", "sections": sections(5, 2)}),
    "flow": interactive("flow", {"name": "flow", "parameters": FLOW}),
    "location request": interactive("location_request_message", {"name": "send_location"}),
    "contact request": interactive("request_contact_info", {"name": "request_contact_info"}),
    "call permission": interactive("call_permission_request", {"name": "call_permission_request"}),
    "product": ("interactive", {"type": "product", "action": {"catalog_id": "7", **ITEM}}),
    "thirty products": interactive(
        "product_list", {"catalog_id": "7", "sections": products(30, 10)}, header={"type": "text", "text": "茶"}
    ),
    "catalog": interactive("catalog_message", {"name": "catalog_message"}),
}

REFUSED: dict[str, tuple[tuple[str, Any], int]] = {
    "long text": (("text", {"body": "x" * 4097}), 100),
    "text that is a number": (("text", {"body": 7}), 131009),
    "long caption": (("image", {**LINK, "caption": "x" * 1025}), 100),
    "no source": (("image", {"caption": "x"}), 131008),
    "a link that is none": (("video", {"link": "ftp://example.com"}), 131009),
    "caption of a sound": (("audio", {**LINK, "caption": "x"}), 100),
    "caption of a sticker": (("sticker", {**LINK, "caption": "x"}), 100),
    "voice that is a string": (("audio", {**LINK, "voice": "true"}), 131009),
    "no longitude": (("location", {"latitude": 1}), 131008),
    "outside the world": (("location", {"latitude": 91, "longitude": 0}), 131009),
    "no number at all": (("location", {"latitude": "nan", "longitude": 0}), 131009),
    "card without a name": (("contacts", [{"phones": []}]), 131008),
    "card with half a name": (("contacts", [{"name": {"formatted_name": "x"}}]), 131008),
    "no card": (("contacts", {}), 131009),
    "reaction without a message": (("reaction", {"emoji": "👍"}), 131008),
    "unknown interactive": (interactive("carousel_of_dreams", {}), 131009),
    "no buttons": (interactive("button", {"buttons": []}), 131009),
    "four buttons": (
        interactive("button", {"buttons": [{"reply": {"id": str(n), "title": str(n)}} for n in range(4)]}),
        131009,
    ),
    "same button twice": (interactive("button", {"buttons": [BUTTON, BUTTON]}), 131009),
    "long button": (interactive("button", {"buttons": [{"reply": {"id": "1", "title": "x" * 21}}]}), 100),
    "long id": (interactive("button", {"buttons": [{"reply": {"id": "x" * 257, "title": "x"}}]}), 100),
    "long body": (interactive("button", {"buttons": [BUTTON]}, body={"text": "x" * 1025}), 100),
    "no body": (interactive("button", {"buttons": [BUTTON]}, body=None), 131008),
    "long footer": (interactive("button", {"buttons": [BUTTON]}, footer={"text": "x" * 61}), 100),
    "long header": (interactive("button", {"buttons": [BUTTON]}, header={"type": "text", "text": "x" * 61}), 100),
    "sound as header": (interactive("button", {"buttons": [BUTTON]}, header={"type": "audio", "audio": LINK}), 131009),
    "empty header": (interactive("button", {"buttons": [BUTTON]}, header={"type": "image", "image": {}}), 131008),
    "image over a list": (
        interactive("list", {"button": "選", "sections": [{"rows": [ROW]}]}, header={"type": "image", "image": LINK}),
        131009,
    ),
    "eleven rows": (interactive("list", {"button": "選", "sections": sections(1, 11)}), 131009),
    "eleven sections": (interactive("list", {"button": "選", "sections": sections(11, 1)}), 131009),
    "long section": (interactive("list", {"button": "選", "sections": sections(1, 1, title="x" * 25)}), 100),
    "sections without titles": (interactive("list", {"button": "選", "sections": sections(2, 1, title="")}), 131008),
    "long row": (interactive("list", {"button": "選", "sections": [{"rows": [ROW | {"title": "x" * 25}]}]}), 100),
    "long description": (
        interactive("list", {"button": "選", "sections": [{"rows": [ROW | {"description": "x" * 73}]}]}),
        100,
    ),
    "link to nowhere": (interactive("cta_url", {**URL, "parameters": {"display_text": "x", "url": "here"}}), 131009),
    "link of another name": (interactive("cta_url", {**URL, "name": "url"}), 131009),
    "old flow": (interactive("flow", {"name": "flow", "parameters": FLOW | {"flow_message_version": "2"}}), 131009),
    "flow without an id": (interactive("flow", {"name": "flow", "parameters": FLOW | {"flow_id": ""}}), 131008),
    "flow named twice": (interactive("flow", {"name": "flow", "parameters": FLOW | {"flow_name": "x"}}), 131008),
    "location request of another name": (interactive("location_request_message", {"name": "send"}), 131009),
    "contact request with a footer": (
        interactive("request_contact_info", {"name": "request_contact_info"}, footer={"text": "x"}),
        131009,
    ),
    "product without a catalog": (("interactive", {"type": "product", "action": ITEM}), 131008),
    "thirty-one products": (
        interactive("product_list", {"catalog_id": "7", "sections": products(31)}, header=TITLE),
        131009,
    ),
    "products without a header": (interactive("product_list", {"catalog_id": "7", "sections": products(1)}), 131008),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_what_fits_is_accepted(bench: Bench, what: str):
    answer = send(bench, *ACCEPTED[what])
    assert answer.status_code == 200, answer.text
    assert "message_status" not in answer.json()["messages"][0]


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused(bench: Bench, what: str):
    message, code = REFUSED[what]
    assert code_of(send(bench, *message)) == (400, code)
    assert bench.accepted() == []


def test_a_reaction_and_a_quotation_name_a_known_message(bench: Bench):
    (wamid,) = bench.says("hi")
    assert send(bench, "reaction", {"message_id": wamid, "emoji": ""}).status_code == 200
    assert send(bench, "text", {"body": "x"}, context={"message_id": wamid}).status_code == 200
    assert bench.accepted()[1]["context"] == wamid
    assert code_of(send(bench, "text", {"body": "x"}, context={"message_id": "wamid.x"})) == (400, 131009)


def test_every_kind_reaches_a_business_scoped_user_id(bench: Bench):
    bench.says("hi")
    (person,) = bench.control("POST", "customers", {"customers": [{"phone": CUSTOMER}]})["customers"]
    for kind, content in (ACCEPTED["text"], ACCEPTED["list"], ACCEPTED["image by link"]):
        answer = send(bench, kind, content, to=None, recipient=person["user_id"])
        assert answer.json()["contacts"] == [{"input": person["user_id"], "user_id": person["user_id"]}]
    both = send(bench, "text", {"body": "x"}, recipient="TW.999")
    assert both.json()["contacts"][0]["wa_id"] == CUSTOMER


def test_a_login_code_does_not_reach_a_user_id(bench: Bench):
    code = [{"type": "text", "text": "123456"}]
    button = {"type": "button", "sub_type": "url", "index": "0", "parameters": code}
    template = {
        "name": "login_code",
        "language": {"code": "zh_TW"},
        "components": [{"type": "body", "parameters": code}, button],
    }
    assert send(bench, "template", template).status_code == 200
    assert code_of(send(bench, "template", template, to=None, recipient="TW.1")) == (400, 131062)


def test_a_changed_identity_is_refused(bench: Bench):
    bench.control("POST", "customers", {"customers": [{"phone": CUSTOMER, "identity_key_hash": "abc"}]})
    text = {"body": "x"}
    assert send(bench, "text", text, recipient_identity_key_hash="abc").status_code == 200
    assert code_of(send(bench, "text", text, recipient_identity_key_hash="old")) == (400, 137000)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"recipient_type": "group"}, 131009),
        ({"category": "utility"}, 139200),
        ({"to": None, "recipient": "not an id"}, 131009),
        ({"to": None, "recipient": None}, 100),
    ],
)
def test_what_this_account_may_not_do_is_refused(bench: Bench, fields: dict[str, Any], code: int):
    assert code_of(send(bench, "text", {"body": "x"}, **fields)) == (400, code)
