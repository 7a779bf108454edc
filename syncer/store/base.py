"""What every table module builds on: the metadata, its naming rule, and the columns of rows that workers claim."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def primary_key() -> Column[int]:
    """A 64-bit identity column."""
    return Column("id", BigInteger, Identity(), primary_key=True)


def moment(name: str, **options: Any) -> Column[Any]:
    """A point in time, always with its zone."""
    return Column(name, DateTime(timezone=True), **options)


def claim_columns(ready: str) -> list[Column[Any]]:
    """The columns `syncer.store.claims` works on. `ready` is the state a new row starts in."""
    return [
        Column("state", Text, nullable=False, server_default=ready),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("claimed_by", BigInteger),
        moment("lease_until"),
        moment("settled_at"),
        Column("reason", Text),
    ]
