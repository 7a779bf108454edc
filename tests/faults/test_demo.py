"""The whole tour, as an operator runs it: `syncer demo --once` holds every step and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.faults

SYNCER = Path(sys.executable).parent / "syncer"


@pytest.mark.timeout(300)
def test_the_tour_holds_and_leaves_no_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [SYNCER, "demo", "--once"],
        env={**os.environ, "SYNCER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = (home / "reports").glob("demo-*.json")
    kept = json.loads(report.read_text(encoding="utf-8"))
    assert kept["ok"]
    assert all(step["ok"] for step in kept["steps"])
    assert {"R38.delivery", "R38.delay", "R38.completeness", "R38.peak", "R38.recovery"} <= {
        check["id"] for check in kept["checks"]
    }
    assert _of(home) == []


@pytest.mark.timeout(300)
def test_a_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {**os.environ, "SYNCER_HOME": str(home)}
    with subprocess.Popen([SYNCER, "demo"], env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "First sync" in line:
                break
        assert _of(home)
        demo.kill()
    _, alive = psutil.wait_procs(_of(home), timeout=30)
    assert alive == []


def _of(home: Path) -> list[psutil.Process]:
    """Processes that were started for this home: its workers, servers and guardian."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = str(home) in " ".join(process.cmdline()) or process.environ().get("SYNCER_HOME", "").startswith(
                str(home)
            )
        except psutil.Error:
            continue
        if mine and process.pid != os.getpid():
            found.append(process)
    return found
