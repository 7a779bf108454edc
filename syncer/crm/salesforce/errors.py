"""Every answer of Salesforce, named by what to do next (law 14). One table.

Source: developer.salesforce.com, "status codes and error responses" and the object reference's list of status codes
(read 2026-09). A request that fails answers with a list of `errorCode` and `message`; a record of a collection fails
with a `statusCode` of the same names; the token endpoint speaks OAuth. Whatever is not JSON was not said by Salesforce.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.crm.refusals import Known, Vendor, json_of, made, sentence
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater
from syncer.domain.text import shorten, storable

#: The token is not good any more; a new one may be.
STALE_TOKEN = "INVALID_SESSION_ID"


#: Calls of the last 24 hours, which run out of the window little by little.
_OUT_OF_CALLS = Known(TryLater, 900.0)
#: More than 25 calls of over 20 seconds at once: not ours, and soon over.
_TOO_MANY_AT_ONCE = Known(TryLater, 30.0)

#: `errorCode` or `statusCode` -> what to do; any other refuses the one record (`Never`).
CODES = {
    "REQUEST_LIMIT_EXCEEDED": _OUT_OF_CALLS,
    "LIMIT_EXCEEDED": Known(TryLater, 60.0),
    "EXCEEDED_MAX_BULK_JOBS": Known(TryLater, 600.0),
    "STORAGE_LIMIT_EXCEEDED": Known(TryLater, 3600.0),  # until somebody deletes or buys
    "UNABLE_TO_LOCK_ROW": Known(TryAgain),
    "ROW_LOCKED": Known(TryAgain),
    "QUERY_TIMEOUT": Known(TryAgain),
    "OPERATION_TOO_LARGE": Known(TryAgain),
    "REQUEST_RUNNING_TOO_LONG": Known(TryAgain),
    "SERVER_UNAVAILABLE": Known(TryAgain),
    "UNKNOWN_EXCEPTION": Known(TryAgain),
    "INVALID_QUERY_LOCATOR": Known(TryAgain),
    STALE_TOKEN: Known(FixCredentials),
    "INVALID_AUTH_HEADER": Known(FixCredentials),
    "INSUFFICIENT_ACCESS": Known(FixCredentials),
    "API_DISABLED_FOR_ORG": Known(FixCredentials),
    "API_CURRENTLY_DISABLED": Known(FixCredentials),
    "CLIENT_NOT_ACCESSIBLE_FOR_USER": Known(FixCredentials),
    "FORBIDDEN": Known(FixCredentials),
    "FUNCTIONALITY_NOT_ENABLED": Known(FixCredentials),
    "INVALID_CLIENT": Known(FixCredentials),
    "LOGIN_MUST_USE_SECURITY_TOKEN": Known(FixCredentials),
    "ORG_LOCKED": Known(FixCredentials),
    "PASSWORD_LOCKOUT": Known(FixCredentials),
    "TRIAL_EXPIRED": Known(FixCredentials),
    "UNSUPPORTED_API_VERSION": Known(FixCredentials),
}

#: Where no code is known, the status decides.
STATUSES = {
    400: Known(Never),
    401: Known(FixCredentials),
    403: Known(FixCredentials),
    404: Known(Never),
    405: Known(FixCredentials),
    408: Known(TryAgain),
    409: Known(TryAgain),  # another request works on the same record
    410: Known(FixCredentials),  # this version of the API is served no more
    415: Known(FixCredentials),
    429: Known(TryLater, 30.0),
}
VENDOR = Vendor("Salesforce", "SALESFORCE_LOGIN_URL", STATUSES)

#: The token endpoint's `error` that passes by itself.
_LOGIN_PASSES = frozenset({"unknown_error", "temporarily_unavailable", "server_error"})
#: Codes of a record that is not there, for itself or as what another one points to.
_MISSING = frozenset({"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND", "MALFORMED_ID", "DELETE_FAILED"})
#: Codes that blame the fields they name: the others of the record would be taken.
_OF_FIELDS = frozenset(
    {
        "INVALID_EMAIL_ADDRESS",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "NUMBER_OUTSIDE_VALID_RANGE",
        "STRING_TOO_LONG",
    }
)


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """The error that an answer other than a success means; returned, not raised."""
    told = _object(body)
    if told is None:
        return VENDOR.unspoken(status, headers, body)
    code = str(told.get("errorCode") or "")
    known = _judged(code, str(told.get("message") or "")) or VENDOR.by_status(status) or Known(Never)
    return made(known, _detail(told, status), code or f"http_{status}", headers)


def from_item(item: Mapping[str, Any]) -> DeliveryError:
    """What an entry of a collection's `errors` means for its record; returned, not raised."""
    code = str(item.get("statusCode") or item.get("errorCode") or "")
    known = _judged(code, str(item.get("message") or "")) or Known(Never)
    return made(known, _detail(item, 0), code, {})


def from_bulk(text: str) -> DeliveryError:
    """What `sf__Error` of a bulk job says (`CODE:sentence:FIELDS --`); returned, not raised."""
    code, _, sentence = text.partition(":")
    return from_item({"statusCode": code.strip(), "message": sentence.removesuffix("--").strip(" :")})


def from_login(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """What the token endpoint's refusal means; returned, not raised."""
    told = _object(body)
    if told is None or not told.get("error"):
        return from_response(status, headers, body)
    code = str(told["error"])
    detail = f"{told.get('error_description') or 'no reason'}; HTTP {status}"
    if code in _LOGIN_PASSES or status >= 500:
        return TryAgain(detail, code=code)
    advice = "are SALESFORCE_LOGIN_URL, the consumer key and the app's run-as user right?"
    return FixCredentials(f"{shorten(storable(detail), 300)}; {advice}", code=code)


def is_conflict(error: Exception | None) -> bool:
    """Whether another record has the value that only one may have."""
    return isinstance(error, Never) and error.code == "DUPLICATE_VALUE"


def is_missing(error: Exception | None) -> bool:
    """Whether the record, or one that it points to, may be gone."""
    return isinstance(error, Never) and (error.code in _MISSING or error.code == "http_404")


def is_locked(error: Exception | None) -> bool:
    """Whether somebody else works on the record at this moment."""
    return isinstance(error, TryAgain) and error.code in ("UNABLE_TO_LOCK_ROW", "ROW_LOCKED")


def blames_fields(error: Exception | None) -> bool:
    """Whether single fields are refused, and the rest of the record would be taken."""
    return isinstance(error, Never) and error.code in _OF_FIELDS


def _judged(code: str, message: str) -> Known | None:
    if code == "REQUEST_LIMIT_EXCEEDED" and "oncurrent" in message:
        return _TOO_MANY_AT_ONCE
    return CODES.get(code)


def _object(body: bytes) -> Mapping[str, Any] | None:
    """The first of the errors told, or the one object."""
    told = json_of(body)
    first = told[0] if isinstance(told, list) and told else told
    return first if isinstance(first, dict) else None


def _detail(told: Mapping[str, Any], status: int) -> str:
    fields = told.get("fields")
    named = ", ".join(map(str, fields)) if isinstance(fields, list) and fields else ""
    parts = [told.get("message"), named, f"HTTP {status}" if status else None]
    return sentence(parts)
