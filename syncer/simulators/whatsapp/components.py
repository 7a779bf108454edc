"""What a template's components must be when they are submitted, and what the platform writes itself.

Sources: the template components and authentication template pages; subcodes are those of the error-codes page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncer.simulators.whatsapp.buttons import OTP_URL, check_buttons
from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import objects
from syncer.simulators.whatsapp.templates import PLACEHOLDER

Component = dict[str, Any]
_LONGEST = {"HEADER": 60, "BODY": 1024, "FOOTER": 60}
_FORMATS = ("TEXT", "IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
_TYPES = ("HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER", "CALL_PERMISSION_REQUEST")
_BRACES = re.compile(r"\{\{|\}\}")
_PARAM_NAME = re.compile(r"[a-z_][a-z0-9_]*$")
_EXPIRY = range(1, 91)
_CODE_BODY = {"zh": "*{{1}}* 是您的驗證碼。", "en": "*{{1}}* is your verification code."}
_SAFETY = {"zh": "為了您的安全,請勿分享此驗證碼。", "en": "For your security, do not share this code."}
_EXPIRES = {"zh": "此驗證碼將在 {} 分鐘後失效。", "en": "This code expires in {} minutes."}


def _refused(text: str, subcode: int, title: str) -> GraphError:
    return GraphError(100, text, subcode=subcode, user_title=title)


def checked(components: Sequence[Component], category: str, parameter_format: str, language: str) -> list[Component]:
    """The components as they will be stored; raises what a review refuses before any person looks."""
    kinds = [str(part.get("type", "")).upper() for part in components]
    for kind in kinds:
        if kind not in _TYPES:
            raise GraphError(100, message=f"(#100) Param components['type'] must be one of {{{', '.join(_TYPES)}}}.")
        if kinds.count(kind) > 1:
            raise GraphError(100, message=f"(#100) Param components holds more than one {kind}.")
    parts = dict(zip(kinds, components, strict=True))
    if "BODY" not in parts:
        raise GraphError(100, message="(#100) Param components must hold a BODY with text.")
    if category == "AUTHENTICATION":
        return _authentication(parts, language)
    for kind, part in parts.items():
        if kind in _CHECKS:
            _CHECKS[kind](part, parameter_format)
    if "BUTTONS" in parts:
        check_buttons(objects(parts["BUTTONS"], "buttons"), category)
    return [{**part, "type": kind} for kind, part in parts.items()]


# --- header, body, footer


def _check_header(part: Component, parameter_format: str) -> None:
    form = str(part.get("format", "")).upper()
    if form not in _FORMATS:
        raise _refused(f"A header's format is one of {', '.join(_FORMATS)}.", 2388047, "Header format is incorrect")
    if form == "TEXT":
        _check_text("HEADER", part, 2388047, "Header format is incorrect")
        names = _variables(part, parameter_format, 2388047)
        if len(names) > 1:
            raise _refused("A header may have one variable.", 2388047, "Header format is incorrect")
        _check_examples(part, names, parameter_format, "header_text")
    elif form != "LOCATION" and not _filled_list(_example(part).get("header_handle")):
        text = "A media header needs example.header_handle: the handle of an uploaded sample."
        raise _refused(text, 2388043, "Component is missing expected field(s)")


def _check_body(part: Component, parameter_format: str) -> None:
    _check_text("BODY", part, 2388072, "Body format is incorrect")
    names = _variables(part, parameter_format, 2388072)
    text = str(part["text"]).strip()
    _check_examples(part, names, parameter_format, "body_text")
    if PLACEHOLDER.match(text) or re.search(r"\}\}$", text):
        told = "Variables can't be at the start or end of the template."
        raise _refused(told, 2388299, "Leading or trailing params not allowed")
    if len(re.sub(r"\s", "", PLACEHOLDER.sub("", text))) < 2 * len(names) + 1:
        told = "This template has too many variables for its length."
        raise _refused(told, 2388293, "Parameters words ratio exceeds limit")


def _check_footer(part: Component, parameter_format: str) -> None:
    _check_text("FOOTER", part, 2388073, "Footer format is incorrect")
    if _BRACES.search(str(part["text"])):
        raise _refused("A footer has no variables.", 2388073, "Footer format is incorrect")


_CHECKS: dict[str, Callable[[Component, str], None]] = {
    "HEADER": _check_header,
    "BODY": _check_body,
    "FOOTER": _check_footer,
}


def _check_text(kind: str, part: Component, subcode: int, title: str) -> None:
    text = part.get("text")
    if not isinstance(text, str) or not text.strip():
        raise _refused(f"The {kind.lower()} needs a text.", subcode, title)
    if len(text) > _LONGEST[kind]:
        told = f"The {kind.lower()} has more than {_LONGEST[kind]} characters."
        raise _refused(told, 2388040, "Character limit exceeded")


def _variables(part: Component, parameter_format: str, subcode: int) -> list[str]:
    """The names of the variables, in order; raises for broken braces, gaps and names of the wrong form."""
    text = str(part["text"])
    names = list(dict.fromkeys(PLACEHOLDER.findall(text)))
    if _BRACES.search(PLACEHOLDER.sub("", text)):
        raise _refused("A variable is written {{1}} or {{name}}.", subcode, "Invalid parameters")
    if parameter_format == "NAMED":
        if wrong := [name for name in names if not _PARAM_NAME.match(name)]:
            told = f"{{{{{wrong[0]}}}}}: a variable's name has small letters, digits and underscores."
            raise _refused(told, subcode, "Invalid parameters")
    elif sorted(names) != sorted(str(place + 1) for place in range(len(names))):
        raise _refused("Variables are numbered {{1}}, {{2}} ... without a gap.", subcode, "Invalid parameters")
    return names


def _check_examples(part: Component, names: Sequence[str], parameter_format: str, key: str) -> None:
    if not names:
        return
    example = _example(part)
    if parameter_format == "NAMED":
        listed = example.get(f"{key}_named_params")
        given = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        complete = set(names) <= {str(item.get("param_name")) for item in given if item.get("example")}
    else:
        row = example.get(key)
        if key == "body_text" and isinstance(row, list) and row:
            row = row[0]
        complete = isinstance(row, list) and len(row) == len(names) and all(row)
    if not complete:
        told = f"A template with variables needs an example of each in example.{key}."
        raise _refused(told, 2388043, "Component is missing expected field(s)")


def _example(part: Component) -> Mapping[str, Any]:
    example = part.get("example")
    return example if isinstance(example, Mapping) else {}


def _filled_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


# --- authentication


def _authentication(parts: Mapping[str, Component], language: str) -> list[Component]:
    """An authentication template's texts are the platform's own; its OTP button is a URL with the code at its end."""
    if extra := sorted(set(parts) - {"BODY", "FOOTER", "BUTTONS"}):
        raise _refused(f"An authentication template has no {extra[0]}.", 2388047, "Component not allowed")
    if parts["BODY"].get("text") or parts.get("FOOTER", {}).get("text"):
        raise GraphError(100, message="(#100) Param text is not allowed: authentication templates have preset texts.")
    buttons = objects(parts.get("BUTTONS", {}), "buttons")
    check_buttons(buttons, "AUTHENTICATION")
    tongue = "zh" if language.startswith("zh") else "en"
    body = _CODE_BODY[tongue] + (" " + _SAFETY[tongue] if parts["BODY"].get("add_security_recommendation") else "")
    stored: list[Component] = [{"type": "BODY", "text": body, "example": {"body_text": [["123456"]]}}]
    if "FOOTER" in parts:
        stored.append({"type": "FOOTER", "text": _EXPIRES[tongue].format(_minutes(parts["FOOTER"]))})
    return [*stored, {"type": "BUTTONS", "buttons": [_otp(button, tongue) for button in buttons]}]


def _minutes(footer: Component) -> int:
    minutes = footer.get("code_expiration_minutes")
    if not isinstance(minutes, int) or minutes not in _EXPIRY:
        raise GraphError(100, message="(#100) Param code_expiration_minutes must be between 1 and 90.")
    return minutes


def _otp(button: Component, tongue: str) -> Component:
    url = OTP_URL.format(kind=str(button["otp_type"]).upper())
    text = button.get("text") or ("複製驗證碼" if tongue == "zh" else "Copy code")
    return {"type": "URL", "text": text, "url": url, "example": [url.replace("{{1}}", "123456")]}
