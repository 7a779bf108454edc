"""Message templates: the approved texts, their parameters, and exactly what the customer will read (R13).

Source: the platform's pages on template management and template components. Lengths are theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from syncer.domain.template_button import VARIABLE, ButtonParameter, TemplateButton, TemplateMismatch, check_value

__all__ = [
    "ButtonParameter",
    "CataloguedTemplate",
    "HeaderMedium",
    "Template",
    "TemplateButton",
    "TemplateContent",
    "TemplateMismatch",
    "TemplateState",
    "from_graph",
    "one_line",
]

LONGEST_BODY = 1024
LONGEST_HEADER = 60
_LINK = re.compile(r"https?://\S+")
_MEDIA = frozenset({"IMAGE", "VIDEO", "DOCUMENT"})


class TemplateState(StrEnum):
    """The platform's word on a template; only an approved one can be sent."""

    APPROVED = "APPROVED"
    PENDING = "PENDING"
    REJECTED = "REJECTED"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"
    IN_APPEAL = "IN_APPEAL"
    PENDING_DELETION = "PENDING_DELETION"
    DELETED = "DELETED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    ARCHIVED = "ARCHIVED"


@dataclass(frozen=True, slots=True)
class HeaderMedium:
    """The medium above a template: kind `image`, `video` or `document`, named by the platform's id or by a link."""

    kind: str
    id: str | None = None
    link: str | None = None
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """A template by name and language with its values. `parameters` fill the body by position, or by name where
    `names` is given (one for each). `header` is the value of a text header's variable or the medium above the body."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    header: str | HeaderMedium | None = None
    buttons: tuple[ButtonParameter, ...] = ()
    header_name: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """One language of a template. `body` holds {{1}}, {{2}} ... or {{name}}; `footer` names the sender (R8).

    `header_format` is TEXT, IMAGE, VIDEO, DOCUMENT, LOCATION or empty; `header` the text of a TEXT one. `category` is
    in small letters.
    """

    name: str
    language: str
    category: str
    body: str
    footer: str = ""
    header_format: str = ""
    header: str = ""
    buttons: tuple[TemplateButton, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The body's variables: `1`, `2` ... in their order, or names in the order in which they first appear."""
        found = tuple(dict.fromkeys(VARIABLE.findall(self.body)))
        return tuple(sorted(found, key=int)) if all(name.isdigit() for name in found) else found

    @property
    def header_variable(self) -> str | None:
        """The variable of a text header: `1` or a name."""
        found = VARIABLE.search(self.header) if self.header_format == "TEXT" else None
        return found[1] if found else None

    @property
    def named(self) -> bool:
        """Whether the variables have names rather than positions."""
        return any(not name.isdigit() for name in (*self.variables, self.header_variable or "1"))

    @property
    def parameter_count(self) -> int:
        """How many values the body asks for."""
        return len(self.variables)

    def fill(
        self,
        parameters: Sequence[str] | Mapping[str, str],
        *,
        header: str | HeaderMedium | None = None,
        buttons: Sequence[ButtonParameter] = (),
    ) -> TemplateContent:
        """The content to send; raises `TemplateMismatch` before the platform would (132000, 132005, 132012, 132018).

        Values by name are put in order; values without names are taken in the body's order for a named template too. An
        OTP's code is repeated in its button, as the platform wants it.
        """
        values = self._in_order(parameters)
        for position, (name, value) in enumerate(zip(self.variables, values, strict=True), 1):
            check_value(f"{self.name}: parameter {name if self.named else position}", value)
        given = self._completed(values, tuple(buttons))
        self._check_header(header)
        self._check_buttons(given)
        if len(self.body_text(values)) > LONGEST_BODY:
            raise TemplateMismatch(f"{self.name}: filled in, its body is longer than {LONGEST_BODY} characters")
        return TemplateContent(
            self.name,
            self.language,
            values,
            self.variables if self.named else (),
            header,
            given,
            (self.header_variable or "") if self.named else "",
        )

    def body_text(self, parameters: Sequence[str]) -> str:
        """The body with its values, as the customer reads it."""
        values = dict(zip(self.variables, parameters, strict=True))
        return VARIABLE.sub(lambda found: values[found[1]], self.body)

    def render(self, parameters: Sequence[str], header: str | HeaderMedium | None = None) -> str:
        """What the customer reads: header, body and footer, a line each, without the buttons."""
        return "\n".join(filter(None, (self.header_text(header), self.body_text(parameters), self.footer)))

    def header_text(self, header: str | HeaderMedium | None) -> str:
        """The header as a person reads it: its text, or the kind of its medium in brackets."""
        if isinstance(header, HeaderMedium):
            return f"[{header.kind}]"
        return VARIABLE.sub(lambda _: header or "", self.header)

    def _in_order(self, parameters: Sequence[str] | Mapping[str, str]) -> tuple[str, ...]:
        wanted = self.variables
        if isinstance(parameters, Mapping):
            missing, unknown = set(wanted) - set(parameters), set(parameters) - set(wanted)
            if missing or unknown:
                odd = ", ".join(sorted(missing | unknown))
                raise TemplateMismatch(f"{self.name} takes the parameters {', '.join(wanted)}; it is about {odd}")
            return tuple(parameters[name] for name in wanted)
        if len(parameters) != len(wanted):
            raise TemplateMismatch(f"{self.name} takes {len(wanted)} parameters, got {len(parameters)}")
        return tuple(parameters)

    def _completed(self, values: tuple[str, ...], given: tuple[ButtonParameter, ...]) -> tuple[ButtonParameter, ...]:
        """The buttons' parameters with those that need not be said: the code once more, and our own payloads."""
        said = {button.index for button in given}
        more = []
        for index, button in enumerate(self.buttons):
            if button.carries_code and values:
                more.append(ButtonParameter(index, "url", values[0]))
            elif button.payload and button.kind == "QUICK_REPLY":
                more.append(ButtonParameter(index, "quick_reply", button.payload))
        return (*given, *(button for button in more if button.index not in said))

    def _check_header(self, header: str | HeaderMedium | None) -> None:
        if self.header_format == "TEXT" or isinstance(header, str):
            self._check_header_text(header)
        elif self.header_format == "LOCATION":
            raise TemplateMismatch(f"{self.name}: a place as header cannot be filled here")
        else:
            self._check_medium(header)

    def _check_header_text(self, header: str | HeaderMedium | None) -> None:
        wants = self.header_variable is not None
        if isinstance(header, HeaderMedium) or wants != (header is not None):
            raise TemplateMismatch(f"{self.name}: its header takes {'one text' if wants else 'no text'}")
        if header is not None:
            check_value(f"{self.name}: the header's value", header)
            if len(self.header_text(header)) > LONGEST_HEADER:
                raise TemplateMismatch(f"{self.name}: the header is longer than {LONGEST_HEADER} characters")

    def _check_medium(self, medium: HeaderMedium | None) -> None:
        kind = self.header_format.lower() if self.header_format in _MEDIA else None
        if (medium.kind if medium else None) != kind:
            wanted = f"a medium of kind {kind}" if kind else "no medium"
            raise TemplateMismatch(f"{self.name}: its header takes {wanted}")
        if medium is None:
            return
        if (medium.id is None) == (medium.link is None):
            raise TemplateMismatch(f"{self.name}: the header's medium is named by its id or by a link")
        if medium.link is not None and not _LINK.fullmatch(medium.link):
            raise TemplateMismatch(f"{self.name}: the link of the header's medium is no http or https address")
        if medium.filename is not None and kind != "document":
            raise TemplateMismatch(f"{self.name}: only a document has a file name")

    def _check_buttons(self, given: tuple[ButtonParameter, ...]) -> None:
        by_index = {button.index: button for button in given}
        if len(by_index) < len(given) or any(not 0 <= index < len(self.buttons) for index in by_index):
            raise TemplateMismatch(f"{self.name}: it has {len(self.buttons)} buttons, numbered from 0")
        for index, button in enumerate(self.buttons):
            button.check(f"{self.name}: button {index}", by_index.get(index))


def one_line(value: str, longest: int = LONGEST_BODY) -> str:
    """Any text as a template's parameter may hold it: on one line, without wide gaps, cut to `longest` characters."""
    flat = " ".join(value.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class CataloguedTemplate:
    """A template as the platform's catalogue has it (R13). `status` as in `TemplateState`, kept as the platform's own
    text; `quality` GREEN, YELLOW, RED or UNKNOWN; `parameter_format` POSITIONAL or NAMED; `components` the platform's
    own shape, whole."""

    id: str
    template: Template
    status: str
    quality: str = "UNKNOWN"
    parameter_format: str = "POSITIONAL"
    rejected_reason: str | None = None
    previous_category: str | None = None
    components: tuple[Mapping[str, Any], ...] = field(default=())


def from_graph(item: Mapping[str, Any]) -> Template:
    """A template from the shape the Graph API (and config/templates.toml) uses: a list of typed components."""
    parts = {str(part.get("type", "")).upper(): part for part in _parts(item.get("components"))}
    header = parts.get("HEADER", {})
    return Template(
        name=str(item["name"]),
        language=str(item["language"]),
        category=str(item.get("category", "UTILITY")).lower(),
        body=str(parts.get("BODY", {}).get("text", "")),
        footer=str(parts.get("FOOTER", {}).get("text", "")),
        header_format=str(header.get("format", "TEXT")).upper() if header else "",
        header=str(header.get("text", "")),
        buttons=tuple(_button(button) for button in _parts(parts.get("BUTTONS", {}).get("buttons"))),
    )


def _parts(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (part for part in value if isinstance(part, Mapping)) if isinstance(value, Sequence) else ()


def _button(button: Mapping[str, Any]) -> TemplateButton:
    said = {name: str(button.get(name) or "") for name in ("type", "text", "url", "phone_number")}
    return TemplateButton(said["type"].upper(), said["text"], said["url"], said["phone_number"])
