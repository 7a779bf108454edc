"""What the platform would refuse is known before it is asked; the limits are those of its reference pages."""

from __future__ import annotations

import pytest

from syncer.domain import content as kinds
from syncer.domain.content import FreeForm, MediaKind
from syncer.policies.composing import objection


def button(number: int, title: str = "是") -> kinds.Choice:
    return kinds.Choice(f"b{number}", title)


def rows(count: int, **changes: str) -> kinds.Section:
    return kinds.Section(tuple(kinds.Choice(f"r{n}", changes.get("title", "x")) for n in range(count)), "段")


@pytest.mark.parametrize(
    "content",
    [
        kinds.TextContent("x" * 4096),
        kinds.MediaContent(MediaKind.IMAGE, id="1", caption="x" * 1024),
        kinds.MediaContent(MediaKind.VIDEO, link="https://example.com/v.mp4"),
        kinds.MediaContent(MediaKind.DOCUMENT, id="1", filename="a.pdf"),
        kinds.LocationContent(-90, 180),
        kinds.ContactsContent((kinds.ContactCard("A"),)),
        kinds.ReactionContent("wamid.1", ""),
        kinds.ButtonsContent("x" * 1024, tuple(button(n, "x" * 20) for n in range(3)), "h" * 60, "f" * 60),
        kinds.ListContent("x" * 4096, "選" * 20, (rows(10, title="x" * 24),)),
        kinds.LinkContent("x", "x" * 20, "https://example.com"),
        kinds.FlowContent("x", "1", "開始", "t"),
        kinds.LocationRequestContent("x"),
        kinds.PhoneRequestContent("x"),
    ],
    ids=lambda content: type(content).__name__,
)
def test_what_keeps_the_limits_may_go(content: FreeForm) -> None:
    assert objection(content) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (kinds.TextContent(" \n"), "a text has 1 to 4096 characters"),
        (kinds.TextContent("x" * 4097), "a text has 1 to 4096 characters"),
        (kinds.MediaContent(MediaKind.IMAGE), "by its id or by a link"),
        (kinds.MediaContent(MediaKind.IMAGE, id="1", link="https://e.com"), "not by both"),
        (kinds.MediaContent(MediaKind.IMAGE, link="ftp://e.com/x"), "an http or https address"),
        (kinds.MediaContent(MediaKind.IMAGE, id="1", caption="x" * 1025), "a caption has 1 to 1024"),
        (kinds.MediaContent(MediaKind.AUDIO, id="1", caption="x"), "audio messages have no caption"),
        (kinds.MediaContent(MediaKind.STICKER, id="1", caption="x"), "sticker messages have no caption"),
        (kinds.MediaContent(MediaKind.IMAGE, id="1", filename="a.png"), "only a document has a file name"),
        (kinds.LocationContent(90.1, 0), "90 degrees"),
        (kinds.LocationContent(0, float("nan")), "180 of longitude"),
        (kinds.ContactsContent(()), "a contact needs a name"),
        (kinds.ContactsContent((kinds.ContactCard(" "),)), "a contact needs a name"),
        (kinds.ReactionContent("", "👍"), "the message it is about"),
        (kinds.ButtonsContent("x" * 1025, (button(1),)), "the body has 1 to 1024"),
        (kinds.ButtonsContent("x", ()), "one to three buttons"),
        (kinds.ButtonsContent("x", tuple(button(n) for n in range(4))), "one to three buttons"),
        (kinds.ButtonsContent("x", (button(1), button(1))), "an id of its own"),
        (kinds.ButtonsContent("x", (button(1, "x" * 21),)), "a choice's title has 1 to 20"),
        (kinds.ButtonsContent("x", (kinds.Choice("i" * 257, "x"),)), "a choice's id has 1 to 256"),
        (kinds.ButtonsContent("x", (button(1),), header="h" * 61), "a header has 1 to 60"),
        (kinds.ButtonsContent("x", (button(1),), footer="f" * 61), "a footer has 1 to 60"),
        (kinds.ListContent("x", "選" * 21, (rows(1),)), "the list's button has 1 to 20"),
        (kinds.ListContent("x", "選", ()), "one to ten rows"),
        (kinds.ListContent("x", "選", (rows(11),)), "one to ten rows"),
        (kinds.ListContent("x", "選", (rows(1, title="x" * 25),)), "a choice's title has 1 to 24"),
        (kinds.ListContent("x", "選", (rows(1), kinds.Section((kinds.Choice("z", "z"),)))), "needs a title"),
        (kinds.ListContent("x", "選", (kinds.Section((kinds.Choice("z", "z"),), "t" * 25),)), "a section's title"),
        (
            kinds.ListContent("x", "選", (kinds.Section((kinds.Choice("z", "z", "d" * 73),)),)),
            "description has 1 to 72",
        ),
        (kinds.LinkContent("x", "x" * 21, "https://e.com"), "a button has 1 to 20"),
        (kinds.LinkContent("x", "x", "javascript:alert(1)"), "an http or https one"),
        (kinds.FlowContent("x", "", "開始", "t"), "named by its id"),
        (kinds.LocationRequestContent(""), "the body has 1 to 1024"),
    ],
)
def test_what_breaks_one_is_told_in_words(content: FreeForm, words: str) -> None:
    assert words in (objection(content) or "")
