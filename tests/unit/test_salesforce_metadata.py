"""The fields that are deployed are those that the adapter and the shipped mapping use: none missing, none for
nothing."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.crm.salesforce.mapping import BODY, CONTACT_LOOKUP, MESSAGE_FIELDS, MESSAGE_OBJECT, OCCURRED, REF

FOLDER = Path(__file__).parents[2] / "docs" / "salesforce"
SPACE = "{http://soap.sforce.com/2006/04/metadata}"
CONTACTS = load_object_mapping(PACKAGED_FILES, "salesforce").contacts
MESSAGES = {REF, *MESSAGE_FIELDS.values()}
USED = {
    ("fields", "Contact"): {CONTACTS.unique, *(line.crm for line in CONTACTS.fields if line.crm.endswith("__c"))},
    ("fields", "Activity"): MESSAGES,
    ("fields", "Case"): {REF},
    ("message_object", MESSAGE_OBJECT): MESSAGES | {BODY, CONTACT_LOOKUP, OCCURRED},
}


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
