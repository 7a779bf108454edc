"""Message templates: the approved texts, their parameters, and exactly what the customer will read (R13)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")


class TemplateMismatch(ValueError):
    """The parameters given do not fit the template: wrong count or an empty value."""


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """A template by name and language with its positional body parameters."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """One language of a template. `body` holds {{1}}, {{2}} ...; `footer` names the sender (R8)."""

    name: str
    language: str
    category: str
    body: str
    footer: str = ""

    @property
    def parameter_count(self) -> int:
        """How many positional parameters the body asks for."""
        return len(set(_PLACEHOLDER.findall(self.body)))

    def fill(self, parameters: Sequence[str]) -> TemplateContent:
        """The content to send; raises `TemplateMismatch` before the platform would (132000)."""
        if len(parameters) != self.parameter_count:
            raise TemplateMismatch(f"{self.name} takes {self.parameter_count} parameters, got {len(parameters)}")
        empty = [index for index, value in enumerate(parameters, 1) if not value.strip()]
        if empty:
            raise TemplateMismatch(f"{self.name}: parameter {empty[0]} is empty")
        return TemplateContent(self.name, self.language, tuple(parameters))

    def render(self, parameters: Sequence[str]) -> str:
        """What the customer reads."""
        body = _PLACEHOLDER.sub(lambda found: parameters[int(found[1]) - 1], self.body)
        return f"{body}\n{self.footer}" if self.footer else body


def from_graph(item: dict[str, Any]) -> Template:
    """A template from the shape the Graph API (and config/templates.toml) uses: a list of typed components."""
    parts = {str(part.get("type", "")).upper(): str(part.get("text", "")) for part in item.get("components", ())}
    return Template(
        name=item["name"],
        language=item["language"],
        category=str(item.get("category", "UTILITY")).lower(),
        body=parts.get("BODY", ""),
        footer=parts.get("FOOTER", ""),
    )
