"""Counting transactions in the company's database: `write` for those that end in a commit, `read` for the others."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event

from syncer.crm.exchange import Meter


def count_transactions(engine: Engine, meter: Meter) -> None:
    """Tell `meter` of every transaction from now on."""

    # Not in `connection.info`: of a connection that was cut off that would raise, and hide why the transaction ended.
    since: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()

    def begun(connection: Connection) -> None:
        since[connection] = time.monotonic()

    def ended(connection: Connection, kind: str) -> None:
        if (began := since.pop(connection, None)) is not None:
            meter("sql", kind, time.monotonic() - began)

    event.listen(engine, "begin", begun)
    event.listen(engine, "commit", lambda connection: ended(connection, "write"))
    event.listen(engine, "rollback", lambda connection: ended(connection, "read"))
