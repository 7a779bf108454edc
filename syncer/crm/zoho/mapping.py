"""The mapping file held against the organisation's own list of fields, and what the modules of messages and handoffs
are like there.

Zoho lets an application make neither modules nor unique fields with the rights that a sync should have, so a person
makes them once: the module `WA_Messages` with the fields below, and the unique single-line field `WA_Ref` in Cases (or
Tasks). Without them messages become notes, and handoffs tasks that carry their reference in the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.errors import ConfigurationError
from config.object_mapping import ContactObject
from syncer.crm import field_check
from syncer.crm.exchange import objects, reading
from syncer.crm.field_check import CrmField, Holds
from syncer.crm.zoho.call import Api, parsed
from syncer.crm.zoho.rows import CHANGED, LAST_NAME
from syncer.domain.errors import FixCredentials, Never

FILE = "mappings/zoho.toml"
#: Our own id of a message or a task, unique in its module: by it a record is known again.
REF = "WA_Ref"
#: The company's module of messages.
MESSAGES = "WA_Messages"
#: Zoho's own labels, which calls of their own write.
TAG = "Tag"
#: Fields of one read.
MOST_FIELDS = 50
#: Role (a name of `CrmMessage`) -> the field of `WA_Messages` that holds it; the contact is a lookup of any name.
MESSAGE_FIELDS = {
    "wamid": "WA_Message_Id",
    "direction": "WA_Direction",
    "kind": "WA_Kind",
    "status": "WA_Status",
    "status_at": "WA_Status_At",
    "error": "WA_Error",
    "reply_to": "WA_Reply_To",
    "media_url": "WA_Media_URL",
    "media_type": "WA_Media_Type",
}
#: What people may say besides of a message that they want sent; nothing of it is needed.
REPLY_FIELDS = {"phone": "WA_Phone", "template": "WA_Template", "language": "WA_Language"}
BODY, OCCURRED = "WA_Body", "WA_Time"

_HOLDS = {
    "text": Holds.TEXT,
    "textarea": Holds.TEXT,
    "website": Holds.TEXT,
    "autonumber": Holds.TEXT,
    "phone": Holds.PHONE,
    "email": Holds.EMAIL,
    "integer": Holds.NUMBER,
    "bigint": Holds.NUMBER,
    "double": Holds.NUMBER,
    "currency": Holds.NUMBER,
    "percent": Holds.NUMBER,
    "boolean": Holds.BOOL,
    "date": Holds.DATE,
    "datetime": Holds.MOMENT,
    "picklist": Holds.OPTION,
    "multiselectpicklist": Holds.OPTIONS,
    "lookup": Holds.REFERENCE,
    "ownerlookup": Holds.REFERENCE,
    "userlookup": Holds.REFERENCE,
}
_KINDS = {
    "boolean": bool,
    "integer": int,
    "bigint": int,
    "double": float,
    "currency": float,
    "percent": float,
    "multiselectpicklist": list,
}

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Module:
    """A module's fields, by API name, as Zoho describes them."""

    name: str
    fields: Mapping[str, Definition]

    @property
    def lengths(self) -> dict[str, int]:
        """Field -> the characters that it takes, of those that hold text."""
        told = ((name, row.get("length")) for name, row in self.fields.items() if _type(row) not in _KINDS)
        return {name: length for name, length in told if isinstance(length, int) and length > 0}

    @property
    def kinds(self) -> dict[str, type]:
        """Field -> what its values are, where they are no text."""
        return {name: _KINDS[_type(row)] for name, row in self.fields.items() if _type(row) in _KINDS}

    @property
    def contact(self) -> str | None:
        """The field that names the contact a record belongs to."""
        return next((name for name, row in self.fields.items() if _leads_to(row) == "Contacts"), None)

    def is_unique(self, name: str) -> bool:
        """Whether no two records share a value of this field."""
        return name in self.fields and bool(self.fields[name].get("unique"))

    def options(self, name: str) -> tuple[str, ...]:
        """The values that a pick list takes."""
        rows = objects(self.fields.get(name, {}).get("pick_list_values"))
        return tuple(str(row.get("actual_value") or row.get("display_value")) for row in rows)


def module(api: Api, name: str) -> Module:
    """A module by its API name. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    try:
        told = parsed(api.get("settings/fields", {"module": name}))
    except Never as error:
        raise reading(error) from error
    return Module(name, {str(row.get("api_name")): row for row in objects(told.get("fields"))})


def module_if_any(api: Api, name: str) -> Module | None:
    """A module that an organisation need not have. Raises as `module`."""
    try:
        found = module(api, name)
    except FixCredentials as error:
        if error.code == "INVALID_MODULE":
            return None
        raise
    return found if found.fields else None


def lacking(messages: Module) -> list[str]:
    """The fields that the module of messages would need besides those it has; an empty list: messages can be kept
    there."""
    wanted = [REF, BODY, OCCURRED, *MESSAGE_FIELDS.values()]
    found = [name for name in wanted if name not in messages.fields]
    if REF not in found and not messages.is_unique(REF):
        found.append(f"{REF} (do not allow duplicate values)")
    return found if messages.contact else [*found, "a lookup of Contacts"]


def check_contacts(mapping: ContactObject, known: Module) -> None:
    """Raise `ConfigurationError` for the first line that the organisation does not take."""
    fields = [_field(row) for row in known.fields.values()]
    # Both are there in every module, whether or not Zoho lists them.
    always = (CrmField("id", Holds.OTHER, writable=False), CrmField(TAG, Holds.OPTIONS))
    fields += [field for field in always if field.name not in known.fields]
    for problem in field_check.problems(mapping, fields, filled=(LAST_NAME,)):
        raise problem.error(FILE)
    asked = {line.crm for line in mapping.fields} | {mapping.unique, CHANGED, LAST_NAME, "First_Name"}
    if len(asked) > MOST_FIELDS:
        text = f"names {len(asked)} fields, the engine's own included; one read of Zoho's takes {MOST_FIELDS}"
        raise ConfigurationError(f"{FILE} contacts.fields", text)


def _field(row: Definition) -> CrmField:
    name = str(row.get("api_name"))
    if name == TAG:
        return CrmField(TAG, Holds.OPTIONS)
    holds = _HOLDS.get(_type(row), Holds.OTHER)
    allowed = row.get("operation_type")
    barred = isinstance(allowed, dict) and allowed.get("api_update") is False
    options = tuple(str(one.get("actual_value")) for one in objects(row.get("pick_list_values")))
    return CrmField(
        name,
        holds,
        writable=not (row.get("read_only") or row.get("field_read_only") or barred or holds is Holds.REFERENCE),
        required=bool(row.get("system_mandatory")),
        unique=bool(row.get("unique")),
        options=tuple(one for one in options if one != "-None-") if holds in (Holds.OPTION, Holds.OPTIONS) else (),
    )


def _type(row: Definition) -> str:
    return str(row.get("data_type"))


def _leads_to(row: Definition) -> str | None:
    """The API name of the module that a lookup leads to."""
    told = row.get("lookup")
    found = told.get("module") if isinstance(told, dict) and _type(row) == "lookup" else None
    return str(found.get("api_name")) if isinstance(found, dict) else None
