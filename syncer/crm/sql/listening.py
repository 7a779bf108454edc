"""PostgreSQL's own line: a trigger of the company's tells of a new row, and we ask for it at once.

A listener is a help and never a need: while it is lost, polling finds everything. So nothing here raises, and nothing
waits: a connection is opened by a thread of its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time
from typing import Any

from sqlalchemy import Engine

log = logging.getLogger(__name__)

#: Seconds between two attempts to be connected again.
_PATIENCE = 5.0


class Listener:
    """One connection per process that hears the `channel`; opened when it is first asked."""

    def __init__(self, engine: Engine, channel: str) -> None:
        self._engine, self._channel = engine, channel
        self._hears = engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg2"
        self._lock = threading.Lock()
        self._connection: Any = None
        self._process = os.getpid()
        self._opening: threading.Thread | None = None
        self._next_try = 0.0
        self._missed = False

    @property
    def hears(self) -> bool:
        """Whether this database has such a line."""
        return self._hears

    def rang(self) -> bool:
        """Whether somebody rang since this was asked last, or may have while nobody listened. Never waits, never
        raises."""
        if not self._hears:
            return False
        with self._lock:
            self._leave_parents_line()
            if self._connection is None:
                self._open_soon()
                return False
            rung, self._missed = self._heard() or self._missed, False
            return rung

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._hears = False
            self._drop()

    def _leave_parents_line(self) -> None:
        """After a fork the connection is our parent's: closing it here would end it there."""
        if self._process != os.getpid():
            self._process, self._opening, self._next_try = os.getpid(), None, 0.0
            _ABANDONED.append(self._connection)
            self._connection = None

    def _open_soon(self) -> None:
        opening = self._opening is not None and self._opening.is_alive()
        if opening or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + _PATIENCE
        self._opening = threading.Thread(target=self._open, name="crm-listener", daemon=True)
        self._opening.start()

    def _open(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:
            log.info("no line to the CRM's database, it is polled: %s", type(error).__name__)
            return
        with self._lock:
            if not self._hears or self._connection is not None:
                connection.close()
                return
            # Whoever rang before there was a line was not heard.
            self._connection, self._missed = connection, True

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        assert connection is not None
        connection.rollback()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'listen "{self._channel}"')
        return connection

    def _heard(self) -> bool:
        try:
            if select.select([self._connection], [], [], 0)[0]:
                self._connection.poll()
        except Exception as error:
            log.info("the line to the CRM's database is lost: %s", type(error).__name__)
            self._drop()
            return False
        rung = bool(self._connection.notifies)
        self._connection.notifies.clear()
        return rung

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection = None


#: Connections of the process that we were forked from: never closed, never used.
_ABANDONED: list[Any] = []
