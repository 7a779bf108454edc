"""`syncer numbers` as operations scripts see it, against the simulated platform (R11, R12)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncer.cli.main import main
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.fakes.whatsapp_bench import until
from tests.integration.numbers_desk import BACKUP, PRIMARY, NumbersDesk, open_desk

PIN = "135790"
Syncer = Callable[..., tuple[int, Any, str]]


class Script:
    """What a script writes to stdin: each line as it is, `code` as soon as the platform has sent one by that method."""

    def __init__(self, desk: NumbersDesk, *lines: str) -> None:
        self.desk, self.lines = desk, lines

    def isatty(self) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            yield f"{self.code() if line == 'code' else line}\n"

    def code(self) -> str:
        until(lambda: bool(self.desk.control("GET", "codes")["codes"]), 10.0)
        code: str = self.desk.control("GET", "codes")["codes"][-1]["code"]
        return code


@pytest.fixture
def desk(store: Store, clock: FakeClock, jobs: RecordingJobs) -> Iterator[NumbersDesk]:
    desk = open_desk(store, clock, jobs)
    yield desk
    desk.close()


@pytest.fixture
def syncer(
    desk: NumbersDesk,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    capsys: pytest.CaptureFixture[str],
) -> Syncer:
    """Run the console script in this process: exit code, the document or text on stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SYNCER_HOME": str(tmp_path / "home"),
        "COMPANY_NAME": "Formosa Goods",
        "WHATSAPP_API_URL": desk.simulator.url,
        "WHATSAPP_ACCESS_TOKEN": desk.config.access_token,
        "WHATSAPP_BUSINESS_ACCOUNT_ID": desk.config.waba_id,
        "WHATSAPP_PHONE_NUMBER_ID": PRIMARY,
        "WHATSAPP_BACKUP_PHONE_NUMBER_ID": BACKUP,
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, stdin: Script | None = None) -> tuple[int, Any, str]:
        monkeypatch.setattr(sys, "argv", ["syncer", *([] if "doctor" in arguments else ["numbers"]), *arguments])
        monkeypatch.setattr(sys, "stdin", stdin or Script(desk))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, json.loads(out) if "--json" in arguments else out, err

    return run


@pytest.fixture
def fresh(desk: NumbersDesk) -> NumbersDesk:
    """A primary that was never verified."""
    values = {"status": "PENDING", "code_verification_status": "NOT_VERIFIED"}
    desk.control("POST", "numbers", {"id": PRIMARY, **values})
    return desk


def test_status_tells_how_each_number_does_and_which_one_sends(syncer: Syncer) -> None:
    code, told, _ = syncer("status", "--json")
    assert (code, told["fresh"]) == (0, True)
    primary, backup = told["numbers"]
    assert (primary["role"], primary["status"], primary["quality"], primary["well"]) == (
        "primary",
        "CONNECTED",
        "GREEN",
        True,
    )
    assert (primary["messaging_limit"], primary["throughput"]) == (100_000, "HIGH")
    assert (backup["role"], backup["phone_number_id"]) == ("backup", BACKUP)
    assert (told["templates"]["by"], told["templates"]["order"]) == (PRIMARY, "auto")
    code, text, _ = syncer("status")
    assert code == 0
    assert "886255501000" in text
    assert "0 of 100000" in text


def test_status_shows_the_failover_and_its_reason(syncer: Syncer, desk: NumbersDesk) -> None:
    desk.control("POST", "numbers", {"id": PRIMARY, "status": "RESTRICTED"})
    _, told, _ = syncer("status", "--json")
    assert told["templates"]["by"] == BACKUP
    assert "RESTRICTED" in told["templates"]["reason"]


def test_a_platform_that_is_away_leaves_what_was_last_known(syncer: Syncer, desk: NumbersDesk) -> None:
    syncer("status", "--json")
    desk.simulator.stop()
    code, told, err = syncer("status", "--json")
    assert (code, told["fresh"], told["numbers"][0]["status"]) == (0, False, "CONNECTED")
    assert "did not answer" in err
    assert [row["phone_number_id"] for row in syncer("list", "--json")[1]["numbers"]] == [PRIMARY, BACKUP]


def test_a_person_orders_the_number_and_leaves_it_to_the_engine_again(syncer: Syncer) -> None:
    code, told, _ = syncer("failover", "--to", "backup", "--json")
    assert (code, told["by"], told["order"]) == (0, BACKUP, "backup")
    assert told["ordered_by"]
    assert syncer("failover", "--to", "auto", "--json")[1]["by"] == PRIMARY
    assert syncer("failover", "--to", "elsewhere")[0] == 2


def test_there_is_no_failover_without_a_backup(syncer: Syncer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHATSAPP_BACKUP_PHONE_NUMBER_ID")
    code, _, err = syncer("failover", "--to", "backup")
    assert code == 2
    assert "WHATSAPP_BACKUP_PHONE_NUMBER_ID" in err


def test_a_person_ends_a_pause_and_is_refused_where_there_is_none(syncer: Syncer, desk: NumbersDesk) -> None:
    assert syncer("resume")[0] == 4
    with desk.store.begin() as tx:
        now = desk.clock.now()
        desk.numbers.pause(tx, PRIMARY, now.replace(year=now.year + 1), "131048: spam", now)
    assert "paused until" in syncer("list", "--json")[1]["numbers"][0]["held"]
    assert syncer("resume", "--number", PRIMARY)[0] == 0
    assert syncer("list", "--json")[1]["numbers"][0]["held"] == ""


def test_a_script_registers_a_number_with_pin_and_code_from_stdin(syncer: Syncer, fresh: NumbersDesk) -> None:
    code, told, err = syncer("register", "--json", stdin=Script(fresh, PIN, "code"))
    assert (code, told["status"], told["verified_by"], told["name_status"]) == (0, "CONNECTED", "SMS", "APPROVED")
    assert "60 s to enter it" in err
    assert PIN not in err
    assert fresh.row().status == "CONNECTED"


def test_the_voice_call_can_be_asked_for_first(syncer: Syncer, fresh: NumbersDesk) -> None:
    asked = ("register", "--method", "voice", "--pin", PIN, "--json")
    assert syncer(*asked, stdin=Script(fresh, "code"))[1]["verified_by"] == "VOICE"


def test_a_code_given_with_the_command_is_enough(syncer: Syncer, fresh: NumbersDesk) -> None:
    fresh.messenger.request_code(PRIMARY, "SMS", "en_US")
    given = fresh.control("GET", "codes")["codes"][-1]["code"]
    code, told, _ = syncer("register", "--code", given, "--pin", PIN, "--json")
    assert (code, told["verified_by"], told["registered"]) == (0, "code", True)


def test_without_any_answer_on_stdin_the_number_is_not_registered(syncer: Syncer, fresh: NumbersDesk) -> None:
    code, told, err = syncer("register", "--pin", PIN, "--json")
    assert code == 1
    assert "neither" in told["error"]
    assert [sent["method"] for sent in fresh.control("GET", "codes")["codes"]] == ["SMS", "VOICE"]
    assert PIN not in err


def test_when_the_platform_takes_no_more_tries_the_exit_code_is_4(syncer: Syncer, fresh: NumbersDesk) -> None:
    fresh.control("POST", "settings", {"account": {"register_tries": 1}})
    fresh.control("POST", "numbers", {"id": PRIMARY, "code_verification_status": "VERIFIED", "pin": "000000"})
    assert syncer("register", "--pin", PIN)[0] == 1
    code, _, err = syncer("register", "--pin", PIN)
    assert code == 4
    assert "72 hours" in err


def test_another_name_goes_into_review(syncer: Syncer, desk: NumbersDesk) -> None:
    code, told, _ = syncer("rename", "Formosa Tea House", "--json")
    assert (code, told["requested"]) == (0, "Formosa Tea House")
    assert desk.control("GET", "numbers")["numbers"][0]["new_display_name"] == "Formosa Tea House"


# Readiness (R9)


def readiness(syncer: Syncer) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in syncer("doctor", "--json")[1]["checks"] if line["id"].startswith("R9.")}


def test_the_doctor_reads_the_state_of_the_onboarding_from_the_platform(syncer: Syncer, desk: NumbersDesk) -> None:
    before = readiness(syncer)
    assert {name for name, line in before.items() if not line["ok"]} == set()
    assert "website" in before["R9.profile"]["detail"]
    desk.control("POST", "numbers", {"id": BACKUP, "status": "PENDING", "code_verification_status": "NOT_VERIFIED"})
    desk.control("POST", "numbers", {"id": PRIMARY, "name_status": "DECLINED", "quality_rating": "RED"})
    found = {name for name, line in readiness(syncer).items() if not line["ok"]}
    assert {"R9.backup.verified", "R9.backup.sends", "R9.primary.name", "R9.quality"} <= found
