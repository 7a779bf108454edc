"""Secrets that are renewed without a restart (R16).

A process cannot see its environment change, but it can see a file change: the one that `NAME_FILE` names (as secret
stores mount them), or `.env`. A file that cannot be read or holds nothing valid leaves the last good secret in force.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from config.errors import ConfigurationError
from config.settings import Settings, load
from config.variables import file_of

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How often the file is looked at (seconds); a renewed token is in use after this long.
LOOK_SECONDS = 1.0


class Rotating(Generic[T]):
    """One variable's value as it is now: call the object. `read` takes what is wanted from fresh settings."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        read: Callable[[Settings], T],
        *,
        env: Mapping[str, str] | None = None,
        dotenv: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._read, self._env, self._dotenv = name, read, env, dotenv
        self._monotonic = monotonic
        self._value = read(settings)
        self._file = file_of(name, env, dotenv)
        self._stamp = _stamp(self._file)
        self._looked = monotonic()
        self._lock = threading.Lock()

    def __call__(self) -> T:
        """The value in force. Never raises."""
        now = self._monotonic()
        if now - self._looked >= LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._looked = now
                self._look()
            finally:
                self._lock.release()
        return self._value

    def _look(self) -> None:
        stamp = _stamp(self._file)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            fresh = self._read(load(self._env, self._dotenv))
        except ConfigurationError as error:
            log.error("%s was changed, but the last value stays in force: %s", self._name, error)
            return
        if fresh and fresh != self._value:
            self._value = fresh
            log.warning("%s was renewed", self._name)


def _stamp(file: Path | None) -> tuple[int, int] | None:
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found else None
