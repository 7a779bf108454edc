"""The kinds of messages a caller can ask for, as JSON; each knows its noun (`syncer.domain.content`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncer.domain import content as nouns
from syncer.domain.content import LONGEST_TEXT, FreeForm, MediaKind
from syncer.domain.template import ButtonParameter, HeaderMedium
from syncer.flows.messages_out import TemplateDraft
from syncer.web.api.shared import Body

Short = Annotated[str, Field(min_length=1, max_length=256)]
Link = Annotated[str, Field(max_length=2048, pattern=r"^https?://\S+$")]
Parameter = Annotated[str, Field(max_length=1024)]


class Text(Body):
    """A free text; it leaves only inside the customer service window, and names the company at its end."""

    body: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    preview_url: bool = False

    def content(self) -> FreeForm:
        return nouns.TextContent(self.body, self.preview_url)


class MediaFile(Body):
    """A medium by exactly one of `id` (from `POST /api/v1/media`) and `link`."""

    kind: MediaKind
    id: Short | None = None
    link: Link | None = None
    caption: Annotated[str, Field(max_length=nouns.LONGEST_CAPTION)] | None = None
    filename: Short | None = None
    voice: bool = False

    def content(self) -> FreeForm:
        return nouns.MediaContent(self.kind, self.id, self.link, self.caption, self.filename, self.voice)


class Location(Body):
    """A place, in degrees."""

    latitude: float
    longitude: float
    name: Short | None = None
    address: Short | None = None

    def content(self) -> FreeForm:
        return nouns.LocationContent(self.latitude, self.longitude, self.name, self.address)


class Card(Body):
    """A person to be shared."""

    name: Short
    phones: tuple[Short, ...] = ()
    emails: tuple[Short, ...] = ()
    company: Short | None = None


class Cards(Body):
    """One or more shared contacts."""

    cards: Annotated[tuple[Card, ...], Field(min_length=1, max_length=100)]

    def content(self) -> FreeForm:
        return nouns.ContactsContent(tuple(nouns.ContactCard(**dict(card)) for card in self.cards))


class Reaction(Body):
    """An emoji under a message; an empty one takes ours away."""

    wamid: Short
    emoji: Annotated[str, Field(max_length=32)]

    def content(self) -> FreeForm:
        return nouns.ReactionContent(self.wamid, self.emoji)


class Option(Body):
    """A button or a row of a list; `id` comes back in the customer's answer."""

    id: Short
    title: Short
    description: Short | None = None

    def noun(self) -> nouns.Choice:
        return nouns.Choice(self.id, self.title, self.description)


class _Framed(Body):
    body: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    header: Short | None = None
    footer: Short | None = None


class Buttons(_Framed):
    """Up to three reply buttons."""

    buttons: Annotated[tuple[Option, ...], Field(min_length=1, max_length=3)]

    def content(self) -> FreeForm:
        options = tuple(option.noun() for option in self.buttons)
        return nouns.ButtonsContent(self.body, options, self.header, self.footer)


class Rows(Body):
    """A section of a list."""

    rows: Annotated[tuple[Option, ...], Field(min_length=1, max_length=10)]
    title: Short | None = None


class Menu(_Framed):
    """A list that opens by `button`, with up to ten rows."""

    button: Short
    sections: Annotated[tuple[Rows, ...], Field(min_length=1, max_length=10)]

    def content(self) -> FreeForm:
        sections = tuple(nouns.Section(tuple(row.noun() for row in part.rows), part.title) for part in self.sections)
        return nouns.ListContent(self.body, self.button, sections, self.header, self.footer)


class LinkButton(_Framed):
    """One button that opens a web page."""

    label: Short
    url: Link

    def content(self) -> FreeForm:
        return nouns.LinkContent(self.body, self.label, self.url, self.header, self.footer)


class Form(_Framed):
    """A button that opens one of the company's flows; `token` comes back with the answers."""

    flow_id: Short
    label: Short
    token: Short
    screen: Short | None = None

    def content(self) -> FreeForm:
        return nouns.FlowContent(self.body, self.flow_id, self.label, self.token, self.screen, self.header, self.footer)


class Question(Body):
    """Asks the customer for where they are, or for the phone number they hide."""

    of: Literal["location", "phone"]
    body: Annotated[str, Field(min_length=1, max_length=nouns.LONGEST_INTERACTIVE_BODY)]

    def content(self) -> FreeForm:
        return (nouns.LocationRequestContent if self.of == "location" else nouns.PhoneRequestContent)(self.body)


class Medium(Body):
    """The medium above a template."""

    kind: Literal["image", "video", "document"]
    id: Short | None = None
    link: Link | None = None
    filename: Short | None = None


class Button(Body):
    """What completes a template's button; `index` counts from 0."""

    index: Annotated[int, Field(ge=0, le=9)]
    kind: Literal["url", "quick_reply", "copy_code", "flow"]
    value: Parameter


class TemplateMessage(Body):
    """An approved template with one value for each of its variables: in order, or by name. A language the template does
    not have is replaced by the nearest it has."""

    name: Annotated[str, Field(max_length=512)]
    language: Annotated[str, Field(max_length=16, examples=["zh_TW"])]
    parameters: Annotated[list[Parameter], Field(max_length=50)] | dict[Short, Parameter] = []
    header: Parameter | Medium | None = None
    buttons: Annotated[list[Button], Field(max_length=10)] = []

    def draft(self) -> TemplateDraft:
        """As the flow takes it."""
        header = HeaderMedium(**dict(self.header)) if isinstance(self.header, Medium) else self.header
        values = self.parameters if isinstance(self.parameters, dict) else tuple(self.parameters)
        buttons = tuple(ButtonParameter(**dict(button)) for button in self.buttons)
        return TemplateDraft(self.name, self.language, values, header, buttons)
