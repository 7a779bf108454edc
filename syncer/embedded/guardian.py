"""The process behind the embedded servers of one home: `python -m syncer.embedded.guardian HOME LOCK_FD`.

It is the parent of PostgreSQL and Redis and belongs to no terminal. It starts a server when somebody holds the users'
lock of it and stops it when nobody does any more, so users who were killed with SIGKILL count as gone, too. If it is
killed itself, the kernel tells both servers to stop. It is started by `servers.acquire` only.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from syncer.embedded.locks import FileLock
from syncer.embedded.postgres import Postgres
from syncer.embedded.record import Record, locks_of, read, write
from syncer.embedded.redis import Redis
from syncer.embedded.unprivileged import take_back
from syncer.embedded.ward import Ward

log = logging.getLogger(__name__)

QUIET_TICK_SECONDS = 0.1
STARTING_TICK_SECONDS = 0.01


class Guardian:
    """The loop. `home` is absolute; the guardian's lock is held by this process already."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._told_to_stop = False
        former = read(home)
        self._written = Record(guardian=os.getpid(), ports=former.ports, pids=former.pids)
        for folder in former.copies:
            take_back(Path(folder))
        locks = locks_of(home)
        # Redis first: it starts while PostgreSQL is being set up.
        self._wards = [
            Ward(server, locks, former.ports.get(server.name), former.pids.get(server.name))
            for server in (Redis(home), Postgres(home))
        ]

    def run(self) -> None:
        """Until nobody uses any server, or until SIGTERM."""
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        write(self._home, self._written)
        try:
            while not self._told_to_stop:
                for ward in self._wards:
                    ward.tick()
                    self._record()
                if all(ward.idle for ward in self._wards):
                    return
                time.sleep(STARTING_TICK_SECONDS if any(w.starting for w in self._wards) else QUIET_TICK_SECONDS)
        finally:
            for ward in self._wards:
                ward.stop()
            self._record()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._told_to_stop = True

    def _record(self) -> None:
        wards = {ward.server.name: ward for ward in self._wards}
        running = {name: ward.endpoint for name, ward in wards.items()}
        record = Record(
            guardian=os.getpid(),
            running={name: endpoint for name, endpoint in running.items() if endpoint},
            failed={name: ward.failure for name, ward in wards.items() if ward.failure},
            ports={**self._written.ports, **{name: ward.port for name, ward in wards.items() if ward.port}},
            pids={name: ward.pid for name, ward in wards.items() if ward.pid},
            copies=tuple(str(ward.copy) for ward in self._wards if ward.copy),
        )
        if record == self._written:
            return
        try:
            write(self._home, record)
            self._written = record
        except OSError:
            # A full disk: servers that work must not be stopped for it. The next tick writes it.
            log.exception("embedded.json cannot be written")


def main(home: str, lock_fd: str) -> None:
    """Step away from the process that started us, then guard."""
    if os.fork():
        os._exit(0)
    FileLock.inherited(int(lock_fd))  # never let go: the lock says that this process lives
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    Guardian(Path(home)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
