"""Every business message names its sender (R8)."""

from __future__ import annotations

from dataclasses import replace

from syncer.domain.content import (
    LONGEST_FOOTER,
    ButtonsContent,
    FlowContent,
    FreeForm,
    LinkContent,
    ListContent,
    LocationRequestContent,
    MediaContent,
    MediaKind,
    PhoneRequestContent,
    TextContent,
)
from syncer.domain.message import Category
from syncer.domain.template import Template

_CAPTIONED = (MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.DOCUMENT)


def signed(body: str, company: str) -> str:
    """The text with the company's registered name at its end, unless the name is in it already."""
    return body if company in body else f"{body}\n— {company}"


def names_sender(what: str | Template, company: str) -> bool:
    """Whether the customer reads the company's name in it, whatever fills its variables: of a template the header, the
    body and the footer count. Capitals and the width of gaps do not matter."""
    text = what if isinstance(what, str) else "\n".join((what.header, what.body, what.footer))
    return _plain(company) in _plain(text)


def objection(template: Template, company: str) -> str | None:
    """Why this template may not be sent; None when nothing is wrong.

    The texts of authentication templates are the platform's own and cannot be changed: there the sender is named by the
    number's verified display name above the chat.
    """
    if template.category == Category.AUTHENTICATION or names_sender(template, company):
        return None
    return f"the template {template.name} in {template.language} does not name the sender, {company}"


def signed_content(content: FreeForm, company: str) -> FreeForm:
    """The content with the sender's name where the customer reads it.

    Texts, captions and bodies get it at their end; buttons, lists, links and flows in an empty footer if it fits there.
    Audio, stickers, locations, shared contacts and reactions have no text of ours: nothing is added. What has become
    longer than the platform takes is `composing.objection`'s to say.
    """
    match content:
        case TextContent() | LocationRequestContent() | PhoneRequestContent():
            return replace(content, body=signed(content.body, company))
        case MediaContent(kind=kind) if kind in _CAPTIONED:
            return replace(content, caption=signed(content.caption, company) if content.caption else company)
        case ButtonsContent() | ListContent() | LinkContent() | FlowContent():
            read = "\n".join(filter(None, (content.header, content.body, content.footer)))
            if names_sender(read, company):
                return content
            if not content.footer and len(company) <= LONGEST_FOOTER:
                return replace(content, footer=company)
            return replace(content, body=signed(content.body, company))
        case _:
            return content


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
