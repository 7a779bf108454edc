"""Which CRMs are left in peace, until when and why: one row per CRM, shared by all workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Connection, Integer, Row, Table, Text, select

from syncer.store.base import metadata, moment

crm_breakers = Table(
    "crm_breakers",
    metadata,
    Column("crm", Text, primary_key=True),
    # Calls in a row that the CRM as a whole did not serve.
    Column("failures", Integer, nullable=False, server_default="0"),
    # None while calls go through.
    moment("open_since"),
    # Nobody calls before then; who calls first afterwards calls for all.
    moment("retry_at"),
    Column("error_code", Text),
    Column("reason", Text),
    moment("changed_at", nullable=False),
)


def all_of(tx: Connection) -> Mapping[str, Row[Any]]:
    """What is known of each CRM; one that never failed has no row."""
    return {row.crm: row for row in tx.execute(select(crm_breakers))}
