"""What a person is told about the business numbers: raised when a trouble is first seen, ended when it is over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from syncer.domain.notice import AccountNotice, NumberNotice
from syncer.policies import failover
from syncer.policies.failover import Health, Leave, Line
from syncer.store import alerts

#: Nothing is sent at all.
STOPPED = "account:stopped"
LIMIT = "account:messaging_limit"
#: Templates go by another number than the primary, or by none.
WAY = "numbers:failover"
UNREADABLE = "numbers:unreadable"

#: Display names that customers see, or that need no review (phone-numbers page); an empty one was never looked at.
NAMES_IN_ORDER = frozenset({"", "APPROVED", "AVAILABLE_WITHOUT_REVIEW", "NONE"})


def paused(number: str) -> str:
    """The key of a number's pause."""
    return f"number:{number}:paused"


def told(notice: AccountNotice) -> str:
    """The key of what the platform told about the account; how an event went on (after a colon) is the same trouble."""
    return f"account:{notice.field}:{notice.event.partition(':')[0]}"


def health(tx: Connection, is_: Health, name_status: str | None, now: datetime) -> None:
    """Status, quality and display name of one number; a name that is None was not told."""
    word = (
        is_.status if is_.can_send != "BLOCKED" else f"{is_.status or 'BLOCKED'}, and the platform blocks its messages"
    )
    level = alerts.WARNING if is_.fit else alerts.CRITICAL
    _raise_or_end(tx, f"number:{is_.id}:status", None if is_.well else f"number {is_.id} is {word}", now, level)
    bad = "customers complain: marketing from it should stop" if is_.quality == "RED" else None
    _raise_or_end(tx, f"number:{is_.id}:quality", bad and f"the quality of number {is_.id} is RED; {bad}", now)
    if name_status is not None:
        trouble = None if name_status in NAMES_IN_ORDER else f"the display name of number {is_.id} is {name_status}"
        _raise_or_end(tx, f"number:{is_.id}:name", trouble, now)


def renamed(tx: Connection, number: str, notice: NumberNotice, now: datetime) -> None:
    """A decision on a new display name; the old one stays until the new one is approved."""
    decision = f"{notice.name_status}" + (f" ({notice.detail})" if notice.detail else "")
    trouble = f"a new display name of number {number} is {decision}"
    _raise_or_end(tx, f"number:{number}:rename", None if notice.name_status == "APPROVED" else trouble, now)


def limit(tx: Connection, before: int | None, value: int | None, now: datetime) -> None:
    """The messaging limit changed; nobody is told when it was raised."""
    if before is not None and value is not None and value < before:
        alerts.sound(tx, LIMIT, f"the messaging limit fell from {before} to {value} people per 24 hours", now)
    elif before is not None and (value is None or value > before):
        alerts.end(tx, LIMIT, now)


def way(tx: Connection, line: Line, now: datetime) -> None:
    """Which number templates go by, where it is not the primary."""
    found = failover.present_way(line, now)
    if isinstance(found, Leave):
        trouble = None if found.by == line.primary else f"templates go by number {found.by}: {found.reason}"
    else:
        trouble = f"templates wait: {found.reason}"
    _raise_or_end(tx, WAY, trouble, now)


def _raise_or_end(tx: Connection, key: str, trouble: str | None, now: datetime, level: str = alerts.WARNING) -> None:
    if trouble is None:
        alerts.end(tx, key, now)
    else:
        alerts.sound(tx, key, trouble, now, level=level)
