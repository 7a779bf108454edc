"""The scenario of every CRM, small: contacts both ways, conversations, an outage of the CRM, its people's replies. How
fast it is, is for a quiet machine to say (`make crms`); here nothing may be lost or doubled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from syncer.acceptance.crm_scenario import WORLDS

pytestmark = pytest.mark.faults

SYNCER = Path(sys.executable).parent / "syncer"
SMALL = ("--contacts", "400", "--messages", "40", "--outage", "5")
#: What does not depend on how busy the machine is.
ALWAYS = ("contacts", "recorded", "statuses", "handoffs", "answered", "agents")


@pytest.mark.timeout(400)
@pytest.mark.parametrize("crm", WORLDS)
def test_nothing_is_lost_and_nothing_doubled(crm: str, tmp_path: Path) -> None:
    told, found = play(crm, tmp_path / "home")
    assert {name: found[f"crm.{crm}.{name}"]["value"] for name in ("lost", "doubled")} == {"lost": 0, "doubled": 0}, (
        told
    )
    assert {name: found[f"crm.{crm}.{name}"]["detail"] for name in ALWAYS if not found[f"crm.{crm}.{name}"]["ok"]} == {}
    assert "Nobody died" not in [check["name"] for check in found.values()], told
    assert left_behind(tmp_path / "home") == []


def play(crm: str, home: Path) -> tuple[str, dict[str, dict[str, Any]]]:
    """What was told on the way, and the checks by id."""
    done = subprocess.run(
        [SYNCER, "accept", "crms", "--crm", crm, *SMALL, "--json"],
        env={**os.environ, "SYNCER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    checks = json.loads(done.stdout)["checks"]
    return done.stderr, {check["id"]: check for check in checks}


def left_behind(home: Path) -> list[psutil.Process]:
    """Processes that were started for this home and are there still."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("SYNCER_HOME", "").startswith(str(home)) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found
