"""The properties of each kind of object: those that every portal has, those that this company made, and new ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.hubspot.errors import HubError, invalid

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
#: Property type -> the field types it can have.
_FIELD_TYPES = {
    "string": {"text", "textarea", "phonenumber", "html", "file"},
    "number": {"number"},
    "date": {"date"},
    "datetime": {"date"},
    "bool": {"booleancheckbox"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
}
_USUAL_FIELD = {
    "number": "number",
    "date": "date",
    "datetime": "date",
    "bool": "booleancheckbox",
    "enumeration": "select",
}


@dataclass(slots=True)
class Property:
    """One property's definition. `options` are the values an enumeration takes; a `checkbox` takes several."""

    name: str
    type: str = "string"
    field_type: str = "text"
    label: str = ""
    group: str = ""
    options: tuple[str, ...] = ()
    unique: bool = False
    read_only: bool = False
    made_by_us: bool = False

    def shown(self) -> dict[str, Any]:
        """As the properties API shows it."""
        options = [
            {"label": value, "value": value, "displayOrder": place, "hidden": False}
            for place, value in enumerate(self.options)
        ]
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "fieldType": self.field_type,
            "groupName": self.group,
            "options": options,
            "hasUniqueValue": self.unique,
            "calculated": False,
            "hidden": False,
            "hubspotDefined": not self.made_by_us,
            "archived": False,
            "modificationMetadata": {"readOnlyValue": self.read_only, "archivable": self.made_by_us},
        }


def _made(line: str) -> Property:
    """`name`, `name:type`, `name:enumeration=a|b`; a leading `-` is read-only, a `!` unique."""
    marks, name = line[: len(line) - len(line.lstrip("-!"))], line.lstrip("-!")
    name, _, kind = name.partition(":")
    kind, _, options = kind.partition("=")
    kind = kind or "string"
    values = tuple(options.split("|")) if options else ()
    return Property(
        name,
        kind,
        _USUAL_FIELD.get(kind, "text"),
        options=values,
        unique="!" in marks,
        read_only="-" in marks,
    )


_EVERY = "-hs_object_id:number hubspot_owner_id:enumeration -hs_createdate:datetime -hs_lastmodifieddate:datetime"
_STAGES = "subscriber|lead|marketingqualifiedlead|salesqualifiedlead|opportunity|customer|evangelist|other"
_STANDARD = {
    "contacts": f"""
        -hs_object_id:number -createdate:datetime -lastmodifieddate:datetime hubspot_owner_id:enumeration
        -hs_merged_object_ids firstname lastname phone mobilephone company jobtitle address city state zip country
        website salutation message date_of_birth gender annualrevenue:number closedate:datetime
        -hs_searchable_calculated_international_phone_number -hs_searchable_calculated_international_mobile_number
        hs_whatsapp_phone_number hs_email_optout:bool
        hs_language:enumeration=en|en-us|en-gb|zh|zh-tw|zh-cn|zh-hk|ja|ko|vi|id|th
        lifecyclestage:enumeration={_STAGES}
        -hs_analytics_source:enumeration=DIRECT_TRAFFIC|ORGANIC_SEARCH|OFFLINE|SOCIAL_MEDIA|REFERRALS
        !email""",
    "communications": f"""{_EVERY} hs_timestamp:datetime hs_communication_body
        hs_communication_channel_type:enumeration=WHATS_APP|LINKEDIN_MESSAGE|SMS
        hs_communication_logged_from:enumeration=CRM""",
    "tickets": f"""{_EVERY} subject content hs_pipeline:enumeration hs_pipeline_stage:enumeration createdate:datetime
        hs_ticket_priority:enumeration=LOW|MEDIUM|HIGH|URGENT""",
    "tasks": f"""{_EVERY} hs_timestamp:datetime hs_task_subject hs_task_body
        hs_task_status:enumeration=NOT_STARTED|IN_PROGRESS|WAITING|COMPLETED|DEFERRED
        hs_task_priority:enumeration=NONE|LOW|MEDIUM|HIGH hs_task_type:enumeration=TODO|CALL|EMAIL""",
    "notes": f"{_EVERY} hs_timestamp:datetime hs_note_body",
}
#: What the company made for the engine, as docs/mapping.md asks it to.
_COMPANYS = """wa_tags wa_marketing_consent:enumeration=opted_in|opted_out
    wa_service_consent:enumeration=opted_in|opted_out wa_blocked:bool wa_membership_level"""
#: What a new record must have.
REQUIRED = {
    "communications": ("hs_communication_channel_type", "hs_timestamp"),
    "tickets": ("hs_pipeline_stage",),
    "tasks": ("hs_timestamp",),
    "notes": ("hs_timestamp",),
}
ACTIVITIES = frozenset({"communications", "tasks", "notes"})
KINDS = tuple(_STANDARD)


@dataclass(slots=True)
class Schema:
    """The properties of one kind of object. `required` are those that an administrator made compulsory."""

    kind: str
    properties: dict[str, Property] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)

    def add(self, spec: Mapping[str, Any]) -> Property:
        """A new property as the API takes it. Raises 400 for a malformed one, 409 for a name that is taken."""
        name, kind, shape = (str(spec.get(key, "")) for key in ("name", "type", "fieldType"))
        if not _NAME.fullmatch(name) or not spec.get("label"):
            raise invalid("Property name must begin with a letter, and a label is required.")
        if shape not in _FIELD_TYPES.get(kind, ()):
            raise invalid(f"Invalid fieldType {shape!r} for the type {kind!r}.")
        if not spec.get("groupName"):
            raise invalid("Some required fields were not set: [groupName]")
        if name in self.properties:
            raise HubError(409, "OBJECT_ALREADY_EXISTS", f"A property named '{name}' already exists.")
        options = tuple(str(option.get("value")) for option in spec.get("options") or ())
        if kind == "enumeration" and not options:
            raise invalid("An enumeration needs options.")
        made = Property(
            name,
            kind,
            shape,
            str(spec["label"]),
            str(spec["groupName"]),
            options,
            unique=bool(spec.get("hasUniqueValue")),
            made_by_us=True,
        )
        self.properties[name] = made
        return made

    @property
    def changed_by(self) -> str:
        """The property with the moment of the last change."""
        return "lastmodifieddate" if self.kind == "contacts" else "hs_lastmodifieddate"

    @property
    def uniques(self) -> tuple[str, ...]:
        """The properties that no two records share."""
        return tuple(item.name for item in self.properties.values() if item.unique)


def schemas() -> dict[str, Schema]:
    """A fresh portal's, by kind of object."""
    made = {}
    for kind, text in _STANDARD.items():
        items = [_made(line) for line in text.split()]
        made[kind] = Schema(kind, {item.name: item for item in items})
    for line in _COMPANYS.split():
        item = _made(line)
        item.made_by_us = True
        made["contacts"].properties[item.name] = item
    return made
