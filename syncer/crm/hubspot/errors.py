"""What HubSpot's answers mean for us, by what to do next (law 14). One table.

Source: developers.hubspot.com, "handling errors" and "usage guidelines" (read 2026-09). HubSpot answers with a status
and a `category`; a batch (207) says so for each input. Whatever is not JSON was not said by HubSpot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json import loads
from typing import Any

from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater
from syncer.domain.text import shorten, storable

#: Nobody waits longer than this on the word of a header (seconds).
LONGEST_WAIT = 24 * 3600.0
#: The code of an answer that is a success and yet not what was promised: cut off, or of another shape.
HALF_ANSWER = "half_answer"
#: The code of an answer that is no JSON at all.
NOT_JSON = "not_json"


@dataclass(frozen=True, slots=True)
class Known:
    """The error that a code becomes, and where time cures it, the seconds to wait."""

    error: type[DeliveryError]
    wait: float = 0.0


#: The rate limit that was passed -> what to do.
POLICIES = {
    "SECONDLY": Known(TryLater, 1.0),  # searches: five a second for the whole account
    "TEN_SECONDLY_ROLLING": Known(TryLater, 10.0),
    "DAILY": Known(TryLater, 900.0),  # until midnight in the account's zone, which we do not know
}

#: `category` of an error -> what to do.
CATEGORIES = {
    "INVALID_AUTHENTICATION": Known(FixCredentials),
    "EXPIRED_AUTHENTICATION": Known(FixCredentials),
    "MISSING_SCOPES": Known(FixCredentials),
    "BANNED": Known(FixCredentials),
    "RATE_LIMITS": Known(TryLater, 10.0),
    "MIGRATION_IN_PROGRESS": Known(TryLater, 60.0),
    "INTERNAL_ERROR": Known(TryAgain),
    "VALIDATION_ERROR": Known(Never),
    "OBJECT_NOT_FOUND": Known(Never),
    "OBJECT_ALREADY_EXISTS": Known(Never),
    "CONFLICT": Known(Never),
    "MISSING_REQUIRED_PROPERTY": Known(Never),  # rules of the account's administrators, since 2026-09
    "MISSING_CONDITIONAL_REQUIRED_PROPERTY": Known(Never),
}

#: Where no category is known, the status decides.
STATUSES = {
    400: Known(Never),
    401: Known(FixCredentials),
    402: Known(FixCredentials),  # the account's subscription does not cover it
    403: Known(FixCredentials),
    404: Known(Never),
    405: Known(FixCredentials),
    408: Known(TryAgain),
    409: Known(Never),
    410: Known(FixCredentials),  # this version of the API is served no more
    413: Known(Never),
    414: Known(FixCredentials),
    415: Known(FixCredentials),
    422: Known(Never),
    423: Known(TryLater, 2.0),  # the record is locked by a large operation
    425: Known(TryAgain),
    429: Known(TryLater, 10.0),
    477: Known(TryLater, 60.0),  # the account moves to another data centre; Retry-After says for how long
}

#: Statuses that say more than the category beside them.
_SPEAKING = frozenset({423, 429, 477})
#: Codes of a record that is there already, or of a value that another record has.
_CONFLICTS = ("CONFLICT", "OBJECT_ALREADY_EXISTS", "CONFLICTING_UNIQUE_VALUE", "http_409")
_BODY_IS_PAGE = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<", re.IGNORECASE)
_ASKS_TO_LOG_IN = re.compile(rb"log[ -]?in|sign[ -]?in|password|captcha|single sign-on", re.IGNORECASE)
_EXISTING = re.compile(r"(?:Existing ID|existing object id)s?:?\s*(\d+)", re.IGNORECASE)


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """The error that an answer other than a success means; returned, not raised."""
    told = _object(body)
    if told is None:
        return _unspoken(status, headers, body)
    return _judged(status, told, headers)


def from_item(item: Mapping[str, Any]) -> DeliveryError:
    """What one entry of a batch's `errors` means for its record; returned, not raised."""
    return _judged(0, item, {})


def not_promised(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """What a success means that is not what was promised: a page of somebody else's, or half an answer."""
    if _BODY_IS_PAGE.match(body):
        return _page(status, body)
    return TryAgain(f"HTTP {status}: the answer ends too early or is none of HubSpot's", code=HALF_ANSWER)


def existing_id(error: Exception | None) -> str | None:
    """The id of the record that a new one would have doubled, where a conflict names it."""
    found = _EXISTING.search(error.detail) if isinstance(error, Never) and is_conflict(error) else None
    return found[1] if found else None


def is_conflict(error: Exception | None) -> bool:
    """Whether the record is there already, or another has the value that only one may have."""
    return isinstance(error, Never) and error.code in _CONFLICTS


def is_missing(error: Exception | None) -> bool:
    """Whether the record is not there."""
    return isinstance(error, Never) and error.code in ("OBJECT_NOT_FOUND", "http_404")


def _judged(status: int, told: Mapping[str, Any], headers: Mapping[str, str]) -> DeliveryError:
    category, policy = str(told.get("category") or ""), str(told.get("policyName") or "")
    code = _inner_code(told) or category or policy or f"http_{status}"
    by_status = STATUSES.get(status) if status in _SPEAKING else None
    known = POLICIES.get(policy) or by_status or CATEGORIES.get(category) or CATEGORIES.get(code) or _by_status(status)
    return _made(known or Known(Never), _detail(status, told), code, headers)


def _by_status(status: int) -> Known | None:
    return STATUSES.get(status) or (Known(TryAgain) if status >= 500 else None)


def _made(known: Known, detail: str, code: str, headers: Mapping[str, str]) -> DeliveryError:
    wait = _retry_after(headers)
    if known.error is TryLater or (known.error is TryAgain and wait is not None):
        return TryLater(detail, code=code, wait_seconds=known.wait if wait is None else wait)
    return known.error(detail, code=code)


def _unspoken(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """No JSON: something between us and HubSpot spoke, or HubSpot broke down before it could."""
    if 300 <= status < 400:
        return FixCredentials(f"HTTP {status}: led elsewhere; is HUBSPOT_API_URL right?", code=f"http_{status}")
    if status < 300:
        return not_promised(status, headers, body)
    if status == 404:
        return FixCredentials("HTTP 404: not HubSpot's answer; is HUBSPOT_API_URL right?", code="http_404")
    known = _by_status(status) or Known(TryLater, 60.0)
    if known.error is Never:
        known = Known(TryLater, 60.0)
    return _made(known, f"HTTP {status} without a reason", f"http_{status}", headers)


def _page(status: int, body: bytes) -> DeliveryError:
    if _ASKS_TO_LOG_IN.search(body[:20_000]):
        return FixCredentials(f"HTTP {status}: a page that asks to log in, not HubSpot's answer", code=NOT_JSON)
    return TryLater(f"HTTP {status}: a web page, not HubSpot's answer", code=NOT_JSON, wait_seconds=60.0)


def _object(body: bytes) -> Mapping[str, Any] | None:
    try:
        told = loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _inner_code(told: Mapping[str, Any]) -> str:
    """The first detail's own code, such as INVALID_OPTION, which says more than the category."""
    details = told.get("errors")
    first = details[0] if isinstance(details, list) and details else None
    return str(first.get("code") or "") if isinstance(first, dict) else ""


def _detail(status: int, told: Mapping[str, Any]) -> str:
    details = told.get("errors")
    more = [item.get("message") for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    parts = [told.get("message"), *more, f"HTTP {status}" if status else None]
    trace = told.get("correlationId")
    parts.append(f"correlation {trace}" if trace else None)
    return shorten(storable("; ".join(dict.fromkeys(str(part) for part in parts if part))), 500)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header asks for, at most `LONGEST_WAIT`; HubSpot gives whole numbers."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(text), 0.0), LONGEST_WAIT)
    except ValueError:
        return None
