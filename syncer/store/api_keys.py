"""API keys that were made by `syncer keys create`, beside those of `SYNCER_API_KEYS`. Only hashes are kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Index, LargeBinary, Row, Table, Text, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from syncer.store.base import metadata, moment, primary_key

api_keys = Table(
    "api_keys",
    metadata,
    primary_key(),
    # Of the program that uses it; what it has asked for under an idempotency key is remembered by this name.
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("sha256", LargeBinary, nullable=False, unique=True),
    moment("created_at", nullable=False),
    moment("revoked_at"),
    # Within some minutes; who is read at every request cannot be written at every request.
    moment("last_used_at"),
)
_LIVING = api_keys.c.revoked_at.is_(None)
#: A name may be given again once its key was revoked: that is how a key is renewed.
Index("uq_api_keys_living", api_keys.c.name, unique=True, postgresql_where=_LIVING)


def add(tx: Connection, name: str, scopes: Sequence[str], sha256: bytes, now: datetime) -> bool:
    """A new key; false when the name has a living one already."""
    values = {"name": name, "scopes": list(scopes), "sha256": sha256, "created_at": now}
    statement = insert(api_keys).values(**values).on_conflict_do_nothing(index_elements=["name"], index_where=_LIVING)
    return tx.execute(statement).rowcount == 1


def listing(tx: Connection) -> Sequence[Row[Any]]:
    """Every key that ever was, the newest first."""
    return tx.execute(select(api_keys).order_by(api_keys.c.id.desc())).fetchall()


def living(tx: Connection) -> Sequence[Row[Any]]:
    """The keys that open."""
    return tx.execute(select(api_keys).where(_LIVING).order_by(api_keys.c.id)).fetchall()


def revoke(tx: Connection, name: str, now: datetime) -> bool:
    """The key of this name opens nothing any more; false when it has none that does."""
    statement = update(api_keys).where(api_keys.c.name == name, _LIVING).values(revoked_at=now)
    return tx.execute(statement).rowcount == 1


def note_use(tx: Connection, hashes: Collection[bytes], now: datetime) -> None:
    """These keys were used at about this time."""
    statement = text("""
        update api_keys set last_used_at = greatest(last_used_at, :now)
        where id in (select id from api_keys where sha256 = any(:hashes) order by id for update)""")
    tx.execute(statement, {"hashes": sorted(hashes), "now": now})
