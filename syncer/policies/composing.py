"""What the platform would refuse about a message, known before it is asked (the limits of its reference pages)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from syncer.domain.content import (
    LONGEST_CAPTION,
    LONGEST_FOOTER,
    LONGEST_INTERACTIVE_BODY,
    LONGEST_TEXT,
    ButtonsContent,
    Choice,
    ContactsContent,
    FlowContent,
    FreeForm,
    Interactive,
    LinkContent,
    ListContent,
    LocationContent,
    LocationRequestContent,
    MediaContent,
    MediaKind,
    PhoneRequestContent,
    ReactionContent,
    TextContent,
)

_LINK = re.compile(r"https?://\S+")
_CAPTIONED = frozenset({MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.DOCUMENT})


def objection(content: FreeForm) -> str | None:
    """What the platform would refuse about it, in one sentence; None when nothing is wrong."""
    return next(_objections(content), None)


def _objections(content: FreeForm) -> Iterator[str]:
    match content:
        case TextContent(body=body):
            yield from _length("a text", body, LONGEST_TEXT)
        case MediaContent():
            yield from _media_objections(content)
        case LocationContent(latitude=latitude, longitude=longitude):
            if not (abs(latitude) <= 90 and abs(longitude) <= 180):
                yield "a location lies within 90 degrees of latitude and 180 of longitude"
        case ContactsContent(cards=cards):
            if not cards or not all(card.name.strip() for card in cards):
                yield "a contact needs a name"
        case ReactionContent(wamid=wamid):
            if not wamid:
                yield "a reaction needs the message it is about"
        case _:
            yield from _interactive_objections(content)


def _media_objections(content: MediaContent) -> Iterator[str]:
    if (content.id is None) == (content.link is None):
        yield "a medium is named by its id or by a link, and not by both"
    if content.link is not None and not _LINK.fullmatch(content.link):
        yield "a medium's link is an http or https address"
    if content.caption is not None:
        if content.kind not in _CAPTIONED:
            yield f"{content.kind} messages have no caption"
        yield from _length("a caption", content.caption, LONGEST_CAPTION)
    if content.filename is not None and content.kind is not MediaKind.DOCUMENT:
        yield "only a document has a file name"


def _interactive_objections(content: Interactive) -> Iterator[str]:
    longest = LONGEST_TEXT if isinstance(content, ListContent) else LONGEST_INTERACTIVE_BODY
    yield from _length("the body", content.body, longest)
    if isinstance(content, LocationRequestContent | PhoneRequestContent):
        return
    for name, value in (("a header", content.header), ("a footer", content.footer)):
        if value is not None:
            yield from _length(name, value, LONGEST_FOOTER)
    match content:
        case ButtonsContent(buttons=buttons):
            if not 1 <= len(buttons) <= 3:
                yield "one to three buttons are possible"
            yield from _choice_objections(buttons, title=20, key=256)
        case ListContent():
            yield from _list_objections(content)
        case LinkContent(label=label, url=url):
            yield from _length("a button", label, 20)
            if not _LINK.fullmatch(url):
                yield "a button's address is an http or https one"
        case FlowContent(label=label, flow_id=flow_id):
            yield from _length("a button", label, 20)
            if not flow_id:
                yield "a flow is named by its id"


def _list_objections(content: ListContent) -> Iterator[str]:
    yield from _length("the list's button", content.button, 20)
    rows = [row for section in content.sections for row in section.rows]
    if not 1 <= len(rows) <= 10 or len(content.sections) > 10:
        yield "a list has one to ten rows"
    if len(content.sections) > 1 and not all(section.title for section in content.sections):
        yield "each of several sections needs a title"
    for section in content.sections:
        if section.title is not None:
            yield from _length("a section's title", section.title, 24)
    yield from _choice_objections(rows, title=24, key=200)


def _choice_objections(choices: Sequence[Choice], *, title: int, key: int) -> Iterator[str]:
    if len({choice.id for choice in choices}) < len(choices):
        yield "each choice needs an id of its own"
    for choice in choices:
        yield from _length("a choice's id", choice.id, key)
        yield from _length("a choice's title", choice.title, title)
        if choice.description is not None:
            yield from _length("a choice's description", choice.description, 72)


def _length(what: str, value: str, most: int) -> Iterator[str]:
    if not value.strip() or len(value) > most:
        yield f"{what} has 1 to {most} characters"
