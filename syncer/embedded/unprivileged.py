"""Running the servers as another user when we are root.

PostgreSQL refuses uid 0, and a Redis of root's would let anybody on the machine write as root. No account is made and
no folder of the user's changes its mode or owner. Two things then stand in the way, both because the other user may not
walk through a parent folder (a checkout under /root or under a `mktemp -d`):

- the data: the server is started *inside* its data folder and told that this is `/proc/self/cwd`. Following that link
  asks for no right on the parents, so the data stays under the home whatever lies above it.
- the programs: if they cannot be run where they are (this is tried, not guessed), a copy that belongs to root is lent
  from the system's temporary folder and removed when the server stops.

No capability is handed on: a server that can pass any folder's lock would be worth more to an intruder than its data.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from syncer.embedded.errors import EmbeddedError

WAY_OUT = "run as an ordinary user, or set DATABASE_URL and REDIS_URL"
LENT_PREFIX = "syncer-programs-"


@dataclass(frozen=True)
class Account:
    """The numbers that a server runs under."""

    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """Who runs the server of `data`: None (ourselves) unless we are root; then the folder's owner, else `nobody`.

    So a folder that an operator gave to an account of its own (`chown`) is run by that account.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)  # the kernel's own overflow ids
    return Account(nobody.pw_uid, nobody.pw_gid)


def own(data: Path, account: Account | None) -> None:
    """Make `data` if need be and give it to `account`, the folder itself last, as `account_for` goes by it."""
    data.mkdir(mode=0o700, exist_ok=True)
    owner = data.stat().st_uid
    if account is None and owner != os.geteuid():
        raise EmbeddedError(
            f"{data} belongs to uid {owner}; run as that user or as root, or choose another folder with SYNCER_HOME"
        )
    if account is None or owner == account.uid:
        return
    try:
        for folder, _, files in os.walk(data, topdown=False):
            for name in files:
                os.chown(Path(folder, name), account.uid, account.gid, follow_symlinks=False)
            os.chown(folder, account.uid, account.gid)
    except OSError as error:
        # A container whose root may not change owners, or that knows no second user.
        raise EmbeddedError(f"{data} cannot be given to uid {account.uid} ({error.strerror}); {WAY_OUT}") from error


def data_argument(data: Path, account: Account | None) -> str:
    """The name by which a server that is started inside `data` reaches it."""
    return "/proc/self/cwd" if account and sys.platform == "linux" else str(data)


class Loan:
    """Programs that an account can run, found under `root`. `copy` is the same folder if it is ours to remove."""

    def __init__(self, root: Path, copy: Path | None = None) -> None:
        self.root = root
        self.copy = copy
        # systemd-tmpfiles spares a folder on which it finds a lock, however long the server runs.
        self._fd = os.open(copy, os.O_RDONLY | os.O_CLOEXEC) if copy else None
        if self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_SH)

    def end(self) -> None:
        """Remove the copy, if there is one. Harmless when repeated."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
        if self.copy is not None:
            take_back(self.copy)


def lend(root: Path, parts: Sequence[Path], probe: Path, account: Account | None) -> Loan:
    """`root` itself if `account` can run `probe` there, else a copy of `parts` from which it can.

    `parts` and `probe` are relative to `root`. EmbeddedError if neither works, as in a container without a second user.
    """
    if account is None or _runs(root / probe, account):
        return Loan(root)
    for place in (tempfile.gettempdir(), "/var/tmp", "/dev/shm"):
        if os.path.isdir(place):
            copy = _copied(root, parts, Path(place))
            if _runs(copy / probe, account):
                return Loan(copy, copy)
            take_back(copy)
    raise EmbeddedError(
        f"{probe.name} is not run as root and cannot be run as uid {account.uid}, not even from a copy; {WAY_OUT}"
    )


def take_back(folder: Path) -> None:
    """Remove a copy that `lend` made; anything else is left alone."""
    if folder.name.startswith(LENT_PREFIX) and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _copied(root: Path, parts: Sequence[Path], place: Path) -> Path:
    copy = Path(tempfile.mkdtemp(prefix=LENT_PREFIX, dir=place))
    for part in parts:
        source, target = root / part, copy / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755)
    return copy


def _runs(program: Path, account: Account) -> bool:
    try:
        trial = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            check=False,
        )
    except OSError:
        return False
    return trial.returncode == 0
