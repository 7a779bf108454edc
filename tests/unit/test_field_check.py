"""A mapping against the fields that the CRM says it has."""

from __future__ import annotations

from typing import Any

import pytest

from config.files import load_object_mapping
from config.object_mapping import ContactObject
from config.settings import PACKAGED_FILES
from syncer.crm.field_check import CrmField, Holds, problems

KNOWN = (
    CrmField("our_id", unique=True),
    CrmField("lastname", required=True),
    CrmField("phone", Holds.PHONE),
    CrmField("stage", Holds.OPTION, options=("lead", "customer")),
    CrmField("consent", Holds.BOOL),
    CrmField("blocked", Holds.OPTION, options=("true", "false")),
    CrmField("sex", Holds.OPTION, options=("Female", "Male")),
    CrmField("born", Holds.DATE),
    CrmField("labels", Holds.OPTIONS),
    CrmField("created", Holds.MOMENT, writable=False),
    CrmField("score", Holds.NUMBER),
    CrmField("company", Holds.REFERENCE),
)
NAME = {"crm": "lastname", "contact": "last_name"}
PHONE = {"crm": "phone", "contact": "phone", "transform": "phone"}


def mapping(*lines: dict[str, Any], unique: str = "our_id") -> ContactObject:
    return ContactObject.model_validate({"object": "contacts", "unique": unique, "fields": [NAME, PHONE, *lines]})


def test_a_mapping_that_fits_has_no_problems() -> None:
    fitting = mapping(
        {"crm": "stage", "contact": "lifecycle_stage", "transform": "picklist", "values": {"new": "lead"}},
        {"crm": "consent", "contact": "marketing_consent", "transform": "bool"},
        {"crm": "blocked", "contact": "blocked", "transform": "bool"},
        {"crm": "sex", "contact": "gender", "transform": "gender", "values": {"f": "Female", "m": "Male"}},
        {"crm": "born", "contact": "birthday", "transform": "date"},
        {"crm": "labels", "contact": "tags", "transform": "tags", "separator": ";"},
        {"crm": "created", "contact": "created_at", "transform": "timestamp", "direction": "to_contact"},
        {"crm": "score", "contact": "custom.score", "transform": "number"},
        {"crm": "company", "contact": "company", "direction": "to_contact"},
    )
    assert problems(fitting, KNOWN) == []


@pytest.mark.parametrize(
    ("line", "key", "text"),
    [
        (
            {"crm": "stagee", "contact": "lifecycle_stage"},
            "contacts.fields[stagee].crm",
            "the CRM has no field 'stagee'; did you mean 'stage'?",
        ),
        (
            {"crm": "created", "contact": "custom.x", "transform": "timestamp"},
            "contacts.fields[created].direction",
            "the field 'created' is read-only; its direction must be \"to_contact\"",
        ),
        (
            {"crm": "born", "contact": "custom.x", "transform": "number"},
            "contacts.fields[born].transform",
            "'born' holds days, which 'number' never reads; fitting: date, text, timestamp",
        ),
        (
            {"crm": "born", "contact": "birthday"},
            "contacts.fields[born].transform",
            "'born' holds days, which 'text' never writes; fitting: date",
        ),
        (
            {"crm": "company", "contact": "company"},
            "contacts.fields[company].transform",
            "'company' holds another record, which 'text' never writes; nothing writes it: read it \"to_contact\"",
        ),
        (
            {"crm": "stage", "contact": "lifecycle_stage", "transform": "picklist", "values": {"c": "custmer"}},
            "contacts.fields[stage].values.c",
            "'custmer' is no option of 'stage'; did you mean 'customer'?",
        ),
        (
            {"crm": "sex", "contact": "gender", "transform": "gender"},
            "contacts.fields[sex].transform",
            "'F' is no option of 'sex', which takes Female, Male: give the line 'values'",
        ),
    ],
)
def test_a_line_that_does_not_fit_is_told_with_its_key(line: dict[str, Any], key: str, text: str) -> None:
    [found] = problems(mapping(line), KNOWN)
    assert (found.key, found.text) == (key, text)
    assert str(found.error("mappings/x.toml")) == f"mappings/x.toml {key}: {text}"


def test_what_is_only_read_need_not_be_writable_nor_an_option() -> None:
    only_read = (
        {"crm": "born", "contact": "birthday", "direction": "to_contact"},
        {"crm": "sex", "contact": "gender", "transform": "gender", "direction": "to_contact"},
    )
    assert problems(mapping(*only_read), KNOWN) == []


def test_a_required_field_that_nothing_fills_is_told_unless_the_adapter_fills_it() -> None:
    known = (*KNOWN, CrmField("status", required=True), CrmField("id", required=True, writable=False))
    [found] = problems(mapping(), known)
    assert found.text == "nothing fills 'status', without which the CRM makes no record"
    assert problems(mapping(), known, {"status"}) == []


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (CrmField("other"), "the CRM has no field 'wa_id' in which our own id is kept; known: "),
        (CrmField("wa_id"), "the field 'wa_id' may hold the same value twice; make it unique"),
        (CrmField("wa_id", unique=True, writable=False), "the field 'wa_id' is read-only; our own id is written to it"),
    ],
)
def test_the_field_of_our_own_id_must_be_there_and_be_unique(field: CrmField, text: str) -> None:
    [found] = problems(mapping(unique="wa_id"), (*KNOWN, field))
    assert found.key == "contacts.unique"
    assert found.text.startswith(text)


@pytest.mark.parametrize("crm", ["hubspot", "salesforce", "zoho"])
def test_a_shipped_mapping_fits_a_crm_that_has_its_fields(crm: str) -> None:
    contacts = load_object_mapping(PACKAGED_FILES, crm).contacts
    known = {item.crm: CrmField(item.crm) for item in contacts.fields}
    assert problems(contacts, [*known.values(), CrmField(contacts.unique, unique=True)]) == []
