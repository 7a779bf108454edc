"""One message template: what it expects, and how the platform fills it or refuses (template and error-code pages)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import need

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MOST_HYDRATED = {"body": 1024, "header": 60}
_FORBIDDEN = re.compile(r"[\n\r\t]| {5,}")
_BUTTON_NEEDS_PARAMETER = {"COPY_CODE": "copy_code", "OTP": "url"}
_REFUSED_STATUS = {"PAUSED": 132015, "DISABLED": 132016}
_SENDABLE = ("APPROVED", "PENDING_DELETION")
_TEXT_LIKE = {"text": "text", "currency": "currency", "date_time": "date_time"}


@dataclass(slots=True)
class Filled:
    """What the customer reads, and the body parameters as given."""

    text: str
    parameters: list[str]


@dataclass(slots=True)
class Template:
    """One language of a template, in the Graph API's own words."""

    id: str
    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    parameter_format: str = "POSITIONAL"
    status: str = "APPROVED"
    quality_score: str = "GREEN"
    rejected_reason: str = "NONE"
    previous_category: str | None = None
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    placeholders: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the components by type and the placeholders of header and body in order of appearance."""
        self.parts = {str(part.get("type", "")).lower(): part for part in self.components}
        for name in ("header", "body"):
            text = str(self.parts.get(name, {}).get("text", ""))
            self.placeholders[name] = list(dict.fromkeys(PLACEHOLDER.findall(text)))
            if self.parameter_format != "NAMED" and not all(key.isdigit() for key in self.placeholders[name]):
                raise ValueError(f"{self.name}: {name} has a named variable, but its parameter_format is POSITIONAL")

    def row(self) -> dict[str, Any]:
        """Every field that `GET /{WABA}/message_templates` can give."""
        return {
            "id": self.id,
            "name": self.name,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "previous_category": self.previous_category,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "quality_score": {"score": self.quality_score},
            "rejected_reason": self.rejected_reason,
        }

    def fill(self, given: Any) -> Filled:
        """Fill with the request's `components`; raises what the platform answers to a wrong state or parameter."""
        if self.status not in _SENDABLE:
            code = _REFUSED_STATUS.get(self.status, 132001)
            raise GraphError(code, f"template name ({self.name}) is {self.status.lower()} in {self.language}")
        parts = _by_type(given)
        header = self._hydrate("header", parts.get("header", []))[0]
        body, parameters = self._hydrate("body", parts.get("body", []))
        self._check_buttons(parts.get("button", []))
        footer = str(self.parts.get("footer", {}).get("text", ""))
        return Filled("\n".join(line for line in (header, body, footer) if line), parameters)

    def _hydrate(self, name: str, given: list[dict[str, Any]]) -> tuple[str, list[str]]:
        part = self.parts.get(name, {})
        parameters = [item for component in given for item in component.get("parameters") or []]
        if name == "header" and part.get("format", "TEXT") not in ("TEXT", ""):
            _check_media_header(str(part["format"]), parameters)
            return "", []
        expected = self.placeholders[name]
        if len(parameters) != len(expected):
            raise GraphError(
                132000,
                f"{name}: number of localizable_params ({len(parameters)}) does not match the expected number of "
                f"params ({len(expected)})",
            )
        values = [_value(name, parameter) for parameter in parameters]
        by_name = dict(zip(self._names(name, parameters), values, strict=True))
        text = PLACEHOLDER.sub(lambda found: by_name[found[1]], str(part.get("text", "")))
        if values and len(text) > _MOST_HYDRATED[name]:
            raise GraphError(132005, f"{name}: the translated text is longer than {_MOST_HYDRATED[name]} characters")
        return text, values

    def _names(self, part: str, parameters: list[dict[str, Any]]) -> list[str]:
        expected = self.placeholders[part]
        if self.parameter_format != "NAMED":
            return sorted(expected, key=int)
        names = [str(parameter.get("parameter_name") or "") for parameter in parameters]
        if "" in names:
            raise GraphError(100, f"{part}: Parameter name is missing or empty")
        if sorted(names) != sorted(expected):
            raise GraphError(
                132000, f"{part}: parameter names {sorted(names)} do not match the expected {sorted(expected)}"
            )
        return names

    def _check_buttons(self, given: list[dict[str, Any]]) -> None:
        buttons = self.parts.get("buttons", {}).get("buttons") or []
        present = {str(component.get("index", "")) for component in given if component.get("parameters")}
        for index, button in enumerate(buttons):
            kind = str(button.get("type", "")).upper()
            dynamic = kind in _BUTTON_NEEDS_PARAMETER or (kind == "URL" and "{{" in str(button.get("url", "")))
            if dynamic and str(index) not in present:
                raise GraphError(
                    131008, f"buttons: Button at index {index} of type {kind.title()} requires a parameter"
                )
        if outside := sorted(present - {str(index) for index in range(len(buttons))}):
            raise GraphError(131009, f"buttons: there is no button at index {outside[0]!r}")


def _by_type(given: Any) -> dict[str, list[dict[str, Any]]]:
    if given is not None and not isinstance(given, list):
        raise GraphError(100, message="(#100) Param template['components'] must be an array.")
    parts: dict[str, list[dict[str, Any]]] = {}
    for component in given or []:
        kind = str(need(component, "type")).lower()
        if kind not in ("header", "body", "button", "carousel", "limited_time_offer"):
            raise GraphError(100, message=f"(#100) Unexpected template component type {kind!r}.")
        if not isinstance(component.get("parameters", []), list):
            raise GraphError(100, message=f"(#100) Param parameters of {kind} must be an array.")
        parts.setdefault(kind, []).append(component)
    return parts


def _value(part: str, parameter: Any) -> str:
    kind = str(need(parameter, "type")).lower()
    if kind not in _TEXT_LIKE:
        raise GraphError(132012, f"{part}: Format mismatch, expected TEXT, received {kind.upper()}")
    text = parameter.get("text") if kind == "text" else need(parameter, kind, "fallback_value")
    if not isinstance(text, str) or not text:
        raise GraphError(131008, f"{part}: Parameter of type {kind} is missing {kind} value")
    if _FORBIDDEN.search(text):
        raise GraphError(132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return text


def _check_media_header(expected: str, parameters: list[Mapping[str, Any]]) -> None:
    received = str(need(parameters[0], "type")).upper() if parameters else "UNKNOWN"
    if received != expected.upper():
        raise GraphError(132012, f"header: Format mismatch, expected {expected.upper()}, received {received}")
    media = parameters[0].get(expected.lower())
    if not isinstance(media, dict) or not media:
        raise GraphError(131008, f"header: Parameter of type {expected.lower()} is missing its value")
