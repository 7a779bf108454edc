"""Erasing a person: nothing of them is left, nothing of anybody else is touched, and a proof stays (GDPR Art. 17)."""

from __future__ import annotations

import importlib
import json
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, text

import syncer.store
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.domain.message import Sender
from syncer.flows.contacts.erasure import Erasure, InFlight
from syncer.flows.contacts.returning import came_back, refuse_for_the_returned
from syncer.policies.erasure import fingerprint, refusal
from syncer.store import consents, erasures, identity_changes, personal_data, traces
from syncer.store.base import metadata
from syncer.store.contact_neighbours import PLACING
from tests.fakes.messenger import said
from tests.fakes.whatsapp_bench import until
from tests.integration.conftest import House
from tests.integration.one_person import Person, live, put, run, sync

_WAITING = """
    select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"""
KEYS = (b"newest key", b"older key")
#: Where a trace may stay: the key of a delivery, by which a repetition is recognised, until retention takes it.
_KEYS_OF_DELIVERIES = {"item_id", "order_key"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "media"


@pytest.fixture
def flow(house: House, folder: Path) -> Erasure:
    return Erasure(house.store, house.clock, KEYS, folder)


@pytest.fixture
def ming(house: House, folder: Path) -> Person:
    return live(house, folder, "xiaoming", "912345678")


@pytest.fixture
def mei(house: House, folder: Path) -> Person:
    return live(house, folder, "meihua", "921436587")


def everything(house: House) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    return {
        table.name: [row[0] for row in house.rows(f"select to_jsonb(t) from {table.name} t order by t::text")]
        for table in metadata.sorted_tables
    }


def traces_of(person: Person, tables: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Where something of a person can be read: table and row."""
    return [
        f"{name}: {row}"
        for name, rows in tables.items()
        for row in rows
        if any(mark in json.dumps(row, ensure_ascii=False) for mark in person.traces())
    ]


def rows_of(person: Person, tables: dict[str, list[dict[str, Any]]]) -> set[str]:
    return {row.partition(":")[0] for row in traces_of(person, tables)}


# Completeness


def test_of_every_table_it_is_known_whether_it_holds_anything_about_a_person() -> None:
    """A new table with `contact_id` or with `crm` and `crm_id` is understood; another one needs a word in
    store/personal_data.py."""
    for module in pkgutil.iter_modules(syncer.store.__path__):
        importlib.import_module(f"syncer.store.{module.name}")
    assert personal_data.unexplained() == []
    named = {*personal_data.ABOUT, *personal_data.KEPT, *personal_data.NOBODYS}
    assert named <= set(metadata.tables)
    assert not set(personal_data.NOBODYS) & {*personal_data.ABOUT, *personal_data.KEPT}


def test_every_number_of_a_contact_counts() -> None:
    """A column that names a contact under another name than `contact_id` has to be in its table's condition."""
    others = {"subject_id", "outgoing_id", "message_id", "answers_message_id", "conversation_id"}
    others |= {"batch_id", "campaign_id", "run_id", "erasure_id", "subscription_id"}
    found = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.c
        if (about := personal_data.condition(table)) and isinstance(column.type, BigInteger)
        if column.name.endswith("_id") and column.name not in others and f"t.{column.name} = any(:ids)" not in about
    ]
    assert found == []


def test_a_table_that_is_nobodys_has_no_column_that_names_somebody() -> None:
    telling = ("contact", "wamid", "crm_id", "user_id", "payload", "body", "email", "full_name", "subject_id")
    proofs = {"erasures", "erased_identifiers"}
    found = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        if table.name in set(personal_data.NOBODYS) - proofs
        for column in table.c
        if any(word in column.name for word in telling)
    ]
    assert found == []


def test_the_person_of_these_tests_has_left_traces_in_every_table_that_can_hold_any(house: House, ming: Person) -> None:
    """Otherwise the tests below would prove less than they say."""
    with house.store.begin() as tx:
        found = personal_data.rows(tx, traces.of(tx, ming.contact_id))
    possible = {table.name for table in metadata.sorted_tables} - set(personal_data.NOBODYS)
    assert possible - set(found) <= {"sync_seen"}


# Erasing


def test_nothing_of_an_erased_person_can_be_read_anywhere(house: House, flow: Erasure, ming: Person) -> None:
    before = everything(house)
    assert len(rows_of(ming, before)) > 10
    done = flow.erase(ming.contact_id, "test", "asked")
    after = everything(house)
    assert {name: sum(row not in after[name] for row in before[name]) for name in done.counts} == done.counts
    for row in after["inbox"]:
        for column in _KEYS_OF_DELIVERIES:
            row.pop(column)
    assert traces_of(ming, after) == []
    assert ming.contact_id not in [
        row.get("contact_id") for name in set(after) - {"reached", "erasures"} for row in after[name]
    ]
    assert not ming.file.exists()


def test_nobody_else_is_touched(house: House, flow: Erasure, ming: Person, mei: Person) -> None:
    before = everything(house)
    flow.erase(ming.contact_id, "test", "asked")
    after = everything(house)
    kept = {name: [row for row in rows if row in after[name]] for name, rows in before.items()}
    assert traces_of(mei, kept) == traces_of(mei, before)
    assert mei.file.read_bytes() == b"file of meihua"
    gone = {name: [row for row in rows if row not in after[name]] for name, rows in before.items()}
    assert traces_of(mei, gone) == []
    flow.erase(mei.contact_id, "test", "asked")
    assert not mei.file.exists()


def test_the_proof_says_when_by_whom_why_and_how_much_and_names_nobody(
    house: House, flow: Erasure, ming: Person
) -> None:
    done = flow.erase(ming.contact_id, "the officer", "letter of 3 May")
    (proof,) = house.rows("select * from erasures")
    assert (proof.id, proof.erased_at, proof.erased_by) == (done.erasure_id, house.clock.now(), "the officer")
    assert (proof.reason, proof.counts, proof.files) == ("letter of 3 May", done.counts, [])
    assert {"contacts", "messages", "consents", "identities", "contact_joins", "inbox"} <= set(proof.counts)
    prints = {bytes(row[0]) for row in house.rows("select fingerprint from erased_identifiers")}
    assert fingerprint(KEYS[0], ("phone", ming.phone)) in prints
    assert fingerprint(KEYS[0], ("user_id", ming.user_id)) in prints
    assert fingerprint(KEYS[0], ("crm:sql", ming.crm_id)) in prints
    assert fingerprint(b"another key", ("phone", ming.phone)) not in prints


def test_a_second_time_there_is_nobody(flow: Erasure, ming: Person) -> None:
    flow.erase(ming.contact_id, "test", "asked")
    with pytest.raises(LookupError):
        flow.erase(ming.contact_id, "test", "asked")


def test_what_would_go_is_what_goes(flow: Erasure, ming: Person) -> None:
    preview = flow.preview(ming.contact_id)
    assert flow.erase(ming.contact_id, "test", "asked").counts == preview


# What is under way


@pytest.mark.parametrize(
    ("table", "state"),
    [
        ("outgoing", "claimed"),
        ("outgoing", "sending"),
        ("inbox", "claimed"),
        ("crm_writes", "claimed"),
        ("crm_notices", "claimed"),
        ("media", "claimed"),
        ("hook_deliveries", "claimed"),
    ],
)
def test_while_a_worker_is_at_something_of_theirs_it_is_refused_and_nothing_changes(
    house: House, flow: Erasure, ming: Person, table: str, state: str
) -> None:
    with house.store.begin() as tx:
        tx.execute(text(f"update {table} set state = :state, claimed_by = 1"), {"state": state})
    before = everything(house)
    with pytest.raises(InFlight):
        flow.erase(ming.contact_id, "test", "asked")
    assert everything(house) == before
    assert ming.file.exists()


@pytest.mark.parametrize(
    "held",
    [
        "select pg_advisory_xact_lock(:turn, 0)",
        "select 1 from identities where contact_id = :id for key share",
        "select 1 from outgoing where contact_id = :id for update",
    ],
    ids=["a page of a sync", "a conversation", "a send"],
)
def test_it_waits_for_whoever_is_writing_about_them_at_this_moment(
    house: House, flow: Erasure, ming: Person, held: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with house.store.begin() as tx:
            bound = {
                name: value for name, value in {"turn": PLACING, "id": ming.contact_id}.items() if f":{name}" in held
            }
            tx.execute(text(held), bound)
            erasing = pool.submit(flow.erase, ming.contact_id, "test", "asked")
            until(lambda: erasing.done() or house.value(_WAITING) > 0)
            assert not erasing.done()
        assert erasing.result().counts["contacts"] == 1


def test_planned_sends_are_cancelled_and_their_campaign_can_end(house: House, flow: Erasure, ming: Person) -> None:
    assert house.value("select count(*) from outgoing where state = 'planned'") > 1
    flow.erase(ming.contact_id, "test", "asked")
    assert house.rows("select 1 from outgoing") == []
    assert house.value("select state from campaigns") == "done"
    accepted = len(house.messenger.accepted)
    house.sending.drain_live(house.worker)
    assert len(house.messenger.accepted) == accepted


def test_a_message_that_waits_unhandled_does_not_bring_them_back(house: House, flow: Erasure, ming: Person) -> None:
    house.intake.receive([said("wamid.waits", "嗨", phone=ming.phone, at=house.clock.now())])
    flow.erase(ming.contact_id, "test", "asked")
    house.intake.drain(house.worker)
    assert house.rows("select 1 from contacts") == []


def test_a_repeated_delivery_does_not_bring_them_back(house: House, flow: Erasure, ming: Person) -> None:
    again = said("wamid.again", "嗨", phone=ming.phone, at=house.clock.now())
    house.receive(again)
    flow.erase(ming.contact_id, "test", "asked")
    house.receive(again)
    assert house.rows("select 1 from contacts") == []


def test_who_writes_again_is_a_stranger(house: House, flow: Erasure, ming: Person) -> None:
    flow.erase(ming.contact_id, "test", "asked")
    house.receive(said("wamid.new", "嗨", phone=ming.phone, at=house.clock.advance(minutes=5)))
    (contact,) = house.rows("select id, marketing, tags from contacts")
    assert contact.id > ming.contact_id
    assert (contact.marketing, contact.tags) == ("unknown", [])


# Numbers that change hands


def test_what_came_from_a_number_while_it_was_anothers_stays_theirs(house: House, flow: Erasure) -> None:
    number, renewed = "+886912000111", "+886912000222"
    first = house.contact(number)
    house.receive(said("wamid.first", "first owner", phone=number, at=house.clock.advance(minutes=5)))
    at = house.clock.advance(minutes=5)
    person = Sender(number), Sender(renewed)
    run(house, lambda tx: identity_changes.take_over(tx, first, *person, at))
    house.receive(said("wamid.second", "second owner", phone=number, at=house.clock.advance(minutes=5)))
    second = house.value("select contact_id from identities where value = :number", number=number)
    assert second != first
    flow.erase(second, "test", "asked")
    payloads = dict(map(tuple, house.rows("select item_id, payload from inbox")))
    assert "first owner" in payloads["wamid.first"]
    assert payloads["wamid.second"] == "{}"
    flow.erase(first, "test", "asked")
    assert house.rows("select 1 from inbox where payload <> '{}'") == []


# Files


def test_a_file_that_somebody_else_has_sent_too_stays(
    house: House, flow: Erasure, folder: Path, ming: Person, mei: Person
) -> None:
    message = house.value("select message_id from media where contact_id = :id", id=mei.contact_id)
    shared = put(house, folder, message, ming.file.read_bytes())
    assert shared == ming.file
    assert flow.erase(ming.contact_id, "test", "asked").files_left == 0
    assert shared.exists()
    flow.erase(mei.contact_id, "test", "asked")
    assert not shared.exists()


def test_an_erasure_that_dies_before_its_files_is_finished_by_the_next(
    house: House, flow: Erasure, ming: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: Erasure) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Erasure, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            flow.erase(ming.contact_id, "test", "asked")
    assert house.rows("select 1 from contacts") == []
    assert ming.file.exists()
    assert flow.finish() == 0
    assert not ming.file.exists()
    assert flow.finish() == 0


def test_what_a_fetch_that_died_has_left_goes_too(flow: Erasure, house: House, folder: Path, ming: Person) -> None:
    number = house.value("select id from media where contact_id = :id", id=ming.contact_id)
    (folder / "coming").mkdir()
    (folder / "coming" / f"{number}.4711").write_bytes(b"half of it")
    (folder / "coming" / f"{number}0.4711").write_bytes(b"somebody else's")
    flow.erase(ming.contact_id, "test", "asked")
    assert [path.name for path in (folder / "coming").iterdir()] == [f"{number}0.4711"]


def test_while_a_file_is_being_fetched_none_is_removed_since_it_may_be_the_same(
    house: House, flow: Erasure, ming: Person, mei: Person
) -> None:
    fetching = "update media set state = :state where contact_id = :id"
    run(house, lambda tx: tx.execute(text(fetching), {"state": "claimed", "id": mei.contact_id}))
    assert flow.erase(ming.contact_id, "test", "asked").files_left > 0
    assert ming.file.exists()
    run(house, lambda tx: tx.execute(text(fetching), {"state": "done", "id": mei.contact_id}))
    assert flow.finish() == 0
    assert not ming.file.exists()


def test_a_file_that_cannot_be_removed_is_tried_again(
    house: House, flow: Erasure, ming: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError("read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", refuse)
        assert flow.erase(ming.contact_id, "test", "asked").files_left == 1
    assert flow.finish() == 0
    assert not ming.file.exists()


# Coming back


def back(house: House, *pairs: tuple[str, str], keys: tuple[bytes, ...] = KEYS) -> set[tuple[str, str]]:
    with house.store.begin() as tx:
        return set(came_back(tx, keys, pairs))


def test_who_was_erased_is_recognised_by_number_account_and_row(house: House, flow: Erasure, ming: Person) -> None:
    phone, account, row = ("phone", ming.phone), ("user_id", ming.user_id), ("crm:sql", ming.crm_id)
    assert back(house, phone, account, row) == set()
    flow.erase(ming.contact_id, "test", "asked")
    assert back(house, phone, account, row, ("phone", "+886955555555"), ("crm:zoho", ming.crm_id)) == {
        phone,
        account,
        row,
    }
    assert back(house, phone, keys=(b"new key", *KEYS)) == {phone}
    assert back(house, phone, keys=(b"new key",)) == set()


def test_a_number_is_recognised_in_every_form(house: House, flow: Erasure) -> None:
    flow.erase(house.contact("+5511987654321"), "test", "asked")
    assert back(house, ("phone", "+551187654321")) == {("phone", "+551187654321")}


def test_the_refusal_is_as_old_as_the_erasure_and_stronger_than_any_import(
    house: House, flow: Erasure, ming: Person
) -> None:
    flow.erase(ming.contact_id, "test", "asked")
    with house.store.begin() as tx:
        (erased_at,) = came_back(tx, KEYS, [("phone", ming.phone)]).values()
    entry = refusal(7, erased_at)
    assert (entry.tier, entry.word, entry.explicit, entry.at) == ("marketing", "revoked", True, house.clock.now())


def returns(house: House, person: Person) -> tuple[int, set[int]]:
    """The CRM's row is read again: the contact it makes, and for whom a refusal was entered."""
    house.crm.contacts[person.crm_id] |= {"phone": person.phone, "marketing_consent": "yes"}
    sync(house)
    homes = {("sql", row.crm_id): row.contact_id for row in house.rows("select * from contact_sources")}
    rows = [SourceRecord("sql", person.crm_id, b"", {}, person.phone, None)]
    found = run(house, lambda tx: refuse_for_the_returned(tx, KEYS, rows, homes, house.clock.now()))
    return homes["sql", person.crm_id], found


def test_who_is_read_in_again_refuses_marketing_whatever_the_crm_says(
    house: House, flow: Erasure, ming: Person, mei: Person
) -> None:
    flow.erase(ming.contact_id, "test", "asked")
    house.clock.advance(minutes=5)
    contact_id, refused = returns(house, ming)
    assert refused == {contact_id}
    assert house.value("select marketing from contacts where id = :id", id=contact_id) == "revoked"
    assert returns(house, mei)[1] == set()


def test_their_own_later_word_stands(house: House, flow: Erasure, ming: Person) -> None:
    flow.erase(ming.contact_id, "test", "asked")
    now = house.clock.advance(minutes=5)
    again = house.contact(ming.phone)
    entry = ConsentEntry(again, Tier.MARKETING, Word.GRANTED, now, "form", "signed", explicit=True)
    run(house, lambda tx: consents.record(tx, entry, now))
    contact_id, refused = returns(house, ming)
    assert (contact_id, refused) == (again, {again})
    assert house.value("select marketing from contacts where id = :id", id=contact_id) == "granted"


def test_of_one_who_was_erased_twice_the_last_time_counts(house: House, flow: Erasure) -> None:
    for _ in range(2):
        house.clock.advance(minutes=5)
        flow.erase(house.contact("+886912345678"), "test", "asked")
    with house.store.begin() as tx:
        assert came_back(tx, KEYS, [("phone", "+886912345678")]) == {("phone", "+886912345678"): house.clock.now()}
        assert erasures.latest_of(tx, 10**6) is None


def test_the_crm_is_told_nothing_and_its_row_can_be_read_again(house: House, flow: Erasure, ming: Person) -> None:
    calls = len(house.crm.calls)
    flow.erase(ming.contact_id, "test", "asked")
    assert len(house.crm.calls) == calls
    house.crm.contacts[ming.crm_id]["phone"] = ming.phone
    sync(house)
    (phone,) = house.rows("select phone from contacts where phone is not null and full_name like '王%'")[0]
    assert back(house, ("phone", phone)) == {("phone", phone)}
