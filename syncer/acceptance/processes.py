"""The engine's processes as the Procfile says, under a supervisor that restarts whatever dies.

Each process leads a session of its own, so a Ctrl-C at the terminal reaches only us, and it is killed by the kernel
when we die, however we die (Linux). The supervisor ends what it started and nothing else.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from config.settings import describe

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

_WATCH_SECONDS = 0.05
#: A process that ends itself with an error when younger than this is not restarted at once, and not for ever: it cannot
#: start. One that is killed is no worse for it.
_YOUNG_SECONDS = 15.0
_MOST_FALSE_STARTS = 3
_PAUSE_SECONDS = 0.5


@dataclass
class Death:
    """One process that ended although nobody had asked it to; unix seconds. `revived_at` None: it was given up."""

    name: str
    pid: int
    status: int
    at: float
    revived_at: float | None = None


@dataclass
class _Child:
    name: str
    command: str
    log: Path
    process: subprocess.Popen[bytes]
    born: float
    restarts: bool
    false_starts: int = 0
    again_at: float = 0.0
    given_up: bool = False


@dataclass
class Supervisor:
    """Runs shell commands as processes. `folder` is where they run, `logs` holds one NAME.log each."""

    environment: Mapping[str, str]
    folder: Path
    logs: Path
    deaths: list[Death] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin to watch."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self._children: dict[str, _Child] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        # A child dies with the *thread* that started it (prctl), so one thread starts them all and outlives them.
        self._orders: list[tuple[Callable[[], None], threading.Event]] = []
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def start(self, name: str, command: str, *, restarts: bool = True) -> None:
        """Start `command` under `name`; its log is begun anew. Raises `OSError` when there is no shell."""
        (self.logs / f"{name}.log").write_bytes(b"")
        self._on_thread(lambda: self._start(name, command, restarts))

    def pid(self, name: str) -> int:
        """The process id that `name` has now."""
        with self._lock:
            return self._children[name].process.pid

    def names(self) -> dict[int, str]:
        """Who runs now, by process id."""
        with self._lock:
            return {child.process.pid: name for name, child in self._children.items() if child.process.poll() is None}

    def listens(self, name: str, port: int) -> bool:
        """Whether `name` itself, and not somebody else, listens on a TCP port of this machine."""
        try:
            sockets = psutil.Process(self.pid(name)).net_connections("tcp")
        except psutil.Error:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)

    def given_up(self) -> list[str]:
        """Those that could not start, each with the last line of its log."""
        with self._lock:
            failed = [child for child in self._children.values() if child.given_up]
        return [f"{child.name}: {last_words(child.log)}" for child in failed]

    def kill(self, name: str) -> tuple[int, float]:
        """SIGKILL for everything of `name`, without any warning; returns its process id and the moment. It is
        restarted."""
        with self._lock:
            pid = self._children[name].process.pid
        at = time.time()
        os.killpg(pid, signal.SIGKILL)
        return pid, at

    def stop(self, patience: float = 12.0) -> list[str]:
        """SIGTERM for all, SIGKILL for those still there after `patience` seconds; returns the names of these."""
        self._stopping.set()
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self._living() and time.monotonic() < deadline:
            time.sleep(0.02)
        stubborn = [child.name for child in self._living()]
        self._signal_all(signal.SIGKILL)
        for child in self._living():
            child.process.wait()
        self._wake.set()
        self._thread.join(timeout=5)
        return stubborn

    def _living(self) -> list[_Child]:
        with self._lock:
            return [child for child in self._children.values() if child.process.poll() is None]

    def _signal_all(self, number: signal.Signals) -> None:
        """To each group: what a child has started itself is meant too, even when the child is gone already."""
        with self._lock:
            children = list(self._children.values())
        for child in children:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, number)

    def _on_thread(self, order: Callable[[], None]) -> None:
        done = threading.Event()
        self._orders.append((order, done))
        self._wake.set()
        done.wait()

    def _watch(self) -> None:
        while not (self._stopping.is_set() and not self._living()):
            self._wake.wait(_WATCH_SECONDS)
            self._wake.clear()
            while self._orders:
                order, done = self._orders.pop(0)
                order()
                done.set()
            if not self._stopping.is_set():
                self._revive()

    def _start(self, name: str, command: str, restarts: bool) -> None:
        log = self.logs / f"{name}.log"
        child = _Child(name, command, log, self._spawn(command, log), time.monotonic(), restarts)
        with self._lock:
            self._children[name] = child

    def _spawn(self, command: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_tie_to_parent,
            )

    def _revive(self) -> None:
        for child in list(self._children.values()):
            if child.process.poll() is not None and child.restarts and not child.given_up:
                self._revive_one(child)

    def _revive_one(self, child: _Child) -> None:
        now = time.monotonic()
        if child.again_at == 0.0:
            self.deaths.append(Death(child.name, child.process.pid, child.process.returncode, time.time()))
            failed = child.process.returncode > 0 and now - child.born < _YOUNG_SECONDS
            child.false_starts = child.false_starts + 1 if failed else 0
            child.given_up = child.false_starts >= _MOST_FALSE_STARTS
            child.again_at = now + (_PAUSE_SECONDS if failed else 0.0)
        if now < child.again_at or child.given_up:
            return
        process = self._spawn(child.command, child.log)
        with self._lock:
            child.process, child.born, child.again_at = process, now, 0.0
        next(death for death in reversed(self.deaths) if death.name == child.name).revived_at = time.time()


def _tie_to_parent() -> None:
    """In the child, before it becomes the program: the kernel kills it when its parent dies."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def read_procfile(path: Path) -> dict[str, str]:
    """The commands of a Procfile by kind of process, in its order."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition(":") for line in lines if line and not line.startswith("#")]
    return {kind.strip(): command.strip() for kind, _, command in pairs}


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment for the engine's processes: this machine's, the programs of our virtual environment first, and of
    the engine's own variables only `ours` - the others are set to nothing, so that no `.env` can fill them in."""
    inherited = dict(os.environ)
    inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    blank = {name: "" for item in describe() for name in (item.name, f"{item.name}_FILE")}
    return {**inherited, **blank, **ours, "PYTHONUNBUFFERED": "1"}


def free_port(preferred: int, taken: Iterable[int] = ()) -> int:
    """`preferred`, or the next one above it that nobody listens on."""
    for port in range(preferred, preferred + 200):
        if port not in set(taken) and _is_free(port):
            return port
    raise OSError(f"no free port from {preferred} to {preferred + 199}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def last_words(log: Path) -> str:
    """The last line of a log, for an error's text."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it wrote nothing")
