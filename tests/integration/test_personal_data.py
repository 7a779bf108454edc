"""Everything held about one person, and nothing about anybody else (GDPR Art. 15)."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from syncer.domain.message import Sender
from syncer.flows.contacts.erasure import Erasure
from syncer.flows.contacts.personal_data import Document, PersonalData
from syncer.policies import provenance
from syncer.store import contact_joins, contact_separation, contacts, departures, recognition
from syncer.store.base import metadata
from syncer.store.personal_data import NOBODYS
from tests.integration.conftest import House
from tests.integration.one_person import Person, live, run, sync

PHONE = "+886912345678"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def flow(house: House, folder: Path) -> PersonalData:
    return PersonalData(house.store, house.clock, folder)


@pytest.fixture
def ming(house: House, folder: Path) -> Person:
    return live(house, folder, "xiaoming", "912345678")


@pytest.fixture
def mei(house: House, folder: Path) -> Person:
    return live(house, folder, "meihua", "921436587")


def as_text(found: Document) -> str:
    return json.dumps(asdict(found), ensure_ascii=False, default=str)


def names(person: Person, row: Any) -> bool:
    return any(trace in json.dumps(row, ensure_ascii=False) for trace in person.traces())


def test_every_row_that_names_them_or_belongs_to_them_is_in_the_document(
    house: House, flow: PersonalData, ming: Person, mei: Person
) -> None:
    held = flow.export(ming.contact_id).held
    for table in metadata.sorted_tables:
        rows = [row[0] for row in house.rows(f"select to_jsonb(t) from {table.name} t")]
        theirs = [row for row in rows if row.get("contact_id") == ming.contact_id or names(ming, row)]
        if table.name not in NOBODYS:
            assert len(held.get(table.name, [])) >= len(theirs), table.name
    assert {"former_identities", "contact_sources", "departed_sources", "contact_joins", "crm_writes"} <= set(held)
    assert {"inbox", "dead_letters", "early_statuses", "handoffs", "consents", "outgoing", "reached"} <= set(held)


def test_nobody_else_is_in_the_document(flow: PersonalData, ming: Person, mei: Person) -> None:
    found = as_text(flow.export(ming.contact_id))
    assert [trace for trace in mei.traces() if trace in found] == []
    assert "somebody" not in found
    assert all(trace in found for trace in ming.traces())


def test_it_says_what_they_are_known_by(flow: PersonalData, ming: Person) -> None:
    found = flow.export(ming.contact_id)
    assert found.identifiers["phone"] == [ming.phone]
    assert ming.user_id in found.identifiers["user_id"]
    assert ming.crm_id in found.identifiers["crm:sql"]
    assert found.identifiers["email"] == [ming.email]


def test_their_files_are_copied_and_one_that_is_gone_is_named_all_the_same(
    flow: PersonalData, ming: Person, tmp_path: Path
) -> None:
    assert [one["file"] for one in flow.export(ming.contact_id).files] == [None]
    out = tmp_path / "for her"
    (one,) = flow.export(ming.contact_id, out).files
    assert one["file"].endswith("xiaoming.txt")
    assert (out / one["file"]).read_bytes() == b"file of xiaoming"
    ming.file.unlink()
    assert [one["file"] for one in flow.export(ming.contact_id, tmp_path / "again").files] == [None]


def test_a_file_name_of_theirs_leads_nowhere_else(
    house: House, flow: PersonalData, ming: Person, tmp_path: Path
) -> None:
    house.rows("update media set filename = '../../escaped.txt' returning 1")
    (one,) = flow.export(ming.contact_id, tmp_path / "out").files
    assert one["file"].endswith("-escaped.txt")
    assert (tmp_path / "out" / one["file"]).exists()


def test_of_a_stranger_there_is_nothing(flow: PersonalData) -> None:
    with pytest.raises(LookupError):
        flow.export(4711)


def test_the_page_for_operators_names_every_table_that_holds_anything() -> None:
    page = (Path(__file__).parents[2] / "docs" / "personal-data.md").read_text(encoding="utf-8")
    holding = {table.name for table in metadata.sorted_tables} - set(NOBODYS)
    assert {name for name in holding if f"`{name}`" not in page} == set()


# Two who were one for a while


@pytest.fixture
def parted(house: House) -> tuple[int, int]:
    """Two persons who were joined by mistake, while a third joined them; and taken apart again."""
    one = house.contact(PHONE, email="ada@example.com", full_name="Ada")
    other = house.contact("+886922222222", email="bob@example.com", full_name="Bob")
    third = house.contact("+886933333333", full_name="Ada's tablet")

    def join(tx: Connection, absorbed: int) -> int:
        contact_joins.take_turn(tx)
        return contact_joins.join(tx, one, absorbed, "mistake", house.clock.now())

    first = run(house, lambda tx: join(tx, other))
    house.clock.advance(minutes=1)
    run(house, lambda tx: join(tx, third))
    house.clock.advance(minutes=1)
    run(house, lambda tx: contact_separation.separate(tx, first, house.clock.now()))
    return one, other


def test_the_journal_of_a_join_that_was_undone_shows_each_only_their_own_part(
    flow: PersonalData, parted: tuple[int, int]
) -> None:
    ada, bob = (as_text(flow.export(one)) for one in parted)
    assert "ada@example.com" in ada
    assert "bob@example.com" not in ada
    assert "bob@example.com" in bob
    assert "ada@example.com" not in bob


def test_an_erased_person_is_gone_from_the_journals_of_those_they_were_joined_to(
    house: House, parted: tuple[int, int], tmp_path: Path
) -> None:
    Erasure(house.store, house.clock, (b"key",), tmp_path).erase(parted[1], "test", "asked")
    left = house.rows("select t::text from contact_joins t")
    assert [row for row in left if "bob@example.com" in row[0]] == []
    assert house.value("select email from contacts where id = :id", id=parted[0]) == "ada@example.com"


def test_a_person_of_whom_only_the_journal_of_deleted_rows_is_left_is_exported_and_erased(
    house: House, flow: PersonalData, tmp_path: Path
) -> None:
    crm_id = house.crm.add(full_name="王", phone="0912345678", email="w@example.com")
    sync(house)
    contact_id = house.value("select contact_id from contact_sources")
    run(house, lambda tx: departures.depart(tx, "sql", {crm_id: "gone"}, house.clock.now()))
    for table, column in (("identities", "contact_id"), ("contacts", "id")):
        house.rows(f"delete from {table} where {column} = {contact_id} returning 1")
    found = flow.export(contact_id)
    assert [row["fields"]["full_name"] for row in found.held["departed_sources"]] == ["王"]
    done = Erasure(house.store, house.clock, (b"key",), tmp_path).erase(contact_id, "test", "asked")
    assert done.counts["departed_sources"] == 1
    assert house.rows("select 1 from departed_sources") == []


# Where it comes from


def test_of_every_field_it_is_said_who_says_so(house: House) -> None:
    crm_id = house.crm.add(full_name="王小明", phone="0912345678", city="Tainan", tags="vip")
    sync(house)
    contact_id = house.value("select id from contacts")
    run(house, lambda tx: contacts.add_tags(tx, contact_id, ["complaint"], house.clock.now()))
    row = dict(house.rows("select * from contacts")[0]._mapping)
    sources = [dict(one._mapping) for one in house.rows("select * from contact_sources")]
    edits = {"email": {"value": "a@b.c", "at": "2026-11-23T10:00:00+00:00", "by": "api:shop"}}
    found = provenance.origins(row | {"edits": edits, "email": "a@b.c", "language": "ja"}, sources)
    assert found["full_name"] == found["phone"] == found["attributes.city"] == found["tags"] == [f"sql {crm_id}"]
    assert found["email"] == ["api:shop (2026-11-23T10:00:00+00:00)"]
    assert found["language"] == [provenance.ELSEWHERE]
    assert "blocked" not in found


def test_what_only_whatsapp_told_is_nobodys_row(house: House) -> None:
    sender = Sender(PHONE, name="Ming")
    run(house, lambda tx: recognition.resolve(tx, [sender], house.clock.now()))
    row = dict(house.rows("select * from contacts")[0]._mapping)
    assert provenance.origins(row, []) == {"full_name": ["conversation"], "phone": ["conversation"]}
