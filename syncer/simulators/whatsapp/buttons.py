"""Template buttons: what each kind must hold when it is submitted, what a send must give it, what the customer gets.

Limits are those of the template components page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from syncer.simulators.whatsapp.errors import GraphError
from syncer.simulators.whatsapp.kinds import need

Button = Mapping[str, Any]
FilledButton = dict[str, str]
_VARIABLE = re.compile(r"\{\{\s*\w+\s*\}\}")
_URL = re.compile(r"https?://\S+$")
_PHONE = re.compile(r"\+?[0-9 ()-]{5,20}$")
_MOST_BUTTONS, _LONGEST_TEXT, _LONGEST_URL, _LONGEST_CODE, _LONGEST_OTP = 10, 25, 2000, 20, 15
_SUB_TYPE = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "OTP": "url",
    "COPY_CODE": "copy_code",
    "FLOW": "flow",
    "CATALOG": "catalog",
    "MPM": "mpm",
    "SPM": "spm",
    "PHONE_NUMBER": "voice_call",
    "VOICE_CALL": "voice_call",
    "REQUEST_CONTACT_INFO": "request_contact_info",
}
_AT_MOST = {"URL": 2, "PHONE_NUMBER": 1, "COPY_CODE": 1, "OTP": 1, "FLOW": 1, "CATALOG": 1, "MPM": 1}
OTP_URL = "https://www.whatsapp.com/otp/code/?otp_type={kind}&code=otp{{{{1}}}}"


def _wrong(text: str, subcode: int = 2388043) -> GraphError:
    return GraphError(100, text, subcode=subcode, user_title="Invalid button")


# --- submitting


def check_buttons(buttons: Sequence[Button], category: str) -> None:
    """Refuse what a review refuses at once: unknown kinds, missing parts, too many, quick replies among others."""
    kinds = [str(button.get("type", "")).upper() for button in buttons]
    if not 1 <= len(buttons) <= _MOST_BUTTONS:
        raise _wrong(f"A template may have 1 to {_MOST_BUTTONS} buttons.")
    for kind, most in _AT_MOST.items():
        if kinds.count(kind) > most:
            raise _wrong(f"A template may have at most {most} button of type {kind}.")
    if ("OTP" in kinds) != (category == "AUTHENTICATION"):
        raise _wrong("An authentication template has exactly one OTP button, and no other template has one.")
    replies = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(one != other for one, other in pairwise(replies)) > 1:
        raise _wrong("Quick reply buttons must be grouped together.")
    for kind, button in zip(kinds, buttons, strict=True):
        _check_button(kind, button)


def _check_button(kind: str, button: Button) -> None:
    if kind not in _SUB_TYPE:
        raise GraphError(100, message=f"(#100) Param buttons['type'] must be one of {{{', '.join(_SUB_TYPE)}}}.")
    text = button.get("text")
    if kind not in ("COPY_CODE", "OTP", "REQUEST_CONTACT_INFO") and (not isinstance(text, str) or not text):
        raise _wrong(f"A button of type {kind} needs a text.")
    if isinstance(text, str) and (len(text) > _LONGEST_TEXT or _VARIABLE.search(text)):
        raise _wrong(f"A button's text has at most {_LONGEST_TEXT} characters and no variable.", 2388040)
    if kind in _PARTS:
        _PARTS[kind](button)


def _url_parts(button: Button) -> None:
    url = str(button.get("url", ""))
    if not _URL.match(url) or len(url) > _LONGEST_URL:
        raise _wrong("A URL button needs a http or https url of at most 2,000 characters.")
    variables = _VARIABLE.findall(url)
    if len(variables) > 1 or (variables and not url.endswith(variables[0])):
        raise _wrong("A URL may have one variable, at its end.")
    if variables and not button.get("example"):
        raise _wrong("A URL with a variable needs an example.")


def _phone_parts(button: Button) -> None:
    if not _PHONE.match(str(button.get("phone_number", ""))):
        raise _wrong("A call button needs a phone_number of at most 20 characters.")


def _code_parts(button: Button) -> None:
    example = button.get("example")
    example = example[0] if isinstance(example, list) and example else example
    if not isinstance(example, str) or not 0 < len(example) <= _LONGEST_CODE:
        raise _wrong(f"A copy-code button needs an example of at most {_LONGEST_CODE} characters.")


def _otp_parts(button: Button) -> None:
    if str(button.get("otp_type", "")).upper() not in ("COPY_CODE", "ONE_TAP", "ZERO_TAP"):
        raise _wrong("An OTP button needs an otp_type: COPY_CODE, ONE_TAP or ZERO_TAP.")


def _flow_parts(button: Button) -> None:
    if sum(name in button for name in ("flow_id", "flow_name", "flow_json")) != 1:
        raise _wrong("A flow button needs exactly one of flow_id, flow_name and flow_json.")


_PARTS: dict[str, Callable[[Button], None]] = {
    "URL": _url_parts,
    "PHONE_NUMBER": _phone_parts,
    "COPY_CODE": _code_parts,
    "OTP": _otp_parts,
    "FLOW": _flow_parts,
}


# --- sending


def fill_buttons(buttons: Sequence[Button], given: Sequence[Mapping[str, Any]]) -> list[FilledButton]:
    """The buttons as the customer gets them; raises what the platform answers to a wrong or missing parameter."""
    if not buttons and not given:
        return []
    by_index: dict[int, Mapping[str, Any]] = {}
    for component in given:
        index = str(component.get("index", ""))
        if not index.isdigit() or int(index) >= len(buttons):
            raise GraphError(131009, f"buttons: there is no button at index {index!r}")
        if int(index) in by_index:
            raise GraphError(131009, f"buttons: Button at index {index} is given twice")
        by_index[int(index)] = component
    return [_filled(place, button, by_index.get(place)) for place, button in enumerate(buttons)]


def _filled(place: int, button: Button, given: Mapping[str, Any] | None) -> FilledButton:
    kind = str(button.get("type", "")).upper()
    parameters = (given or {}).get("parameters") or []
    if given is not None and str(given.get("sub_type", "")).lower() != _SUB_TYPE.get(kind, ""):
        raise GraphError(
            132012,
            f"buttons: Button at index {place} is of type {kind.title()}, received {given.get('sub_type')!r}",
        )
    shown = {"type": kind, "text": str(button.get("text", ""))}
    match kind:
        case "URL" | "OTP":
            shown["url"] = _filled_url(place, kind, button, parameters)
        case "COPY_CODE":
            shown["code"] = _only(place, kind, parameters, "coupon_code", _LONGEST_CODE)
        case "QUICK_REPLY" if parameters:
            shown["payload"] = _only(place, kind, parameters, "payload", None)
        case "QUICK_REPLY":
            shown["payload"] = shown["text"]
        case "PHONE_NUMBER":
            shown["phone_number"] = str(button.get("phone_number", ""))
    return shown


def _filled_url(place: int, kind: str, button: Button, parameters: Sequence[Any]) -> str:
    url = str(button.get("url") or OTP_URL.format(kind=button.get("otp_type", "COPY_CODE")))
    if not _VARIABLE.search(url):
        if parameters:
            raise GraphError(132000, f"buttons: Button at index {place} has a static url and takes no parameter")
        return url
    is_code = kind == "OTP" or "/otp/code/" in url
    value = _only(place, kind, parameters, "text", _LONGEST_OTP if is_code else _LONGEST_URL)
    return _VARIABLE.sub(lambda _: value, url)


def _only(place: int, kind: str, parameters: Sequence[Any], name: str, longest: int | None) -> str:
    """The one parameter that a button takes."""
    if not parameters:
        raise GraphError(131008, f"buttons: Button at index {place} of type {kind.title()} requires a parameter")
    if len(parameters) > 1:
        raise GraphError(
            132000, f"buttons: number of params ({len(parameters)}) of the button at index {place} does not match 1"
        )
    received = str(need(parameters[0], "type")).lower()
    if received != name:
        raise GraphError(132012, f"buttons: Format mismatch, expected {name.upper()}, received {received.upper()}")
    value = need(parameters[0], name)
    if not isinstance(value, str):
        raise GraphError(132012, f"buttons: Format mismatch, {name} must be a string")
    if longest is not None and len(value) > longest:
        raise GraphError(132005, f"buttons: the text of the button at index {place} is longer than {longest}")
    if any(sign in value for sign in "\n\r\t"):
        raise GraphError(132018, "Param text of a button cannot have new-line or tab characters")
    return value
