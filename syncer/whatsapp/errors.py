"""The platform's error codes, each with what to do next (law 14).

Source: developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes (read 2026-09-11).
Branch on `code` and never on the message text; `error_subcode` is deprecated and used only where it says more than the
code 100.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any

from syncer.domain.errors import (
    AskPerson,
    DeliveryError,
    FixCredentials,
    Never,
    OptedOut,
    OutcomeUnknown,
    PauseNumber,
    PauseTemplate,
    SendAsTemplate,
    StopAccount,
    TryAgain,
    TryLater,
    WrongTemplate,
)
from syncer.domain.status import Consequence
from syncer.domain.text import shorten, storable

#: Nobody waits longer than this on the word of a header (seconds).
LONGEST_WAIT = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Known:
    """One code: the error it becomes, what it means to an operator, and where time cures it, the seconds to wait and
    whether that concerns this `item` only or the whole `number`."""

    error: type[DeliveryError]
    meaning: str
    wait: float = 0.0
    scope: str = "number"


#: A pair of business and person, written to too fast.
PAIR_RATE = "131056"
#: The platform takes this marketing template by the route for marketing only.
MARKETING_ROUTE_ONLY = "131063"

_DAYS = 24 * 3600.0

CODES: dict[int, Known] = {
    # Access: every item would fail the same way.
    0: Known(FixCredentials, "the access token cannot be used"),
    3: Known(FixCredentials, "the app lacks the capability for this call"),
    10: Known(FixCredentials, "a permission was not granted or has been removed"),
    190: Known(FixCredentials, "the access token has expired or was revoked"),
    131005: Known(FixCredentials, "a permission was not granted or has been removed"),
    # Restrictions and set-up: a person has to act at the platform, and what is concerned waits until then.
    368: Known(StopAccount, "the account is blocked for breaking a policy"),
    131031: Known(StopAccount, "the account is locked"),
    131042: Known(StopAccount, "the payment method of the account does not work"),
    33: Known(PauseNumber, "the business number does not exist any more"),
    131037: Known(PauseNumber, "the number's display name is not approved"),
    131045: Known(PauseNumber, "the number has to be registered again"),
    131048: Known(PauseNumber, "too many messages of this number were reported as spam"),
    133006: Known(PauseNumber, "the number has to be verified"),
    133010: Known(PauseNumber, "the number is not registered"),
    131055: Known(PauseTemplate, "the route for marketing is not open to this business: its terms are not accepted"),
    131064: Known(PauseTemplate, "templates are throttled for wrong categories"),
    132015: Known(PauseTemplate, "the template is paused for low quality"),
    132016: Known(PauseTemplate, "the template was disabled for low quality"),
    133000: Known(AskPerson, "an earlier deregistration of the number is incomplete"),
    133005: Known(AskPerson, "the two-step PIN is wrong"),
    133008: Known(AskPerson, "too many wrong PINs"),
    133009: Known(AskPerson, "the PIN was entered too fast"),
    2388019: Known(AskPerson, "the account has as many templates as it may have"),
    # Rates and maintenance: time cures them.
    4: Known(TryLater, "the app made too many calls", 3600),
    80007: Known(TryLater, "the account made too many management calls", 300),
    130429: Known(TryLater, "the number's throughput is used up", 2),
    131056: Known(TryLater, "too many messages to this one person", 6, "item"),
    131057: Known(TryLater, "the account is in maintenance", 300),
    132069: Known(TryLater, "the flow is throttled", 3600, "item"),
    133015: Known(TryLater, "the number was deleted a moment ago", 300, "item"),
    133016: Known(TryLater, "too many registrations of the number in 72 hours", 3 * _DAYS, "item"),
    134101: Known(TryLater, "the template is still being copied to the route for marketing", 600, "item"),
    # Faults of the platform before it took the message.
    1: Known(TryAgain, "an unknown error"),
    2: Known(TryAgain, "a service is down or overloaded"),
    131000: Known(TryAgain, "the message failed to send for an unknown reason"),
    131016: Known(TryAgain, "a service is overloaded"),
    131052: Known(TryAgain, "the medium could not be downloaded"),
    131053: Known(TryAgain, "the medium could not be uploaded"),
    133004: Known(TryAgain, "the server is unavailable for a moment"),
    # This item will never be taken as it is.
    131047: Known(SendAsTemplate, "the customer service window is closed: only a template may be sent"),
    131050: Known(OptedOut, "the person has stopped marketing messages"),
    131063: Known(WrongTemplate, "the platform counts the template as marketing, which goes by another route"),
    132000: Known(WrongTemplate, "the number of template parameters is wrong"),
    132001: Known(WrongTemplate, "the template does not exist in this language or is not approved"),
    132008: Known(WrongTemplate, "the template's parameters have a wrong format"),
    132012: Known(WrongTemplate, "a template parameter has a wrong format"),
    132018: Known(WrongTemplate, "a template parameter is not acceptable"),
    134100: Known(WrongTemplate, "the platform does not count the template as marketing"),
    134102: Known(WrongTemplate, "the template cannot be used on the route for marketing"),
    100: Known(Never, "a parameter is wrong"),
    130403: Known(Never, "the business has blocked this person"),
    130472: Known(Never, "the person is part of an experiment without marketing"),
    130497: Known(Never, "the business may not write to this country"),
    131008: Known(Never, "a parameter is missing"),
    131009: Known(Never, "a parameter has a wrong value"),
    131020: Known(Never, "the group does not exist or cannot be written to"),
    131021: Known(Never, "the recipient is the sender"),
    131026: Known(Never, "undeliverable: not on WhatsApp, an old app, or terms not accepted"),
    131030: Known(Never, "the recipient is not on the test number's list"),
    131041: Known(Never, "the group cannot be written to"),
    131049: Known(Never, "held back to protect the person's engagement; not before 24 h, by a person's choice", _DAYS),
    131051: Known(Never, "the message type is not supported"),
    131062: Known(Never, "this message needs a phone number, a user id is not enough"),
    132005: Known(Never, "the template's text is too long once filled in"),
    132007: Known(Never, "the template breaks a content policy"),
    132068: Known(Never, "the flow is blocked"),
    134011: Known(Never, "the terms for payments were not accepted"),
    135000: Known(Never, "a general error in the parameters"),
    136024: Known(Never, "no code can be sent: the number is verified already"),
    136025: Known(Never, "the code is wrong or has expired"),
    137000: Known(Never, "the recipient's identity key has changed"),
    2388024: Known(Never, "a template of this name exists already in this language"),
}
CODES |= dict.fromkeys(range(200, 300), Known(FixCredentials, "a permission was not granted or has been removed"))
CODES |= dict.fromkeys([139100, 139101, 139102, 139103, 139200], Known(Never, "not allowed for this business"))
CODES |= dict.fromkeys([2388318, 2388330], Known(Never, "cannot be sent without an approved template"))
CODES |= dict.fromkeys(
    [2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299],
    Known(Never, "the template is not made as the platform wants it"),
)

#: Codes that tell something of the person, whatever becomes of the message.
CONSEQUENCES = {
    131026: Consequence.UNREACHABLE,
    131047: Consequence.OUT_OF_WINDOW,
    131050: Consequence.OPTED_OUT,
}

#: "Something went wrong" beside a 5xx does not say whether the message was taken.
_AMBIGUOUS = frozenset({1, 131000})
#: The code under which the platform hides what its subcode says: of an id in the address, or of a submitted template.
_PARAMETER = 100
#: (100, 33) is how the Graph API says that an id in the address is wrong or out of reach for this token.
_NO_SUCH_OBJECT = 33
_TEMPLATE_SUBCODES = range(2388000, 2389000)
#: 4xx that say by themselves what to do next.
_SPEAKING = frozenset({401, 403, 408, 425, 429})


def explain(code: str | int) -> str:
    """What a code means, for an operator; an empty text for a code that is not in the table."""
    known = CODES.get(_whole(code))
    return known.meaning if known else ""


def pause_before_anew(code: str | int) -> timedelta | None:
    """How long a message that failed for good with this code has to rest before a person may have it sent anew; None
    where a second one would fail like the first."""
    known = CODES.get(_whole(code))
    if known is None or (issubclass(known.error, Never) and not known.wait):
        return None
    return timedelta(seconds=known.wait)


def consequence(code: str | int) -> Consequence | None:
    """What a failure with this code says about the person."""
    return CONSEQUENCES.get(_whole(code))


def from_response(status: int, headers: Mapping[str, str], body: bytes, *, safe: bool = False) -> DeliveryError:
    """The error that an answer other than a success means; returned, not raised.

    `safe` says that the call may be repeated at will (a read), so that a doubtful outcome is merely `TryAgain`.
    """
    graph = _graph_error(body)
    error = _from_graph(status, graph) if graph is not None else _from_status(status)
    if isinstance(error, OutcomeUnknown) and safe:
        error = TryAgain(error.detail, code=error.code)
    wait = retry_after(headers)
    if wait is not None and isinstance(error, TryAgain | TryLater):
        scope = error.scope if isinstance(error, TryLater) else "number"
        return TryLater(error.detail, code=error.code, wait_seconds=wait, scope=scope)
    return error


def from_code(code: str | int, detail: str) -> DeliveryError:
    """What a code means by itself, as in a `failed` status, where the platform is sure that nothing was delivered;
    returned, not raised. A code without a place in the table is `Never`."""
    known = CODES.get(_whole(code))
    if known is None:
        return Never(detail, code=str(code))
    if known.error is TryLater:
        return TryLater(detail, code=str(code), wait_seconds=known.wait, scope=known.scope)
    return known.error(detail, code=str(code))


def is_missing_object(error: DeliveryError) -> bool:
    """Whether an id in the address does not exist or is out of reach for our token."""
    return isinstance(error, FixCredentials) and error.code == str(_PARAMETER)


def _from_graph(status: int, graph: Mapping[str, Any]) -> DeliveryError:
    code, subcode, detail = _whole(graph.get("code")), _whole(graph.get("error_subcode")), _detail(status, graph)
    if (code, subcode) == (_PARAMETER, _NO_SUCH_OBJECT):
        return FixCredentials(detail, code=str(code))
    if code == _PARAMETER and subcode in _TEMPLATE_SUBCODES and subcode in CODES:
        code = subcode
    if code not in CODES or (status >= 500 and code in _AMBIGUOUS):
        return _unlisted(status, graph, detail, code)
    return from_code(code, detail)


def _unlisted(status: int, graph: Mapping[str, Any], detail: str, code: int) -> DeliveryError:
    """A code without a place in the table: the HTTP status decides, and a 4xx still means that it was not taken."""
    if status < 500 and graph.get("is_transient") is True:
        return TryAgain(detail, code=str(code))
    if 400 <= status < 500 and status not in _SPEAKING:
        return Never(detail, code=str(code))
    return _from_status(status, detail, str(code))


def _from_status(status: int, detail: str = "", code: str = "") -> DeliveryError:
    """What the HTTP status alone says: something between us and the platform spoke, or the platform broke."""
    code = code or f"http_{status}"
    if status >= 500 or status < 300:
        return OutcomeUnknown(detail or "it failed without saying whether it took the message", code=code)
    if status == 429:
        return TryLater(detail or "too many requests", code=code, wait_seconds=30.0)
    if status in (408, 425):
        return TryAgain(detail or "the request was not read", code=code)
    if status in (401, 403):
        return FixCredentials(detail or "access was refused without a reason", code=code)
    return AskPerson(detail or "not the platform's answer: is the configured address right?", code=code)


def _graph_error(body: bytes) -> Mapping[str, Any] | None:
    try:
        parsed = loads(body)
    except (ValueError, RecursionError):
        return None
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) and _whole(error.get("code")) >= 0 else None


def _detail(status: int, graph: Mapping[str, Any]) -> str:
    data = graph.get("error_data")
    parts = [
        graph.get("message"),
        data.get("details") if isinstance(data, dict) else None,
        graph.get("error_user_msg"),
        f"HTTP {status}",
        f"trace {graph['fbtrace_id']}" if graph.get("fbtrace_id") else None,
    ]
    said = dict.fromkeys(part for part in parts if isinstance(part, str) and part)
    return shorten(storable("; ".join(said)), 500)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the `Retry-After` header asks for (a number or an HTTP date), at most `LONGEST_WAIT`."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text)
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def _until(date: str) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()


def _whole(value: object) -> int:
    """A code as a number; -1 for anything that is none."""
    try:
        return int(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1
    except ValueError:
        return -1
