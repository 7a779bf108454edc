"""Alembic's entry: takes the connection it is handed, or opens the database that the settings name."""

from __future__ import annotations

import importlib
import pkgutil

from alembic import context
from sqlalchemy import Connection, create_engine

import syncer.store as store
from syncer.store.base import metadata

for module in pkgutil.iter_modules(store.__path__):
    if not module.ispkg:
        importlib.import_module(f"{store.__name__}.{module.name}")


def migrate(connection: Connection) -> None:
    """Run what is asked for inside one transaction: a failed migration leaves nothing behind."""
    context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=False)
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Use the caller's connection (the CLI, the tests), else `-x url=...` given to alembic itself."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    url = context.get_x_argument(as_dictionary=True)["url"]
    with create_engine(url).begin() as own:
        migrate(own)


main()
