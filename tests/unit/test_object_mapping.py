"""The vendors' mapping files: what ships is enough, options belong to their transforms, and a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.contact_fields import CONTACT_FIELDS, OPTIONS, TRANSFORMS, FieldMap
from config.files import load_mapping, load_object_mapping
from config.settings import PACKAGED_FILES

VENDORS = ("hubspot", "salesforce", "zoho")


@pytest.mark.parametrize("crm", VENDORS)
def test_a_shipped_mapping_covers_the_core_fields_both_ways(crm: str) -> None:
    contacts = load_object_mapping(PACKAGED_FILES, crm).contacts
    both = {line.contact for line in contacts.to_contact} & {line.contact for line in contacts.to_crm}
    assert len(both) >= 15  # R21
    assert {"first_name", "last_name", "phone", "marketing_consent", "blocked", "custom.membership_level"} <= both
    assert {"external_id", "created_at", "updated_at"} <= {line.contact for line in contacts.to_contact}
    assert contacts.unique.lower().startswith("wa_external_id")


@pytest.mark.parametrize("crm", VENDORS)
def test_a_shipped_consent_tells_no_from_never_asked(crm: str) -> None:
    contacts = load_object_mapping(PACKAGED_FILES, crm).contacts
    consents = [line for line in contacts.fields if line.contact.endswith("_consent")]
    assert len(consents) == 2
    assert all(line.values and line.values.keys() == {"true", "false"} for line in consents)
    assert all(line.wins == "engine" for line in consents)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('unique = "wa_external_id"', "", "contacts.unique: is missing"),
        ('object = "contacts"', 'objekt = "contacts"', "contacts: has an unknown key 'objekt'; did you mean 'object'?"),
        (
            'crm = "company"',
            'crm = "wa_external_id"',
            "writes to the field 'wa_external_id', which holds the engine's own",
        ),
        (
            'separator = ";"',
            'seperator = ";"',
            "fields[wa_tags]: has an unknown key 'seperator'; did you mean 'separator'?",
        ),
        ('"custom.membership_level"', '"custom.Membership Level"', "is no contact field: 'custom.Membership Level'"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_key(spoilt: Any, old: str, new: str, problem: str) -> None:
    text = spoilt("mappings/hubspot.toml", old, new)
    assert text.startswith("mappings/hubspot.toml contacts")
    assert problem in text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"zone": "Asia/Taipei"}, "gives 'zone' to the transform 'text'; it is for date, timestamp"),
        (
            {"inverted": True, "transform": "tags"},
            "gives 'inverted' to the transform 'tags'; it is for bool, bool_words",
        ),
        ({"separator": ";", "transform": "date"}, "gives 'separator' to the transform 'date'; it is for tags"),
        ({"values": {"a": "b"}, "transform": "phone"}, "gives 'values' to the transform 'phone'"),
        ({"zone": "Asia/Taipe", "transform": "date"}, "is no time zone: 'Asia/Taipe'; did you mean 'Asia/Taipei'?"),
        ({"zone": "../etc/passwd", "transform": "date"}, "is no time zone"),
        ({"transform": "picklist"}, "is a picklist without 'values'"),
        ({"transform": "bool_words", "values": {"yes": "Ja"}}, "has 'values' for something else than true and false"),
        ({"transform": "picklist", "values": {"a": "Gold", "b": " gold"}}, "gives two values for the CRM's 'gold'"),
        ({"transform": "first_name"}, "the transform 'first_name' only reads; its direction must be \"to_contact\""),
        ({"contact": "same_as"}, "'same_as' belongs to the CRM"),
        ({"contact": "tags"}, "fills 'tags' by 'text'; it takes tags"),
        ({"contact": "marketing_consent"}, "fills 'marketing_consent' by 'text'; it takes bool or bool_words"),
    ],
)
def test_an_option_belongs_to_its_transform(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FieldMap(**{"crm": "x", "contact": "notes", **options})
    assert problem in str(caught.value)


def test_every_option_is_for_transforms_that_there_are() -> None:
    assert {name for names in OPTIONS.values() for name in names} <= TRANSFORMS.keys()


def test_the_page_for_operators_names_every_field_transform_and_option() -> None:
    page = (PACKAGED_FILES.parent / "docs" / "mapping.md").read_text(encoding="utf-8")
    assert [name for name in (*CONTACT_FIELDS, *TRANSFORMS, *OPTIONS) if f"`{name}`" not in page] == []


@pytest.mark.parametrize("crm", VENDORS)
def test_the_vendors_fill_no_field_of_another_kind_than_the_companys_own_table(crm: str) -> None:
    ours = {line.contact: line.transform for line in load_mapping(PACKAGED_FILES, "sql").contacts.fields}
    theirs = {line.contact: line.transform for line in load_object_mapping(PACKAGED_FILES, crm).contacts.fields}
    same = {"bool": "bool_words"}
    both = ours.keys() & theirs.keys()
    assert {n: same.get(theirs[n], theirs[n]) for n in both} == {n: same.get(ours[n], ours[n]) for n in both}
