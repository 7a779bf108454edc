"""What Zoho's answers mean for us, by what to do next (law 14). One table.

Source: zoho.com/crm/developer/docs/api/v8 ("status codes", and the errors of each call), and Zoho's published API
description (crm-oas). An answer has a `code`; a batch has one for each record. Whatever is not JSON was not said by
Zoho.
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
#: The code where the token is not (any more) good.
BAD_TOKEN = "INVALID_TOKEN"


@dataclass(frozen=True, slots=True)
class Known:
    """The error that a code becomes; where time cures it, the seconds to wait, and for whom."""

    error: type[DeliveryError]
    wait: float = 0.0
    scope: str = "number"


#: `code` of an answer, or of one record in it -> what to do.
CODES = {
    "INVALID_TOKEN": Known(FixCredentials),  # after one renewal: see `call`
    "AUTHENTICATION_FAILURE": Known(FixCredentials),
    "AUTHORIZATION_FAILED": Known(FixCredentials),
    "OAUTH_SCOPE_MISMATCH": Known(FixCredentials),
    "NO_PERMISSION": Known(FixCredentials),
    "INVALID_MODULE": Known(FixCredentials),
    "INVALID_REQUEST_METHOD": Known(FixCredentials),
    "INVALID_URL_PATTERN": Known(FixCredentials),
    "API_NOT_SUPPORTED": Known(FixCredentials),
    "TOO_MANY_REQUESTS": Known(TryLater, 5.0),  # too many at once, or the day's credits are used up; it does not say
    "RECORD_LOCKED": Known(TryLater, 60.0, "item"),
    "NOT_APPROVED": Known(TryLater, 900.0, "item"),  # waits for somebody's approval
    "NOT_REVIEWED": Known(TryLater, 900.0, "item"),
    "ALREADY_MODIFIED": Known(TryAgain),
    "DEPENDENT_SERVICE_ERROR": Known(TryAgain),
    "INTERNAL_ERROR": Known(TryAgain),
    "INTERNAL_SERVER_ERROR": Known(TryAgain),
    "MANDATORY_NOT_FOUND": Known(Never),
    "INVALID_DATA": Known(Never),
    "DUPLICATE_DATA": Known(Never),
    "LIMIT_EXCEEDED": Known(Never),  # of what one request or record may hold; with status 429 it is a rate
    "RECORD_IN_BLUEPRINT": Known(Never),
}

#: `error` of the accounts server -> what to do (it answers with status 200).
ACCOUNTS = {
    "invalid_client": Known(FixCredentials),
    "invalid_client_secret": Known(FixCredentials),
    "invalid_code": Known(FixCredentials),
    "invalid_grant": Known(FixCredentials),
    "unauthorized_client": Known(FixCredentials),
    "access_denied": Known(TryLater, 600.0),  # ten tokens in ten minutes
    "access denied": Known(TryLater, 600.0),
    "general_error": Known(TryAgain),
    "internal_error": Known(TryAgain),
}

#: Where no code is known, the status decides.
STATUSES = {
    400: Known(Never),
    401: Known(FixCredentials),
    402: Known(FixCredentials),
    403: Known(FixCredentials),
    404: Known(FixCredentials),  # Zoho answers 204 for a record that is not there
    405: Known(FixCredentials),
    408: Known(TryAgain),
    409: Known(Never),
    410: Known(FixCredentials),
    412: Known(TryAgain),
    413: Known(Never),
    414: Known(FixCredentials),
    415: Known(FixCredentials),
    425: Known(TryAgain),
    429: Known(TryLater, 5.0),
}

_BODY_IS_PAGE = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<", re.IGNORECASE)
_ASKS_TO_LOG_IN = re.compile(rb"log[ -]?in|sign[ -]?in|password|captcha|single sign-on", re.IGNORECASE)


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """The error that an answer other than a success means; returned, not raised."""
    told = object_of(body)
    return _unspoken(status, headers, body) if told is None else _judged(status, told, headers)


def from_item(item: Mapping[str, Any]) -> DeliveryError:
    """What one record's part of a batch means for it; returned, not raised."""
    return _judged(0, item, {})


def from_accounts(status: int, headers: Mapping[str, str], body: bytes, where: str) -> DeliveryError:
    """What the accounts server at `where` means by an answer without a token. A refresh token of another data centre
    looks like an unknown one."""
    told = object_of(body)
    if told is None:
        return _unspoken(status, headers, body)
    code = str(told.get("error") or f"http_{status}")
    why = str(told.get("error_description") or "")
    known = ACCOUNTS.get(code.lower()) or _by_status(status) or Known(FixCredentials)
    if known.error is FixCredentials:
        why = "; ".join(filter(None, [why, f"asked at {where}: is the organisation in another data centre"]))
        why += " (ZOHO_ACCOUNTS_URL), or was the refresh token revoked?"
    return _made(known, shorten(storable(why or f"no token from {where}"), 500), code, headers)


def not_promised(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """What a success means that is not what was promised: a page of somebody else's, or half an answer."""
    if _BODY_IS_PAGE.match(body):
        return _page(status, body)
    return TryAgain(f"HTTP {status}: the answer ends too early or is none of Zoho's", code=HALF_ANSWER)


def object_of(body: bytes) -> dict[str, Any] | None:
    """The JSON object of an answer; None for anything else."""
    try:
        told = loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def details(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `details` of an answer or of one record in it."""
    found = item.get("details")
    return found if isinstance(found, dict) else {}


def existing_id(item: Mapping[str, Any]) -> str | None:
    """The id of the record that a new one would have doubled, where the answer names it."""
    told = details(item)
    other = told.get("duplicate_record")
    found = told.get("id") or (other.get("id") if isinstance(other, dict) else None)
    return str(found) if found and item.get("code") == "DUPLICATE_DATA" else None


def is_duplicate(error: Exception | None) -> bool:
    """Whether another record has the value that only one may have."""
    return isinstance(error, Never) and error.code == "DUPLICATE_DATA"


def _judged(status: int, told: Mapping[str, Any], headers: Mapping[str, str]) -> DeliveryError:
    code = str(told.get("code") or "") or f"http_{status}"
    known = CODES.get(code) or _by_status(status) or Known(Never)
    if status == 429 and known.error is not TryLater:
        known = STATUSES[429]
    return _made(known, _detail(status, told), code, headers)


def _by_status(status: int) -> Known | None:
    return STATUSES.get(status) or (Known(TryAgain) if status >= 500 else None)


def _made(known: Known, detail: str, code: str, headers: Mapping[str, str]) -> DeliveryError:
    wait = _retry_after(headers)
    if known.error is TryLater or (known.error is TryAgain and wait is not None):
        seconds = known.wait if wait is None else wait
        return TryLater(detail, code=code, wait_seconds=seconds, scope=known.scope)
    return known.error(detail, code=code)


def _unspoken(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """No JSON: something between us and Zoho spoke, or Zoho broke down before it could."""
    if 300 <= status < 400:
        return FixCredentials(f"HTTP {status}: led elsewhere; is ZOHO_API_URL right?", code=f"http_{status}")
    if status < 300:
        return not_promised(status, headers, body)
    if status == 404:
        return FixCredentials("HTTP 404: not Zoho's answer; is ZOHO_API_URL right?", code="http_404")
    known = _by_status(status) or Known(TryLater, 60.0)
    if known.error is Never:
        known = Known(TryLater, 60.0)
    return _made(known, f"HTTP {status} without a reason", f"http_{status}", headers)


def _page(status: int, body: bytes) -> DeliveryError:
    if _ASKS_TO_LOG_IN.search(body[:20_000]):
        return FixCredentials(f"HTTP {status}: a page that asks to log in, not Zoho's answer", code=NOT_JSON)
    return TryLater(f"HTTP {status}: a web page, not Zoho's answer", code=NOT_JSON, wait_seconds=60.0)


def _detail(status: int, told: Mapping[str, Any]) -> str:
    more = details(told)
    field = more.get("api_name") or more.get("param_name")
    wanted = more.get("expected_data_type") or more.get("maximum_length") or more.get("limit")
    parts = [told.get("message"), field, f"wanted {wanted}" if wanted else None, f"HTTP {status}" if status else None]
    return shorten(storable("; ".join(dict.fromkeys(str(part) for part in parts if part))), 500)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the header asks for, at most `LONGEST_WAIT`; Zoho itself sends none."""
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return min(max(float(text), 0.0), LONGEST_WAIT)
    except ValueError:
        return None
