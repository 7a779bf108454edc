"""Messages that the company's people write into a table to be sent (R22): which wait, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, or_, select

from syncer.crm import moments
from syncer.crm.sql.mapping import Outgoing
from syncer.crm.sql.reading import key_text, key_value
from syncer.crm.sql.tables import is_text
from syncer.crm.sql.values import Values, fit, fit_key
from syncer.crm.sql.views import readable
from syncer.crm.sql.writes import change
from syncer.domain.crm_record import AgentReply, TakenReply, WriteResult
from syncer.domain.errors import Never, TryAgain
from syncer.domain.status import Status
from syncer.domain.text import storable

#: So many in one answer; what is left is there when these have been taken.
MOST = 300
_BIGGEST_KEY = 2**63
#: How often a locked row is looked at again, and after what time each.
_PATIENCE = 10
_GLANCE_SECONDS = 0.05
#: SQL Server's way to lock what nobody else has locked.
_FREE = "WITH (UPDLOCK, READPAST, ROWLOCK)"
_TEXTS = ("phone", "template", "language", "reply_to", "author")


def waiting(engine: Engine, table: Outgoing, record_ids: Sequence[str] | None = None) -> list[AgentReply]:
    """What is to be sent: of these records or of all, the oldest first, `MOST` of them."""
    statement = _statement(table, engine.dialect.name).where(_waits(table)).limit(MOST)
    if record_ids is not None:
        statement = statement.where(table.columns["key"].in_(_keys(table, record_ids)))
    with engine.connect() as connection:
        return [_reply(table, row) for row in connection.execute(statement)]


def _statement(table: Outgoing, dialect: str) -> Any:
    shown = [readable(column, dialect).label(f"told_{role}") for role, column in table.columns.items()]
    order = [table.columns[role] for role in ("written_at", "key") if role in table.columns]
    return select(*shown).order_by(*order)


def _waits(table: Outgoing) -> ColumnElement[bool]:
    status = table.columns.get("status")
    ref = table.columns["ref"]
    if status is not None:
        waits: ColumnElement[bool] = status == table.to_send
        return waits
    return or_(ref.is_(None), ref == "") if is_text(ref) else ref.is_(None)


def _keys(table: Outgoing, record_ids: Sequence[str]) -> list[Any]:
    """The ids as keys, those left out that no row of this table can have."""
    found = (_key(table, record_id) for record_id in record_ids)
    return [key for key in found if key is not None]


def _key(table: Outgoing, record_id: str) -> Any:
    try:
        key = key_value(table.columns["key"], storable(record_id))
    except ValueError:
        return None
    return key if not isinstance(key, int) or abs(key) < _BIGGEST_KEY else None


def _reply(table: Outgoing, row: Row[Any]) -> AgentReply:
    told = {role: value for role, value in zip(table.columns, row, strict=True) if value is not None}
    customer = table.columns.get("customer")
    return AgentReply(
        record_id=key_text(table.columns["key"])(told["key"]),
        crm_contact_id=key_text(customer)(told["customer"]) if customer is not None and "customer" in told else None,
        body=storable(str(told.get("body", ""))),
        written_at=_moment(told.get("written_at")),
        **{role: (storable(str(told[role])).strip() or None) if role in told else None for role in _TEXTS},
    )


def _moment(value: Any) -> datetime | None:
    return None if value is None else moments.moment(value)


def take(tx: Connection, table: Outgoing, taken: Sequence[TakenReply]) -> list[WriteResult]:
    """Write on these records what became of them. A record that was taken keeps its ref, and a status that has climbed
    since stays; one that somebody holds locked is for later."""
    keys = {one.record_id: _key(table, one.record_id) for one in taken}
    wanted = sorted({key for key in keys.values() if key is not None}, key=str)
    rows, locked = _rows(tx, table, wanted)
    changes: dict[Any, Values] = {}
    results = []
    for one in taken:
        key = keys[one.record_id]
        if key in rows:
            new = _news(table, rows[key] | changes.get(key, {}), one)
            changes.setdefault(key, {}).update(new)
        results.append(_result(one, there=key in rows, locked=key in locked))
    columns = {role: column.name for role, column in table.columns.items()}
    change(
        tx,
        table.columns["key"],
        {key: {columns[role]: value for role, value in new.items()} for key, new in changes.items()},
    )
    return results


def _rows(tx: Connection, table: Outgoing, keys: Sequence[Any]) -> tuple[dict[Any, Values], set[Any]]:
    """The rows by key, locked for us, and the keys of those that somebody else keeps locked. Another worker of ours
    does for some milliseconds only, a person for as long as they think."""
    rows = _lock(tx, table, keys)
    for _ in range(_PATIENCE):
        held = _there(tx, table, [key for key in keys if key not in rows])
        if not held:
            return rows, set()
        time.sleep(_GLANCE_SECONDS)
        rows |= _lock(tx, table, sorted(held, key=str))
    return rows, _there(tx, table, [key for key in keys if key not in rows])


def _lock(tx: Connection, table: Outgoing, keys: Sequence[Any]) -> dict[Any, Values]:
    """Those of the rows that nobody holds."""
    if not keys:
        return {}
    key = table.columns["key"]
    roles = [role for role in ("ref", "status", "error") if role in table.columns]
    asked = select(key.label("row_key"), *(table.columns[role].label(f"old_{role}") for role in roles))
    asked = asked.where(key.in_(keys)).order_by(key).with_for_update(skip_locked=_can_skip(tx))
    told, names = key_text(key), {key_text(key)(one): one for one in keys}
    rows = tx.execute(asked.with_hint(table.table, _FREE, "mssql")).fetchall()
    return {names[told(row[0])]: dict(zip(roles, row[1:], strict=True)) for row in rows if told(row[0]) in names}


def _there(tx: Connection, table: Outgoing, keys: Sequence[Any]) -> set[Any]:
    """Those of the rows that are there, whoever holds them."""
    if not keys:
        return set()
    key = table.columns["key"]
    told, names = key_text(key), {key_text(key)(one): one for one in keys}
    asked = select(key).where(key.in_(keys)).with_hint(table.table, "WITH (NOLOCK)", "mssql")
    return {names[told(one)] for one in tx.execute(asked).scalars() if told(one) in names}


def _can_skip(tx: Connection) -> bool:
    """Whether the database passes over locked rows; elsewhere its own patience with locks ends the waiting."""
    dialect: Any = tx.dialect
    version = dialect.server_version_info or ()
    if getattr(dialect, "is_mariadb", False):
        return version >= (10, 6)
    return dialect.name == "postgresql" or (dialect.name == "mysql" and version >= (8,))


def _news(table: Outgoing, old: Values, one: TakenReply) -> Values:
    """What has to change in a row, by role."""
    ref = fit_key(table.columns["ref"], one.ref)
    blank = old["ref"] is None or old["ref"] == ""
    again = _is_to_send(table, old) and not blank
    if not (blank or old["ref"] == ref or again):
        return {}
    new: Values = {"ref": ref} if blank else {}
    if one.error is not None and not _has_climbed(old):
        new |= {"status": table.failed, "error": _fitted(table, "error", one.error)}
    elif blank or again:
        new |= {"status": table.taken, "error": None}
    return {role: value for role, value in new.items() if role in table.columns and old.get(role) != value}


def _is_to_send(table: Outgoing, old: Values) -> bool:
    return "status" in table.columns and old["status"] == table.to_send


def _has_climbed(old: Values) -> bool:
    """Whether the platform has said already that the message arrived: what is told late takes nothing back."""
    return old.get("status") in {Status.DELIVERED, Status.READ, Status.PLAYED}


def _fitted(table: Outgoing, role: str, value: Any) -> Any:
    return fit(table.columns[role], value) if role in table.columns else None


def _result(one: TakenReply, *, there: bool, locked: bool) -> WriteResult:
    if there:
        return WriteResult(one.ref, one.record_id)
    if locked:
        return WriteResult(one.ref, error=TryAgain(f"the record {one.record_id} is locked by somebody else"))
    return WriteResult(one.ref, error=Never(f"the record {one.record_id} is not there any more"), gone=True)
