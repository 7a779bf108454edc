"""Slips in `mappings/sql.toml` that need no database: each is one line with the file, the key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.files import load_mapping

PHONE = 'fields = [{ crm = "phone", contact = "phone" }, { crm = "tags", contact = "tags", transform = "tags" }]'
CONTACTS = f'[contacts]\ntable = "people"\nkey = "id"\n{PHONE}\n'
QUERY = f'[contacts]\nquery = "select * from people"\nkey = "id"\n{PHONE}\n'
JOIN = CONTACTS + '[[contacts.joins]]\nname = "tags"\ntable = "tags"\nkey = "who"\nvalue = "label"\n'
MESSAGES = '[messages]\ntable = "said"\nwamid = "wamid"\ncustomer = "who"\ndirection = "way"\nbody = "body"\n'
REPLIES = '[replies]\ntable = "out"\nkey = "id"\nref = "ref"\nphone = "phone"\nbody = "body"\n'


def problem(tmp_path: Path, text: str) -> str:
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "sql.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(tmp_path, "sql")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CONTACTS.replace('table = "people"\n', ""), "contacts: must name either a 'table' or a 'query'"),
        (
            QUERY.replace("[contacts]", '[contacts]\ntable = "people"'),
            "contacts: must name either a 'table' or a 'query'",
        ),
        (QUERY.replace("select *", "delete"), "contacts.query: must be one question to the database, such as query ="),
        (
            QUERY.replace("people", "a; drop table b"),
            "contacts.query: holds more than one statement; leave out the semi",
        ),
        (
            QUERY.replace('contact = "phone" }', 'contact = "phone", direction = "both" }'),
            "contacts: writes 'phone', but a query is only read; name the table behind it in 'write_table'",
        ),
        (
            QUERY + "[contacts.defaults]\nx = 1\n",
            "contacts: gives 'defaults' for new rows, but a query is only read; name",
        ),
        (CONTACTS + "[contacts.defaults]\nid = 1\n", "contacts: gives a default for the key column 'id'; leave it out"),
        (CONTACTS + "[contacts.defaults]\nx = [1]\n", "contacts.defaults.x"),
        (
            JOIN.replace('name = "tags"', 'name = "labels"'),
            "contacts: has a join 'labels' that no line uses; add { crm",
        ),
        (JOIN + JOIN.partition("]\n[")[2].join(["[", ""]), "contacts: has two joins called 'tags'; give each a name"),
        (
            JOIN + 'separator = ";"\n',
            "contacts.joins[tags]: has a 'separator' but takes only one value; add many = true",
        ),
        (
            JOIN + "where = { label = 'x' }\n",
            "contacts.joins[tags]: fixes 'label', which differs from row to row; leave",
        ),
        (JOIN + "vlaue = 'x'\n", "contacts.joins[tags]: has an unknown key 'vlaue'; did you mean 'value'?"),
        (
            JOIN.replace('transform = "tags"', 'transform = "text"').replace('contact = "tags"', 'contact = "notes"')
            + "many = true\n",
            "contacts: cannot write 'tags' back, which joins many values into one; give its line direction",
        ),
        (CONTACTS + REPLIES.replace('phone = "phone"\n', ""), "replies: names neither 'customer' nor 'phone'"),
        (CONTACTS + REPLIES.replace('ref = "ref"\n', ""), "replies.ref: is missing"),
        (
            CONTACTS + REPLIES + 'taken = "to_send"\n',
            "replies: gives one word to two of 'to_send', 'taken' and 'failed'",
        ),
        (
            CONTACTS + REPLIES + 'status = "ref"\n',
            "replies: uses 'ref' as 'ref' and as 'status'; they need a column each",
        ),
        (CONTACTS + REPLIES + 'notify = "Sync er"\n', "replies.notify: "),
        (
            CONTACTS + MESSAGES + REPLIES.replace('"out"', '"said"'),
            "[replies] and [messages] share the table 'said'; both must name the same 'ref' column",
        ),
        (
            CONTACTS + MESSAGES + 'ref = "ref"\n' + REPLIES.replace('"out"', '"said"'),
            "[replies] and [messages] share the table 'said'; both must name the same 'status' column",
        ),
    ],
)
def test_a_slip_is_told_with_its_key_and_its_remedy(tmp_path: Path, text: str, told: str) -> None:
    said = problem(tmp_path, text)
    assert said.startswith("mappings/sql.toml")
    assert told in said


def loaded(tmp_path: Path, text: str):
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings" / "sql.toml").write_text(text, encoding="utf-8")
    return load_mapping(tmp_path, "sql")


def test_the_lines_of_a_query_are_only_read(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, QUERY)
    assert mapping.contacts.read_only
    assert {item.direction for item in mapping.contacts.fields} == {"to_contact"}


def test_a_query_with_its_table_is_written(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, QUERY.replace("[contacts]", '[contacts]\nwrite_table = "people"'))
    assert {item.direction for item in mapping.contacts.fields} == {"both"}


def test_a_join_of_a_query_is_still_written(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, JOIN.replace('table = "people"', 'query = "select * from people"') + "many = true\n")
    assert {item.crm: item.direction for item in mapping.contacts.fields} == {"phone": "to_contact", "tags": "both"}
