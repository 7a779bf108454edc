"""The fields that are deployed are those that the adapter and the shipped mapping use: none missing, none for
nothing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.crm.agent_messages import TO_SEND
from syncer.crm.salesforce.mapping import (
    BODY,
    CONTACT_LOOKUP,
    MESSAGE_FIELDS,
    MESSAGE_OBJECT,
    OCCURRED,
    REF,
    REPLY_FIELDS,
)

FOLDER = Path(__file__).parents[2] / "docs" / "salesforce"
SPACE = "{http://soap.sforce.com/2006/04/metadata}"
CONTACTS = load_object_mapping(PACKAGED_FILES, "salesforce").contacts
MESSAGES = {REF, *MESSAGE_FIELDS.values(), *REPLY_FIELDS.values()}
USED = {
    ("fields", "Contact"): {CONTACTS.unique, *(line.crm for line in CONTACTS.fields if line.crm.endswith("__c"))},
    ("fields", "Activity"): MESSAGES,
    ("fields", "Case"): {REF},
    ("message_object", MESSAGE_OBJECT): MESSAGES | {BODY, CONTACT_LOOKUP, OCCURRED},
}
#: Package of what people send with -> the object that they write, and its field with the text.
AGENTS = {"agents": ("Task", "Description"), "agents_message_object": (MESSAGE_OBJECT, BODY)}


def fields(package: str, kind: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.parse(FOLDER / package / "objects" / f"{kind}.object").getroot()
    return {str(item.findtext(f"{SPACE}fullName")): item for item in root.iter(f"{SPACE}fields")}


def members(package: str, name: str) -> set[str]:
    root = ElementTree.parse(FOLDER / package / "package.xml").getroot()
    types = [item for item in root.iter(f"{SPACE}types") if item.findtext(f"{SPACE}name") == name]
    return {str(member.text) for item in types for member in item.iter(f"{SPACE}members")}


@pytest.mark.parametrize(("package", "kind"), list(USED))
def test_the_deployed_fields_are_those_in_use(package: str, kind: str) -> None:
    assert set(fields(package, kind)) == USED[package, kind]


@pytest.mark.parametrize(("package", "kind"), list(USED))
def test_our_own_ids_are_unique_external_ids_in_which_case_counts(package: str, kind: str) -> None:
    name = CONTACTS.unique if kind == "Contact" else REF
    told = fields(package, kind)[name]
    assert [told.findtext(f"{SPACE}{one}") for one in ("externalId", "unique", "caseSensitive")] == ["true"] * 3


def test_the_lists_have_the_words_that_the_mapping_writes() -> None:
    deployed = fields("fields", "Contact")
    for line in CONTACTS.fields:
        if line.values and line.crm in deployed:
            words = {str(one.findtext(f"{SPACE}fullName")) for one in deployed[line.crm].iter(f"{SPACE}value")}
            assert words == set(line.values.values()), line.crm


def test_the_packages_name_what_they_hold() -> None:
    held = {f"{kind}.{name}" for (package, kind), names in USED.items() if package == "fields" for name in names}
    assert members("fields", "CustomField") == held
    assert members("message_object", "CustomObject") == {MESSAGE_OBJECT}
    for package in ("fields", "message_object"):
        stems = {path.stem for path in (FOLDER / package / "permissionsets").iterdir()}
        assert members(package, "PermissionSet") == stems


@pytest.mark.parametrize("package", ["fields", "message_object"])
def test_the_permission_set_shows_every_field(package: str) -> None:
    [path] = (FOLDER / package / "permissionsets").iterdir()
    root = ElementTree.parse(path).getroot()
    shown = {str(item.findtext(f"{SPACE}field")) for item in root.iter(f"{SPACE}fieldPermissions")}
    # What is deployed on Activity is shown on tasks.
    expected = {
        f"{'Task' if kind == 'Activity' else kind}.{name}"
        for (folder, kind), names in USED.items()
        if folder == package
        for name in names
    }
    assert shown == expected


def parsed(package: str, folder: str) -> ElementTree.Element:
    """The one file of a folder."""
    [path] = (FOLDER / package / folder).iterdir()
    return ElementTree.parse(path).getroot()


def texts(item: ElementTree.Element, name: str) -> list[str]:
    return [str(found.text) for found in item.iter(f"{SPACE}{name}")]


@pytest.mark.parametrize("package", list(AGENTS))
def test_a_package_of_peoples_messages_holds_what_it_names(package: str) -> None:
    root = ElementTree.parse(FOLDER / package / "package.xml").getroot()
    told = {str(one.findtext(f"{SPACE}name")): texts(one, "members") for one in root.iter(f"{SPACE}types")}
    held = {"Flow": "flows", "QuickAction": "quickActions"}
    for name, folder in held.items():
        assert told.pop(name) == [path.stem for path in (FOLDER / package / folder).iterdir()]
    kind = AGENTS[package][0]
    messages = texts(parsed(package, "workflows"), "fullName")
    assert told == {"WorkflowOutboundMessage": [f"{kind}.{name}" for name in messages]}


@pytest.mark.parametrize("package", list(AGENTS))
def test_the_button_writes_what_the_engine_looks_for(package: str) -> None:
    kind, body = AGENTS[package]
    action = parsed(package, "quickActions")
    assert (action.findtext(f"{SPACE}targetObject"), action.findtext(f"{SPACE}type")) == (kind, "Create")
    fixed = {
        str(one.findtext(f"{SPACE}field")): one.findtext(f"{SPACE}formula")
        for one in action.iter(f"{SPACE}fieldOverrides")
    }
    assert fixed[MESSAGE_FIELDS["status"]] == f'"{TO_SEND}"'
    assert fixed[MESSAGE_FIELDS["direction"]] == '"out"'
    shown = texts(next(action.iter(f"{SPACE}quickActionLayout")), "field")
    assert body in shown
    assert {name for name in (*shown, *fixed) if name.startswith("WA_")} <= MESSAGES | {BODY}


@pytest.mark.parametrize("package", list(AGENTS))
def test_the_flow_tells_of_what_is_to_be_sent_and_of_nothing_else(package: str) -> None:
    kind, flow = AGENTS[package][0], parsed(package, "flows")
    start = next(flow.iter(f"{SPACE}start"))
    assert start.findtext(f"{SPACE}object") == kind
    assert dict(zip(texts(start, "field"), texts(start, "operator"), strict=True)) == {
        MESSAGE_FIELDS["status"]: "EqualTo",
        REF: "IsNull",
    }
    assert (texts(start, "stringValue"), texts(start, "booleanValue")) == ([TO_SEND], ["true"])
    assert texts(start, "doesRequireRecordChangedToMeetCriteria") == ["true"]
    [call] = flow.iter(f"{SPACE}actionCalls")
    assert texts(call, "actionType") == ["outboundMessage"]
    assert texts(call, "name") == texts(start, "targetReference")
    message = parsed(package, "workflows")
    assert texts(call, "actionName") == [f"{kind}.{name}" for name in texts(message, "fullName")]
    assert (texts(message, "fields"), texts(message, "includeSessionId")) == (["Id"], ["false"])


@pytest.mark.parametrize(("package", "kind"), [("fields", "Activity"), ("message_object", MESSAGE_OBJECT)])
def test_what_is_asked_for_all_the_time_is_indexed(package: str, kind: str) -> None:
    told = fields(package, kind)[MESSAGE_FIELDS["status"]]
    assert (told.findtext(f"{SPACE}externalId"), told.findtext(f"{SPACE}unique")) == ("true", None)
