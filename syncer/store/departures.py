"""Departures: rows that a CRM no longer has. Each is written down whole before it goes, so that nothing is lost by a
deletion that was a mistake (R5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from syncer.store.base import metadata, moment, primary_key
from syncer.store.bulk import document

departed_sources = Table(
    "departed_sources",
    metadata,
    primary_key(),
    Column("crm", Text, nullable=False),
    Column("crm_id", Text, nullable=False),
    # Whose row it was when it went.
    Column("contact_id", BigInteger, nullable=False),
    Column("fields", JSONB, nullable=False),
    Column("phone", Text),
    # `gone`, or `merged:` and the row that it is part of now.
    Column("fate", Text, nullable=False),
    moment("departed_at", nullable=False),
)
Index("ix_departed_sources_contact_id", departed_sources.c.contact_id)
Index("ix_departed_sources_row", departed_sources.c.crm, departed_sources.c.crm_id)


def homes(tx: Connection, crm: str, crm_ids: Collection[str]) -> dict[str, int]:
    """The contact of each of these rows that we know."""
    statement = text("select crm_id, contact_id from contact_sources where crm = :crm and crm_id = any(:ids)")
    return {row.crm_id: row.contact_id for row in tx.execute(statement, {"crm": crm, "ids": sorted(crm_ids)})}


def known(tx: Connection, crm: str) -> int:
    """How many rows of a CRM we know."""
    return int(tx.execute(text("select count(*) from contact_sources where crm = :crm"), {"crm": crm}).scalar_one())


def gone_since(tx: Connection, crm: str, since: datetime) -> int:
    """How many of its rows a CRM has said to be gone since then."""
    statement = text("""
        select count(*) from departed_sources where crm = :crm and fate = 'gone' and departed_at > :since""")
    return int(tx.execute(statement, {"crm": crm, "since": since}).scalar_one())


def depart(tx: Connection, crm: str, fates: Mapping[str, str], now: datetime) -> None:
    """Move these rows into the journal, each with its fate."""
    statement = text("""
        with gone as (
            delete from contact_sources s using jsonb_each_text(cast(:fates as jsonb)) f
            where s.crm = :crm and s.crm_id = f.key returning s.*, f.value as fate)
        insert into departed_sources (crm, crm_id, contact_id, fields, phone, fate, departed_at)
        select crm, crm_id, contact_id, fields, phone, fate, :now from gone order by crm_id""")
    tx.execute(statement, {"crm": crm, "fates": document(dict(fates)), "now": now})


def freed(tx: Connection, phones: Collection[str], most: int) -> dict[tuple[str, str], str]:
    """Of the numbers among these that were shared by too many and now are in `most` rows or fewer, one row each:
    (CRM, its id) -> number."""
    statement = text("""
        select min(array[crm, crm_id]) as row, phone from contact_sources
        where phone = any(:phones) and phone_problem = 'shared' group by phone having count(*) <= :most""")
    rows = tx.execute(statement, {"phones": sorted(phones), "most": most}) if phones else ()
    return {(row.row[0], row.row[1]): row.phone for row in rows}


def forget_old(tx: Connection, before: datetime) -> int:
    """Forget what departed before this moment; returns how many rows."""
    return tx.execute(text("delete from departed_sources where departed_at < :before"), {"before": before}).rowcount
