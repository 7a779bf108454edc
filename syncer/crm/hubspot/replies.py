"""Messages that the company's people write in HubSpot to be sent: communications on the WhatsApp channel whose status
is `to_send` and that carry no reference of ours (R22).

They are found by search, whose index lags by seconds, or read by id, where nothing lags. Whom they go to is the one
contact that they are associated with; one with several contacts is sent to none of them, since it may be meant for
either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from syncer.crm import agent_messages, moments
from syncer.crm.agent_messages import MOST, TO_SEND
from syncer.crm.batches import chunks
from syncer.crm.exchange import objects, reading
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import BATCH, Api, is_id, parsed
from syncer.crm.hubspot.html_text import text_of
from syncer.crm.hubspot.mapping import MESSAGE_PROPERTIES, REF, TEMPLATE
from syncer.crm.hubspot.messages import KIND
from syncer.crm.hubspot.writing import Outcome, properties, read, write
from syncer.crm.side_by_side import both
from syncer.domain.crm_record import AgentReply, TakenReply, WriteResult
from syncer.domain.errors import Never

_CHANNEL, _BODY, _OWNER = "hs_communication_channel_type", "hs_communication_body", "hubspot_owner_id"
_WHATSAPP = "WHATS_APP"
_STATUS, _CONTACT = MESSAGE_PROPERTIES["status"], MESSAGE_PROPERTIES["crm_contact_id"]
_NAMES = [REF, TEMPLATE, *MESSAGE_PROPERTIES.values(), _CHANNEL, _BODY, _OWNER, "hs_timestamp"]
#: What taking a message changes: names of `CrmMessage` -> properties.
_TAKEN = {"ref": REF, "status": _STATUS, "error": MESSAGE_PROPERTIES["error"]}

Row = Mapping[str, Any]


def waiting(api: Api, owners: Mapping[str, str]) -> list[AgentReply]:
    """What the index shows as to be sent, the oldest first. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    filters = [
        {"propertyName": _STATUS, "operator": "EQ", "value": TO_SEND},
        {"propertyName": _CHANNEL, "operator": "EQ", "value": _WHATSAPP},
        {"propertyName": REF, "operator": "NOT_HAS_PROPERTY"},
    ]
    order = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    body = {"filterGroups": [{"filters": filters}], "sorts": order, "properties": _NAMES, "limit": MOST}
    try:
        found = parsed(api.search(KIND, body))
    except Never as error:
        raise reading(error) from error
    return _replies(api, objects(found.get("results")), owners)


def of_records(api: Api, record_ids: Sequence[str], owners: Mapping[str, str]) -> list[AgentReply]:
    """Of these records those that are to be sent, as they stand now. Raises as `waiting`."""
    ids = [one for one in record_ids if is_id(one)]
    return _replies(api, read(api, KIND, ids, _NAMES) if ids else [], owners)


def take(api: Api, taken: Sequence[TakenReply]) -> list[WriteResult]:
    """Give the records their reference, and those that will not leave the reason. Raises as `waiting`."""
    ids = [one.record_id for one in taken if is_id(one.record_id)]
    rows, people = both(partial(read, api, KIND, ids, [*_TAKEN.values(), _CONTACT]), partial(_contacts, api, ids))
    told = {str(row.get("id")): properties(row) for row in rows}
    known = {one: {role: values.get(name) for role, name in _TAKEN.items()} for one, values in told.items()}
    taking = agent_messages.taking(taken, known, "OBJECT_NOT_FOUND")
    inputs = {
        one: {"id": one, "properties": _named(told[one], people.get(one, [])) | _in_properties(changes)}
        for one, changes in taking.changes.items()
    }
    outcomes = write(api, KIND, "update", inputs)
    results = taking.results(taken, {one: outcome.error for one, outcome in outcomes.items()})
    return [_settled(result, outcomes) for result in results]


def _in_properties(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {_TAKEN[role]: value for role, value in changes.items()}


def _named(values: Row, people: Sequence[str]) -> dict[str, str]:
    """The contact that the agent wrote to, so that nobody ties the record to it once more."""
    return {_CONTACT: people[0]} if len(people) == 1 and not values.get(_CONTACT) else {}


def _settled(result: WriteResult, outcomes: Mapping[str, Outcome]) -> WriteResult:
    """A record that was deleted between the look and the write."""
    lost = errors.is_missing(outcomes.get(result.crm_id or "", Outcome()).error)
    return WriteResult(result.ref, error=result.error, gone=True) if lost else result


def _replies(api: Api, rows: Sequence[Row], owners: Mapping[str, str]) -> list[AgentReply]:
    """The rows that are to be sent; an index may show what was taken since, and a record may be asked for that is
    none."""
    told = {str(row.get("id")): properties(row) for row in rows}
    mine = {one: values for one, values in told.items() if _waits(values)}
    people = _contacts(api, mine) if mine else {}
    return [_reply(one, values, people.get(one, []), owners) for one, values in mine.items()]


def _waits(values: Row) -> bool:
    direction = values.get(MESSAGE_PROPERTIES["direction"])
    return values.get(_CHANNEL) == _WHATSAPP and agent_messages.waits(values.get(_STATUS), values.get(REF), direction)


def _reply(record_id: str, values: Row, people: Sequence[str], owners: Mapping[str, str]) -> AgentReply:
    template, _, language = str(values.get(TEMPLATE) or "").strip().partition("/")
    owner = str(values.get(_OWNER) or "")
    return AgentReply(
        record_id,
        crm_contact_id=people[0] if len(people) == 1 else None,
        phone=None,
        body=text_of(str(values.get(_BODY) or "")),
        template=template or None,
        language=language or None,
        reply_to=values.get(MESSAGE_PROPERTIES["reply_to"]),
        written_at=moments.moment(values.get("hs_timestamp") or ""),
        author=owners.get(owner, owner) or None,
    )


def _contacts(api: Api, record_ids: Iterable[str]) -> dict[str, list[str]]:
    """Record -> the contacts that it is associated with, each once."""
    found: dict[str, list[str]] = {}
    for part in chunks(list(dict.fromkeys(record_ids)), BATCH):
        body = {"inputs": [{"id": one} for one in part]}
        try:
            told = parsed(api.call("POST", f"associations/{KIND}/contacts/batch/read", json=body))
        except Never as error:
            if errors.is_missing(error):
                continue
            raise reading(error) from error
        for row in objects(told.get("results")):
            ends = [str(end.get("toObjectId") or end.get("id")) for end in objects(row.get("to"))]
            source = row.get("from")
            if isinstance(source, dict):
                found[str(source.get("id"))] = list(dict.fromkeys(ends))
    return found
