"""The connection pool to somebody else's database: short waits, nothing left open, one time zone."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

CONNECT_TIMEOUT_SECONDS = 3
#: No question of ours to the company's database may take longer: its people work there too.
STATEMENT_TIMEOUT_SECONDS = 30
#: Settings of each PostgreSQL session. Moments are read as text, so their form must not depend on the server's habits.
_POSTGRESQL_SESSION = (
    f"set statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'; set lock_timeout = '5s'; "
    "set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; set datestyle = 'ISO'"
)


def open_engine(url: str, *, pool_size: int = 4) -> Engine:
    """An engine for any SQLAlchemy URL. Connects to nothing yet."""
    address = make_url(url)
    # Parameters are customers' data: they stay out of error texts and so out of logs.
    engine = create_engine(address, pool_pre_ping=True, hide_parameters=True, **_options(address, pool_size))
    if address.get_backend_name() == "sqlite":
        _make_sqlite_behave(engine)
    if address.get_backend_name() == "postgresql":
        _set_each_session(engine)
    return engine


def _options(address: URL, pool_size: int) -> dict[str, Any]:
    backend, driver = address.get_backend_name(), address.get_driver_name()
    pool: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 2, "pool_timeout": 5, "pool_recycle": 1800}
    if backend == "sqlite":
        return {"connect_args": {"timeout": CONNECT_TIMEOUT_SECONDS}}
    if (backend, driver) == ("postgresql", "psycopg2"):
        arguments = {
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "application_name": "syncer",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
        return {**pool, "executemany_mode": "values_plus_batch", "connect_args": arguments}
    if backend in ("mysql", "mariadb"):
        return {**pool, "connect_args": {"connect_timeout": CONNECT_TIMEOUT_SECONDS}}
    return pool


def _set_each_session(engine: Engine) -> None:
    """By statement, not by a start-up option, which a connection pooler before the database may refuse."""

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        # Outside a transaction: the first rollback would take the settings back.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_POSTGRESQL_SESSION)
        connection.autocommit = False


def _make_sqlite_behave(engine: Engine) -> None:
    """Real transactions (the driver's own begin too late, and one that reads before it writes must say so at once), and
    text that is not UTF-8 read as far as it goes."""

    @event.listens_for(engine, "connect")
    def _(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")

    @event.listens_for(engine, "begin")
    def _(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
