"""Starting a child that cannot outlive its parent, and ending it in order."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from syncer.embedded.errors import EmbeddedError
from syncer.embedded.locks import FileLock
from syncer.embedded.unprivileged import Account

LOOPBACK = "127.0.0.1"

PORTS = range(20_000, 32_000)
"""Below the range from which Linux (32768) and macOS (49152) take ports for outgoing connections: there, a client that
knocks at a server which is down can be given the server's own port, connect to itself and keep the server out."""

INHERITED_VARIABLES = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "LANG")
"""All that our children see of the environment: access tokens must not be readable in a server's process."""

LOG_BYTES = 10_000_000
"""A log larger than this is set aside as `.log.1` when its server starts; one older log is kept."""

StopPlan = Sequence[tuple[signal.Signals, float]]
"""Signals in rising order of force, each with the seconds that the process gets to obey."""

_PR_SET_PDEATHSIG = 1
"""From Linux's <linux/prctl.h>: the kernel sends the signal when the parent dies."""
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def environment() -> dict[str, str]:
    """The environment for guardian and servers."""
    return {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}


def spawn(
    command: Sequence[str | Path],
    *,
    folder: Path,
    log: Path,
    account: Account | None,
    when_orphaned: signal.Signals,
    life: FileLock | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `command` in `folder` as `account` (None: as ourselves), its output appended to `log`.

    If we die first, however we die, it gets the signal `when_orphaned` (Linux). It and all its own children hold the
    lock `life` while they live, so "does anything of it still run?" has an answer that no reused process id can forge.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with (
        open(log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output,
        _passed(life) as descriptors,
    ):
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment(), "LC_ALL": "C"},
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            pass_fds=descriptors,
            preexec_fn=_tied_to_parent(when_orphaned),
        )


@contextlib.contextmanager
def _passed(life: FileLock | None) -> Iterator[tuple[int, ...]]:
    if life is None:
        yield ()
        return
    # A second descriptor of the same lock: a fork closes the first in the child (see `FileLock`).
    descriptor = os.dup(life.fd)
    try:
        yield (descriptor,)
    finally:
        os.close(descriptor)


def _tied_to_parent(orphaned: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def in_the_child() -> None:
        # After the change of user, which would clear the request again.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(orphaned), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child


def end(process: subprocess.Popen[bytes], plan: StopPlan) -> None:
    """Stop a child of ours, with more force at each step of `plan`."""
    for force, seconds in plan:
        process.send_signal(force)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return


def end_leftover(life: FileLock, pid: int | None, names: Sequence[str], plan: StopPlan) -> None:
    """Take the lock `life` that a server of a dead guardian still holds; that server, `pid`, is told to stop.

    It got its signal when the guardian died, so usually this only waits. A `pid` whose program is not one of `names`
    is a stranger with a reused number and is left alone. EmbeddedError if the lock is still held after the whole plan.
    """
    for force, seconds in plan:
        if life.try_exclusive():
            return
        if pid is not None and (program_of(pid) or "") in names:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, force)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not life.try_exclusive():
            time.sleep(0.02)
    if not life.try_exclusive():
        raise EmbeddedError(f"an earlier {names[0]} of this folder (process {pid}) does not end; stop it by hand")


def program_of(pid: int) -> str | None:
    """The file name of the program that process `pid` runs; None if there is no such process."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/comm").read_text().strip()
        return None
    listing = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    return Path(listing.stdout.strip()).name or None


def free_port(preferred: int | None) -> int:
    """`preferred` if nobody listens there now, else one drawn from PORTS. It may be taken by the time it is used."""
    drawn = random.sample(PORTS, 50)
    for port in [preferred, *drawn] if preferred else drawn:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return port
    raise EmbeddedError(f"no free TCP port on {LOOPBACK} between {PORTS.start} and {PORTS.stop}")


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk, after a rename on which later commits rely."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def last_line(log: Path) -> str:
    """The last line of a log, for an error's text."""
    try:
        lines = log.read_bytes()[-4096:].decode(errors="replace").split("\n")
    except FileNotFoundError:
        lines = []
    return next((line.strip() for line in reversed(lines) if line.strip()), "no log was written")
