"""Messages that people write in the org to be sent (R22): a task of a contact, or a record of `WA_Message__c`, whose
status is `to_send`. Once taken it is the record of the message that it became.

A query sees what was saved a moment ago: nothing lags here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncer.crm import moments
from syncer.crm.agent_messages import INBOUND, MOST, TO_SEND, taking, waits
from syncer.crm.salesforce import soql
from syncer.crm.salesforce.call import Api
from syncer.crm.salesforce.mapping import REF, MessageShape
from syncer.crm.salesforce.messages import key
from syncer.crm.salesforce.writing import Record, read, write
from syncer.domain.crm_record import AgentReply, TakenReply, WriteResult
from syncer.domain.text import shorten, storable

_WRITTEN, _AUTHOR = "CreatedDate", "CreatedBy.Name"


def replies(api: Api, shape: MessageShape, record_ids: Sequence[str] | None) -> list[AgentReply]:
    """What is to be sent, the oldest first: of these records, or whatever there is. Raises `TryAgain`, `TryLater`,
    `FixCredentials`."""
    if "status" not in shape.roles:
        return []
    where = _waiting(shape)
    if record_ids is None:
        rows = _asked(api, shape, f"{where} ORDER BY {_WRITTEN}, Id LIMIT {MOST}")
    else:
        ids = [soql.long_id(one) for one in record_ids if soql.is_id(one)]
        parts = [_asked(api, shape, f"Id IN {soql.listed(part)} AND {where}") for part in soql.parts(ids)]
        rows = sorted((row for part in parts for row in part), key=lambda row: (str(row.get(_WRITTEN)), str(row["Id"])))
    return [_reply(row, shape) for row in rows if _waits(row, shape)]


def take_replies(api: Api, shape: MessageShape, taken: Sequence[TakenReply]) -> list[WriteResult]:
    """Write on each record which message it became, or why it will not leave. Raises as `replies`."""
    ids = {one.record_id: soql.long_id(one.record_id) for one in taken if soql.is_id(one.record_id)}
    names = [REF, *(shape.roles[role] for role in ("status", "error") if role in shape.roles)]
    there = {str(row.get("Id")): row for row in read(api, shape.known.name, names, "Id", ids.values())}
    known = {one: _by_role(there[long], shape) for one, long in ids.items() if long in there}
    found = taking(taken, known, "ENTITY_IS_DELETED", key)
    records = {one: {"Id": ids[one], **_fields(changes, shape)} for one, changes in found.changes.items()}
    outcomes = write(api, shape.known.name, "update", records)
    return found.results(taken, {one: outcome.error for one, outcome in outcomes.items()})


def _waiting(shape: MessageShape) -> str:
    """What only records to be sent fulfil; `!=` is fulfilled by an empty field too."""
    where = f"{shape.roles['status']} = {soql.literal(TO_SEND)} AND {REF} = null"
    direction = shape.roles.get("direction")
    return where if direction is None else f"{where} AND {direction} != {soql.literal(INBOUND)}"


def _waits(row: Mapping[str, Any], shape: MessageShape) -> bool:
    told = {role: row.get(shape.roles[role]) for role in ("status", "direction") if role in shape.roles}
    return waits(told.get("status"), row.get(REF), told.get("direction"))


def _asked(api: Api, shape: MessageShape, where: str) -> list[dict[str, Any]]:
    wanted = [shape.roles[role] for role in ("status", "direction", "reply_to") if role in shape.roles]
    names = ["Id", REF, shape.body, *([shape.contact] if shape.contact else []), *wanted, *shape.of_replies.values()]
    select = ",".join(dict.fromkeys([*names, _WRITTEN, _AUTHOR]))
    return api.rows(f"SELECT {select} FROM {shape.known.name} WHERE {where}")


def _reply(row: Mapping[str, Any], shape: MessageShape) -> AgentReply:
    told = {role: _text(row.get(name)) for role, name in shape.of_replies.items()}
    author = row.get("CreatedBy")
    return AgentReply(
        record_id=str(row["Id"]),
        crm_contact_id=_text(row.get(shape.contact)) if shape.contact else None,
        phone=told.get("phone"),
        body=str(row.get(shape.body) or ""),
        template=told.get("template"),
        language=told.get("language"),
        reply_to=_text(row.get(shape.roles["reply_to"])) if "reply_to" in shape.roles else None,
        written_at=moments.moment(row[_WRITTEN]) if row.get(_WRITTEN) else None,
        author=_text(author.get("Name")) if isinstance(author, dict) else None,
    )


def _text(value: object) -> str | None:
    return str(value) if value else None


def _by_role(row: Mapping[str, Any], shape: MessageShape) -> dict[str, Any]:
    told = {role: row.get(shape.roles[role]) for role in ("status", "error") if role in shape.roles}
    return {**told, "ref": row.get(REF)}


def _fields(changes: Mapping[str, Any], shape: MessageShape) -> Record:
    """A word that the org's list does not have is left out: the field is emptied, so that the record waits no more."""
    found: dict[str, Any] = {}
    for role, value in changes.items():
        name = REF if role == "ref" else shape.roles[role]
        if role == "status":
            found[name] = value if shape.known.takes(name, value) else None
        elif role == "error":
            found[name] = shorten(storable(value), shape.known.length(name)) if value else None
        else:
            found[name] = value
    return found
