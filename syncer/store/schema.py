"""The schema's version: bring a database up to date, or say how it differs."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from syncer.store.session import Store

_MIGRATIONS = Path(__file__).parent / "migrations"

#: Two processes that start at once migrate in turn.
_MIGRATION_LOCK = 0x5C00


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(store: Store) -> None:
    """Apply every migration that is missing; safe to run from many processes, and for nothing."""
    with store.begin() as tx:
        tx.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        if not _is_current(tx):
            command.upgrade(_config(tx), "head")


def missing(store: Store) -> str | None:
    """What stands between this database and this code, in one line; None when nothing does."""
    with store.begin() as tx:
        if _is_current(tx):
            return None
        found = MigrationContext.configure(tx).get_current_revision()
    return f"the schema is at {found or 'nothing'}, this version needs {_newest()}; run `syncer db upgrade`"


def _is_current(tx: Connection) -> bool:
    return MigrationContext.configure(tx).get_current_revision() == _newest()


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()
