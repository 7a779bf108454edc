"""What a message of ours can hold, one class per kind of the platform, and how it is frozen until it leaves.

Lengths are the platform's own (send-message reference pages); `syncer.policies.composing` names what breaks them.
Templates stand in `syncer.domain.template`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from syncer.domain.template import TemplateContent

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_INTERACTIVE_BODY = 1024
LONGEST_FOOTER = 60


class MediaKind(StrEnum):
    """The platform's kinds of media; a value is also the message's type."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    STICKER = "sticker"


#: Largest file of each kind in bytes (media page); a sticker may be 500 kB when animated.
LARGEST_FILE = {
    MediaKind.IMAGE: 5 * 1024 * 1024,
    MediaKind.VIDEO: 16 * 1024 * 1024,
    MediaKind.AUDIO: 16 * 1024 * 1024,
    MediaKind.DOCUMENT: 100 * 1024 * 1024,
    MediaKind.STICKER: 500 * 1024,
}


@dataclass(frozen=True, slots=True)
class TextContent:
    """A free-form text; only inside the customer service window, like every kind but a template."""

    body: str
    preview_url: bool = False


@dataclass(frozen=True, slots=True)
class MediaContent:
    """A medium, named by exactly one of the platform's `id` (from an upload) and an https `link`. `voice` makes an
    audio a voice note, which can be `played`."""

    kind: MediaKind
    id: str | None = None
    link: str | None = None
    caption: str | None = None
    filename: str | None = None
    voice: bool = False


@dataclass(frozen=True, slots=True)
class LocationContent:
    """A place; degrees."""

    latitude: float
    longitude: float
    name: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class ContactCard:
    """A person to be shared. `phones` as the customer should read them."""

    name: str
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    company: str | None = None


@dataclass(frozen=True, slots=True)
class ContactsContent:
    """One or more shared contacts."""

    cards: tuple[ContactCard, ...]


@dataclass(frozen=True, slots=True)
class ReactionContent:
    """An emoji under one message; an empty one takes ours away again."""

    wamid: str
    emoji: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose: a reply button (`title` up to 20 characters) or a row of a list (up to 24). `id` comes back
    in the customer's answer."""

    id: str
    title: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ButtonsContent:
    """Up to three reply buttons. `header` is a text."""

    body: str
    buttons: tuple[Choice, ...]
    header: str | None = None
    footer: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of a list under one title (needed as soon as there are two sections)."""

    rows: tuple[Choice, ...]
    title: str | None = None


@dataclass(frozen=True, slots=True)
class ListContent:
    """A list that opens by `button`: up to 10 sections with up to 10 rows together."""

    body: str
    button: str
    sections: tuple[Section, ...]
    header: str | None = None
    footer: str | None = None


@dataclass(frozen=True, slots=True)
class LinkContent:
    """One button that opens a web page."""

    body: str
    label: str
    url: str
    header: str | None = None
    footer: str | None = None


@dataclass(frozen=True, slots=True)
class FlowContent:
    """A button that opens a form of the company's (a "flow"); `token` comes back with the answers."""

    body: str
    flow_id: str
    label: str
    token: str
    screen: str | None = None
    header: str | None = None
    footer: str | None = None


@dataclass(frozen=True, slots=True)
class LocationRequestContent:
    """Asks the customer for their location."""

    body: str


@dataclass(frozen=True, slots=True)
class PhoneRequestContent:
    """Asks a customer who hides their phone number for it (`request_contact_info`)."""

    body: str


Interactive = ButtonsContent | ListContent | LinkContent | FlowContent | LocationRequestContent | PhoneRequestContent
FreeForm = TextContent | MediaContent | LocationContent | ContactsContent | ReactionContent | Interactive
Content = FreeForm | TemplateContent


def kind_of(content: Content) -> str:
    """The platform's type of the message."""
    match content:
        case TextContent():
            return "text"
        case MediaContent(kind=kind):
            return kind.value
        case LocationContent():
            return "location"
        case ContactsContent():
            return "contacts"
        case ReactionContent():
            return "reaction"
        case TemplateContent():
            return "template"
        case _:
            return "interactive"


def readable(content: FreeForm) -> str:
    """What the customer reads of it, in one text; for the conversation's record and for the CRM."""
    match content:
        case MediaContent():
            return content.caption or content.filename or f"[{content.kind}]"
        case LocationContent():
            named = ", ".join(filter(None, (content.name, content.address)))
            return named or f"{content.latitude}, {content.longitude}"
        case ContactsContent(cards=cards):
            return ", ".join(" ".join((card.name, *card.phones)) for card in cards)
        case ReactionContent(emoji=emoji):
            return emoji or "[reaction removed]"
        case TextContent(body=body) | LocationRequestContent(body=body) | PhoneRequestContent(body=body):
            return body
        case _:
            return "\n".join(filter(None, (content.header, content.body, *_labels(content), content.footer)))


def _labels(content: ButtonsContent | ListContent | LinkContent | FlowContent) -> Iterator[str]:
    match content:
        case ButtonsContent(buttons=buttons):
            yield from (f"[{button.title}]" for button in buttons)
        case ListContent(button=button, sections=sections):
            yield f"[{button}]"
            yield from (f"- {row.title}" for section in sections for row in section.rows)
        case LinkContent(label=label, url=url):
            yield f"[{label}] {url}"
        case FlowContent(label=label):
            yield f"[{label}]"
