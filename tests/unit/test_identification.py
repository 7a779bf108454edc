"""Every business message names its sender (R8)."""

from __future__ import annotations

import pytest

from syncer.domain import content as kinds
from syncer.domain.content import FreeForm, MediaContent, MediaKind, TextContent
from syncer.domain.template import Template
from syncer.policies import composing
from syncer.policies.identification import names_sender, objection, signed, signed_content


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("您好，每日 10 到 22 時。", "您好，每日 10 到 22 時。\n— 福爾摩沙茶行"),
        ("您好，這裡是福爾摩沙茶行。", "您好，這裡是福爾摩沙茶行。"),
        ("您好，這裡是福爾摩沙。", "您好，這裡是福爾摩沙。\n— 福爾摩沙茶行"),
        ("", "\n— 福爾摩沙茶行"),
    ],
)
def test_the_name_is_added_where_it_is_missing(body: str, expected: str) -> None:
    assert signed(body, "福爾摩沙茶行") == expected


def test_signing_twice_signs_once() -> None:
    once = signed("Hello", "Formosa Tea Co.")
    assert signed(once, "Formosa Tea Co.") == once


COMPANY = "Formosa Tea Co."
CHOICES = (kinds.Choice("1", "Yes"),)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TextContent("Hello"), TextContent(f"Hello\n— {COMPANY}")),
        (TextContent(f"{COMPANY} here"), TextContent(f"{COMPANY} here")),
        (
            MediaContent(MediaKind.IMAGE, id="1", caption="Look"),
            MediaContent(MediaKind.IMAGE, id="1", caption=f"Look\n— {COMPANY}"),
        ),
        (MediaContent(MediaKind.VIDEO, id="1"), MediaContent(MediaKind.VIDEO, id="1", caption=COMPANY)),
        (MediaContent(MediaKind.DOCUMENT, id="1"), MediaContent(MediaKind.DOCUMENT, id="1", caption=COMPANY)),
        (MediaContent(MediaKind.AUDIO, id="1"), MediaContent(MediaKind.AUDIO, id="1")),
        (MediaContent(MediaKind.STICKER, id="1"), MediaContent(MediaKind.STICKER, id="1")),
        (kinds.ButtonsContent("Well?", CHOICES), kinds.ButtonsContent("Well?", CHOICES, footer=COMPANY)),
        (
            kinds.ButtonsContent("Well?", CHOICES, footer="Thanks"),
            kinds.ButtonsContent(f"Well?\n— {COMPANY}", CHOICES, footer="Thanks"),
        ),
        (
            kinds.ButtonsContent("Well?", CHOICES, header=COMPANY),
            kinds.ButtonsContent("Well?", CHOICES, header=COMPANY),
        ),
        (
            kinds.ListContent("Which?", "Open", (kinds.Section(CHOICES),)),
            kinds.ListContent("Which?", "Open", (kinds.Section(CHOICES),), footer=COMPANY),
        ),
        (
            kinds.LinkContent("Here", "Go", "https://x.test"),
            kinds.LinkContent("Here", "Go", "https://x.test", footer=COMPANY),
        ),
        (kinds.FlowContent("Book", "1", "Go", "t"), kinds.FlowContent("Book", "1", "Go", "t", footer=COMPANY)),
        (kinds.LocationRequestContent("Where?"), kinds.LocationRequestContent(f"Where?\n— {COMPANY}")),
        (kinds.PhoneRequestContent("Call?"), kinds.PhoneRequestContent(f"Call?\n— {COMPANY}")),
        (kinds.LocationContent(25.0, 121.5, "Shop"), kinds.LocationContent(25.0, 121.5, "Shop")),
        (kinds.ContactsContent((kinds.ContactCard("Ana"),)), kinds.ContactsContent((kinds.ContactCard("Ana"),))),
        (kinds.ReactionContent("wamid.1", "👍"), kinds.ReactionContent("wamid.1", "👍")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_that_has_words_of_ours_names_the_sender(content: FreeForm, expected: FreeForm) -> None:
    assert signed_content(content, COMPANY) == expected
    assert signed_content(expected, COMPANY) == expected
    assert composing.objection(expected) is None


def test_a_name_too_long_for_a_footer_goes_into_the_body() -> None:
    company = "x" * 61
    content = signed_content(kinds.ButtonsContent("Well?", CHOICES), company)
    assert content == kinds.ButtonsContent(f"Well?\n— {company}", CHOICES)


def test_what_the_name_makes_too_long_is_told_before_the_platform_would() -> None:
    assert composing.objection(signed_content(TextContent("x" * 4090), COMPANY)) is not None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("from Formosa Tea Co.", True),
        ("FORMOSA  tea\nCo.", True),
        ("from Formosa Tea", False),
        ("", False),
    ],
)
def test_a_text_names_its_sender_whatever_its_capitals_and_gaps(text: str, named: bool) -> None:
    assert names_sender(text, COMPANY) is named


@pytest.mark.parametrize(
    ("template", "fits"),
    [
        (Template("a", "en", "utility", "Hello {{1}}.", COMPANY), True),
        (Template("a", "en", "utility", f"Hello {{{{1}}}}, {COMPANY} here."), True),
        (Template("a", "en", "utility", "Hello.", "", "TEXT", COMPANY), True),
        (Template("a", "en", "utility", "Hello {{1}}.", "Thanks"), False),
        (Template("a", "en", "marketing", "Hello {{1}}."), False),
        (Template("a", "en", "authentication", "*{{1}}* is your code."), True),
    ],
)
def test_a_template_names_its_sender_unless_the_platform_writes_it(template: Template, fits: bool) -> None:
    assert (objection(template, COMPANY) is None) is fits
