"""One message template: what it expects, and how the platform fills it or refuses (template and error-code pages)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.whatsapp.buttons import FilledButton, fill_buttons
from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import need

PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MOST_HYDRATED = {"body": 1024, "header": 60}
_FORBIDDEN = re.compile(r"[\n\r\t]| {5,}")
_REFUSED_STATUS = {"PAUSED": 132015, "DISABLED": 132016}
_SENDABLE = ("APPROVED", "PENDING_DELETION")
_GIVEN_TYPES = ("header", "body", "button", "carousel", "limited_time_offer")
_LINK = re.compile(r"https?://\S+$")
_COUNTRY_OF_MONEY = re.compile(r"[A-Z]{3}$")


@dataclass(slots=True)
class Filled:
    """What the customer reads: `text` is header, body and footer by line; `parameters` are the body's, as given.

    `buttons` are in their order, each with what pressing it does (url, code, payload ...).
    """

    text: str
    parameters: list[str]
    header: str = ""
    body: str = ""
    footer: str = ""
    buttons: list[FilledButton] = field(default_factory=list)


@dataclass(slots=True)
class Template:
    """One language of a template, in the Graph API's own words. Times are unix seconds.

    `submissions`: how often it went into review; `pauses`: how often it was paused; `edited_at`: when it was edited;
    `status_before`: what an archived one was.
    """

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
    message_send_ttl_seconds: int | None = None
    quality_at: float = field(default_factory=time.time)
    submissions: int = 0
    pauses: int = 0
    pause_ends_at: float | None = None
    edited_at: list[float] = field(default_factory=list)
    status_before: str | None = None
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    placeholders: dict[str, list[str]] = field(default_factory=dict)
    pieces: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the components by type and the placeholders of header and body in order of appearance."""
        self.parts = {str(part.get("type", "")).lower(): part for part in self.components}
        for name in ("header", "body"):
            text = str(self.parts.get(name, {}).get("text", ""))
            self.pieces[name] = PLACEHOLDER.split(text)
            self.placeholders[name] = list(dict.fromkeys(self.pieces[name][1::2]))
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
            "quality_score": {"score": self.quality_score, "date": int(self.quality_at)},
            "rejected_reason": self.rejected_reason,
            "message_send_ttl_seconds": self.message_send_ttl_seconds,
            "sub_category": None,
            "library_template_name": None,
            "correct_category": None,
            "cta_url_link_tracking_opted_out": None,
        }

    def fill(self, given: Any) -> Filled:
        """Fill with the request's `components`; raises what the platform answers to a wrong state or parameter."""
        if self.status not in _SENDABLE:
            code = _REFUSED_STATUS.get(self.status, 132001)
            raise GraphError(code, f"template name ({self.name}) is {self.status.lower()} in {self.language}")
        parts = _by_type(given)
        header = self._hydrate("header", parts.get("header", []))[0]
        body, parameters = self._hydrate("body", parts.get("body", []))
        footer = str(self.parts.get("footer", {}).get("text", ""))
        buttons = fill_buttons(self.parts.get("buttons", {}).get("buttons") or [], parts.get("button", []))
        text = "\n".join(line for line in (header, body, footer) if line)
        return Filled(text, parameters, header, body, footer, buttons)

    def _hydrate(self, name: str, given: list[dict[str, Any]]) -> tuple[str, list[str]]:
        part = self.parts.get(name, {})
        parameters = [item for component in given for item in component.get("parameters") or []]
        if name == "header" and part.get("format", "TEXT") not in ("TEXT", ""):
            return _media_header(str(part["format"]), parameters), []
        expected = self.placeholders[name]
        if len(parameters) != len(expected):
            raise GraphError(
                132000,
                f"{name}: number of localizable_params ({len(parameters)}) does not match the expected number of "
                f"params ({len(expected)})",
            )
        if not expected:
            return "".join(self.pieces[name]), []
        values = [_value(name, parameter) for parameter in parameters]
        by_name = dict(zip(self._names(name, parameters), values, strict=True))
        pieces = self.pieces[name]
        text = "".join(by_name[piece] if place % 2 else piece for place, piece in enumerate(pieces))
        if len(text) > _MOST_HYDRATED[name]:
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


def _by_type(given: Any) -> dict[str, list[dict[str, Any]]]:
    if given is not None and not isinstance(given, list):
        raise GraphError(100, message="(#100) Param template['components'] must be an array.")
    parts: dict[str, list[dict[str, Any]]] = {}
    for component in given or []:
        kind = str(need(component, "type")).lower()
        if kind not in _GIVEN_TYPES:
            raise GraphError(100, message=f"(#100) Unexpected template component type {kind!r}.")
        if not isinstance(component.get("parameters", []), list):
            raise GraphError(100, message=f"(#100) Param parameters of {kind} must be an array.")
        parts.setdefault(kind, []).append(component)
    return parts


def _value(part: str, parameter: Any) -> str:
    kind = str(need(parameter, "type")).lower()
    match kind:
        case "text":
            text = parameter.get("text")
        case "currency":
            text = _money(part, parameter)
        case "date_time":
            text = need(parameter, kind, "fallback_value")
        case _:
            raise GraphError(132012, f"{part}: Format mismatch, expected TEXT, received {kind.upper()}")
    if not isinstance(text, str) or not text:
        raise GraphError(131008, f"{part}: Parameter of type {kind} is missing {kind} value")
    if _FORBIDDEN.search(text):
        raise GraphError(132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return text


def _money(part: str, parameter: Any) -> Any:
    """The fallback of a currency parameter; `amount_1000` is the amount times 1,000."""
    amount, code = need(parameter, "currency", "amount_1000"), need(parameter, "currency", "code")
    if not isinstance(amount, int) or not _COUNTRY_OF_MONEY.match(str(code)):
        raise GraphError(132012, f"{part}: Format mismatch, a currency needs an ISO code and a whole amount_1000")
    return need(parameter, "currency", "fallback_value")


def _media_header(expected: str, parameters: list[Mapping[str, Any]]) -> str:
    """Check the one parameter of a media or location header; what the customer reads of it is a location's name."""
    received = str(need(parameters[0], "type")).upper() if parameters else "UNKNOWN"
    if received != expected.upper():
        raise GraphError(132012, f"header: Format mismatch, expected {expected.upper()}, received {received}")
    if len(parameters) > 1:
        raise GraphError(132000, f"header: number of params ({len(parameters)}) does not match the expected 1")
    media = parameters[0].get(expected.lower())
    if not isinstance(media, dict) or not media:
        raise GraphError(131008, f"header: Parameter of type {expected.lower()} is missing its value")
    if expected.upper() == "LOCATION":
        return _place(media)
    if bool(media.get("id")) == bool(media.get("link")):
        raise GraphError(131008 if not media.get("id") else 131009, "header: exactly one of id and link is needed")
    if media.get("link") and not _LINK.match(str(media["link"])):
        raise GraphError(131009, "header: the media link must be an http or https URL")
    return ""


def _place(location: Mapping[str, Any]) -> str:
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        try:
            value = float(need(location, name))
        except (TypeError, ValueError):
            raise GraphError(132012, f"header: Format mismatch, {name} must be a number") from None
        if abs(value) > most:
            raise GraphError(131009, f"header: {name} is out of range")
    return str(location.get("name") or "")
