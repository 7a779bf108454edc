"""`syncer consent` as operations scripts see it (R7, X4)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from syncer.cli import consent, output
from syncer.domain.message import Sender
from syncer.store import recognition
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.commands import Result

PHONE = "+886912345678"
Run = Callable[..., Result]


@pytest.fixture
def person(store: Store, clock: FakeClock) -> int:
    """Somebody we know."""
    sender = Sender(PHONE, name="王小明")
    with store.begin() as tx:
        return recognition.resolve(tx, [sender], clock.now())[sender]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str) -> Run:
    """The commands in this process, ending as `syncer` ends them."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CRM_DATABASE_URL": database_url,
        "SYNCER_HOME": str(tmp_path / "home"),
        "COMPANY_NAME": "Formosa Tea Co.",
        "WHATSAPP_PHONE_NUMBER_ID": "100",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(consent.app, list(arguments))
        error = done.exception
        if error is None or isinstance(error, SystemExit):
            return Result(done.exit_code, done.stdout, done.stderr)
        code = output.exit_code(error)
        assert code is not None, error
        print(error, file=sys.stderr)
        return Result(int(code), done.stdout, str(error))

    return run


def document(result: Result) -> Any:
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_yes_and_a_no_are_entered_with_who_when_how_and_proof(run: Run, person: int) -> None:
    run("grant", PHONE, "--proof", "shop.example/optin/1", "--source", "form:shop", "--at", "2026-01-05T10:00+08:00")
    found = document(run("revoke", str(person), "--proof", "call 8812", "--at", "2026-01-06T00:00Z", "--json"))
    assert found["standing"] == {"transactional": "unknown", "marketing": "revoked"}
    first, second = found["words"]
    assert (first["at"], first["word"], first["proof"]) == (
        "2026-01-05T02:00:00+00:00",
        "granted",
        "shop.example/optin/1",
    )
    assert first["source"].startswith("cli:")
    assert first["source"].endswith(":form:shop")
    assert (second["word"], second["explicit"]) == ("revoked", True)


def test_an_older_word_is_entered_and_does_not_hold(run: Run, person: int) -> None:
    run("revoke", PHONE, "--proof", "call", "--at", "2026-02-01T00:00Z")
    found = document(run("grant", PHONE, "--proof", "form", "--at", "2026-01-01T00:00Z", "--json"))
    assert found["standing"]["marketing"] == "revoked"
    assert [word["word"] for word in found["words"]] == ["granted", "revoked"]


def test_a_no_to_notices_is_one_to_offers(run: Run, person: int) -> None:
    run("grant", PHONE, "--proof", "form", "--at", "2026-01-01T00:00Z")
    found = document(run("revoke", PHONE, "--tier", "transactional", "--proof", "letter", "--json"))
    assert found["standing"] == {"transactional": "revoked", "marketing": "revoked"}


def test_history_shows_words_and_questions(run: Run, person: int) -> None:
    asked = document(run("ask", PHONE, "--proof", "box 1", "--json"))
    found = document(run("history", PHONE, "--json"))
    assert asked["contact_id"] == found["contact_id"] == person
    (question,) = found["questions"]
    assert (question["state"], question["send_state"], question["proof"]) == ("asked", "planned", "box 1")
    assert "questions" in run("history", PHONE).out


def test_nobody_is_asked_twice_or_against_their_word(run: Run, person: int) -> None:
    assert run("ask", PHONE, "--proof", "box 1").code == 0
    again = run("ask", PHONE, "--proof", "box 1")
    assert (again.code, "asked lately" in again.err) == (4, True)
    run("revoke", PHONE, "--proof", "call")
    refused = run("ask", PHONE, "--proof", "box 2")
    assert (refused.code, "said no themselves" in refused.err) == (4, True)


def test_those_never_asked_are_asked_in_numbers(run: Run, person: int) -> None:
    run("grant", PHONE, "--proof", "form")
    assert document(run("ask", "--unconfirmed", "10", "--json")) == {"asked": 1, "refused": {}}
    assert document(run("ask", "--unconfirmed", "10", "--json")) == {"asked": 0, "refused": {}}


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("grant", "+886900000000", "--proof", "x"), 1, "nobody is known"),
        (("grant", PHONE, "--proof", " "), 2, "--proof is empty"),
        (("grant", PHONE, "--proof", "x", "--at", "yesterday"), 2, "is no moment"),
        (("grant", PHONE, "--proof", "x", "--at", "2026-01-01T00:00"), 2, "does not say its zone"),
        (("grant", PHONE, "--proof", "x", "--at", "2999-01-01T00:00Z"), 2, "is yet to come"),
        (("ask",), 2, "give one customer"),
        (("ask", PHONE), 2, "give one customer"),
        (("ask", PHONE, "--proof", "x", "--unconfirmed", "1"), 2, "give one customer"),
    ],
)
def test_what_is_wrong_is_told(run: Run, person: int, arguments: tuple[str, ...], code: int, told: str) -> None:
    result = run(*arguments)
    assert result.code == code
    assert told in result.err
