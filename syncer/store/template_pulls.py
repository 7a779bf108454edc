"""When the account's catalogue of templates was last read, by whom it is being read, and whether it has to be read
again: one row (R13)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Boolean, CheckConstraint, Column, Connection, Row, Table, Text, select, text

from syncer.store.base import metadata, moment

template_pulls = Table(
    "template_pulls",
    metadata,
    Column("one", Boolean, CheckConstraint("one"), primary_key=True, server_default="true"),
    moment("started_at"),
    # The last that came to a good end; none: nobody knows the account's templates.
    moment("done_at"),
    # Something was told or refused that the table cannot explain.
    moment("wanted_at"),
    # When the last look for templates that fail for everyone was taken.
    moment("judged_at"),
    Column("error", Text),
)


def state(tx: Connection) -> Row[tuple[datetime | None, ...]] | None:
    """The row; None when nothing was ever asked."""
    return tx.execute(select(template_pulls)).one_or_none()


def known(tx: Connection) -> bool:
    """Whether the catalogue was ever read to its end."""
    row = state(tx)
    return row is not None and row.done_at is not None


def begin(tx: Connection, now: datetime, *, every: timedelta, gap: timedelta) -> bool:
    """Claim the reading that is due: never done, asked for, or older than `every`; false when none is, or when one was
    begun less than `gap` ago. A reader that dies is replaced after the gap."""
    _row(tx)
    statement = text("""
        update template_pulls set started_at = :now
        where (done_at is null or wanted_at > done_at or done_at <= :stale)
          and (started_at is null or started_at <= :gap)""")
    return tx.execute(statement, {"now": now, "stale": now - every, "gap": now - gap}).rowcount == 1


def done(tx: Connection, asked_at: datetime) -> None:
    """The whole catalogue was read; it was asked for at `asked_at`."""
    _row(tx)
    tx.execute(text("update template_pulls set done_at = :asked, error = null"), {"asked": asked_at})


def failed(tx: Connection, error: str, now: datetime) -> None:
    """It could not be read."""
    _row(tx)
    tx.execute(text("update template_pulls set error = :error, started_at = :now"), {"error": error, "now": now})


def want(tx: Connection, now: datetime) -> None:
    """Somebody has to look at the catalogue again soon."""
    _row(tx)
    tx.execute(text("update template_pulls set wanted_at = :now"), {"now": now})


def begin_judging(tx: Connection, now: datetime, every: timedelta) -> bool:
    """Claim the look for templates that fail for everyone; false when the last was less than `every` ago."""
    _row(tx)
    statement = text("update template_pulls set judged_at = :now where judged_at is null or judged_at <= :before")
    return tx.execute(statement, {"now": now, "before": now - every}).rowcount == 1


def _row(tx: Connection) -> None:
    tx.execute(text("insert into template_pulls default values on conflict do nothing"))
