"""Which CRMs are left in peace, until when and why: one row per CRM, shared by all workers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Column, Connection, Integer, Row, Table, Text, select, text, update
from sqlalchemy.dialects.postgresql import insert

from syncer.domain.standing import Standing
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
    # Until then somebody calls for all.
    moment("probe_until"),
    # What our credentials are refused for, such as `handoff`.
    Column("refused", ARRAY(Text), nullable=False, server_default="{}"),
    Column("error_code", Text),
    Column("reason", Text),
    moment("changed_at", nullable=False),
)


def all_of(tx: Connection) -> Mapping[str, Row[Any]]:
    """What is known of each CRM; one that never failed has no row."""
    return {row.crm: row for row in tx.execute(select(crm_breakers))}


def standing(tx: Connection, crm: str) -> Standing:
    """How a CRM stands at this moment."""
    return _standing(tx.execute(select(crm_breakers).where(crm_breakers.c.crm == crm)).one_or_none())


def hold(tx: Connection, crm: str, now: datetime) -> Standing:
    """How a CRM stands, and nobody else changes it until the transaction ends."""
    tx.execute(insert(crm_breakers).values(crm=crm, changed_at=now).on_conflict_do_nothing())
    return _standing(tx.execute(select(crm_breakers).where(crm_breakers.c.crm == crm).with_for_update()).one())


def write(tx: Connection, crm: str, standing: Standing, now: datetime, *, code: str = "", reason: str = "") -> None:
    """The CRM stands so from now on, for that reason."""
    values = {
        "failures": standing.failures,
        "open_since": standing.open_since,
        "retry_at": standing.retry_at,
        "probe_until": standing.probe_until,
        "refused": sorted(standing.refused),
        "error_code": code or None,
        "reason": reason or None,
        "changed_at": now,
    }
    tx.execute(update(crm_breakers).where(crm_breakers.c.crm == crm).values(values))


def take_probe(tx: Connection, crm: str, now: datetime, until: datetime) -> bool:
    """Be the one who asks for all, until then at most; false when somebody else is, or it is not time yet."""
    statement = text("""
        update crm_breakers set probe_until = :until where crm = :crm and open_since is not null
            and coalesce(retry_at, :now) <= :now and coalesce(probe_until, :now) <= :now""")
    return tx.execute(statement, {"crm": crm, "now": now, "until": until}).rowcount == 1


def give_back_probe(tx: Connection, crm: str) -> None:
    """There was nothing to ask for."""
    probed = update(crm_breakers).where(crm_breakers.c.crm == crm, crm_breakers.c.probe_until.is_not(None))
    tx.execute(probed.values(probe_until=None))


def troubled(tx: Connection, crm: str, what: str) -> bool:
    """Whether there is anything that a service of `what` changes: mostly not, and then nobody waits for the row."""
    statement = text("""
        select exists (select 1 from crm_breakers where crm = :crm
            and (failures > 0 or open_since is not null or :what = any(refused)))""")
    return bool(tx.execute(statement, {"crm": crm, "what": what}).scalar_one())


def _standing(row: Row[Any] | None) -> Standing:
    if row is None:
        return Standing()
    return Standing(row.failures, row.open_since, row.retry_at, row.probe_until, frozenset(row.refused))
