"""The processes of the tour: restarted when they die, ended when they are told to, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from syncer.acceptance import processes
from syncer.acceptance.processes import Supervisor

FOREVER = "sleep 1000"
#: Ignores SIGTERM; says so once it does.
STUBBORN = "sh -c 'trap \"\" TERM; echo deaf; while :; do sleep 0.05; done'"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """Watches processes of this test, and ends them."""
    supervisor = Supervisor(dict(os.environ), tmp_path, tmp_path / "logs")
    yield supervisor
    supervisor.stop(patience=2)


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something to become true; fails when it does not."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_killed_process_is_back_at_once_and_its_death_is_on_record(supervisor: Supervisor) -> None:
    supervisor.start("worker", FOREVER)
    first = supervisor.pid("worker")
    killed, at = supervisor.kill("worker")
    until(lambda: supervisor.deaths and supervisor.deaths[0].revived_at)
    (death,) = supervisor.deaths
    assert (death.name, death.pid, death.status) == ("worker", first, -signal.SIGKILL)
    assert killed == first
    assert supervisor.pid("worker") != first
    assert death.revived_at is not None
    assert death.revived_at - at < 5


def test_a_process_that_cannot_start_is_given_up_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start("broken", "sh -c 'echo no such module >&2; exit 3'")
    until(supervisor.given_up)
    assert supervisor.given_up() == ["broken: no such module"]
    assert [death.status for death in supervisor.deaths] == [3, 3, 3]


def test_what_a_process_says_is_in_its_log_across_restarts(supervisor: Supervisor) -> None:
    supervisor.start("talker", "sh -c 'echo hello; sleep 1000'")
    log = supervisor.logs / "talker.log"
    until(lambda: log.read_text() == "hello\n")
    supervisor.kill("talker")
    until(lambda: log.read_text() == "hello\nhello\n")


def test_stopping_ends_everything_and_restarts_nothing(supervisor: Supervisor) -> None:
    supervisor.start("worker", FOREVER)
    supervisor.start("group", f"sh -c '{FOREVER} & wait'")
    until(lambda: psutil.Process(supervisor.pid("group")).children())
    pids = [supervisor.pid("worker"), supervisor.pid("group")]
    pids += [child.pid for child in psutil.Process(pids[1]).children()]
    assert supervisor.stop(patience=5) == []
    until(lambda: not any(map(_runs, pids)))
    assert supervisor.deaths == []


def test_whoever_does_not_listen_is_killed_and_named(supervisor: Supervisor) -> None:
    supervisor.start("deaf", STUBBORN)
    until(lambda: "deaf" in (supervisor.logs / "deaf.log").read_text())
    assert supervisor.stop(patience=0.3) == ["deaf"]


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
from syncer.acceptance.processes import Supervisor
supervisor = Supervisor(dict(os.environ), Path({str(tmp_path)!r}), Path({str(tmp_path)!r}) / "logs")
supervisor.start("worker", {FOREVER!r})
supervisor.kill("worker")
while not (supervisor.deaths and supervisor.deaths[0].revived_at):
    time.sleep(0.01)
print(supervisor.pid("worker"), flush=True)
time.sleep(1000)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        restarted = int(parent.stdout.readline())
        assert _runs(restarted)
        parent.kill()
    until(lambda: not _runs(restarted))


def test_the_procfile_names_every_process_of_the_contract() -> None:
    commands = processes.read_procfile(Path(__file__).parents[2] / "Procfile")
    assert set(commands) == {"web", "realtime", "crm", "send", "sync", "beat", "flower", "console"}


def test_our_variables_win_over_those_of_the_tester_and_unset_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHATSAPP_ACCESS_TOKEN", "somebody's own")
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "somebody's own")
    monkeypatch.setenv("UNRELATED", "kept")
    found = processes.environment({"WHATSAPP_ACCESS_TOKEN": "the demo's"})
    assert found["WHATSAPP_ACCESS_TOKEN"] == "the demo's"
    assert found["HUBSPOT_ACCESS_TOKEN"] == ""
    assert found["WHATSAPP_ACCESS_TOKEN_FILE"] == ""
    assert found["UNRELATED"] == "kept"
    assert found["PATH"].startswith(str(Path(sys.executable).parent))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
