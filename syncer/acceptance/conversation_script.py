"""The 300 customer messages of the tour (R37): who says what, and what must follow.

The same seed always makes the same script. Every line bears a person's label - answered or not, handed over or not, a
word of consent or none - which the tour holds against what the platform and the CRM have seen in the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from random import Random
from typing import Any

from syncer.acceptance import conversation_texts as texts

DEFAULT_SEED = 300
#: How many lines of each sort; together R37's 300.
KEYWORDS, COMPLAINTS, PERSONS, STOPS, STARTS = 132, 24, 8, 12, 4
CAPTIONED, SILENT, VOICES, ORDERS, BUTTONS, CHOICES = 10, 26, 6, 4, 10, 10
LONG_CONVERSATIONS, PLAIN = 2, 38
#: Of every so many keyword lines one is said by a stranger; of every so many strangers one hides the phone number.
STRANGER_EVERY, NAMELESS_EVERY = 6, 5


class Cast(StrEnum):
    """Who may play a part."""

    CUSTOMER = "customer"  #: anybody in the CRM with a number that can be reached
    PROMOTABLE = "promotable"  #: a customer who has agreed to promotions, and can withdraw
    STRANGER = "stranger"  #: a phone number that no CRM knows
    NAMELESS = "nameless"  #: somebody who shows WhatsApp's user id and no phone number


@dataclass(frozen=True, slots=True)
class Part:
    """One person of the script; `number` tells them apart."""

    number: int
    cast: Cast


@dataclass(frozen=True, slots=True)
class Line:
    """One message: `content` stands under the key of its `kind`, as the platform has it. `body` is what a person reads
    of it, `handoff` the rule that gives it to a person, `consent` the word it means."""

    part: Part
    kind: str
    content: Any
    body: str
    answered: bool = False
    handoff: str | None = None
    consent: str | None = None


@dataclass
class _Writer:
    random: Random
    numbers: Iterator[int] = field(default_factory=lambda: count(10_001))
    parts: Iterator[int] = field(default_factory=lambda: count(1))

    def part(self, cast: Cast = Cast.CUSTOMER) -> Part:
        return Part(next(self.parts), cast)

    def fill(self, text: str) -> str:
        return text.replace("{n}", str(next(self.numbers)))

    def text(self, wording: str, *, part: Part | None = None, **label: Any) -> Line:
        body = self.fill(wording)
        return Line(part or self.part(), "text", {"body": body}, body, **label)


def write(seed: int = DEFAULT_SEED) -> list[Line]:
    """The script, in the order in which it is played. What one person says keeps its order."""
    writer = _Writer(Random(seed))
    scenes = [
        *_keyword_scenes(writer),
        *([line] for line in _handed_over(writer)),
        *([line] for line in _consent_words(writer)),
        *([line] for line in _media(writer)),
        *([line] for line in _pressed(writer)),
        *(_long_conversation(writer) for _ in range(LONG_CONVERSATIONS)),
        *([writer.text(wording)] for wording in _cycle(texts.PLAIN_TEXTS, PLAIN)),
    ]
    return _interleaved(scenes, writer.random)


def _keyword_scenes(writer: _Writer) -> Iterator[list[Line]]:
    """Mostly single questions; every tenth customer says thank you afterwards."""
    topics = [(topic, wording) for topic, wordings in texts.KEYWORD_TEXTS.items() for wording in wordings]
    left = KEYWORDS
    for index, (_, wording) in enumerate(_cycle(topics, KEYWORDS)):
        if left <= 0:
            return
        part = writer.part(_cast(index))
        scene = [writer.text(wording, part=part, answered=True)]
        if index % 10 == 0 and left > 1:
            scene.append(writer.text(texts.KEYWORD_TEXTS["thanks"][0], part=part, answered=True))
        left -= len(scene)
        yield scene


def _cast(index: int) -> Cast:
    if index % STRANGER_EVERY:
        return Cast.CUSTOMER
    return Cast.NAMELESS if index // STRANGER_EVERY % NAMELESS_EVERY == 0 else Cast.STRANGER


def _handed_over(writer: _Writer) -> Iterator[Line]:
    for wording in _cycle(texts.COMPLAINT_TEXTS, COMPLAINTS):
        yield writer.text(wording, answered=True, handoff="complaint")
    for wording in _cycle(texts.PERSON_TEXTS, PERSONS):
        yield writer.text(wording, answered=True, handoff="asks_for_person")


def _consent_words(writer: _Writer) -> Iterator[Line]:
    for wording in _cycle(texts.STOP_TEXTS, STOPS - 2):
        yield writer.text(wording, part=writer.part(Cast.PROMOTABLE), answered=True, consent="revoked")
    for _ in range(2):
        content = {"text": "停止接收", "payload": "OPT_OUT"}
        part = writer.part(Cast.PROMOTABLE)
        yield Line(part, "button", content, content["text"], answered=True, consent="revoked")
    for wording in _cycle(texts.START_TEXTS, STARTS):
        yield writer.text(wording, answered=True, consent="granted")


def _media(writer: _Writer) -> Iterator[Line]:
    for wording in _cycle(texts.KEYWORD_TEXTS["return_exchange"] + texts.KEYWORD_TEXTS["price"], CAPTIONED):
        caption = writer.fill(wording)
        yield Line(writer.part(), "image", _medium(writer, "image/jpeg", caption=caption), caption, answered=True)
    for _ in range(VOICES):
        content = _medium(writer, "audio/ogg; codecs=opus", voice=True)
        yield Line(writer.part(), "audio", content, "[audio]", answered=True)
    for kind, content, body in _cycle(_silent(writer), SILENT):
        yield Line(writer.part(), kind, content, body)
    for _ in range(ORDERS):
        item = {"product_retailer_id": "TEA-01", "quantity": 2, "item_price": 480, "currency": "TWD"}
        content = {"catalog_id": str(next(writer.numbers)), "product_items": [item]}
        yield Line(writer.part(), "order", content, "2 x TEA-01 (480 TWD)", answered=True)


def _silent(writer: _Writer) -> list[tuple[str, Any, str]]:
    """Things without words that anybody would answer by a rule."""
    card = {"name": {"formatted_name": "林小姐", "first_name": "林"}, "phones": [{"phone": "+886 2 2345 6789"}]}
    place = {"latitude": 25.0339, "longitude": 121.5645, "name": "台北 101"}
    return [
        ("image", _medium(writer, "image/jpeg"), "[image]"),
        ("video", _medium(writer, "video/mp4"), "[video]"),
        ("document", _medium(writer, "application/pdf", filename="菜單.pdf"), "菜單.pdf"),
        ("sticker", _medium(writer, "image/webp", animated=False), "[sticker]"),
        ("location", place, "台北 101"),
        ("contacts", [card], "林小姐 +886 2 2345 6789"),
        ("reaction", {"message_id": "wamid.HBgLODg2OTEyMzQ1Njc4FQIAERgS", "emoji": "👍"}, "👍"),
    ]


def _medium(writer: _Writer, mime_type: str, **more: Any) -> dict[str, Any]:
    return {"id": str(next(writer.numbers)), "mime_type": mime_type, "sha256": "c2hhMjU2", **more}


def _pressed(writer: _Writer) -> Iterator[Line]:
    """Buttons under templates, and buttons and lists of interactive messages."""
    for text, payload, answered in _cycle(texts.BUTTONS, BUTTONS):
        yield Line(writer.part(), "button", {"text": text, "payload": payload}, text, answered=answered)
    for index, (text, payload, answered) in enumerate(_cycle(texts.BUTTONS, CHOICES)):
        sort = "list_reply" if index % 2 else "button_reply"
        content = {"type": sort, sort: {"id": payload, "title": text}}
        yield Line(writer.part(), "interactive", content, text, answered=answered)


def _long_conversation(writer: _Writer) -> list[Line]:
    """The seventh message is the one too many (R33: more than six)."""
    part = writer.part()
    wordings = enumerate(texts.LONG_TEXTS, 1)
    return [writer.text(w, part=part, handoff="long_conversation" if n == 7 else None) for n, w in wordings]


def _cycle(items: Any, times: int) -> Iterator[Any]:
    for index in range(times):
        yield items[index % len(items)]


def _interleaved(scenes: list[list[Line]], random: Random) -> list[Line]:
    """Lines of all scenes in one random order, each scene's own order kept."""
    order = [number for number, scene in enumerate(scenes) for _ in scene]
    random.shuffle(order)
    waiting = [iter(scene) for scene in scenes]
    return [next(waiting[number]) for number in order]
