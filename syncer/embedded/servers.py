"""The embedded PostgreSQL and Redis of one home folder: the way in for everybody else.

    with acquire(Path(".syncer")) as servers:
        create_engine(servers.database_url)

Any number of processes may call `acquire` for the same home at once: the first starts the servers, the others share
them, and a second after the last user is gone - released, ended or killed - they stop. Data stays in the home.
A child made by `fork` is no user; it calls `acquire` itself.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from types import TracebackType

from syncer.embedded import postgres as postgres_server
from syncer.embedded import redis as redis_server
from syncer.embedded.errors import EmbeddedError
from syncer.embedded.locks import FileLock
from syncer.embedded.processes import LOOPBACK, environment, last_line
from syncer.embedded.record import Endpoint, Record, claim, living, locks_of
from syncer.embedded.ward import users_lock

log = logging.getLogger(__name__)

WAIT_SECONDS = 120.0
"""For the servers to be ready; only the recovery of a large database after a crash comes near."""
POLL_SECONDS = 0.01
GUARDIAN_STARTS = 3
"""Guardians that may die on us before we give up."""


@dataclass(frozen=True)
class Servers:
    """A share in the servers of `home`. They stay up at least until `release` or the end of this process."""

    home: Path
    postgres: Endpoint | None
    redis: Endpoint | None
    _locks: tuple[FileLock, ...] = field(repr=False, compare=False, default=())

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the engine's own database. EmbeddedError if PostgreSQL was not asked for."""
        return self.url_of("syncer")

    @property
    def redis_url(self) -> str:
        """Redis URL, database 0. EmbeddedError if Redis was not asked for."""
        if self.redis is None:
            raise EmbeddedError("the embedded servers were acquired without Redis")
        return f"redis://{LOOPBACK}:{self.redis.port}/0"

    def url_of(self, database: str) -> str:
        """SQLAlchemy URL of any database of this PostgreSQL."""
        if self.postgres is None:
            raise EmbeddedError("the embedded servers were acquired without PostgreSQL")
        return f"postgresql+psycopg2://syncer@{LOOPBACK}:{self.postgres.port}/{database}"

    def release(self) -> None:
        """Give up the share. Harmless when repeated, and in a forked child."""
        for lock in self._locks:
            lock.close()

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


@dataclass(frozen=True)
class Status:
    """What runs for a home; `guardian` is a process id. All None: nothing."""

    guardian: int | None
    postgres: Endpoint | None
    redis: Endpoint | None


def acquire(home: Path, *, postgres: bool = True, redis: bool = True) -> Servers:
    """Start or join the servers asked for and return when they are ready. EmbeddedError says what is in the way.

    `home` is made if need be. The share ends with `release`, at the end of a `with`, or with this process.
    """
    home = home.absolute()
    wanted = {name for name, asked in (("postgres", postgres), ("redis", redis)) if asked}
    _check_programs(wanted)
    locks: list[FileLock] = []
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        with _explained(home):
            home.mkdir(parents=True, exist_ok=True)
            for name in sorted(wanted):
                locks.append(users_lock(locks_of(home), name))
                _share(locks[-1], deadline, home)
            running = _started(home, wanted, deadline).running if wanted else {}
    except BaseException:
        for lock in locks:
            lock.close()
        raise
    shown = {name: running[name] for name in wanted}
    return Servers(home, shown.get("postgres"), shown.get("redis"), tuple(locks))


def status(home: Path) -> Status:
    """What runs for `home`, without starting anything."""
    with _explained(home):
        record = living(home.absolute()) or Record()
    return Status(record.guardian, record.running.get("postgres"), record.running.get("redis"))


def stop(home: Path) -> bool:
    """Stop the servers of `home` in order, whoever uses them, and return when they are down; whether any ran."""
    home = home.absolute()
    deadline = time.monotonic() + WAIT_SECONDS
    told: int | None = None
    with _explained(home):
        while record := living(home):
            if told is not None and record.guardian not in (told, None):
                return True  # it is gone; somebody has started a new one since
            if told is None and record.guardian is not None:
                told = record.guardian
                with suppress(ProcessLookupError):
                    os.kill(told, SIGTERM)
            _pause(deadline, home)
    return told is not None


def create_database(servers: Servers, name: str) -> str:
    """The URL of the database `name` (small letters, digits, `_`) on these servers, made if there is none yet."""
    url = servers.url_of(name)
    assert servers.postgres is not None
    postgres_server.create_database(servers.postgres.port, name)
    return url


def _check_programs(wanted: set[str]) -> None:
    if "postgres" in wanted:
        postgres_server.programs()
    if "redis" in wanted:
        redis_server.find()


def _share(lock: FileLock, deadline: float, home: Path) -> None:
    """Become a user. Somebody holds the lock alone only while a guardian is stopping that server."""
    while not lock.try_shared():
        _pause(deadline, home)


def _started(home: Path, wanted: set[str], deadline: float) -> Record:
    """What is recorded once everything `wanted` is ready. We are users already, so no guardian stops it again."""
    starts = 0
    while True:
        found = claim(home)
        if isinstance(found, FileLock):
            if starts == GUARDIAN_STARTS:
                found.close()
                raise EmbeddedError(f"the guardian of {home} ends at once: {last_line(home / 'guardian.log')}")
            starts += 1
            _start_guardian(home, found)
        elif found.guardian is not None:
            for name in sorted(wanted & found.failed.keys()):
                raise EmbeddedError(found.failed[name])
            if wanted <= found.running.keys():
                return found
        _pause(deadline, home)


def _start_guardian(home: Path, lock: FileLock) -> None:
    """Start the guardian and hand it its lock, held. It detaches itself: the process we wait for ends at once."""
    log.info("starting the embedded servers in %s", home)
    source = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    with open(home / "guardian.log", "ab") as output:
        subprocess.run(
            # -P: whatever folder we are in, no module of it can pass for one of ours.
            [sys.executable, "-P", "-m", "syncer.embedded.guardian", str(home), str(lock.fd)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment(), "PYTHONPATH": path},
            pass_fds=(lock.fd,),
            start_new_session=True,
            check=False,
        )
    lock.close()


def _pause(deadline: float, home: Path) -> None:
    if time.monotonic() > deadline:
        raise EmbeddedError(f"the servers of {home} were not ready in {WAIT_SECONDS:.0f} s; see the logs there")
    time.sleep(POLL_SECONDS)


@contextmanager
def _explained(home: Path) -> Iterator[None]:
    """The system's errors about the home's files, in words."""
    try:
        yield
    except OSError as error:
        raise EmbeddedError(f"{home} cannot hold the servers: {error}; name another folder by SYNCER_HOME") from error
