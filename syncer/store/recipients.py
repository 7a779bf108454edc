"""Who was reached when: what the messaging limit (R14) and the rate per person (X5) are counted from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Index, Table, text

from syncer.store.base import metadata, moment

# Without a foreign key: a person who is merged or erased was reached all the same, and still counts until tomorrow.
reached = Table(
    "reached",
    metadata,
    Column("contact_id", BigInteger, primary_key=True, autoincrement=False),
    # When a template last went to them outside a customer service window.
    moment("reached_at", nullable=False),
)
Index("ix_reached_at", reached.c.reached_at)

_TURN_CLASS = 0x5C03


def take_turn(tx: Connection) -> None:
    """Wait for the others who count; the turn ends with the transaction."""
    tx.execute(text("select pg_advisory_xact_lock(:cls, 1)"), {"cls": _TURN_CLASS})


def enter(tx: Connection, contact_ids: Iterable[int], now: datetime) -> None:
    """These are reached now."""
    statement = text("""
        insert into reached (contact_id, reached_at)
        select c, :now from unnest(cast(:ids as bigint[])) c order by c
        on conflict (contact_id) do update set reached_at = greatest(reached.reached_at, excluded.reached_at)""")
    ids = sorted(set(contact_ids))
    if ids:
        tx.execute(statement, {"ids": ids, "now": now})


def count(tx: Connection, since: datetime) -> int:
    """How many people were reached since then."""
    return int(
        tx.execute(text("select count(*) from reached where reached_at > :since"), {"since": since}).scalar_one()
    )


def among(tx: Connection, contact_ids: Iterable[int], since: datetime) -> set[int]:
    """Those of these people who were reached since then: writing to them again costs nothing of the limit."""
    statement = text("select contact_id from reached where contact_id = any(:ids) and reached_at > :since")
    return set(tx.execute(statement, {"ids": sorted(set(contact_ids)), "since": since}).scalars())


def oldest(tx: Connection, since: datetime) -> datetime | None:
    """When the first of those who count was reached: the limit has room again a day later."""
    statement = text("select min(reached_at) from reached where reached_at > :since")
    first: datetime | None = tx.execute(statement, {"since": since}).scalar_one()
    return first


def forget_old(tx: Connection, before: datetime) -> int:
    """Drop who does not count any more; returns how many."""
    return tx.execute(text("delete from reached where reached_at <= :before"), {"before": before}).rowcount


def busy_pairs(
    tx: Connection, contact_ids: Iterable[int], since: datetime, at_least: int
) -> dict[tuple[int, str], Sequence[datetime]]:
    """When messages left since then, in their order, for each (contact, number) with `at_least` so many. A message that
    was refused did not count; one that was planned more than a day before it left is not looked for."""
    statement = text("""
        select contact_id, phone_number_id, array_agg(sending_at order by sending_at) as moments from outgoing
        where contact_id = any(:ids) and planned_at > cast(:since as timestamptz) - interval '1 day'
          and sending_at > :since and state in ('sending', 'accepted', 'unknown')
        group by contact_id, phone_number_id having count(*) >= :at_least""")
    found = tx.execute(statement, {"ids": sorted(set(contact_ids)), "since": since, "at_least": at_least})
    return {(row.contact_id, row.phone_number_id): row.moments for row in found}
