"""Each answer of the platform becomes the error that says what to do next.

`tests/data/whatsapp/error_codes.json` is the platform's own list of codes, each with the HTTP status it comes with, the
error that was decided for it, its wait, and - where it can come after an acceptance - what it means as a `failed`
status.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from syncer.domain import errors as named
from syncer.domain.errors import (
    AskPerson,
    DeliveryError,
    FixCredentials,
    Never,
    OutcomeUnknown,
    TryAgain,
    TryLater,
)
from syncer.whatsapp import errors

LISTED: list[dict[str, Any]] = [
    row | {"code": code}
    for row in json.loads((Path(__file__).parents[1] / "data" / "whatsapp" / "error_codes.json").read_text())
    for code in range(row["code"], row.get("to", row["code"]) + 1)
]


def graph(code: Any, **more: Any) -> bytes:
    return json.dumps(
        {"error": {"message": f"(#{code}) said so", "type": "OAuthException", "code": code, **more}}
    ).encode()


def translated(status: int, body: bytes = b"", **headers: str) -> DeliveryError:
    return errors.from_response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize("row", LISTED, ids=lambda row: str(row["code"]))
def test_every_documented_code_has_a_decided_action(row: dict[str, Any]) -> None:
    error = translated(row["http"], graph(row["code"]))
    assert type(error) is getattr(named, row["error"])
    assert error.code == str(row["code"])
    assert errors.explain(row["code"])
    if isinstance(error, TryLater):
        assert (error.wait_seconds, error.scope) == (row["wait_seconds"], row["scope"])
    else:
        assert "wait_seconds" not in row


@pytest.mark.parametrize("row", [row for row in LISTED if "failed" in row], ids=lambda row: str(row["code"]))
def test_a_code_that_comes_after_the_acceptance_has_one_too(row: dict[str, Any]) -> None:
    error = errors.from_code(str(row["code"]), "said so")
    assert (type(error), error.code) == (getattr(named, row["failed"]), str(row["code"]))
    consequence = errors.consequence(row["code"])
    assert (consequence.value if consequence else None) == row.get("consequence")


def test_the_list_and_the_table_name_the_same_codes() -> None:
    assert {row["code"] for row in LISTED} == set(errors.CODES)
    assert {row["code"] for row in LISTED if "consequence" in row} == set(errors.CONSEQUENCES)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, 130429, TryLater),
        (400, 131000, TryAgain),
        (500, 131000, OutcomeUnknown),
        (400, 1, TryAgain),
        (500, 1, OutcomeUnknown),
        (500, 131016, TryAgain),
        (500, 132000, named.WrongTemplate),
    ],
)
def test_the_status_beside_a_code_matters_only_where_it_leaves_a_doubt(
    status: int, code: int, expected: type[DeliveryError]
) -> None:
    assert type(translated(status, graph(code))) is expected


def test_a_submitted_template_is_judged_by_its_subcode() -> None:
    exists = translated(400, graph(100, error_subcode=2388024, error_user_msg="已經有這個範本"))
    assert (type(exists), exists.code) == (Never, "2388024")
    assert "已經有這個範本" in exists.detail
    assert translated(400, graph(100, error_subcode=2388999)).code == "100"
    assert translated(429, graph(130429, error_subcode=2388024)).code == "130429"


def test_an_unknown_code_of_a_failed_status_is_final() -> None:
    assert type(errors.from_code("999999", "said so")) is type(errors.from_code("", "said so")) is Never


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Never),
        (404, Never),
        (401, FixCredentials),
        (403, FixCredentials),
        (429, TryLater),
        (408, TryAgain),
        (500, OutcomeUnknown),
        (503, OutcomeUnknown),
        (302, AskPerson),
    ],
)
def test_for_an_unlisted_code_the_status_decides(status: int, expected: type[DeliveryError]) -> None:
    error = translated(status, graph(999999))
    assert type(error) is expected
    assert (error.code, "said so" in error.detail) == ("999999", True)


def test_an_unlisted_code_that_calls_itself_transient_is_tried_again() -> None:
    assert type(translated(400, graph(999999, is_transient=True))) is TryAgain
    assert type(translated(500, graph(999999, is_transient=True))) is OutcomeUnknown


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[]", b'{"error": "x"}', b"\xff", b"[" * 100_000])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (504, OutcomeUnknown),
        (429, TryLater),
        (408, TryAgain),
        (401, FixCredentials),
        (403, FixCredentials),
        (404, AskPerson),
        (413, AskPerson),
        (301, AskPerson),
    ],
)
def test_an_answer_that_is_not_the_platforms_is_judged_by_its_status(
    status: int, expected: type[DeliveryError], body: bytes
) -> None:
    error = translated(status, body)
    assert type(error) is expected
    assert error.code == f"http_{status}"


def test_a_wrong_id_in_the_address_is_no_fault_of_the_message() -> None:
    missing = translated(400, graph(100, error_subcode=33))
    assert type(missing) is FixCredentials
    assert errors.is_missing_object(missing)
    assert not errors.is_missing_object(translated(401, graph(190)))
    assert type(translated(400, graph(100, error_subcode=2388024))) is Never


def test_a_doubtful_read_is_merely_tried_again() -> None:
    assert type(errors.from_response(502, {}, b"", safe=True)) is TryAgain
    assert type(errors.from_response(400, {}, graph(190), safe=True)) is FixCredentials


@pytest.mark.parametrize(
    ("code", "scope"), [(130429, "number"), (4, "number"), (131056, "item"), (134101, "item"), (999999, "number")]
)
def test_a_wait_says_whom_it_concerns(code: int, scope: str) -> None:
    error = translated(429, graph(code))
    assert isinstance(error, TryLater)
    assert error.scope == scope


def test_the_wait_is_the_tables_unless_the_platform_names_one() -> None:
    table, named = translated(429, graph(131056)), translated(429, graph(131056), retry_after="17")
    assert isinstance(table, TryLater)
    assert isinstance(named, TryLater)
    assert (table.wait_seconds, named.wait_seconds, named.scope) == (6, 17, "item")


def test_a_named_wait_turns_again_into_later() -> None:
    error = translated(503, graph(131016), Retry_After="5")
    assert isinstance(error, TryLater)
    assert error.wait_seconds == 5
    assert type(translated(503, b"", Retry_After="5")) is OutcomeUnknown, "a wait is no proof that nothing happened"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 2.5 ", 2.5),
        ("-4", 0),
        ("99999999999", 86400),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_with_suspicion(header: str, seconds: float | None) -> None:
    assert errors.retry_after({"RETRY-AFTER": header}) == seconds


def test_retry_after_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert errors.retry_after({"Retry-After": in_a_minute}) == pytest.approx(60, abs=2)


def test_the_detail_is_what_an_operator_needs() -> None:
    body = graph(132000, error_data={"details": "expected 2, got 1"}, fbtrace_id="Axyz")
    error = translated(400, body)
    assert error.detail == "(#132000) said so; expected 2, got 1; HTTP 400; trace Axyz"
    assert len(translated(400, graph(100, error_user_msg="長\x00" * 9000)).detail) == 500


@pytest.mark.parametrize("code", ["190", True, None, 1.5, [], "x", -7, "9" * 5000])
def test_a_code_of_another_shape_is_no_surprise(code: Any) -> None:
    assert isinstance(translated(400, graph(code)), FixCredentials if code == "190" else Never | AskPerson)


def test_every_known_code_can_be_explained_and_translated() -> None:
    for code, known in errors.CODES.items():
        assert errors.explain(str(code)) == known.meaning
        error = translated(400, graph(code))
        assert type(error) is known.error
        # "Kept back" is for good, but a person may have it sent anew after a day.
        assert (known.wait > 0) == (isinstance(error, TryLater) or code == 131049)
    assert errors.explain("x") == errors.explain(999999) == ""
