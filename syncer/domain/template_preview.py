"""What the customer sees of a template: header, body, footer and buttons, each filled in (R13)."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.domain.template import HeaderMedium, Template, TemplateContent
from syncer.domain.template_button import ButtonParameter, TemplateButton


@dataclass(frozen=True, slots=True)
class ShownButton:
    """A button on the customer's screen. `kind` as in `TemplateButton`; `value` is where it leads, what it copies, whom
    it calls, or what a quick reply brings back."""

    kind: str
    text: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """One filled template. `medium` is the kind of the medium above it, or empty."""

    header: str
    medium: str
    body: str
    footer: str
    buttons: tuple[ShownButton, ...]

    @property
    def text(self) -> str:
        """The words of the message: header, body and footer, a line each."""
        return "\n".join(filter(None, (self.header, self.body, self.footer)))

    @property
    def drawn(self) -> str:
        """Everything, for a terminal: the medium and the buttons in brackets."""
        medium = f"[{self.medium}]" if self.medium else ""
        return "\n".join(filter(None, (medium, self.text, *(_drawn(button) for button in self.buttons))))


def preview(template: Template, content: TemplateContent) -> Preview:
    """What `content`, made by `template.fill`, looks like."""
    medium = content.header.kind if isinstance(content.header, HeaderMedium) else ""
    by_index = {button.index: button for button in content.buttons}
    return Preview(
        header="" if medium else template.header_text(content.header),
        medium=medium,
        body=template.body_text(content.parameters),
        footer=template.footer,
        buttons=tuple(_shown(button, by_index.get(index)) for index, button in enumerate(template.buttons)),
    )


def _shown(button: TemplateButton, given: ButtonParameter | None) -> ShownButton:
    match button.kind:
        case "URL" | "OTP":
            value = button.address(given.value) if given and button.url else given.value if given else button.url
        case "PHONE_NUMBER":
            value = button.phone_number
        case "QUICK_REPLY":
            value = given.value if given else button.text
        case _:
            value = given.value if given else ""
    return ShownButton(button.kind, button.text, value)


def _drawn(button: ShownButton) -> str:
    value = "" if button.kind == "QUICK_REPLY" else button.value
    return f"[{button.text or button.kind}] {value}".rstrip()
