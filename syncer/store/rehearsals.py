"""Rehearsals: a contact sync on copies of its tables that one database session alone can see (X8).

Temporary tables come before all others in the search path, so the very same statements find the copies. That nothing
else is ever written is PostgreSQL's promise, not ours: the session is read-only, and a read-only transaction may write
temporary tables and nothing more. A table that should have been copied and was not costs an error, not a row.

The copies are taken from one snapshot and vanish with the connection, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from syncer.domain.errors import Unreachable
from syncer.store.session import Store

#: What is copied of tables that grow with every message; of all others every row. A sync asks of a conversation's
#: tables whether a contact has anything there, and moves what a joined contact had.
COPIED: Mapping[str, str] = {
    "messages": "false",
    "handoffs": "false",
    "media": "false",
    "inbox": "false",
    "early_statuses": "false",
    "retries": "false",
    "dead_letters": "false",
    "outgoing": "id in (select max(id) from {schema}.outgoing group by contact_id)",
    "crm_writes": "topic = 'contact'",
}

#: Seconds that one statement may take, and that the reading thread waits for the one that writes: copying a million
#: rows takes several.
_PATIENCE = 900
_OPTIONS = (
    "-c default_transaction_read_only=on",
    "-c timezone=UTC",
    "-c idle_in_transaction_session_timeout=60s",
    f"-c statement_timeout={_PATIENCE}s",
    "-c temp_buffers=64MB",
    "-c work_mem=64MB",
    "-c maintenance_work_mem=128MB",
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A session with its copies. `store` is what the sync is given; `schema` holds the originals. Rows that `copying`
    (a transaction's number) has not written are the rehearsal's; contacts above `newest` are its own. `copied` is how
    many rows each table had."""

    store: Store
    schema: str
    copying: str
    newest: int
    copied: Mapping[str, int]


@contextmanager
def stage(store: Store) -> Iterator[Stage]:
    """Copies of everything a contact sync reads or writes. Raises `Unreachable` when the connection is lost: the
    rehearsal is over then."""
    engine = _one_connection(store.engine.url)
    try:
        copy = Store(engine)
        with copy.begin() as tx:
            set_up = _set_up(tx)
        yield Stage(copy, *set_up)
    finally:
        engine.dispose()


def _one_connection(url: URL) -> Engine:
    """Threads take turns on the one connection that sees the copies; another would see the originals."""
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_timeout=_PATIENCE,
        pool_recycle=-1,
        connect_args={
            "connect_timeout": 3,
            "application_name": "syncer rehearsal",
            "options": " ".join(_OPTIONS),
        },
    )
    opened: list[Any] = []

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        if opened:
            raise Unreachable("the connection of the rehearsal was lost, and its copies with it")
        opened.append(record)

    return engine


def _set_up(tx: Connection) -> tuple[str, str, int, Mapping[str, int]]:
    tx.execute(text("set transaction isolation level repeatable read, read write"))
    schema: str = tx.execute(text("select quote_ident(current_schema())")).scalar_one()
    tables = _tables(tx, schema)
    copied = {name: _copy_rows(tx, schema, name) for name in tables}
    _copy_sequences(tx, schema, tables)
    _copy_indexes(tx, schema)
    for name in tables:
        tx.execute(text(f"analyze pg_temp.{name}"))
    copying: str = tx.execute(text("select pg_current_xact_id()::xid::text")).scalar_one()
    newest: int = tx.execute(text("select coalesce(max(id), 0) from contacts")).scalar_one()
    return schema, copying, newest, copied


def _tables(tx: Connection, schema: str) -> list[str]:
    statement = text("""
        select quote_ident(relname) from pg_class
        where relkind = 'r' and relnamespace = cast(:schema as regnamespace) order by relname""")
    return list(tx.execute(statement, {"schema": schema}).scalars())


def _copy_rows(tx: Connection, schema: str, name: str) -> int:
    """The table without its indexes, which are made faster once the rows are there."""
    tx.execute(text(f"create temporary table {name} (like {schema}.{name} including all excluding indexes)"))
    chosen = COPIED.get(name, "true").format(schema=schema)
    return tx.execute(text(f"insert into pg_temp.{name} select * from {schema}.{name} where {chosen}")).rowcount


def _copy_sequences(tx: Connection, schema: str, tables: list[str]) -> None:
    """Numbers go on where the originals' stand."""
    statement = text("""
        select c.relname, a.attname, pg_get_serial_sequence(:schema || '.' || quote_ident(c.relname), a.attname)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attidentity <> ''
        where c.relkind = 'r' and c.relnamespace = cast(:schema as regnamespace)""")
    for table, column, sequence in tx.execute(statement, {"schema": schema}).fetchall():
        copied = text(f"""
            select setval(pg_get_serial_sequence('pg_temp.{table}', :column), last_value, is_called) from {sequence}""")
        tx.execute(copied, {"column": column})


def _copy_indexes(tx: Connection, schema: str) -> None:
    statement = text("""
        select pg_get_indexdef(indexrelid), quote_ident(c.relname) from pg_index i
        join pg_class c on c.oid = i.indrelid
        where c.relkind = 'r' and c.relnamespace = cast(:schema as regnamespace)""")
    for definition, table in tx.execute(statement, {"schema": schema}).fetchall():
        tx.connection.cursor().execute(definition.replace(f" ON {schema}.{table} ", f" ON pg_temp.{table} ", 1))
