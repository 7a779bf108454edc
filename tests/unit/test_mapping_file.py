"""`mappings/sql.toml`: what ships covers the requirements, and a wrong mapping is told with its key."""

from __future__ import annotations

import pytest

from config.errors import ConfigurationError
from config.files import load_mapping
from config.settings import PACKAGED_FILES


def test_the_shipped_mapping_covers_the_core_fields_both_ways():
    mapping = load_mapping(PACKAGED_FILES, "sql")
    assert len(mapping.contacts.to_contact) >= 15
    assert {"full_name", "phone", "tags", "marketing_consent"} <= {item.contact for item in mapping.contacts.to_crm}
    assert mapping.contacts.changed_at == "updated_at"
    assert (mapping.messages.ref, mapping.messages.wamid) == ("ref", "wamid")
    assert mapping.tasks.ref == "ref"


def test_a_mapping_needs_neither_messages_nor_tasks_nor_a_changed_at_column(folder):
    (folder / "mappings" / "mine.toml").write_text(
        'messages = "none"\n[contacts]\ntable = "kunden"\nschema = "crm"\nkey = "nr"\n'
        'fields = [{ crm = "mobil", contact = "phone", transform = "phone" }]\n'
    )
    mapping = load_mapping(folder, "mine")
    assert (mapping.messages, mapping.tasks, mapping.contacts.changed_at) == (None, None, None)
    assert mapping.contacts.db_schema == "crm"
    assert mapping.contacts.fields[0].direction == "both"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'contact = "full_name"',
            'contact = "fullname"',
            "fields[name].contact: is no contact field: 'fullname'; did you mean 'full_name'",
        ),
        (
            'transform = "phone"',
            'transform = "fone"',
            "fields[mobile].transform: is no transform: 'fone'; did you mean 'phone'?",
        ),
        ('crm = "city", contact', 'colum = "city", contact', "contacts.fields[6]: has an unknown key 'colum'"),
        ('wamid = "wamid"', 'wamd = "wamid"', "messages: has an unknown key 'wamd'; did you mean 'wamid'?"),
        ('customer = "customer_id"', "", "messages.customer: is missing"),
        ('ref = "ref"', 'ref = ""', "messages.ref: "),
        ('key = "customer_id"', "", "contacts.key: is missing"),
        (
            'direction = "to_contact" }',
            'direction = "sideways" }',
            "contacts.fields[customer_id].direction: must be 'both'",
        ),
        ('contact = "external_id", direction = "to_contact"', 'contact = "external_id"', "belongs to the CRM"),
        (
            'crm = "tel", contact = "phone_alt"',
            'crm = "tel", contact = "phone"',
            "contacts: fills the contact field 'phone'",
        ),
        ('crm = "tel", contact', 'crm = "mobile", contact', "contacts: fills the CRM column 'mobile' from two fields"),
        ('crm = "name", contact', 'crm = "customer_id", contact', "writes to the key column 'customer_id'"),
        ('contact = "phone", ', 'contact = "notes", direction = "to_crm", ', "maps no column to 'phone'"),
        ("messages]\ntable", "mesages]\ntable", "has an unknown key 'mesages'; did you mean 'messages'?"),
    ],
)
def test_a_wrong_mapping_is_told_with_its_key(spoilt, old, new, problem):
    text = spoilt("mappings/sql.toml", old, new)
    assert text.startswith("mappings/sql.toml")
    assert problem in text
    assert "\n" not in text


def test_a_mapping_of_an_unknown_crm_is_told(folder):
    with pytest.raises(ConfigurationError, match=r"^mappings/sap.toml: cannot be read"):
        load_mapping(folder, "sap")
