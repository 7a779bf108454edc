"""The engine and its transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TypeVar

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from syncer.domain.errors import TryAgain, Unreachable

T = TypeVar("T")

#: PostgreSQL settings of every connection of ours: a forgotten transaction ends by itself, no query runs for ever.
_SESSION_OPTIONS = "-c idle_in_transaction_session_timeout=30s -c timezone=UTC"

#: Seconds for which a connection just given back is trusted without asking the server whether it still stands: asking
#: costs each transaction a third of its time. One that broke within them fails one transaction, and with it every
#: pooled connection of that age is opened anew.
_TRUSTED_SECONDS = 1.0


def open_engine(url: str, *, pool_size: int = 10, statement_timeout_seconds: int = 60, name: str = "syncer") -> Engine:
    """An engine for the engine's own database (`postgresql+psycopg2://...`)."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=5,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 3,
            "application_name": name,
            "options": f"{_SESSION_OPTIONS} -c statement_timeout={statement_timeout_seconds}s",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "checkin", _rested)
    event.listen(engine, "checkout", _still_there)
    return engine


def _rested(connection: Any, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _still_there(connection: Any, record: Any, proxy: Any) -> None:
    """Ask the server, unless the connection was in use just now; the pool replaces one that is gone."""
    since = record.info.get("rests_since")
    if since is None or time.monotonic() - since < _TRUSTED_SECONDS:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
        connection.rollback()
    except psycopg2.Error as error:
        raise DisconnectionError from error


class Store:
    """The engine's database. `begin()` is one transaction: all of it happens, or nothing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction, committed at the end of the block.

        Raises `Unreachable` when the database does not answer, `TryAgain` when PostgreSQL ended the transaction to
        break a deadlock.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except PoolTimeout as error:
            raise Unreachable("every connection of this process is in use") from error
        except OperationalError as error:
            if isinstance(error.orig, psycopg2.extensions.TransactionRollbackError):
                raise TryAgain(_first_line(error), code="deadlock") from error
            raise Unreachable(_first_line(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unreachable(_first_line(error)) from error
            raise

    def run(self, work: Callable[[Connection], T], *, tries: int = 5) -> T:
        """`work` in a transaction of its own, repeated when PostgreSQL ended it to break a deadlock."""
        for _ in range(tries - 1):
            with suppress(TryAgain), self.begin() as connection:
                return work(connection)
        with self.begin() as connection:
            return work(connection)

    def clock(self) -> datetime:
        """The server's time. Raises `Unreachable`."""
        with self.begin() as connection:
            moment: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
            return moment

    def ping(self) -> None:
        """Raises `Unreachable` unless the database answers a query."""
        with self.begin() as connection:
            connection.execute(text("select 1"))

    def close(self) -> None:
        """Give back every pooled connection."""
        self.engine.dispose()


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__


def connect_directly(url: str) -> psycopg2.extensions.connection:
    """A connection outside the pool, for locks that live as long as the process (see `workers`)."""
    return psycopg2.connect(url.replace("postgresql+psycopg2://", "postgresql://", 1), connect_timeout=3)
