"""The mapping file held against the org's own list of fields, and those that the engine needs there.

Fields are made by deploying `docs/salesforce/`, not by the adapter: an org's schema is its administrators'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.object_mapping import ContactObject
from syncer.crm import field_check
from syncer.crm.exchange import reading
from syncer.crm.field_check import CrmField, Holds
from syncer.crm.salesforce.call import Api, parsed
from syncer.crm.salesforce.rows import LAST_NAME
from syncer.domain.errors import FixCredentials, Never

FILE = "mappings/salesforce.toml"
#: Our own id of a message or a case, an external id and unique: by it a record is known again.
REF = "WA_Ref__c"
#: Where messages are kept if the org has it; else they are tasks.
MESSAGE_OBJECT = "WA_Message__c"
#: The code where the org lacks what we know our records by.
NO_FIELD = "no_field"

#: Role (a name of `CrmMessage`) -> the field that holds it, of a task and of a `WA_Message__c` alike.
MESSAGE_FIELDS = {
    "wamid": "WA_Message_Id__c",
    "direction": "WA_Direction__c",
    "kind": "WA_Kind__c",
    "status": "WA_Status__c",
    "status_at": "WA_Status_At__c",
    "error": "WA_Error__c",
    "reply_to": "WA_Reply_To__c",
    "media_url": "WA_Media_Url__c",
    "media_type": "WA_Media_Type__c",
}
#: What people may say besides of a message that they want sent; nothing of it is needed.
REPLY_FIELDS = {"phone": "WA_Phone__c", "template": "WA_Template__c", "language": "WA_Language__c"}
#: What else a message of ours holds: in fields of its own object, or in those that every task has.
CONTACT_LOOKUP, BODY, OCCURRED = "WA_Contact__c", "WA_Body__c", "WA_Occurred_At__c"
#: Object of the customers -> the fields of a task and of a case that point to one.
_POINTS = {"Contact": ("WhoId", "ContactId"), "Lead": ("WhoId", None), "Account": ("WhatId", "AccountId")}

_HOLDS = {
    "string": Holds.TEXT,
    "textarea": Holds.TEXT,
    "url": Holds.TEXT,
    "id": Holds.TEXT,
    "phone": Holds.PHONE,
    "email": Holds.EMAIL,
    "int": Holds.NUMBER,
    "double": Holds.NUMBER,
    "currency": Holds.NUMBER,
    "percent": Holds.NUMBER,
    "boolean": Holds.BOOL,
    "date": Holds.DATE,
    "datetime": Holds.MOMENT,
    "picklist": Holds.OPTION,
    "multipicklist": Holds.OPTIONS,
    "reference": Holds.REFERENCE,
}
_KINDS: dict[str, type] = {"boolean": bool, "int": int, "double": float, "currency": float, "percent": float}

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Described:
    """One object of the org as the user of the engine may see it: its fields by name."""

    name: str
    fields: Mapping[str, Definition] = field(default_factory=dict)

    def options(self, name: str) -> tuple[str, ...]:
        """The values that a picklist offers."""
        told = self.fields.get(name, {}).get("picklistValues") or ()
        return tuple(str(item.get("value")) for item in told if isinstance(item, dict) and item.get("active", True))

    def takes(self, name: str, value: str) -> bool:
        """Whether a field takes this word: a list that is not restricted takes any."""
        return not self.fields.get(name, {}).get("restrictedPicklist") or value in self.options(name)

    def length(self, name: str) -> int:
        """The most characters that a field of text takes."""
        found = self.fields.get(name, {}).get("length")
        return found if isinstance(found, int) and found > 0 else 255

    def kinds(self) -> dict[str, type]:
        """The fields whose values are no text."""
        return {name: _KINDS[kind] for name, row in self.fields.items() if (kind := str(row.get("type"))) in _KINDS}


def described(api: Api, kind: str) -> Described:
    """What the org says of an object. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    try:
        told = parsed(api.get(f"sobjects/{kind}/describe")).get("fields")
    except Never as error:
        raise reading(error) from error
    return Described(kind, {str(row.get("name")): row for row in told or () if isinstance(row, dict)})


def described_if_there(api: Api, kind: str) -> Described | None:
    """As `described`; None for an object that the org does not have, or does not show to us."""
    try:
        return described(api, kind)
    except FixCredentials as error:
        if error.code in ("NOT_FOUND", "http_404", "INVALID_TYPE"):
            return None
        raise


def check_contacts(api: Api, mapping: ContactObject, known: Described) -> None:
    """Raise `ConfigurationError` for the first line that the org does not take."""
    wanted = [line.crm for line in mapping.fields if "." in line.crm]
    fields = [_field(row) for row in known.fields.values()]
    for problem in field_check.problems(mapping, [*fields, *_through_lookups(api, known, wanted)], [LAST_NAME]):
        raise problem.error(FILE)


def _field(row: Definition) -> CrmField:
    holds = _HOLDS.get(str(row.get("type")), Holds.OTHER)
    restricted = holds in (Holds.OPTION, Holds.OPTIONS) and row.get("restrictedPicklist")
    told = [item for item in row.get("picklistValues") or () if isinstance(item, dict) and item.get("active", True)]
    # A name of a person or a case's number is made of others: it can be read only.
    writable = bool(row.get("createable") or row.get("updateable"))
    return CrmField(
        str(row.get("name")),
        holds,
        writable=writable,
        required=bool(row.get("createable")) and not row.get("nillable", True) and not row.get("defaultedOnCreate"),
        unique=bool(row.get("unique") and row.get("externalId")),
        options=tuple(str(item.get("value")) for item in told) if restricted else (),
    )


def _through_lookups(api: Api, known: Described, wanted: Iterable[str]) -> list[CrmField]:
    """The fields of other objects that lines reach through a lookup, as far as there are such."""
    relations = {str(row.get("relationshipName")): row for row in known.fields.values() if row.get("relationshipName")}
    seen: dict[str, Described] = {}
    found = []
    for name in wanted:
        relation, _, rest = name.partition(".")
        targets = [str(one) for one in relations.get(relation, {}).get("referenceTo") or ()]
        for target in targets:
            if target not in seen:
                seen[target] = described_if_there(api, target) or Described(target)
            if rest in seen[target].fields:
                found.append(CrmField(name, _field(seen[target].fields[rest]).holds, writable=False))
                break
    return found


@dataclass(frozen=True)
class MessageShape:
    """How messages are kept: in which object, which of the roles it has a field for, which field points to the
    customer, holds the text and the moment; and what it has a field for of a message that people want sent."""

    known: Described
    roles: Mapping[str, str]
    contact: str | None
    body: str
    occurred: str
    of_replies: Mapping[str, str]

    @property
    def is_task(self) -> bool:
        """Whether a message is a task, with the fields that every task has."""
        return self.known.name == "Task"


def message_shape(api: Api, contacts: str) -> MessageShape:
    """Of `WA_Message__c` if the org has it, else of tasks; `contacts` is the object of the customers. Roles without a
    field are left out. Raises `FixCredentials` where a record could not be known again."""
    own = described_if_there(api, MESSAGE_OBJECT)
    known = own or described(api, "Task")
    require_ref(known)
    roles = {role: name for role, name in MESSAGE_FIELDS.items() if name in known.fields}
    of_replies = {role: name for role, name in REPLY_FIELDS.items() if name in known.fields}
    if own is None:
        contact = _POINTS.get(contacts, (None, None))[0]
        return MessageShape(known, roles, contact, "Description", "ActivityDate", of_replies)
    lookup = CONTACT_LOOKUP if CONTACT_LOOKUP in own.fields else None
    return MessageShape(known, roles, lookup, BODY, OCCURRED, of_replies)


def require_ref(known: Described) -> None:
    """Raise `FixCredentials` unless records of an object can be known again by a unique external id."""
    row = known.fields.get(REF, {})
    if not (row.get("unique") and row.get("externalId")):
        state = "is not unique" if row else "is missing, or not shown to the engine's user,"
        text = f"the field '{REF}' of {known.name} {state}: deploy docs/salesforce and assign its permission set"
        raise FixCredentials(text, code=NO_FIELD)


def case_contact(contacts: str) -> str | None:
    """The field of a case that points to the customer."""
    return _POINTS.get(contacts, (None, None))[1]
