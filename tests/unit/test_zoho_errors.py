"""Zoho's answers, each with what to do next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from syncer.crm.zoho import errors
from syncer.crm.zoho.writing import outcome
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater


def body(**told: Any) -> bytes:
    return json.dumps({"code": "", "details": {}, "message": "m", "status": "error", **told}).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_DATA", Never),
        (400, "MANDATORY_NOT_FOUND", Never),
        (400, "DUPLICATE_DATA", Never),
        (400, "LIMIT_EXCEEDED", Never),
        (400, "INVALID_MODULE", FixCredentials),
        (400, "NEW_CODE", Never),
        (401, "INVALID_TOKEN", FixCredentials),
        (401, "AUTHENTICATION_FAILURE", FixCredentials),
        (401, "OAUTH_SCOPE_MISMATCH", FixCredentials),
        (403, "NO_PERMISSION", FixCredentials),
        (404, "INVALID_URL_PATTERN", FixCredentials),
        (412, "ALREADY_MODIFIED", TryAgain),
        (429, "TOO_MANY_REQUESTS", TryLater),
        (429, "LIMIT_EXCEEDED", TryLater),
        (500, "INTERNAL_ERROR", TryAgain),
        (502, "", TryAgain),
    ],
)
def test_a_refusal_says_what_to_do_next(status: int, code: str, kind: type[DeliveryError]) -> None:
    error = errors.from_response(status, {}, body(code=code))
    assert (type(error), error.code) == (kind, code or f"http_{status}")


def test_one_locked_record_makes_nobody_else_wait() -> None:
    locked = errors.from_item({"code": "RECORD_LOCKED", "message": "locked", "details": {}})
    limited = errors.from_response(429, {}, body(code="TOO_MANY_REQUESTS"))
    assert isinstance(locked, TryLater)
    assert isinstance(limited, TryLater)
    assert (locked.scope, limited.scope) == ("item", "number")


def test_a_refusal_names_the_field_and_what_it_wants() -> None:
    told = {"code": "INVALID_DATA", "message": "invalid data", "details": {"api_name": "Title", "maximum_length": 100}}
    assert errors.from_item(told).detail == "invalid data; Title; wanted 100"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (200, "invalid_code", FixCredentials),
        (200, "invalid_client", FixCredentials),
        (200, "invalid_client_secret", FixCredentials),
        (200, "something_new", FixCredentials),
        (200, "general_error", TryAgain),
        (400, "Access Denied", TryLater),
        (200, "access_denied", TryLater),
    ],
)
def test_the_accounts_server_refuses_with_a_success(status: int, error: str, kind: type[DeliveryError]) -> None:
    found = errors.from_accounts(status, {}, json.dumps({"error": error}).encode(), "accounts.zoho.eu (Europe)")
    assert (type(found), found.code) == (kind, error)
    assert "accounts.zoho.eu (Europe)" in found.detail
    assert ("another data centre" in found.detail) == (kind is FixCredentials)


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
        (200, b'{"data":[{"id":"1","Last', TryAgain),
        (200, b"", TryAgain),
        (200, b"OK", TryAgain),
    ],
)
def test_what_is_no_json_was_not_said_by_zoho(status: int, page: bytes, kind: type[DeliveryError]) -> None:
    assert type(errors.from_response(status, {}, page)) is kind


def test_a_real_batch_of_mixed_fates_is_told_apart(data: Path) -> None:
    told = json.loads((data / "zoho" / "upsert_207.json").read_text())["data"]
    made, nameless, double, locked, gone = (outcome(item) for item in told)
    assert (made.id, made.error) == ("111112000000142001", None)
    assert [type(one.error) for one in (nameless, double, locked, gone)] == [Never, Never, TryLater, Never]
    assert (double.existing, nameless.existing) == ("2008662000006256222", None)
    assert [one.is_gone for one in (nameless, double, locked, gone)] == [False, False, False, True]
