"""Salesforce's answers, each with what to do next."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncer.crm.salesforce import errors
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater


def body(code: str, message: str = "m") -> bytes:
    return json.dumps([{"message": message, "errorCode": code}]).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_FIELD", Never),
        (400, "MALFORMED_QUERY", Never),
        (400, "JSON_PARSER_ERROR", Never),
        (400, "QUERY_TIMEOUT", TryAgain),
        (400, "STORAGE_LIMIT_EXCEEDED", TryLater),
        (400, "SOMETHING_NEW", Never),
        (401, "INVALID_SESSION_ID", FixCredentials),
        (403, "REQUEST_LIMIT_EXCEEDED", TryLater),
        (403, "API_DISABLED_FOR_ORG", FixCredentials),
        (403, "INSUFFICIENT_ACCESS", FixCredentials),
        (403, "SOMETHING_NEW", FixCredentials),
        (404, "NOT_FOUND", Never),
        (410, "GONE", FixCredentials),
        (500, "UNKNOWN_EXCEPTION", TryAgain),
        (500, "SOMETHING_NEW", TryAgain),
        (503, "SERVER_UNAVAILABLE", TryAgain),
    ],
)
def test_a_refusal_says_what_to_do_next(status: int, code: str, kind: type[DeliveryError]) -> None:
    error = errors.from_response(status, {}, body(code))
    assert (type(error), error.code) == (kind, code)


def test_calls_of_a_day_take_long_to_come_back_and_calls_at_once_do_not() -> None:
    day = errors.from_response(403, {}, body("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    text = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    now = errors.from_response(403, {}, body("REQUEST_LIMIT_EXCEEDED", text))
    assert [error.wait_seconds for error in (day, now) if isinstance(error, TryLater)] == [900.0, 30.0]


def test_retry_after_is_the_last_word_on_waiting() -> None:
    slow = errors.from_response(503, {"Retry-After": "20"}, b"")
    long = errors.from_response(403, {"retry-after": "7"}, body("REQUEST_LIMIT_EXCEEDED"))
    assert [error.wait_seconds for error in (slow, long) if isinstance(error, TryLater)] == [20, 7]


@pytest.mark.parametrize(
    ("status", "page", "kind"),
    [
        (200, b"<!DOCTYPE html><html><h1>Login</h1><input type=password></html>", FixCredentials),
        (200, b"\xef\xbb\xbf <html><body>Sign in to continue</body></html>", FixCredentials),
        (200, b"<html><body>We are down for maintenance.</body></html>", TryLater),
        (302, b"<html>moved</html>", FixCredentials),
        (403, b"<html>blocked</html>", FixCredentials),
        (404, b"<html>URL No Longer Exists</html>", FixCredentials),
        (400, b"<html>bad request</html>", TryLater),
        (502, b"<html>bad gateway</html>", TryAgain),
        (200, b'{"totalSize":2,"done":true,"rec', TryAgain),
        (200, b"", TryAgain),
        (200, b"OK", TryAgain),
    ],
)
def test_what_is_no_json_was_not_said_by_salesforce(status: int, page: bytes, kind: type[DeliveryError]) -> None:
    assert type(errors.from_response(status, {}, page)) is kind


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}, FixCredentials),
        (400, {"error": "invalid_grant", "error_description": "request not supported on this domain"}, FixCredentials),
        (400, {"error": "unknown_error", "error_description": "retry your request"}, TryAgain),
        (503, {"error": "server_error"}, TryAgain),
    ],
)
def test_a_refused_login_says_whether_a_person_has_to_look(
    status: int, told: dict[str, str], kind: type[DeliveryError]
) -> None:
    error = errors.from_login(status, {}, json.dumps(told).encode())
    assert (type(error), error.code) == (kind, told["error"])


def test_a_login_at_a_domain_of_nobody_says_which_variable_to_look_at() -> None:
    error = errors.from_login(404, {}, b"<html>no such org</html>")
    assert isinstance(error, FixCredentials)
    assert "SALESFORCE_LOGIN_URL" in str(error)


def test_the_records_of_a_real_collection_are_told_apart(data: Path) -> None:
    told = json.loads((data / "salesforce" / "collection_mixed.json").read_text())
    found = [errors.from_item(item["errors"][0]) for item in told[1:]]
    assert [type(error) for error in found] == [Never, TryAgain, Never, Never]
    judges = (errors.is_conflict, errors.is_locked, errors.blames_fields, errors.is_missing)
    assert [[judge(error) for judge in judges].index(True) for error in found] == [0, 1, 2, 3]
    assert "WA_Marketing_Consent__c" in found[2].detail


def test_a_record_of_a_job_is_refused_as_one_of_a_collection() -> None:
    error = errors.from_bulk("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--")
    assert errors.is_locked(error)
    refused = errors.from_bulk("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --")
    assert (type(refused), refused.code) == (Never, "REQUIRED_FIELD_MISSING")
    assert "LastName" in refused.detail
