"""The fields of each module: those that every organisation has, and those that this company made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.simulators.zoho.config import Behaviour
from syncer.simulators.zoho.errors import ZohoError

_LENGTHS = {"text": 255, "phone": 30, "email": 100, "textarea": 32_000, "picklist": 120, "website": 450}
_JSON = {"boolean": "boolean", "integer": "integer", "lookup": "jsonobject", "ownerlookup": "jsonobject"}


@dataclass(slots=True)
class Field:
    """One field. `options` are the values of a pick list, `leads_to` the module of a lookup."""

    name: str
    type: str = "text"
    length: int = 255
    options: tuple[str, ...] = ()
    leads_to: str = ""
    unique: bool = False
    read_only: bool = False
    mandatory: bool = False

    def shown(self) -> dict[str, Any]:
        """As the fields API shows it."""
        options = [{"display_value": one, "actual_value": one, "type": "used"} for one in self.options]
        return {
            "api_name": self.name,
            "field_label": self.name.replace("_", " "),
            "data_type": self.type,
            "json_type": "jsonarray" if self.name == "Tag" else _JSON.get(self.type, "string"),
            "length": self.length,
            "system_mandatory": self.mandatory,
            "read_only": self.read_only,
            "field_read_only": self.read_only,
            "operation_type": {"api_create": not self.read_only, "api_update": not self.read_only},
            "unique": {"casesensitive": False} if self.unique else {},
            "pick_list_values": options,
            "lookup": {"module": {"api_name": self.leads_to, "id": "1"}} if self.leads_to else {},
            "custom_field": self.name.startswith(("WA_", "typed_")),
        }


def made(line: str) -> Field:
    """`name`, `name:type`, `name:type(length)`, `name:picklist=a|b`, `name:lookup>Module`; a leading `-` is read-only,
    a `!` unique, a `*` mandatory. An underscore in an option is a space."""
    marks, rest = line[: len(line) - len(line.lstrip("-!*"))], line.lstrip("-!*")
    name, _, kind = rest.partition(":")
    kind, _, options = kind.partition("=")
    kind, _, module = kind.partition(">")
    kind, _, length = kind.partition("(")
    kind = kind or "text"
    values = tuple(one.replace("_", " ") for one in options.split("|")) if options else ()
    size = int(length.rstrip(")")) if length else _LENGTHS.get(kind, 0)
    return Field(name, kind, size, values, module, "!" in marks, "-" in marks, "*" in marks)


_EVERY = """-id:bigint Owner:ownerlookup -Created_Time:datetime -Modified_Time:datetime -Created_By:ownerlookup
    -Modified_By:ownerlookup -Tag:text"""
_STANDARD = {
    "Contacts": f"""{_EVERY} First_Name:text(40) *Last_Name:text(80) -Full_Name:text(120)
        Salutation:picklist=Mr.|Mrs.|Ms.|Dr. Mobile:phone Phone:phone Email:email Account_Name:lookup>Accounts
        Title:text(100) Department:text(50) Mailing_Street:text(250) Mailing_City:text(100) Mailing_State:text(100)
        Mailing_Zip:text(30) Mailing_Country:text(100) Date_of_Birth:date Email_Opt_Out:boolean
        Lead_Source:picklist=Advertisement|Web|Trade_Show|Chat Description:textarea""",
    "Notes": f"{_EVERY} Note_Title:text(120) *Note_Content:textarea *Parent_Id:lookup>Contacts",
    "Tasks": f"""{_EVERY} *Subject:text Who_Id:lookup>Contacts Due_Date:date Description:textarea
        Status:picklist=Not_Started|Deferred|In_Progress|Completed|Waiting_for_input
        Priority:picklist=High|Highest|Low|Lowest|Normal""",
    "Cases": f"""{_EVERY} *Subject:text Related_To:lookup>Contacts Description:textarea
        *Status:picklist=New|On_Hold|Escalated|Closed Priority:picklist=-None-|High|Medium|Low
        *Case_Origin:picklist=-None-|Email|Phone|Web""",
}
#: What the company made for the engine, as the mapping file asks it to.
_COMPANYS = """!WA_External_Id WA_Language:picklist=繁體中文|简体中文|English WA_Gender:picklist=Female|Male|Other
    WA_Marketing_Consent:picklist=Opted_in|Opted_out WA_Service_Consent:picklist=Opted_in|Opted_out WA_Blocked:boolean
    WA_Lifecycle_Stage:picklist=Lead|Customer|Former_customer WA_Membership_Level"""
_MESSAGES = f"""{_EVERY} *Name:text(120) !WA_Ref WA_Message_Id WA_Contact:lookup>Contacts WA_Direction WA_Kind
    WA_Body:textarea WA_Time:datetime WA_Status WA_Status_At:datetime WA_Error WA_Reply_To WA_Media_URL:website
    WA_Media_Type WA_Phone:phone WA_Template WA_Language"""
#: Modules that an upsert does not take (page "insert or update records").
NO_UPSERT = frozenset({"Notes", "Tasks"})


@dataclass(slots=True)
class Schema:
    """The fields of one module. `required` are those that a layout's rule made compulsory."""

    module: str
    fields: dict[str, Field] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)

    def add(self, line: str, options: Sequence[str] = ()) -> Field:
        """A new field, or another one of that name; see `made`. `options` are those whose words have underscores."""
        new = made(line)
        new.options = tuple(options) or new.options
        self.fields[new.name] = new
        return new

    @property
    def uniques(self) -> tuple[str, ...]:
        """The fields that no two records share."""
        return tuple(one.name for one in self.fields.values() if one.unique)

    @property
    def contact(self) -> str:
        """The lookup of the contact that a record belongs to; empty where there is none."""
        return next((one.name for one in self.fields.values() if one.leads_to == "Contacts"), "")


def schemas(behaviour: Behaviour) -> dict[str, Schema]:
    """A fresh organisation's, by module."""
    texts = dict(_STANDARD)
    texts["Contacts"] += f" {_COMPANYS}"
    texts["Cases"] += " !WA_Ref" if behaviour.case_refs else ""
    if behaviour.messages_module:
        texts["WA_Messages"] = _MESSAGES
    found = {}
    for module, text in texts.items():
        fields = [made(line) for line in text.split()]
        found[module] = Schema(module, {one.name: one for one in fields})
    return found


def unknown_module(name: str) -> ZohoError:
    """No module of that API name."""
    return ZohoError(400, "INVALID_MODULE", "the module name given seems to be invalid", resource_path_index=0)
