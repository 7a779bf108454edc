"""Personal data: which rows of which table are about one person (GDPR Art. 15 and 17).

Said once for every table of the schema, and followed by both the export and the erasure. A table with a column
`contact_id`, or `crm` and `crm_id`, is understood by itself; any other has its condition in `ABOUT`, or its reason to
be left alone in `NOBODYS`. A test fails for a table that is none of these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, text

from syncer.store.base import metadata
from syncer.store.traces import Traces

_OF_CONTACT = "t.contact_id = any(:ids)"
_OF_ROW = "(t.crm, t.crm_id) in (select * from unnest(cast(:crms as text[]), cast(:crm_ids as text[])))"
_OF_SUBJECT = """(t.subject = 'inbox' and t.subject_id = any(:inbox))
    or (t.subject = 'outgoing' and t.subject_id = any(:outgoing))
    or (t.subject = 'crm_write' and t.subject_id = any(:crm_writes))
    or (t.subject = 'crm_notice' and t.subject_id = any(:crm_notices))
    or (t.subject = 'media' and t.subject_id = any(:media))
    or (t.subject = 'hook_delivery' and t.subject_id = any(:hook_deliveries))"""

#: Conditions over a row `t` that the columns do not tell, with the values of `traces.Traces`.
ABOUT: Mapping[str, str] = {
    "contacts": "t.id = any(:ids)",
    # Not by the row's id: a CRM may have given it to somebody else since.
    "departed_sources": _OF_CONTACT,
    "inbox": "t.id = any(:inbox)",
    "early_statuses": """t.wamid = any(:wamids) or t.recipient ->> 'phone' = any(:phones)
        or t.recipient ->> 'user_id' = any(:user_ids) or split_part(t.callback_data, '.', 1) = any(:refs)""",
    "opt_ins": "t.outgoing_id = any(:outgoing)",
    "dead_letters": _OF_SUBJECT,
    "retries": _OF_SUBJECT,
    "row_separations": f"t.kept_id = any(:ids) or t.apart_id = any(:ids) or {_OF_ROW}",
    "merge_suggestions": "t.one_id = any(:ids) or t.other_id = any(:ids)",
    # Also what was joined to a contact while this person was part of it: its picture of then shows both.
    "contact_joins": """t.kept_id = any(:ids) or t.absorbed_id = any(:ids) or exists (
        select 1 from contact_joins u where u.absorbed_id = any(:ids) and u.kept_id in (t.kept_id, t.absorbed_id)
            and t.joined_at between u.joined_at and u.undone_at)""",
    "crm_notices": "t.id = any(:crm_notices)",
    "sync_seen": """t.crm_id = any(:crm_ids) and (t.run_id, t.crm_id) in (
        select r.id, w.crm_id from sync_runs r
        join unnest(cast(:crms as text[]), cast(:crm_ids as text[])) w(crm, crm_id) using (crm))""",
    "sync_runs": """exists (select 1 from jsonb_array_elements(t.parked) p where (t.crm, p ->> 'crm_id') in (
        select * from unnest(cast(:crms as text[]), cast(:crm_ids as text[]))))""",
}

#: What an erasure does where it does not delete the rows.
_EMPTIED: Mapping[str, str] = {
    # The key stays until retention takes it: the platform repeats a delivery for seven days, and a repeat that is not
    # recognised would bring the person back.
    "inbox": """update inbox t set payload = '{}', order_key = item_id, reason = 'erased',
        state = case when state in ('done', 'ignored') then state else 'ignored' end where """,
    "sync_runs": """update sync_runs t set parked = (
        select coalesce(jsonb_agg(p order by n), '[]') from jsonb_array_elements(t.parked) with ordinality e(p, n)
        where not (t.crm, p ->> 'crm_id') in (
            select * from unnest(cast(:crms as text[]), cast(:crm_ids as text[])))) where """,
}

#: Exported, and left by an erasure.
KEPT: Mapping[str, str] = {
    "sync_seen": "which rows a sync has met so far; forgotten at its end, and what is missing there seems deleted",
    "reached": "a number and a moment that count against the platform's daily limit; forgotten after 25 hours",
}

#: Tables that hold nothing about a customer.
NOBODYS: Mapping[str, str] = {
    "account": "the state of the company's own account",
    "alerts": "troubles of templates, numbers and syncs",
    "api_keys": "keys of other programs, hashed",
    "batches": "sizes and times of a campaign's parts",
    "campaigns": "which template is sent, and when",
    "crm_breakers": "which CRMs do not answer",
    "doors": "when the platform found our door shut",
    "erased_identifiers": "keyed hashes of those who were erased; part of the proof",
    "erasures": "the proof of an erasure",
    "idempotent_requests": "hashes of requests and the numbers they were answered with; forgotten after 7 days",
    "hook_subscriptions": "addresses of other programs, and what they want to hear of",
    "numbers": "the company's own telephone numbers",
    "reply_polls": "when the CRMs were asked last",
    "sweeps": "when the house was swept",
    "template_pulls": "when the templates were read",
    "templates": "texts without a name in them",
    "workers": "processes of ours",
}


def condition(table: Table) -> str | None:
    """Which rows `t` of a table are about a person; None: none are."""
    if table.name in NOBODYS:
        return None
    if table.name in ABOUT:
        return ABOUT[table.name]
    known = [_OF_CONTACT] if "contact_id" in table.c else []
    known += [_OF_ROW] if {"crm", "crm_id"} <= set(table.c.keys()) else []
    return " or ".join(known) or None


def unexplained() -> list[str]:
    """Tables of which nobody has said whether they hold anything about a person."""
    return [table.name for table in metadata.sorted_tables if condition(table) is None and table.name not in NOBODYS]


def _conditions() -> Iterator[tuple[str, str]]:
    for table in metadata.sorted_tables:
        if found := condition(table):
            yield str(table.name), found


def _readable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


def of_one_moment(tx: Connection) -> None:
    """What this transaction reads hangs together; its first statement."""
    tx.execute(text("set transaction isolation level repeatable read, read only"))


def rows(tx: Connection, traces: Traces) -> dict[str, list[dict[str, Any]]]:
    """Every row about this person, by table; tables without any are left out."""
    found = {}
    for name, about in _conditions():
        statement = f"select t.* from {name} t where {about} order by t"
        some = [_readable(row._mapping) for row in _run(tx, statement, about, traces)]
        if some:
            found[name] = some
    return found


def crm_rows(tx: Connection, contact_id: int) -> Sequence[Row[Any]]:
    """What each CRM says of this contact, the word of the row that changed last first."""
    statement = text("""
        select * from contact_sources where contact_id = :id order by changed_at desc nulls last, crm, crm_id""")
    return tx.execute(statement, {"id": contact_id}).fetchall()


def counts(tx: Connection, traces: Traces) -> dict[str, int]:
    """How many rows about this person an erasure would delete or empty, by table."""
    found = {
        name: _run(tx, f"select count(*) from {name} t where {about}", about, traces).scalar_one()
        for name, about in _conditions()
        if name not in KEPT
    }
    return {name: count for name, count in found.items() if count}


def erase(tx: Connection, traces: Traces) -> dict[str, int]:
    """Delete or empty every row about this person; returns how many of each table. What refers to a row goes before
    it."""
    found = {}
    for name, about in reversed(list(_conditions())):
        if name not in KEPT:
            statement = _EMPTIED.get(name, f"delete from {name} t where ") + f"({about})"
            found[name] = _run(tx, statement, statement, traces).rowcount
    return {name: count for name, count in found.items() if count}


def _run(tx: Connection, statement: str, named_in: str, traces: Traces) -> Any:
    values = {name: value for name, value in traces.values().items() if f":{name}" in named_in}
    return tx.execute(text(statement), values)
