"""What an organisation's own list of fields means for the mapping and for the modules of messages and handoffs."""

from __future__ import annotations

from typing import Any

import pytest

from config.errors import ConfigurationError
from config.files import load_object_mapping
from config.object_mapping import ContactObject, ObjectMapping
from config.settings import PACKAGED_FILES
from syncer.crm.zoho import mapping as layout
from syncer.crm.zoho.mapping import MESSAGE_FIELDS, Module
from syncer.simulators.zoho.config import Behaviour
from syncer.simulators.zoho.schema import made, schemas


def module(name: str, *more: str, without: str = "") -> Module:
    """A module as the simulated organisation has it, with more fields or without one."""
    fields = [*schemas(Behaviour())[name].fields.values(), *map(made, more)]
    return Module(name, {one.name: one.shown() for one in fields if one.name != without})


def shipped(**changes: dict[str, Any]) -> ContactObject:
    """The shipped mapping, with lines changed by the name of their field."""
    told = load_object_mapping(PACKAGED_FILES, "zoho").model_dump()["contacts"]
    lines = [{**line, **changes.get(line["crm"], {})} for line in told["fields"]]
    return ObjectMapping.model_validate({"contacts": {**told, "fields": lines}}).contacts


def test_the_shipped_mapping_fits_an_organisation_that_made_its_fields() -> None:
    layout.check_contacts(shipped(), module("Contacts"))
    layout.check_contacts(shipped(), module("Contacts", without="Tag"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"Mobile": {"crm": "Mobil"}}, "did you mean 'Mobile'"),
        ({"Account_Name": {"direction": "both"}}, "read-only"),
        ({"Date_of_Birth": {"transform": "phone"}}, "holds days"),
        ({"WA_Lifecycle_Stage": {"values": {"lead": "Leed"}}}, "did you mean 'Lead'"),
    ],
)
def test_a_line_that_does_not_fit_is_named(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"mappings/zoho\.toml.*{why}"):
        layout.check_contacts(shipped(**changes), module("Contacts"))


def test_our_own_id_needs_a_unique_field() -> None:
    with pytest.raises(ConfigurationError, match="WA_External_Id"):
        layout.check_contacts(shipped(), module("Contacts", without="WA_External_Id"))
    with pytest.raises(ConfigurationError, match="make it unique"):
        layout.check_contacts(shipped(), module("Contacts", "WA_External_Id"))


def test_more_fields_than_one_read_takes_are_refused() -> None:
    told = load_object_mapping(PACKAGED_FILES, "zoho").model_dump()["contacts"]
    more = [f"F{number}" for number in range(30)]
    lines = [*told["fields"], *({"crm": name, "contact": f"custom.{name.lower()}"} for name in more)]
    mapping = ObjectMapping.model_validate({"contacts": {**told, "fields": lines}}).contacts
    with pytest.raises(ConfigurationError, match="takes 50"):
        layout.check_contacts(mapping, module("Contacts", *more))


def test_a_module_of_messages_must_have_every_field() -> None:
    whole = module("WA_Messages")
    assert (layout.lacking(whole), whole.contact) == ([], "WA_Contact")
    assert layout.lacking(module("WA_Messages", without="WA_Status")) == ["WA_Status"]
    assert layout.lacking(module("WA_Messages", without="WA_Contact")) == ["a lookup of Contacts"]
    assert layout.lacking(module("WA_Messages", "WA_Ref")) == ["WA_Ref (do not allow duplicate values)"]
    assert set(MESSAGE_FIELDS.values()) <= set(layout.lacking(module("Notes")))


def test_values_are_sent_as_what_their_fields_hold() -> None:
    known = module("Contacts", "Points:integer", "Groups:multiselectpicklist=a|b")
    assert (known.kinds["WA_Blocked"], known.kinds["Points"], known.kinds["Groups"]) == (bool, int, list)
    assert (known.lengths["Last_Name"], known.lengths["Mobile"]) == (80, 30)
    assert "WA_Blocked" not in known.lengths
    assert known.options("Lead_Source")[:2] == ("Advertisement", "Web")
    assert (module("Tasks").contact, module("Cases").contact) == ("Who_Id", "Related_To")
