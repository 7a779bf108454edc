"""The business numbers and their account: what the platform says of each, and what keeps us from sending (R11, R12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, Row, Table, Text, func, select, text
from sqlalchemy.dialects.postgresql import insert

from syncer.store.base import metadata, moment

numbers = Table(
    "numbers",
    metadata,
    Column("phone_number_id", Text, primary_key=True),
    Column("display_phone_number", Text, nullable=False, server_default=""),
    Column("verified_name", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default=""),
    Column("quality", Text, nullable=False, server_default="UNKNOWN"),
    Column("name_status", Text, nullable=False, server_default=""),
    Column("code_verification_status", Text, nullable=False, server_default=""),
    Column("throughput", Text, nullable=False, server_default=""),
    # Different people per 24 hours, over all numbers of the portfolio; null is no limit, or none told yet.
    Column("messaging_limit", BigInteger),
    Column("can_send", Text, nullable=False, server_default=""),
    Column("on_business_app", Boolean, nullable=False, server_default="false"),
    # When the platform's word on it last turned from bad to good.
    moment("well_since"),
    # We stop by ourselves until then, on the word of an error or of the limiter; `paused_reason` says which.
    moment("paused_at"),
    moment("paused_until"),
    Column("paused_reason", Text),
    # The number's own rate or quota is used up until then: templates go by the other number meanwhile.
    moment("exhausted_until"),
    Column("exhausted_reason", Text),
    moment("changed_at", nullable=False),
    moment("checked_at"),
)

#: One row, number 1: what holds for all numbers.
account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    # Nothing leaves while there is a reason and `stopped_until` has not come; null is until further notice.
    Column("stopped_reason", Text),
    moment("stopped_at"),
    moment("stopped_until"),
    # A person's order: auto, primary or backup.
    Column("sends_by", Text, nullable=False, server_default="auto"),
    Column("sends_by_who", Text),
    moment("sends_by_at"),
)

#: What of a number's row the platform says.
TOLD = (
    "display_phone_number",
    "verified_name",
    "status",
    "quality",
    "name_status",
    "code_verification_status",
    "throughput",
    "messaging_limit",
    "can_send",
    "on_business_app",
)


def all_of_them(tx: Connection, *, lock: bool = False) -> dict[str, Row[Any]]:
    """Every number by its id; locked where the caller means to change them."""
    statement = select(numbers).order_by(numbers.c.phone_number_id)
    return {row.phone_number_id: row for row in tx.execute(statement.with_for_update() if lock else statement)}


def unclear(tx: Connection, late: datetime) -> bool:
    """Whether the platform should be asked: never done, not since `late`, or not since a number was paused or the
    account stopped."""
    statement = text("""
        select coalesce(max(checked_at), '-infinity') <= :late or max(paused_at) > max(checked_at)
            or (select stopped_at from account where id = 1) > max(checked_at) from numbers""")
    return bool(tx.execute(statement, {"late": late}).scalar_one())


def save(tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Enter numbers, or change the columns named; all rows name the same ones. `changed_at` is needed."""
    if not rows:
        return
    statement = insert(numbers)
    changes = {name: statement.excluded[name] for name in rows[0] if name != "phone_number_id"}
    ordered = sorted(rows, key=lambda row: str(row["phone_number_id"]))
    tx.execute(statement.on_conflict_do_update(index_elements=["phone_number_id"], set_=changes), ordered)


def pause(tx: Connection, number: str, until: datetime, reason: str, now: datetime) -> None:
    """Hold a number; a longer pause that runs already stays."""
    statement = text("""
        insert into numbers (phone_number_id, paused_at, paused_until, paused_reason, changed_at)
        values (:number, :now, :until, :reason, :now)
        on conflict (phone_number_id) do update set paused_at = excluded.paused_at,
            paused_until = greatest(numbers.paused_until, excluded.paused_until),
            paused_reason = excluded.paused_reason, changed_at = excluded.changed_at""")
    tx.execute(statement, {"number": number, "until": until, "reason": reason, "now": now})


def exhaust(tx: Connection, number: str, until: datetime, reason: str, now: datetime) -> None:
    """A number's rate is used up; a longer wait that runs already stays."""
    statement = text("""
        insert into numbers (phone_number_id, exhausted_until, exhausted_reason, changed_at)
        values (:number, :until, :reason, :now)
        on conflict (phone_number_id) do update set
            exhausted_until = greatest(numbers.exhausted_until, excluded.exhausted_until),
            exhausted_reason = excluded.exhausted_reason, changed_at = excluded.changed_at""")
    tx.execute(statement, {"number": number, "until": until, "reason": reason, "now": now})


def end_pauses(
    tx: Connection, ids: Sequence[str], before: datetime, now: datetime, well_since: datetime | None = None
) -> list[str]:
    """Let numbers send again that were paused before that moment and are so still; returns which. What their rate or
    quota has used up is not affected."""
    statement = text("""
        update numbers set paused_until = null, paused_reason = null, paused_at = null, well_since = :well_since,
            changed_at = :now
        where phone_number_id = any(:ids) and paused_at <= :before and paused_until > :now
        returning phone_number_id""")
    values = {"ids": list(ids), "before": before, "now": now, "well_since": well_since}
    return sorted(tx.execute(statement, values).scalars())


def refresh(tx: Connection, ids: Sequence[str], now: datetime) -> None:
    """A person says that these may send at once: nothing of the past is held against them."""
    statement = text("""
        update numbers set exhausted_until = null, exhausted_reason = null, well_since = null, changed_at = :now
        where phone_number_id = any(:ids)""")
    tx.execute(statement, {"ids": list(ids), "now": now})


def limit(tx: Connection, value: int | None, now: datetime) -> int | None:
    """The portfolio's messaging limit is now `value` (None is no limit), for every number; returns what it was."""
    before = lowest_limit(tx)
    tx.execute(text("update numbers set messaging_limit = :value, changed_at = :now"), {"value": value, "now": now})
    return before


def lowest_limit(tx: Connection) -> int | None:
    """Different people per 24 hours that templates may reach outside windows; None is no limit."""
    lowest: int | None = tx.execute(select(func.min(numbers.c.messaging_limit))).scalar_one()
    return lowest


def line(tx: Connection) -> Sequence[Row[Any]]:
    """The account beside each number, in one query: a row without number when no number is known yet."""
    statement = text("""
        select n.phone_number_id, n.status, n.quality, n.can_send, n.paused_until, n.paused_reason, n.exhausted_until,
            n.well_since, a.sends_by, a.stopped_reason, a.stopped_until
        from (select 1) one left join account a on a.id = 1 left join numbers n on true""")
    return tx.execute(statement).fetchall()


def the_account(tx: Connection) -> Row[Any] | None:
    """What holds for all numbers; None when nothing ever did."""
    return tx.execute(select(account).where(account.c.id == 1)).one_or_none()


def stop_ended(tx: Connection, before: datetime) -> bool:
    """Whether the last stop ran out before that moment and was not renewed since."""
    statement = text("select exists (select 1 from account where stopped_until <= :before)")
    return bool(tx.execute(statement, {"before": before}).scalar_one())


def stop(tx: Connection, reason: str, until: datetime | None, now: datetime) -> None:
    """Nothing leaves any more; null `until` is until further notice. A stop that runs longer stays."""
    statement = text("""
        insert into account (id, stopped_reason, stopped_at, stopped_until) values (1, :reason, :now, :until)
        on conflict (id) do update set stopped_reason = excluded.stopped_reason, stopped_at = excluded.stopped_at,
            stopped_until = case
                when account.stopped_reason is null then excluded.stopped_until
                when account.stopped_until is null or excluded.stopped_until is null then null
                else greatest(account.stopped_until, excluded.stopped_until) end""")
    tx.execute(statement, {"reason": reason, "until": until, "now": now})


def end_stop(tx: Connection, before: datetime, now: datetime) -> bool:
    """Go on after a stop from before that moment; false when nothing was stopped still."""
    statement = text("""
        update account set stopped_reason = null, stopped_at = null, stopped_until = null
        where id = 1 and stopped_reason is not null and stopped_at <= :before
          and (stopped_until is null or stopped_until > :now)""")
    return tx.execute(statement, {"before": before, "now": now}).rowcount == 1


def direct(tx: Connection, to: str, who: str, now: datetime) -> None:
    """A person's order by which number templates go."""
    statement = text("""
        insert into account (id, sends_by, sends_by_who, sends_by_at) values (1, :to, :who, :now)
        on conflict (id) do update set sends_by = excluded.sends_by, sends_by_who = excluded.sends_by_who,
            sends_by_at = excluded.sends_by_at""")
    tx.execute(statement, {"to": to, "who": who, "now": now})
