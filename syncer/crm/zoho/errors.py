"""What Zoho's answers mean for us, by what to do next (law 14). One table.

Source: zoho.com/crm/developer/docs/api/v8 ("status codes", and the errors of each call), and Zoho's published API
description (crm-oas). An answer has a `code`; a batch has one for each record. Whatever is not JSON was not said by
Zoho.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.crm.refusals import Known, Vendor, made, object_of, sentence
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater

#: The code where the token is not (any more) good.
BAD_TOKEN = "INVALID_TOKEN"


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
VENDOR = Vendor("Zoho", "ZOHO_API_URL", STATUSES)


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """The error that an answer other than a success means; returned, not raised."""
    told = object_of(body)
    return VENDOR.unspoken(status, headers, body) if told is None else _judged(status, told, headers)


def from_item(item: Mapping[str, Any]) -> DeliveryError:
    """What one record's part of a batch means for it; returned, not raised."""
    return _judged(0, item, {})


def from_accounts(status: int, headers: Mapping[str, str], body: bytes, where: str) -> DeliveryError:
    """What the accounts server at `where` means by an answer without a token. A refresh token of another data centre
    looks like an unknown one."""
    told = object_of(body)
    if told is None:
        return VENDOR.unspoken(status, headers, body)
    code = str(told.get("error") or f"http_{status}")
    why = str(told.get("error_description") or "")
    known = ACCOUNTS.get(code.lower()) or VENDOR.by_status(status) or Known(FixCredentials)
    if known.error is FixCredentials:
        why = "; ".join(filter(None, [why, f"asked at {where}: is the organisation in another data centre"]))
        why += " (ZOHO_ACCOUNTS_URL), or was the refresh token revoked?"
    return made(known, sentence([why or f"no token from {where}"]), code, headers)


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
    known = CODES.get(code) or VENDOR.by_status(status) or Known(Never)
    if status == 429 and known.error is not TryLater:
        known = STATUSES[429]
    return made(known, _detail(status, told), code, headers)


def _detail(status: int, told: Mapping[str, Any]) -> str:
    more = details(told)
    field = more.get("api_name") or more.get("param_name")
    wanted = more.get("expected_data_type") or more.get("maximum_length") or more.get("limit")
    parts = [told.get("message"), field, f"wanted {wanted}" if wanted else None, f"HTTP {status}" if status else None]
    return sentence(parts)
