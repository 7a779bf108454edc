"""A MariaDB of our own for the tests, from Debian's package, in a temporary folder and on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pymysql

_START_SECONDS = 30.0
#: Small and quick: what a crash would lose nobody misses.
_OPTIONS = (
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
)


def missing() -> str | None:
    """Why MariaDB cannot be started here; None where it can."""
    absent = [name for name in ("mariadbd", "mariadb-install-db") if _program(name) is None]
    return f"MariaDB is not installed ({', '.join(absent)}): apt-get install mariadb-server" if absent else None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server in `folder`; gives its address without a database. Raises `RuntimeError` if it does not start."""
    data, port = folder / "data", _free_port()
    # Root may not be the server's user unless it is said.
    user = ["--user=root"] if os.geteuid() == 0 else []
    install = [str(_program("mariadb-install-db")), "--no-defaults", f"--datadir={data}", *user]
    install += ["--auth-root-authentication-method=normal", "--skip-test-db"]
    made = subprocess.run(install, capture_output=True, text=True, timeout=120, check=False)
    if made.returncode:
        raise RuntimeError(f"mariadb-install-db: {made.stdout[-500:]}{made.stderr[-500:]}")
    where = [f"--datadir={data}", f"--socket={folder}/s", f"--pid-file={folder}/pid"]
    where += ["--bind-address=127.0.0.1", f"--port={port}"]
    with (folder / "log").open("wb") as log:
        command = [str(_program("mariadbd")), "--no-defaults", *user, *where, *_OPTIONS]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(server, port, folder / "log")
        yield f"mariadb+pymysql://root@127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextlib.contextmanager
def database(server: str) -> Iterator[str]:
    """An empty database on the server."""
    name, port = f"crm_{uuid.uuid4().hex[:8]}", int(server.rpartition(":")[2])
    _run(port, f"create database {name}")
    try:
        yield f"{server}/{name}"
    finally:
        _run(port, f"drop database {name}")


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            _run(port, "select 1")
            return
        except pymysql.Error as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mariadbd does not start: {log.read_text(errors='replace')[-1000:]}") from error
            time.sleep(0.05)


def _run(port: int, statement: str) -> None:
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=3)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
