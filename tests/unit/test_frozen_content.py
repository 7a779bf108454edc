"""What is frozen when a message is planned is the same when it leaves, also after an upgrade."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncer.domain import content as kinds
from syncer.domain.content import Content, MediaKind, kind_of, readable
from syncer.domain.frozen import freeze, thaw
from syncer.domain.template import ButtonParameter, HeaderMedium, TemplateContent

ROW = kinds.Choice("r1", "明天下午", "兩點到四點")
EVERY = [
    kinds.TextContent("您好"),
    kinds.TextContent("https://example.com", preview_url=True),
    kinds.MediaContent(MediaKind.IMAGE, id="1013859600285441", caption="收據"),
    kinds.MediaContent(MediaKind.DOCUMENT, link="https://example.com/a.pdf", filename="a.pdf"),
    kinds.MediaContent(MediaKind.AUDIO, id="1", voice=True),
    kinds.LocationContent(0.0, -121.5, "門市", "信義路"),
    kinds.ContactsContent((kinds.ContactCard("王小明", ("+886912345678",), (), "茶行"), kinds.ContactCard("B"))),
    kinds.ReactionContent("wamid.1", "👍"),
    kinds.ReactionContent("wamid.1", ""),
    kinds.ButtonsContent("?", (kinds.Choice("y", "是"), kinds.Choice("n", "否")), footer="茶行"),
    kinds.ListContent("?", "選擇", (kinds.Section((ROW,), "時段"), kinds.Section((ROW,), "其他")), header="預約"),
    kinds.LinkContent("看", "開啟", "https://example.com"),
    kinds.FlowContent("填", "123", "開始", "token", screen="FIRST"),
    kinds.LocationRequestContent("在哪？"),
    kinds.PhoneRequestContent("電話？"),
    TemplateContent("order", "zh_TW", ("王小明", "A1")),
    TemplateContent("order", "zh_TW", ("王小明",), ("name",), "A1", (ButtonParameter(0, "url", "A1"),)),
    TemplateContent("order", "en_US", (), (), HeaderMedium("image", id="9")),
]


@pytest.mark.parametrize("content", EVERY, ids=lambda content: type(content).__name__)
def test_every_kind_comes_back_as_it_went(content: Content) -> None:
    stored = json.loads(json.dumps(freeze(content)))
    assert thaw(kind_of(content), stored) == content


def test_no_two_kinds_look_alike_when_frozen() -> None:
    stored = [(kind_of(content), json.dumps(freeze(content), sort_keys=True)) for content in EVERY]
    assert len(set(stored)) == len(EVERY)


@pytest.mark.parametrize(
    ("kind", "stored", "content"),
    [
        ("text", {"body": "您好"}, kinds.TextContent("您好")),
        (
            "template",
            {"name": "order", "language": "zh_TW", "parameters": ["A1"]},
            TemplateContent("order", "zh_TW", ("A1",)),
        ),
        ("template", {"name": "closed", "language": "en", "parameters": []}, TemplateContent("closed", "en")),
    ],
)
def test_rows_of_the_first_version_still_leave(kind: str, stored: dict[str, Any], content: Content) -> None:
    assert thaw(kind, stored) == content
    assert freeze(content) == stored, "an idempotency key of before must still mean the same message"


def test_what_was_never_frozen_is_an_error_and_not_a_guess() -> None:
    for stored in ({"is": "hologram"}, {"is": "media"}, {"is": "location", "latitude": 1.0, "altitude": 2.0}):
        with pytest.raises((KeyError, TypeError)):
            thaw("interactive", stored)


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (kinds.MediaContent(MediaKind.STICKER, id="1"), "[sticker]"),
        (kinds.MediaContent(MediaKind.DOCUMENT, id="1", filename="a.pdf"), "a.pdf"),
        (kinds.LocationContent(25.03, 121.5), "25.03, 121.5"),
        (kinds.LocationContent(25.03, 121.5, "門市", "信義路"), "門市, 信義路"),
        (kinds.ReactionContent("w", ""), "[reaction removed]"),
        (kinds.ContactsContent((kinds.ContactCard("A", ("+1",)), kinds.ContactCard("B"))), "A +1, B"),
        (kinds.ButtonsContent("?", (kinds.Choice("y", "是"),), "標題", "頁尾"), "標題\n?\n[是]\n頁尾"),
        (kinds.ListContent("?", "選擇", (kinds.Section((ROW,)),)), "?\n[選擇]\n- 明天下午"),
        (kinds.LinkContent("看", "開啟", "https://e.com"), "看\n[開啟] https://e.com"),
        (kinds.FlowContent("填", "1", "開始", "t"), "填\n[開始]"),
        (kinds.PhoneRequestContent("電話？"), "電話？"),
    ],
)
def test_a_person_can_read_what_was_sent(content: kinds.FreeForm, read: str) -> None:
    assert readable(content) == read
