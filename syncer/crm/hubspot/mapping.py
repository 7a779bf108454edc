"""The mapping file held against the account's own list of properties, and those that the engine needs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.object_mapping import ContactObject
from syncer.crm import field_check
from syncer.crm.agent_messages import QUEUED, TO_SEND
from syncer.crm.exchange import reading
from syncer.crm.field_check import CrmField, Holds
from syncer.crm.hubspot import errors
from syncer.crm.hubspot.call import Api
from syncer.domain.errors import DeliveryError, FixCredentials, Never
from syncer.domain.status import Status

FILE = "mappings/hubspot.toml"
#: Our own id of a message or a task, unique in the account: by it a record is known again.
REF = "wa_ref"
#: The code where the account refuses to have a property of ours.
NO_PROPERTY = "no_property"

#: Role (a name of `CrmMessage`) -> the property of a communication that holds it.
MESSAGE_PROPERTIES = {
    "wamid": "wa_message_id",
    "crm_contact_id": "wa_contact_id",
    "direction": "wa_direction",
    "kind": "wa_kind",
    "status": "wa_status",
    "status_at": "wa_status_at",
    "error": "wa_error",
    "reply_to": "wa_reply_to",
    "media_url": "wa_media_url",
    "media_type": "wa_media_type",
}
#: The name of the template that a message to be sent is to use, and after a slash its language if it is not the
#: contact's.
TEMPLATE = "wa_template"
#: Everything that a communication of ours has besides what HubSpot gives it; the unique one first.
COMMUNICATION_PROPERTIES = (REF, *MESSAGE_PROPERTIES.values(), TEMPLATE)
#: What a person may choose as a message's status, and what they may read there.
_STATUSES = {TO_SEND: "To send", QUEUED: "Queued", **{str(one): str(one).capitalize() for one in Status}}
_LABELS = {
    REF: "WhatsApp: record of the sync engine",
    "wa_message_id": "WhatsApp: message id",
    "wa_contact_id": "WhatsApp: contact",
    "wa_direction": "WhatsApp: direction",
    "wa_kind": "WhatsApp: kind of message",
    "wa_status": "WhatsApp: status",
    "wa_status_at": "WhatsApp: status since",
    "wa_error": "WhatsApp: why it failed",
    "wa_reply_to": "WhatsApp: answers message",
    "wa_media_url": "WhatsApp: file",
    "wa_media_type": "WhatsApp: type of the file",
    TEMPLATE: "WhatsApp: template to send",
}
_HOLDS = {
    "string": Holds.TEXT,
    "number": Holds.NUMBER,
    "bool": Holds.BOOL,
    "date": Holds.DATE,
    "datetime": Holds.MOMENT,
    "phone_number": Holds.PHONE,
    "enumeration": Holds.OPTION,
}

Definition = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a new ticket stands."""

    pipeline: str
    stage: str


def definitions(api: Api, kind: str) -> dict[str, Definition]:
    """The properties of one kind of object, by name. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    try:
        return {str(row.get("name")): row for row in api.objects(f"properties/{kind}")}
    except Never as error:
        raise reading(error) from error


def check_contacts(mapping: ContactObject, known: Mapping[str, Definition]) -> None:
    """Raise `ConfigurationError` for the first line that the account does not take. The unique property may be missing:
    it is made before the first contact is written."""
    fields = [_field(row) for row in known.values()]
    if mapping.unique not in known:
        fields.append(CrmField(mapping.unique, unique=True))
    for problem in field_check.problems(mapping, fields):
        raise problem.error(FILE)


def _field(row: Definition) -> CrmField:
    kind, shape = str(row.get("type")), str(row.get("fieldType"))
    holds = _HOLDS.get(kind, Holds.OTHER)
    if shape == "checkbox":
        holds = Holds.OPTIONS
    elif shape == "phonenumber":
        holds = Holds.PHONE
    elif row.get("externalOptions") or row.get("referencedObjectType"):
        holds = Holds.REFERENCE
    options = [str(item.get("value")) for item in row.get("options") or () if isinstance(item, dict)]
    told = row.get("modificationMetadata")
    read_only = row.get("calculated") or (isinstance(told, dict) and told.get("readOnlyValue"))
    return CrmField(
        str(row.get("name")),
        holds if options or holds is not Holds.OPTION else Holds.OTHER,
        writable=not read_only,
        unique=bool(row.get("hasUniqueValue")),
        options=tuple(options) if holds in (Holds.OPTION, Holds.OPTIONS) else (),
    )


def missing(kind: str, wanted: Sequence[str], known: Mapping[str, Definition]) -> list[dict[str, Any]]:
    """Definitions of the properties that are not there yet, the unique one first."""
    group = next((row.get("groupName") for row in known.values() if row.get("groupName")), f"{kind[:-1]}information")
    return [_definition(name, str(group)) for name in wanted if name not in known]


def _definition(name: str, group: str) -> dict[str, Any]:
    made = {"name": name, "label": _LABELS.get(name, "WhatsApp: id of the sync engine"), "groupName": group}
    if name == MESSAGE_PROPERTIES["status_at"]:
        return {**made, "type": "datetime", "fieldType": "date"}
    if name == MESSAGE_PROPERTIES["status"]:
        options = [
            {"value": value, "label": label, "displayOrder": place, "hidden": False}
            for place, (value, label) in enumerate(_STATUSES.items())
        ]
        return {**made, "type": "enumeration", "fieldType": "select", "options": options}
    made |= {"type": "string", "fieldType": "text"}
    return made if name in COMMUNICATION_PROPERTIES[1:] else {**made, "hasUniqueValue": True}


def check_unique(kind: str, name: str, known: Mapping[str, Definition]) -> None:
    """Raise `FixCredentials` where the property may hold a value twice: records are made in the trust that HubSpot
    refuses a second one."""
    if name in known and known[name].get("hasUniqueValue") is False:
        raise FixCredentials(f"the property '{name}' of {kind} may hold the same value twice: make it unique")


def make(api: Api, kind: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Create properties; one that another worker has just made is as good. Raises `TryAgain`, `TryLater`,
    `FixCredentials`: without them no record could be known again."""
    for definition in wanted:
        try:
            api.call("POST", f"properties/{kind}", json=definition)
        except Never as error:
            if not errors.is_conflict(error):
                text = f"the property '{definition['name']}' of {kind} cannot be made: {error.detail}"
                raise FixCredentials(text, code=NO_PROPERTY) from error


def stage(api: Api) -> Stage:
    """Where tickets begin: the first open stage of the first pipeline. Raises as `make`."""
    try:
        pipelines = api.objects("pipelines/tickets")
    except Never as error:
        raise reading(error) from error
    for pipeline in sorted(pipelines, key=_place):
        for one in sorted((item for item in pipeline.get("stages") or () if isinstance(item, dict)), key=_place):
            if (one.get("metadata") or {}).get("ticketState") != "CLOSED":
                return Stage(str(pipeline.get("id")), str(one.get("id")))
    raise FixCredentials("the account has no pipeline of tickets with an open stage", code="pipelines")


def _place(item: Mapping[str, Any]) -> int:
    found = item.get("displayOrder")
    return found if isinstance(found, int) else 0


def owners(api: Api) -> dict[str, str]:
    """Who each owner of records is, by id. Empty where we may not ask: the ids then stand for the names."""
    try:
        rows = api.objects("owners", {"limit": "500"})
    except DeliveryError:
        return {}
    return {str(row.get("id")): _name(row) for row in rows}


def _name(row: Mapping[str, Any]) -> str:
    given, family = str(row.get("firstName") or ""), str(row.get("lastName") or "")
    plain = f"{family}{given}" if not (given + family).isascii() else f"{given} {family}".strip()
    return plain or str(row.get("email") or row.get("id"))
