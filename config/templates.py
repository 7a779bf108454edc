"""`templates.toml`: the starter catalogue of message templates (R13), in the shape the Graph API takes them.

Source of the limits: the platform's "Template components" page - body 1,024 characters, header and footer 60, button
text 25, positional variables numbered from {{1}} without gaps, none at the start or end of the body, none side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from config.contact_fields import CUSTOM, SPOKEN
from config.errors import ConfigurationError, did_you_mean
from config.template_parts import Button, Header, Language, Text, variables
from config.toml import FileModel

MAX_FOOTER = 60
#: How the platform lists the button of a one-time code; submitted, it is of the kind OTP (authentication templates).
_CODE_ADDRESS = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"
_EXAMPLE_CODE = "123456"


class Parameter(FileModel):
    """What a variable stands for, with an example per language, which the platform's reviewers ask for.

    `source` (in the file: `from`) names the contact field that fills it where nobody gives a value (R21).
    """

    meaning: Text
    example: dict[Language, Text]
    source: str | None = Field(default=None, alias="from")

    @field_validator("source")
    @classmethod
    def _is_of_a_contact(cls, name: str | None) -> str | None:
        if name is None:
            return None
        of_contact, _, field = name.partition(".")
        if of_contact != "contact" or (field not in SPOKEN and not CUSTOM.fullmatch(field)):
            near = did_you_mean(name, [f"contact.{known}" for known in SPOKEN])
            raise ValueError(f"is no field of a contact that fills a text: '{name}'; {near}")
        return field


class Template(FileModel):
    """One template in all its languages.

    `parameters` name what fills the body: `parameters[0]` {{1}} and so on, or each {{name}} where the format is NAMED.
    The texts of AUTHENTICATION templates are the platform's own; here they only serve the preview.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,512}$")]
    category: Literal["UTILITY", "MARKETING", "AUTHENTICATION"]
    purpose: Text
    parameter_format: Literal["POSITIONAL", "NAMED"] = "POSITIONAL"
    parameters: tuple[str, ...]
    header: Header | None = None
    body: Annotated[dict[Language, Annotated[str, Field(min_length=1, max_length=1024)]], Field(min_length=1)]
    buttons: Annotated[tuple[Button, ...], Field(max_length=10)] = ()
    expiry: dict[Language, Text] | None = None
    expires_minutes: Annotated[int, Field(ge=1, le=90)] | None = None

    @model_validator(mode="after")
    def _every_language_is_whole(self) -> Template:
        for language, text in self.body.items():
            self._uses_its_parameters(language, text)
            edges = re.search(r"^\s*\{\{|\}\}\s*$|\}\}\s*\{\{", text)
            if edges and self.category != "AUTHENTICATION":
                raise ValueError(f"has a variable at the start or end, or two side by side, in {language}")
            parts: list[Header | Button] = [*([self.header] if self.header else []), *self.buttons]
            for part in parts:
                part.check(language, named=self.parameter_format == "NAMED")
        return self

    def _uses_its_parameters(self, language: str, text: str) -> None:
        used = set(variables(text))
        if self.parameter_format == "NAMED":
            if used != set(self.parameters):
                raise ValueError(f"must use {{{{name}}}} of each of its parameters, and no other, in {language}")
            return
        if used != {str(number) for number in range(1, len(self.parameters) + 1)}:
            raise ValueError(f"must use {{{{1}}}} to {{{{{len(self.parameters)}}}}} in {language}, one per parameter")

    @model_validator(mode="after")
    def _suits_its_category(self) -> Template:
        codes = [button.kind == "OTP" for button in self.buttons]
        if (self.category == "AUTHENTICATION") != any(codes):
            raise ValueError("an authentication template has a button of kind OTP, and no other template has one")
        if any(codes) and (len(codes) > 1 or len(self.parameters) != 1 or self.header):
            raise ValueError("an authentication template has one parameter, one button, and no header")
        if (self.expiry is None) != (self.expires_minutes is None) or (self.expiry and not any(codes)):
            raise ValueError("expiry and expires_minutes go together, in authentication templates only")
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it is written in."""
        return tuple(self.body)

    @property
    def values(self) -> tuple[str, ...]:
        """Every parameter that a message needs, in the order of header, body and buttons, each once."""
        header = self.header.parameter if self.header else None
        return tuple(dict.fromkeys(filter(None, (header, *self.parameters, *(b.parameter for b in self.buttons)))))


class Catalogue(FileModel):
    """All of `templates.toml`."""

    footer: str
    """Footer of every template; {company} becomes COMPANY_NAME, so each message names its sender (R8)."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    """The company's languages, the default first: what a customer gets whose own is missing."""
    site: Annotated[str, Field(pattern=r"^https://[^\s{}]+[^\s{}/]$")]
    """The company's web address; {site} in the address of a button becomes it."""
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
        for name in template.values:
            if name not in self.parameters:
                raise ValueError(f"template '{template.name}' uses '{name}', which [parameters] does not explain")
            missing = set(template.languages) - set(self.parameters[name].example)
            if missing:
                raise ValueError(f"parameter '{name}' has no example in {min(missing)}")

    def source(self, parameter: str | None) -> str | None:
        """The contact field that fills `parameter` where nobody gives a value."""
        return self.parameters[parameter].source if parameter is not None else None

    def get(self, name: str) -> Template:
        """The template called `name`; raises KeyError."""
        return {template.name: template for template in self.templates}[name]

    def example(self, parameter: str, language: str) -> str:
        """A value that `parameter` may have; raises KeyError."""
        return self.parameters[parameter].example[language]

    def graph_payload(
        self, name: str, language: str, company: str, *, header_handle: str | None = None
    ) -> dict[str, Any]:
        """Body of `POST /{WABA}/message_templates` that creates this template in this language.

        `header_handle` names an uploaded sample of a medium above the body, which the platform asks for. Raises
        KeyError for an unknown name or language, ConfigurationError if `company` makes the footer too long.
        """
        template = self.get(name)
        if template.category == "AUTHENTICATION":
            return self._payload(template, language, _code_components(template, language))
        components = self._components(template, language, company)
        if header_handle and template.header and template.header.format != "TEXT":
            components[0]["example"] = {"header_handle": [header_handle]}
        return self._payload(template, language, components)

    def listed_payload(self, name: str, language: str, company: str) -> dict[str, Any]:
        """The template as the account's catalogue lists it once it is there: with the texts that the platform writes.

        Raises as `graph_payload`.
        """
        template = self.get(name)
        components = self._components(template, language, company)
        return self._payload(template, language, components)

    def _payload(self, template: Template, language: str, components: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "name": template.name,
            "category": template.category,
            "language": language,
            "parameter_format": template.parameter_format,
            "components": components,
        }

    def _components(self, template: Template, language: str, company: str) -> list[dict[str, Any]]:
        footer = self.footer.replace("{company}", company)
        if template.category == "AUTHENTICATION":
            footer = (template.expiry or {}).get(language, "")
        if len(footer) > MAX_FOOTER:
            raise ConfigurationError("COMPANY_NAME", f"makes the templates' footer longer than {MAX_FOOTER} characters")
        body: dict[str, Any] = {"type": "BODY", "text": template.body[language]}
        body |= self._examples("body_text", template, template.parameters, language)
        components = [body, *([{"type": "FOOTER", "text": footer}] if footer else [])]
        if template.header:
            components.insert(0, self._header(template, template.header, language))
        if template.buttons:
            buttons = [self._button(button, language) for button in template.buttons]
            components.append({"type": "BUTTONS", "buttons": buttons})
        return components

    def _header(self, template: Template, header: Header, language: str) -> dict[str, Any]:
        part: dict[str, Any] = {"type": "HEADER", "format": header.format}
        if header.text:
            part |= {"text": header.text[language]}
            part |= self._examples("header_text", template, filter(None, [header.parameter]), language)
        return part

    def _examples(self, key: str, template: Template, parameters: Iterable[str], language: str) -> dict[str, Any]:
        examples = {name: self.example(name, language) for name in parameters}
        if not examples:
            return {}
        if template.parameter_format == "NAMED":
            named = [{"param_name": name, "example": value} for name, value in examples.items()]
            return {"example": {f"{key}_named_params": named}}
        values = list(examples.values())
        return {"example": {key: [values] if key == "body_text" else values}}

    def _button(self, button: Button, language: str) -> dict[str, Any]:
        text = {"type": button.kind} | ({"text": button.text[language]} if button.text else {})
        value = self.example(button.parameter, language) if button.parameter else ""
        match button.kind:
            case "URL":
                url = (button.url or "").replace("{site}", self.site)
                return {**text, "url": url} | ({"example": [url.replace("{{1}}", value)]} if value else {})
            case "OTP":
                example = [_CODE_ADDRESS.replace("{{1}}", _EXAMPLE_CODE)]
                return {**text, "type": "URL", "url": _CODE_ADDRESS, "example": example}
            case "PHONE_NUMBER":
                return {**text, "phone_number": button.phone_number}
            case "COPY_CODE":
                return {**text, "example": value}
            case _:
                return text


def _code_components(template: Template, language: str) -> list[dict[str, Any]]:
    """What is submitted of an authentication template: only what may be chosen."""
    button = template.buttons[0]
    text = {"text": button.text[language]} if button.text else {}
    footer = {"type": "FOOTER", "code_expiration_minutes": template.expires_minutes}
    return [
        {"type": "BODY", "add_security_recommendation": True},
        *([footer] if template.expires_minutes else []),
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", **text}]},
    ]
