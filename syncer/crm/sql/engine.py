"""The connection pool to somebody else's database: short waits, nothing left open, one time zone."""

from __future__ import annotations

import importlib.util
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.engine import URL, make_url

from config.errors import ConfigurationError

CONNECT_TIMEOUT_SECONDS = 3
#: No question of ours to the company's database may take longer: its people work there too.
STATEMENT_TIMEOUT_SECONDS = 30
#: How long a row that somebody else holds is waited for.
LOCK_TIMEOUT_SECONDS = 5
#: A connection that has rested for longer is tried before it is used.
IDLE_SECONDS = 5.0
#: Settings of each PostgreSQL session. Moments are read as text, so their form must not depend on the server's habits.
_POSTGRESQL_SESSION = (
    f"set statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'; set lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'; "
    "set idle_in_transaction_session_timeout = '30s'; set timezone = 'UTC'; set datestyle = 'ISO'"
)
#: Of each MySQL session. Read committed, since the default locks gaps between rows, in which two workers that insert
#: wait for each other; strict, since a value that is cut unseen is another value.
_MYSQL_SESSION = (
    f"set session time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_TIMEOUT_SECONDS}, "
    "sql_mode = concat_ws(',', nullif(@@session.sql_mode, ''), 'STRICT_TRANS_TABLES'), {patience}",
    "set session transaction isolation level read committed",
)
_MARIADB_PATIENCE = f"max_statement_time = {STATEMENT_TIMEOUT_SECONDS}"
_MYSQL_PATIENCE = f"max_execution_time = {STATEMENT_TIMEOUT_SECONDS * 1000}"
_MSSQL_SESSION = (f"set lock_timeout {LOCK_TIMEOUT_SECONDS * 1000}",)

#: The drivers that the engine is tested with, where an address names none; of SQL Server's two the one that is there.
_DRIVERS = {"postgresql": ("psycopg2",), "mysql": ("pymysql",), "mariadb": ("pymysql",), "mssql": ("pymssql", "pyodbc")}


def open_engine(url: str, *, pool_size: int = 6) -> Engine:
    """An engine for any SQLAlchemy URL. Connects to nothing yet. Raises `ConfigurationError` for an address whose
    driver is not installed."""
    address = _with_driver(make_url(url))
    try:
        # Parameters are customers' data: they stay out of error texts and so out of logs.
        engine = create_engine(address, hide_parameters=True, **_options(address, pool_size))
    except ModuleNotFoundError as error:
        problem = f"the driver '{error.name}' of {address.drivername} is not installed"
        raise ConfigurationError("CRM_DATABASE_URL", problem, f"pip install {error.name}") from None
    if (prepare := _SESSIONS.get(address.get_backend_name())) is not None:
        prepare(engine)
    _try_before_use(engine)
    return engine


def _try_before_use(engine: Engine) -> None:
    """A connection that has rested for a while may be dead without knowing. One that was in use a moment ago is not
    tried first: to a database that is far away, that is a way there and back for every write."""

    @event.listens_for(engine, "checkin")
    def _(_connection: object, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _(connection: Any, record: Any, _proxy: object) -> None:
        if time.monotonic() - record.info.get("used_at", math.inf) > IDLE_SECONDS and not _lives(engine, connection):
            raise exc.DisconnectionError("it has died meanwhile")


def _lives(engine: Engine, connection: Any) -> bool:
    try:
        return bool(engine.dialect.do_ping(connection))
    except engine.dialect.loaded_dbapi.Error:
        return False


def _with_driver(address: URL) -> URL:
    if "+" in address.drivername or address.drivername not in _DRIVERS:
        return address
    drivers = _DRIVERS[address.drivername]
    there = next((driver for driver in drivers if importlib.util.find_spec(driver)), drivers[0])
    return address.set(drivername=f"{address.drivername}+{there}")


def _options(address: URL, pool_size: int) -> dict[str, Any]:
    backend, driver = address.get_backend_name(), address.get_driver_name()
    pool: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 2, "pool_timeout": 5, "pool_recycle": 1800}
    if backend == "sqlite":
        return {"connect_args": {"timeout": CONNECT_TIMEOUT_SECONDS}}
    more = {"executemany_mode": "values_plus_batch"} if driver == "psycopg2" else {}
    return {**pool, **more, "connect_args": _ARGUMENTS.get(driver, {})}


#: What a driver itself takes. One that reads gives up a little later than the server.
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "psycopg2": {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "application_name": "syncer",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    },
    "pymysql": {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "read_timeout": STATEMENT_TIMEOUT_SECONDS + 5,
        "write_timeout": STATEMENT_TIMEOUT_SECONDS + 5,
        "charset": "utf8mb4",
    },
    "mysqldb": {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "charset": "utf8mb4"},
    "pymssql": {
        "login_timeout": CONNECT_TIMEOUT_SECONDS,
        "timeout": STATEMENT_TIMEOUT_SECONDS,
        "charset": "UTF-8",
        "appname": "syncer",
    },
    "pyodbc": {"timeout": CONNECT_TIMEOUT_SECONDS},
}


def _set_each_postgresql_session(engine: Engine) -> None:
    """By statement, not by a start-up option, which a connection pooler before the database may refuse."""

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        # Outside a transaction: the first rollback would take the settings back.
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_POSTGRESQL_SESSION)
        connection.autocommit = False


def _set_each_mysql_session(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        mariadb = "mariadb" in str(connection.get_server_info()).lower()
        patience = _MARIADB_PATIENCE if mariadb else _MYSQL_PATIENCE
        _execute(connection, [statement.format(patience=patience) for statement in _MYSQL_SESSION])


def _set_each_mssql_session(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: object) -> None:
        if hasattr(connection, "timeout"):
            connection.timeout = STATEMENT_TIMEOUT_SECONDS  # pyodbc takes it here
        _execute(connection, _MSSQL_SESSION)


def _execute(connection: Any, statements: Sequence[str]) -> None:
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()
    connection.commit()


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


_SESSIONS: dict[str, Callable[[Engine], None]] = {
    "sqlite": _make_sqlite_behave,
    "postgresql": _set_each_postgresql_session,
    "mysql": _set_each_mysql_session,
    "mariadb": _set_each_mysql_session,
    "mssql": _set_each_mssql_session,
}
