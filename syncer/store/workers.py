"""Who holds a claim, and whether that worker still lives.

A worker keeps one connection with a session-level advisory lock on its own number. The kernel closes the connection of
a killed process and PostgreSQL drops the lock at once, so its claims are free within one sweep instead of after a
lease. The lease remains for what a lock cannot show: a worker that is alive but stuck, or a cut network.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import psycopg2
from sqlalchemy import Column, Connection, Table, Text, insert, text

from syncer.domain.errors import Unreachable
from syncer.ports import Clock
from syncer.store.base import metadata, moment, primary_key
from syncer.store.session import Store, connect_directly

workers = Table(
    "workers",
    metadata,
    primary_key(),
    Column("name", Text, nullable=False),
    moment("started_at", nullable=False),
)

#: First key of the two-key advisory locks that say "this worker lives"; any constant of our own.
LIVENESS_CLASS = 0x5C01

#: Numbers of the workers whose lock is held right now, in this database.
LIVING = f"""
    select objid::bigint from pg_locks
    where locktype = 'advisory' and classid = {LIVENESS_CLASS} and objsubid = 2 and granted
      and database = (select oid from pg_database where datname = current_database())
"""


class WorkerSession:
    """This process, as a holder of claims. `number` goes into `claimed_by`."""

    def __init__(self, store: Store, name: str, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._url = store.engine.url.render_as_string(hide_password=False)
        self._connection: psycopg2.extensions.connection | None = None
        self.name = name
        self.number = self._register(clock.now())
        self._hold()

    def _register(self, now: datetime) -> int:
        with self._store.begin() as tx:
            statement = insert(workers).values(name=self.name, started_at=now).returning(workers.c.id)
            return int(tx.execute(statement).scalar_one())

    def _hold(self) -> None:
        try:
            connection = connect_directly(self._url)
        except psycopg2.OperationalError as error:
            raise Unreachable(str(error).strip().splitlines()[0]) from error
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s, %s)", (LIVENESS_CLASS, self.number))
        self._connection = connection

    def keep(self) -> None:
        """Called by every sweep. If the lock's connection was lost (a restarted PostgreSQL), go on under a new number:
        the old number's claims are then free at once, and whoever still works under it settles nothing."""
        try:
            if self._connection is not None:
                with self._connection.cursor() as cursor:
                    cursor.execute("select 1")
                return
        except psycopg2.Error:
            self.close()
        self.number = self._register(self._clock.now())
        self._hold()

    def close(self) -> None:
        """Let go: claims still held are free for others at once."""
        if self._connection is not None:
            # Closing alone would do, but PostgreSQL may take a moment to notice.
            with suppress(psycopg2.Error), self._connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, %s)", (LIVENESS_CLASS, self.number))
            self._connection.close()
            self._connection = None


def living(tx: Connection) -> dict[int, str]:
    """Every worker that lives now: number -> name."""
    return {row.id: row.name for row in tx.execute(text(f"select id, name from workers where id in ({LIVING})"))}


def forget_old(tx: Connection, before: datetime) -> int:
    """Delete the numbers of workers that started before `before` and are gone."""
    statement = text(f"delete from workers where started_at < :before and id not in ({LIVING})")
    return tx.execute(statement, {"before": before}).rowcount
