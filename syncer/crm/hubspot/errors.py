"""What HubSpot's answers mean for us, by what to do next (law 14). One table.

Source: developers.hubspot.com, "handling errors" and "usage guidelines" (read 2026-09). HubSpot answers with a status
and a `category`; a batch (207) says so for each input. Whatever is not JSON was not said by HubSpot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncer.crm.refusals import Known, Vendor, made, object_of, sentence
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater

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
VENDOR = Vendor("HubSpot", "HUBSPOT_API_URL", STATUSES)

#: Statuses that say more than the category beside them.
_SPEAKING = frozenset({423, 429, 477})
#: Codes of a record that is there already, or of a value that another record has.
_CONFLICTS = ("CONFLICT", "OBJECT_ALREADY_EXISTS", "CONFLICTING_UNIQUE_VALUE", "http_409")
_EXISTING = re.compile(r"(?:Existing ID|existing object id)s?:?\s*(\d+)", re.IGNORECASE)


def from_response(status: int, headers: Mapping[str, str], body: bytes) -> DeliveryError:
    """The error that an answer other than a success means; returned, not raised."""
    told = object_of(body)
    if told is None:
        return VENDOR.unspoken(status, headers, body)
    return _judged(status, told, headers)


def from_item(item: Mapping[str, Any]) -> DeliveryError:
    """What one entry of a batch's `errors` means for its record; returned, not raised."""
    return _judged(0, item, {})


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


def may_lack_another(error: Exception | None) -> bool:
    """Whether the record, or one that it is to be linked with, may not be there: HubSpot has no code of its own for a
    link that leads nowhere."""
    return is_missing(error) or (isinstance(error, Never) and error.code == "VALIDATION_ERROR")


def _judged(status: int, told: Mapping[str, Any], headers: Mapping[str, str]) -> DeliveryError:
    category, policy = str(told.get("category") or ""), str(told.get("policyName") or "")
    code = _inner_code(told) or category or policy or f"http_{status}"
    by_status = STATUSES.get(status) if status in _SPEAKING else None
    known = POLICIES.get(policy) or by_status or CATEGORIES.get(category) or CATEGORIES.get(code)
    return made(known or VENDOR.by_status(status) or Known(Never), _detail(status, told), code, headers)


def _inner_code(told: Mapping[str, Any]) -> str:
    """The first detail's own code, such as INVALID_OPTION, which says more than the category."""
    details = told.get("errors")
    first = details[0] if isinstance(details, list) and details else None
    return str(first.get("code") or "") if isinstance(first, dict) else ""


def _detail(status: int, told: Mapping[str, Any]) -> str:
    details = told.get("errors")
    more = [item.get("message") for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    trace = told.get("correlationId")
    parts = [told.get("message"), *more, f"HTTP {status}" if status else None]
    return sentence([*parts, f"correlation {trace}" if trace else None])
