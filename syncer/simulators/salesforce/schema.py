"""The fields of each object: those that every org has, and those that this company deployed for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

#: Object -> the first three characters of its ids.
PREFIXES = {"Contact": "003", "Account": "001", "User": "005", "Task": "00T", "Case": "500", "WA_Message__c": "a01"}
_LENGTHS = {"string": 255, "textarea": 32_000, "phone": 40, "email": 80, "url": 255, "id": 18, "reference": 18}
#: Texts longer than this cannot stand in a condition.
FILTERABLE = 255


@dataclass(slots=True)
class Field:
    """One field's definition. `options` are the values of a picklist, which takes no others if it is `restricted`;
    `indexed` is an external id, which a query finds without looking at every record."""

    name: str
    type: str = "string"
    length: int = 255
    options: tuple[str, ...] = ()
    restricted: bool = False
    unique: bool = False
    indexed: bool = False
    read_only: bool = False
    required: bool = False
    relation: str = ""
    points_to: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """As a describe shows it."""
        options = [
            {"label": value, "value": value, "active": True, "defaultValue": False, "validFor": None}
            for value in self.options
        ]
        own = not self.read_only
        return {
            "name": self.name,
            "label": self.name,
            "type": self.type,
            "length": self.length if self.type in _LENGTHS or self.type.endswith("picklist") else 0,
            "createable": own,
            "updateable": own,
            "nillable": not self.required and self.type != "boolean",
            "defaultedOnCreate": self.type == "boolean" or self.name == "OwnerId",
            "custom": self.name.endswith("__c"),
            "externalId": self.unique or self.indexed,
            "idLookup": self.unique or self.name == "Id",
            "unique": self.unique,
            "caseSensitive": self.unique,
            "filterable": self.length <= FILTERABLE,
            "restrictedPicklist": self.restricted,
            "picklistValues": options,
            "relationshipName": self.relation or None,
            "referenceTo": list(self.points_to),
        }


def made(line: str) -> Field:
    """`Name`, `Name:type`, `Name:string(80)`, `Name:picklist=a|b`, `Name:reference>Account`; in front `-` is read-only,
    `!` unique, `+` indexed, `*` required, `=` a restricted picklist."""
    plain = line.lstrip("-!+*=")
    marks = line[: len(line) - len(plain)]
    name, _, kind = plain.partition(":")
    kind, _, target = kind.partition(">")
    kind, _, options = kind.partition("=")
    kind, _, length = (kind or "string").rstrip(")").partition("(")
    relation = (name.removesuffix("Id") if name.endswith("Id") else name.replace("__c", "__r")) if target else ""
    return Field(
        name,
        kind,
        int(length) if length else _LENGTHS.get(kind, 255),
        tuple(options.replace("_", " ").split("|")) if options else (),
        restricted="=" in marks,
        unique="!" in marks,
        indexed="+" in marks,
        read_only="-" in marks,
        required="*" in marks,
        relation=relation,
        points_to=tuple(target.split("|")) if target else (),
    )


_EVERY = """-Id:id -IsDeleted:boolean -CreatedDate:datetime -LastModifiedDate:datetime -SystemModstamp:datetime
    OwnerId:reference>User -CreatedById:reference>User"""
_MESSAGE = """!WA_Ref__c WA_Message_Id__c WA_Direction__c:string(20) WA_Kind__c:string(40) +WA_Status__c:string(40)
    WA_Status_At__c:datetime WA_Error__c WA_Reply_To__c WA_Media_Url__c:url WA_Media_Type__c:string(100)
    WA_Phone__c:phone WA_Template__c WA_Language__c:string(20)"""
_STANDARD = {
    "Contact": f"""{_EVERY} -MasterRecordId:reference AccountId:reference>Account *LastName:string(80)
        FirstName:string(40) -Name:string(121) Salutation:picklist=Mr.|Ms.|Mrs.|Dr.|Prof. Phone:phone MobilePhone:phone
        HomePhone:phone Email:email Title:string(128) Department:string(80) MailingStreet:textarea(255)
        MailingCity:string(40) MailingState:string(80) MailingPostalCode:string(20) MailingCountry:string(80)
        Birthdate:date GenderIdentity:picklist=Male|Female|Nonbinary|Not_Listed
        LeadSource:picklist=Web|Phone_Inquiry|Partner_Referral|Other Description:textarea DoNotCall:boolean
        HasOptedOutOfEmail:boolean""",
    "Account": f"{_EVERY} -MasterRecordId:reference *Name Phone:phone",
    "User": """-Id:id -SystemModstamp:datetime -CreatedDate:datetime -LastModifiedDate:datetime *Username Name
        Email:email IsActive:boolean""",
    "Task": f"""{_EVERY} Subject WhoId:reference>Contact|Lead WhatId:reference>Account|Case Description:textarea
        Status:picklist=Not_Started|In_Progress|Completed|Deferred Priority:picklist=High|Normal|Low ActivityDate:date
        {_MESSAGE}""",
    "Case": f"""{_EVERY} ContactId:reference>Contact AccountId:reference>Account Subject Description:textarea
        Status:picklist=New|Working|Escalated|Closed Origin:picklist=Phone|Email|Web
        Priority:picklist=High|Medium|Low !WA_Ref__c""",
    "WA_Message__c": f"""{_EVERY} -Name:string(80) WA_Contact__c:reference>Contact WA_Body__c:textarea(32768)
        WA_Occurred_At__c:datetime {_MESSAGE}""",
}
#: What the company deployed on contacts, as docs/salesforce/ has it; options with an underscore stand in `_OPTIONS`.
_COMPANYS = """!WA_External_Id__c:string(64) =WA_Language__c:picklist WA_Tags__c:multipicklist
    =WA_Marketing_Consent__c:picklist=Opted_in|Opted_out =WA_Service_Consent__c:picklist=Opted_in|Opted_out
    WA_Blocked__c:boolean =WA_Lifecycle_Stage__c:picklist=Lead|Customer|Former_customer
    WA_Membership_Level__c:string(80)"""
_LANGUAGES = ("zh_TW", "zh_CN", "en", "en_US", "ja")


@dataclass(slots=True)
class Schema:
    """The fields of one object. `needed` are those that a validation rule of the company's asks for; `alike` those by
    which a rule for duplicates compares, which refuses if it `blocks` and else only warns."""

    kind: str
    fields: dict[str, Field] = field(default_factory=dict)
    needed: set[str] = field(default_factory=set)
    alike: tuple[str, ...] = ()
    blocks: bool = True

    @property
    def prefix(self) -> str:
        """The first three characters of its ids."""
        return PREFIXES[self.kind]

    @property
    def uniques(self) -> tuple[str, ...]:
        """The fields that no two records share."""
        return tuple(item.name for item in self.fields.values() if item.unique)

    def relation(self, name: str) -> Field | None:
        """The lookup of which `name` is the way through (`Account` of `Account.Name`)."""
        return next((item for item in self.fields.values() if item.relation == name), None)

    def described(self) -> dict[str, Any]:
        """As a describe shows it."""
        told = [item.described() for item in self.fields.values()]
        return {"name": self.kind, "keyPrefix": self.prefix, "custom": self.kind.endswith("__c"), "fields": told}

    def add(self, line: str, options: Mapping[str, Any] | None = None) -> Field:
        """One more field, written as `made` takes it."""
        item = made(line)
        if options:
            item = replace(item, options=tuple(options["values"]))
        self.fields[item.name] = item
        return item


def schemas(*, message_object: bool) -> dict[str, Schema]:
    """A fresh org's, by object."""
    found = {kind: Schema(kind) for kind in _STANDARD if message_object or kind != "WA_Message__c"}
    for kind, schema in found.items():
        for line in (_STANDARD[kind] + (f" {_COMPANYS}" if kind == "Contact" else "")).split():
            schema.add(line)
    found["Contact"].fields["WA_Language__c"].options = _LANGUAGES
    return found
