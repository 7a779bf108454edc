"""One server in the guardian's care: up while somebody uses it, down a grace after the last user left."""

from __future__ import annotations

import logging
import subprocess
import time
from pathlib import Path
from typing import Protocol

from syncer.embedded.errors import EmbeddedError
from syncer.embedded.locks import FileLock
from syncer.embedded.processes import StopPlan, end, free_port, last_line
from syncer.embedded.record import Endpoint
from syncer.embedded.unprivileged import Loan

log = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
"""Between the last user and the stop, so that one command after another finds the servers warm."""
START_SECONDS = 100.0
"""A start that takes longer has failed; recovery after a crash is part of it."""
ATTEMPTS = 3
"""Starts in a row, each on another port, before a server counts as failed."""
BREATH_SECONDS = 0.2
"""Before a server that had served and fell is started again, so that one which falls at once does not burn a core."""
PAUSE_SECONDS = 5.0
"""Between one failure and the next try, while there are users: a full disk may be emptied."""


class Server(Protocol):
    """What a kind of server must know: `Postgres` and `Redis`."""

    name: str
    stop_plan: StopPlan
    log: Path
    loan: Loan | None

    def prepare(self, life: FileLock, former_pid: int | None) -> None:
        """Everything before the start; EmbeddedError or OSError if it cannot work."""

    def start(self, port: int, life: FileLock) -> subprocess.Popen[bytes]:
        """Start it on `port`, holding the lock `life`."""

    def is_ready(self, process: subprocess.Popen[bytes], port: int) -> bool:
        """Whether this very process serves on `port`."""


def users_lock(locks: Path, name: str) -> FileLock:
    """The lock that every user of the server `name` shares; the guardian takes it alone to see that nobody is left."""
    return FileLock(locks / f"{name}.users")


class Ward:
    """Keeps one server as its users want it. `tick` does at most one step and is called again and again."""

    def __init__(self, server: Server, locks: Path, port: int | None, former_pid: int | None) -> None:
        self.server = server
        self.port = port
        self.failure: str | None = None
        self._users = users_lock(locks, server.name)
        self._life = locks / f"{server.name}.life"
        self._former_pid = former_pid
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._attempts = 0
        self._since = 0.0  # of the present attempt
        self._not_before = 0.0
        self._unused_since: float | None = None

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it listens, once it is ready."""
        if self._process is None or self.port is None or not self._ready:
            return None
        return Endpoint(self.port, self._process.pid)

    @property
    def pid(self) -> int | None:
        """The server's process, ready or not; before our first start the one of the former guardian."""
        return self._process.pid if self._process is not None else self._former_pid

    @property
    def copy(self) -> Path | None:
        """The folder with copies of its programs, if it runs from one."""
        return self.server.loan.copy if self.server.loan else None

    @property
    def starting(self) -> bool:
        """Whether the next step is due at once."""
        return self._process is not None and not self._ready

    @property
    def idle(self) -> bool:
        """Whether it is down and nobody wants it."""
        return self._process is None and self._unused_since is not None

    def tick(self) -> None:
        """One step towards what the users want."""
        if not self._users.try_exclusive():
            self._unused_since = None
            self._keep_up()
            return
        # Newcomers are shut out from here until the server is down or the lock is released.
        now = time.monotonic()
        self._unused_since = self._unused_since or now
        self.failure = None
        if self._process is not None and now - self._unused_since >= GRACE_SECONDS:
            log.info("%s: no user left", self.server.name)
            self.stop()
        self._users.unlock()

    def stop(self) -> None:
        """Stop the server, if it runs, and remove what was lent to it."""
        process, self._process, self._ready = self._process, None, False
        if process is not None:
            end(process, self.server.stop_plan)
            log.info("%s: stopped", self.server.name)
        if self.server.loan is not None:
            self.server.loan.end()
            self.server.loan = None

    def _keep_up(self) -> None:
        if self._process is None:
            if time.monotonic() >= self._not_before:
                self._launch()
        elif self._process.poll() is not None:
            self._fell()
        elif not self._ready:
            self._ready = self.server.is_ready(self._process, self.port or 0)
            if self._ready:
                self._attempts, self.failure = 0, None
                took = time.monotonic() - self._since
                log.info("%s: ready on port %d after %.2f s", self.server.name, self.port, took)
            elif time.monotonic() - self._since > START_SECONDS:
                self.stop()
                self._fail("does not become ready")

    def _launch(self) -> None:
        self._since = time.monotonic()
        life = FileLock(self._life)
        try:
            self.server.prepare(life, self._former_pid)
            self.port = free_port(self.port)
            self._process = self.server.start(self.port, life)
        except (EmbeddedError, OSError, subprocess.SubprocessError) as error:
            self.stop()
            self._fail(str(error))
        finally:
            life.close()

    def _fell(self) -> None:
        """It ended by itself. One that had served returns at once where its users know it; one that never did moves."""
        reason = last_line(self.server.log)
        log.warning("%s: ended by itself: %s", self.server.name, reason)
        served = self._ready
        self.stop()
        self._attempts += 1
        self._not_before = time.monotonic() + BREATH_SECONDS
        if not served:
            self.port = None
        if self._attempts >= ATTEMPTS:
            self._fail(reason)

    def _fail(self, reason: str) -> None:
        log.error("%s: %s", self.server.name, reason)
        self.failure = f"{self.server.name} cannot be started: {reason} (log: {self.server.log})"
        self._attempts = 0
        self._not_before = time.monotonic() + PAUSE_SECONDS
