"""`templates.toml`: the starter catalogue of message templates (R13), in the shape the Graph API takes them.

Source of the limits: the platform's "Template components" page - body 1,024 characters, footer 60, button text 25,
positional variables numbered from {{1}} without gaps, none at the start or end of the body, none side by side.
Authentication templates are not here: the platform writes their text itself.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from config.toml import FileModel

VARIABLE = re.compile(r"\{\{(\d+)\}\}")
MAX_FOOTER = 60

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")]


class Parameter(FileModel):
    """What a variable stands for, with an example per language, which the platform's reviewers ask for."""

    meaning: Annotated[str, Field(min_length=1)]
    example: dict[Language, Annotated[str, Field(min_length=1)]]


class QuickReply(FileModel):
    """A button under the message; `payload` comes back in the webhook when it is pressed."""

    text: dict[Language, Annotated[str, Field(min_length=1, max_length=25)]]
    payload: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,127}$")]


class Template(FileModel):
    """One template in all its languages; `parameters[0]` fills {{1}}, and so on."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    category: Literal["UTILITY", "MARKETING"]
    purpose: Annotated[str, Field(min_length=1)]
    parameters: tuple[str, ...]
    body: Annotated[dict[Language, Annotated[str, Field(min_length=1, max_length=1024)]], Field(min_length=1)]
    buttons: Annotated[tuple[QuickReply, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _every_language_is_whole(self) -> Template:
        numbers = list(range(1, len(self.parameters) + 1))
        for language, text in self.body.items():
            if sorted({int(number) for number in VARIABLE.findall(text)}) != numbers:
                raise ValueError(f"must use {{{{1}}}} to {{{{{len(numbers)}}}}} in {language}, one per parameter")
            if re.search(r"^\s*\{\{|\}\}\s*$|\}\}\s*\{\{", text):
                raise ValueError(f"has a variable at the start or end, or two side by side, in {language}")
            if any(language not in button.text for button in self.buttons):
                raise ValueError(f"has a button without text in {language}")
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it is written in."""
        return tuple(self.body)


class Catalogue(FileModel):
    """All of `templates.toml`."""

    footer: str
    """Footer of every template; {company} becomes COMPANY_NAME, so each message names its sender (R8)."""
    parameters: dict[str, Parameter]
    templates: Annotated[tuple[Template, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Catalogue:
        if "{company}" not in self.footer:
            raise ValueError("footer must contain {company}: every business message names its sender (R8)")
        names = [template.name for template in self.templates]
        for template in self.templates:
            if names.count(template.name) > 1:
                raise ValueError(f"has two templates named '{template.name}'")
            self._explains(template)
        return self

    def _explains(self, template: Template) -> None:
        for name in template.parameters:
            if name not in self.parameters:
                raise ValueError(f"template '{template.name}' uses '{name}', which [parameters] does not explain")
            missing = set(template.languages) - set(self.parameters[name].example)
            if missing:
                raise ValueError(f"parameter '{name}' has no example in {min(missing)}")

    def get(self, name: str) -> Template:
        """The template called `name`; raises KeyError."""
        return {template.name: template for template in self.templates}[name]

    def graph_payload(self, name: str, language: str, company: str) -> dict[str, Any]:
        """Body of `POST /{WABA}/message_templates` that creates this template in this language.

        Raises KeyError for an unknown name or language, ValueError if `company` makes the footer too long.
        """
        template, footer = self.get(name), self.footer.replace("{company}", company)
        if len(footer) > MAX_FOOTER:
            raise ValueError(f"the footer with the company's name is longer than {MAX_FOOTER} characters")
        body: dict[str, Any] = {"type": "BODY", "text": template.body[language]}
        if template.parameters:
            examples = [self.parameters[parameter].example[language] for parameter in template.parameters]
            body["example"] = {"body_text": [examples]}
        components: list[dict[str, Any]] = [body, {"type": "FOOTER", "text": footer}]
        if template.buttons:
            buttons = [{"type": "QUICK_REPLY", "text": button.text[language]} for button in template.buttons]
            components.append({"type": "BUTTONS", "buttons": buttons})
        return {
            "name": name,
            "category": template.category,
            "language": language,
            "parameter_format": "POSITIONAL",
            "components": components,
        }
