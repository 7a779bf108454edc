"""Messages and tasks in the company's tables: one record per `ref`, however often it is written (R23, R24, R32)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from syncer.crm.message_changes import difference
from syncer.crm.sql.mapping import Records
from syncer.crm.sql.values import fit, fit_key
from syncer.crm.sql.writes import Values, add, change, present
from syncer.domain.crm_record import CrmMessage, CrmTask, WriteResult

#: Role of a column in the mapping -> what of a message stands there.
MESSAGE_ROLES = {
    "ref": "ref",
    "wamid": "wamid",
    "customer": "crm_contact_id",
    "direction": "direction",
    "kind": "kind",
    "body": "body",
    "status": "status",
    "status_at": "status_at",
    "sent_at": "occurred_at",
    "error": "error",
    "reply_to": "reply_to",
    "media_url": "media_url",
    "media_type": "media_type",
}
TASK_ROLES = {
    "ref": "ref",
    "customer": "crm_contact_id",
    "subject": "subject",
    "body": "body",
    "priority": "priority",
    "created_at": "created_at",
}
#: What a new task's status column says; whoever works on the task changes it.
OPEN = "open"

#: Roles that must be stored whole or not at all.
_EXACT = {"ref", "wamid", "customer"}


def write_messages(tx: Connection, records: Records, messages: Sequence[CrmMessage]) -> list[WriteResult]:
    """Insert the messages that are not there, update those that changed; all in the caller's transaction."""
    rows = _by_key(records, MESSAGE_ROLES, messages)
    if None in rows:
        raise ValueError(f"without its {records.key} the table '{records.table.name}' could not know it again")
    key = records.columns[records.key]
    columns = [column.label(role) for role, column in records.columns.items() if role != records.key]
    there = present(tx, key, list(rows), columns)
    add(tx, records.table, [_by_column(records, row) for name, row in rows.items() if name not in there])
    # The roles that decide bear the names of `CrmMessage`'s own fields.
    changes = {name: difference(dict(old._mapping), rows[name]) for name, old in there.items()}
    change(tx, key, {name: _by_column(records, told) for name, told in _alike(changes, there).items()})
    return [WriteResult(message.ref) for message in messages]


def _alike(changes: Mapping[Any, Values], there: Mapping[Any, Row[Any]]) -> dict[Any, Values]:
    """The changes of all rows in the same roles, so that one statement writes them; the rows are locked, and what a row
    has already is written as it is."""
    roles = sorted({role for told in changes.values() for role in told})
    return {
        name: {role: told[role] if role in told else there[name]._mapping[role] for role in roles}
        for name, told in changes.items()
        if told
    }


def write_tasks(tx: Connection, records: Records, tasks: Sequence[CrmTask]) -> list[WriteResult]:
    """Insert the tasks that are not there; one that is belongs to the person who works on it."""
    rows = _by_key(records, TASK_ROLES, tasks)
    there = present(tx, records.columns["ref"], list(rows), [])
    fresh = [row for name, row in rows.items() if name not in there]
    if "status" in records.columns:
        fresh = [{**row, "status": fit(records.columns["status"], OPEN)} for row in fresh]
    add(tx, records.table, [_by_column(records, row) for row in fresh])
    return [WriteResult(task.ref) for task in tasks]


def _by_key(records: Records, roles: dict[str, str], items: Sequence[CrmMessage | CrmTask]) -> dict[Any, Values]:
    """Each item's values by role, under its key and in the order of the keys; of two with one key the later."""
    rows = {row[records.key]: row for row in (_values(records, roles, item) for item in items)}
    return {key: rows[key] for key in sorted(rows, key=str)}


def _values(records: Records, roles: dict[str, str], item: CrmMessage | CrmTask) -> Values:
    return {
        role: (fit_key if role in _EXACT else fit)(column, getattr(item, roles[role]))
        for role, column in records.columns.items()
        if role in roles
    }


def _by_column(records: Records, values: Values) -> Values:
    return {records.columns[role].name: value for role, value in values.items()}
