"""HubSpot's answers, each with what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncer.crm.hubspot import errors
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater


def body(**told: Any) -> bytes:
    return json.dumps({"status": "error", "message": "m", "correlationId": "c-1", **told}).encode()


@pytest.mark.parametrize(
    ("status", "told", "kind", "code"),
    [
        (400, {"category": "VALIDATION_ERROR"}, Never, "VALIDATION_ERROR"),
        (401, {"category": "INVALID_AUTHENTICATION"}, FixCredentials, "INVALID_AUTHENTICATION"),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, FixCredentials, "EXPIRED_AUTHENTICATION"),
        (403, {"category": "MISSING_SCOPES"}, FixCredentials, "MISSING_SCOPES"),
        (404, {"category": "OBJECT_NOT_FOUND"}, Never, "OBJECT_NOT_FOUND"),
        (409, {"category": "CONFLICT"}, Never, "CONFLICT"),
        (418, {"category": "TEAPOT"}, Never, "TEAPOT"),
        (423, {}, TryLater, "http_423"),
        (477, {"category": "MIGRATION_IN_PROGRESS"}, TryLater, "MIGRATION_IN_PROGRESS"),
        (500, {"category": "INTERNAL_ERROR"}, TryAgain, "INTERNAL_ERROR"),
        (502, {}, TryAgain, "http_502"),
        (504, {}, TryAgain, "http_504"),
        (521, {}, TryAgain, "http_521"),
    ],
)
def test_a_refusal_says_what_to_do_next(
    status: int, told: dict[str, Any], kind: type[DeliveryError], code: str
) -> None:
    error = errors.from_response(status, {}, body(**told))
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    ("policy", "wait"), [("SECONDLY", 1.0), ("TEN_SECONDLY_ROLLING", 10.0), ("DAILY", 900.0), ("NEW_ONE", 10.0)]
)
def test_a_rate_limit_waits_as_long_as_its_policy_takes(policy: str, wait: float) -> None:
    error = errors.from_response(429, {}, body(errorType="RATE_LIMIT", policyName=policy))
    assert isinstance(error, TryLater)
    assert error.wait_seconds == wait


def test_retry_after_is_the_last_word_on_waiting() -> None:
    slow = errors.from_response(429, {"retry-after": "7"}, body(policyName="DAILY"))
    moving = errors.from_response(477, {"Retry-After": "3600"}, body())
    down = errors.from_response(503, {"Retry-After": "20"}, b"")
    assert [error.wait_seconds for error in (slow, moving, down) if isinstance(error, TryLater)] == [7, 3600, 20]


@pytest.mark.parametrize(
    "code",
    ["INVALID_OPTION", "MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY", "PROPERTY_DOESNT_EXIST"],
)
def test_a_record_that_breaks_a_rule_is_never_taken_and_says_which(code: str) -> None:
    detail = {"message": "city is needed", "code": code, "context": {"propertyName": ["city"]}}
    error = errors.from_response(400, {}, body(category="VALIDATION_ERROR", errors=[detail]))
    assert (type(error), error.code) == (Never, code)
    assert "city is needed" in error.detail


def test_a_conflict_names_the_record_that_is_there() -> None:
    text = "Contact already exists. Existing ID: 51"
    error = errors.from_response(409, {}, body(category="CONFLICT", message=text))
    assert errors.is_conflict(error)
    assert errors.existing_id(error) == "51"
    assert errors.existing_id(Never("Existing ID: 7", code="VALIDATION_ERROR")) is None


@pytest.mark.parametrize(
    ("status", "page", "kind"),
    [
        (200, b"<!DOCTYPE html><html><h1>Sign in</h1><input type=password></html>", FixCredentials),
        (200, b"\xef\xbb\xbf <html><body>Please log in to the network</body></html>", FixCredentials),
        (200, b"<html><body>Sorry, something went wrong.</body></html>", TryLater),
        (302, b"<html>moved</html>", FixCredentials),
        (403, b"<html>blocked</html>", FixCredentials),
        (404, b"<html>nginx</html>", FixCredentials),
        (400, b"<html>bad gateway</html>", TryLater),
        (502, b"<html>bad gateway</html>", TryAgain),
        (200, b'{"results":[{"id":"1","prop', TryAgain),
        (200, b"", TryAgain),
        (200, b"OK", TryAgain),
    ],
)
def test_what_is_no_json_was_not_said_by_hubspot(status: int, page: bytes, kind: type[DeliveryError]) -> None:
    assert type(errors.from_response(status, {}, page)) is kind


def test_a_real_batch_of_mixed_fates_is_told_apart(data: Path) -> None:
    told = json.loads((data / "hubspot" / "batch_207.json").read_text())
    kinds = [type(errors.from_item(item)) for item in told["errors"]]
    assert kinds == [Never, Never, TryAgain]
    assert errors.is_missing(errors.from_item(told["errors"][0]))
    assert errors.is_conflict(errors.from_item(told["errors"][1]))
