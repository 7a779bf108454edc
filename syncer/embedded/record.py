"""`embedded.json`: who guards the servers of a home and where they listen, and the lock without which it means nothing.

The guardian holds the lock `locks/guardian` from before its first instruction (the process that starts it hands the
lock over, already held) until its death. So:

- nobody holds the lock: no guardian lives, and its servers are dead or dying with it. The file is history.
- somebody holds it: the file was wiped by the starter, under this very lock, before the guardian began. What it says
  now comes from the living guardian and is about its own children, never about a stranger who took over an old port.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from syncer.embedded.locks import FileLock


@dataclass(frozen=True)
class Endpoint:
    """Where a server that is ready listens (on 127.0.0.1), and its process id."""

    port: int
    pid: int


@dataclass(frozen=True)
class Record:
    """What `embedded.json` says. Keys of the mappings are `postgres` and `redis`."""

    guardian: int | None = None
    """Process id; None while the guardian is being started."""
    running: Mapping[str, Endpoint] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    """One line per server that could not be started."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """The ports used last: a healed server returns there, so processes that still know the address go on working."""
    pids: Mapping[str, int] = field(default_factory=dict)
    """The servers' processes, ready or not, for the successor of a guardian that was killed."""
    copies: tuple[str, ...] = ()
    """Folders with copies of the programs (see `unprivileged`), to be removed if their guardian could not."""


def locks_of(home: Path) -> Path:
    """The folder of the lock files, made if need be."""
    folder = home / "locks"
    folder.mkdir(exist_ok=True)
    return folder


def claim(home: Path) -> FileLock | Record:
    """Either the guardian's lock, now ours with the file wiped, or what the living guardian has recorded."""
    with _alone(home):
        lock = FileLock(locks_of(home) / "guardian")
        if not lock.try_exclusive():
            lock.close()
            return read(home)
        old = read(home)
        write(home, Record(ports=old.ports, pids=old.pids, copies=old.copies))
        return lock


def living(home: Path) -> Record | None:
    """What the living guardian has recorded; None if there is none. Changes nothing."""
    if not (home / "locks").is_dir():
        return None
    with _alone(home):
        lock = FileLock(locks_of(home) / "guardian")
        dead = lock.try_exclusive()
        lock.close()
        return None if dead else read(home)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One prober at a time: a probe holds the guardian's lock for an instant and must not pass for a guardian."""
    mutex = FileLock(locks_of(home) / "probe")
    try:
        mutex.wait_exclusive()
        yield
    finally:
        mutex.close()


def write(home: Path, record: Record) -> None:
    """Replace the file in one step; only the holder of the guardian's lock may."""
    draft = home / "embedded.json.new"
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n")
    os.replace(draft, home / "embedded.json")


def read(home: Path) -> Record:
    """The file's content; an absent or damaged one reads as empty, which sends everybody the way of a fresh start."""
    try:
        return _parsed(json.loads((home / "embedded.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
        return Record()


def _parsed(raw: dict[str, Any]) -> Record:
    return Record(
        guardian=raw["guardian"],
        running={name: Endpoint(**endpoint) for name, endpoint in raw["running"].items()},
        failed=dict(raw["failed"]),
        ports={name: int(port) for name, port in raw["ports"].items()},
        pids={name: int(pid) for name, pid in raw["pids"].items()},
        copies=tuple(raw["copies"]),
    )
