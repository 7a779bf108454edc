"""Claiming rows: which worker handles what, for how long, and what becomes of the claims of the dead (law 4).

Works on any table built with `claim_columns`. Claimers of one table take turns for the milliseconds a claim takes (an
advisory lock that ends with the transaction); that is what makes "one person's items go to one worker at a time, in
order" (law 12) a plain query instead of a race.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, text, update

from syncer.store.workers import LIVING

_TURN_CLASS = 0x5C02


@dataclass(frozen=True, slots=True)
class Claimable:
    """A table of claimable rows. `order` is the SQL order in which they are due; rows that agree in all columns of
    `order_key` must stay in it. `ready` and `held` are the two states a claim moves between; `counts` says whether a
    claim is an attempt."""

    table: Table
    turn: int
    order: str
    order_key: tuple[str, ...] = ()
    ready: str = "pending"
    held: str = "claimed"
    counts: bool = True
    blocked_by: tuple[str, ...] = ("claimed", "waiting")


def claim(
    tx: Connection,
    rows: Claimable,
    worker: int,
    *,
    now: datetime,
    lease_seconds: float,
    limit: int,
    where: str = "true",
    values: Mapping[str, object] | None = None,
) -> Sequence[Row[Any]]:
    """Take up to `limit` ready rows for `worker`, in their order; `where` (over `r`) and its `values` narrow the
    choice.

    Attempts are counted here, before any work, so that a row that kills its worker every time is noticed.
    """
    take_turn(tx, rows)
    name = rows.table.name
    statement = text(f"""
        with picked as (
            select * from {name} r where r.state = '{rows.ready}' and {where} and {_free(rows)}
            order by {rows.order} limit :limit for update skip locked)
        update {name} r
        set state = '{rows.held}', claimed_by = :worker, lease_until = :lease,
            attempts = r.attempts + {int(rows.counts)}
        from picked p where r.id = p.id and {_next_in_line(rows)} returning r.*""")
    bound = {"limit": limit, "worker": worker, "lease": now + timedelta(seconds=lease_seconds), **(values or {})}
    found = tx.execute(statement, bound).fetchall()
    return sorted(found, key=lambda row: tuple(getattr(row, part.strip()) for part in rows.order.split(",")))


def take_turn(tx: Connection, rows: Claimable) -> None:
    """Wait for the other claimers of this table; the turn ends with the transaction."""
    tx.execute(text("select pg_advisory_xact_lock(:cls, :turn)"), {"cls": _TURN_CLASS, "turn": rows.turn})


def try_turn(tx: Connection, name: str) -> bool:
    """Be the only one doing `name` until the transaction ends, or learn at once that somebody else is."""
    statement = text("select pg_try_advisory_xact_lock(:cls, hashtext(:name))")
    return bool(tx.execute(statement, {"cls": _TURN_CLASS, "name": name}).scalar_one())


def condemn(tx: Connection, rows: Claimable, ids: Sequence[int], attempts: int, state: str, reason: str) -> list[int]:
    """Take rows out of circulation that were claimed `attempts` times without an end; returns which."""
    if not ids:
        return []
    statement = text(f"""
        update {rows.table.name} set state = :state, reason = :reason
        where id = any(:ids) and attempts >= :attempts returning id""")
    values = {"state": state, "reason": reason, "ids": list(ids), "attempts": attempts}
    return list(tx.execute(statement, values).scalars())


def _free(rows: Claimable) -> str:
    """Nobody is at work on another row of this row's line."""
    if not rows.order_key:
        return "true"
    states = ", ".join(f"'{state}'" for state in rows.blocked_by)
    return f"not exists (select 1 from {rows.table.name} b where {_in_line(rows, 'b', 'r')} and b.state in ({states}))"


def _next_in_line(rows: Claimable) -> str:
    """No earlier row of the line was passed over, because somebody is changing it at this moment."""
    if not rows.order_key:
        return "true"
    earlier, this = (", ".join(f"{side}.{part.strip()}" for part in rows.order.split(",")) for side in ("e", "p"))
    return f"""not exists (select 1 from {rows.table.name} e
        where {_in_line(rows, "e", "p")} and e.state = '{rows.ready}' and ({earlier}) < ({this})
          and e.id not in (select id from picked))"""


def _in_line(rows: Claimable, one: str, other: str) -> str:
    return " and ".join(f"{one}.{column} = {other}.{column}" for column in rows.order_key)


def settle(
    tx: Connection, rows: Claimable, worker: int, ids: Iterable[int], state: str, now: datetime, reason: str = ""
) -> int:
    """End the claims on `ids` with `state`. Rows this worker no longer holds are left alone; returns how many were
    its."""
    return _move(tx, rows, worker, list(ids), {"state": state, "settled_at": now, "reason": reason or None})


def release(tx: Connection, rows: Claimable, worker: int, ids: Iterable[int], *, state: str | None = None) -> int:
    """Hand rows back unworked: waiting is not failing, so the attempt is taken back too (law 8)."""
    columns = rows.table.c
    return _move(
        tx, rows, worker, list(ids), {"state": state or rows.ready, "attempts": columns.attempts - int(rows.counts)}
    )


def _move(tx: Connection, rows: Claimable, worker: int, ids: list[int], values: dict[str, object]) -> int:
    if not ids:
        return 0
    columns = rows.table.c
    statement = (
        update(rows.table)
        .where(
            columns.id.in_(bindparam("ids", expanding=True)), columns.claimed_by == worker, columns.state == rows.held
        )
        .values(claimed_by=None, lease_until=None, **values)
    )
    return tx.execute(statement, {"ids": ids}).rowcount


def abandoned(tx: Connection, rows: Claimable, now: datetime, *, becomes: str) -> list[int]:
    """Take the claims from workers that died or overstayed their lease; the rows become `becomes`. Returns their
    ids."""
    statement = text(f"""
        update {rows.table.name} set state = :becomes, claimed_by = null, lease_until = null
        where state = '{rows.held}' and (lease_until < :now or claimed_by not in ({LIVING})) returning id""")
    return list(tx.execute(statement, {"becomes": becomes, "now": now}).scalars())


def reopen(tx: Connection, rows: Claimable, row_id: int, ended: Sequence[str]) -> bool:
    """Make a row that ended in one of these states ready again, with all of its attempts before it; false when it is in
    another state."""
    return _restart(tx, rows, row_id, ended, state=rows.ready, attempts=0, reason=None, settled_at=None)


def end(tx: Connection, rows: Claimable, row_id: int, ended: Sequence[str], *, state: str, reason: str) -> bool:
    """Give a row that ended in one of these states another end; false when it is in another state."""
    return _restart(tx, rows, row_id, ended, state=state, reason=reason)


def _restart(tx: Connection, rows: Claimable, row_id: int, ended: Sequence[str], **values: object) -> bool:
    columns = rows.table.c
    statement = update(rows.table).where(columns.id == row_id, columns.state.in_(list(ended)))
    return tx.execute(statement.values(claimed_by=None, lease_until=None, **values)).rowcount == 1
