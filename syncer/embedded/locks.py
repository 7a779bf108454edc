"""Advisory file locks. The kernel releases them when their holder is gone, however it went: that is why everything
here that must survive SIGKILL is a lock and not a number in a file.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class FileLock:
    """One `flock` on one file, which is created if need be. A new one holds nothing until it is asked to.

    A lock belongs to this process alone: it is closed on exec, and a forked child (a Celery pool process, say) drops
    its copy at once, or the child would go on holding what its parent has lost. The one exception is deliberate:
    a child started with `pass_fds=(lock.fd,)` holds the same lock as long as it lives.
    """

    def __init__(self, path: Path) -> None:
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _open_locks.add(self)

    @classmethod
    def inherited(cls, fd: int) -> FileLock:
        """Take over the lock that our parent passed to us as descriptor `fd`."""
        os.set_inheritable(fd, False)
        lock = cls.__new__(cls)
        lock._fd = fd
        _open_locks.add(lock)
        return lock

    @property
    def fd(self) -> int:
        """The descriptor; ValueError once closed."""
        if self._fd is None:
            raise ValueError("the lock is closed")
        return self._fd

    def try_shared(self) -> bool:
        """Hold it together with other sharers; False if somebody holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Hold it alone; False if anybody else holds it."""
        return self._try(fcntl.LOCK_EX)

    def wait_exclusive(self) -> None:
        """Hold it alone, however long the others take. Only for locks that are held for milliseconds."""
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Let go but stay ready to lock again."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go for good, unless a child that was given the descriptor still holds it. Harmless when repeated."""
        fd, self._fd = self._fd, None
        _open_locks.discard(self)
        if fd is not None:
            os.close(fd)

    def _try(self, kind: int) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
            return True
        return False


_open_locks: set[FileLock] = set()


def _drop_copies() -> None:
    for lock in list(_open_locks):
        lock.close()


os.register_at_fork(after_in_child=_drop_copies)
