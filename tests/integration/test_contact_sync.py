"""Movement 1 on a real database: dirty customer tables become clean contacts (R3 to R7)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import create_engine

from config.files import load_mapping
from config.settings import PACKAGED_FILES
from syncer.acceptance import customers
from syncer.crm.sql.adapter import SqlCRM
from syncer.domain.consent import Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow, SourcePage
from syncer.domain.errors import Refused
from syncer.flows.contacts.sync import TooManyParked
from syncer.store import consents, contacts
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, B, Desk, failing, open_desk


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


# Cleaning


@pytest.mark.parametrize(
    ("raw", "phone", "problem"),
    [
        ("0912-345-678", "+886912345678", None),
        ("０９１２３４５６７８", "+886912345678", None),
        ("+81 90-1234-5678", "+819012345678", None),
        ("", None, "empty"),
        (None, None, "empty"),
        ("unknown", None, "not_a_number"),
        ("0912", None, "too_short"),
        ("9" * 50, None, "too_long"),
        ("02-2345-6789", None, "not_mobile"),
    ],
)
def test_a_number_becomes_e164_or_a_reason(desk: Desk, raw: str | None, phone: str | None, problem: str | None) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone=raw)
    outcome = desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.phone, contact.phone_problem) == (phone, problem)
    assert outcome.invalid == ({problem: 1} if problem else {})
    assert desk.rows("select value from identities") == ([(phone,)] if phone else [])


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("x" * 10_000, "x" * 999 + "…"),
        ("王\x00小明", "王\ufffd小明"),
        ("محمد \u200fعلي", "محمد \u200fعلي"),
        ("👨‍👩‍👧 家", "👨‍👩‍👧 家"),
        ('a\tb\\N\n"c"', 'a\tb\\N\n"c"'),
        ("\\.", "\\."),
    ],
)
def test_any_name_is_kept_as_far_as_it_can_be(desk: Desk, raw: str, kept: str) -> None:
    crm_id = desk.crm.add(full_name=raw, phone="0912345678", notes=raw, tags=[raw])
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert contact.full_name == kept
    assert contact.attributes["notes"] == kept
    assert desk.value("select fields->>'full_name' from contact_sources") == kept


def test_text_that_postgresql_does_not_take_is_mended_wherever_it_stands(desk: Desk) -> None:
    crm_id = desk.crm.add(phone="0912345678")
    desk.crm.poison[crm_id] = {"fields": {"full_name": "a\x00b", "company": "\ud800c", "tags": ["d\x00"]}}
    assert desk.sync().new == 1
    contact = desk.contact_of(crm_id)
    assert (contact.full_name, contact.attributes, contact.tags) == ("a\ufffdb", {"company": "\ufffdc"}, ["d\ufffd"])


# Merging


def test_rows_with_one_number_are_one_person_whose_merge_is_written_down(desk: Desk) -> None:
    first = desk.crm.add(full_name="王小明", phone="0911-111-111", tags="vip")
    second = desk.crm.add(full_name="", phone="+886911111111", tags="tea", email="ming@example.com")
    outcome = desk.sync()
    contact = desk.contact_of(second)
    assert desk.contact_of(first).id == contact.id
    assert (contact.full_name, contact.email, contact.tags) == ("王小明", "ming@example.com", ["tea", "vip"])
    assert (outcome.new, outcome.merged, outcome.contacts) == (2, 1, 1)
    merge = desk.rows("select * from merges")[0]
    assert (merge.contact_id, merge.crm_id, merge.key) == (contact.id, second, f"phone:{A}")
    assert merge.before["contact_id"] is None
    assert {"phone": A, "tags": ["tea"], "email": "ming@example.com"}.items() <= merge.before["fields"].items()


def test_rows_of_two_crms_with_one_number_are_one_person(desk: Desk) -> None:
    ours = desk.crm.add(full_name="王小明", phone="0911111111")
    theirs = desk.other.add(full_name="Wang", phone="+886 911 111 111", company="Formosa Tea")
    desk.sync()
    assert desk.sync(crm="hubspot").merged == 1
    contact = desk.contact_of(ours)
    assert contact.id == desk.contact_of(theirs, "hubspot").id
    assert contact.attributes["company"] == "Formosa Tea"


def test_a_mail_address_makes_nobody_one(desk: Desk) -> None:
    rows = [desk.crm.add(phone=phone, email="info@example.com") for phone in ("0911111111", "0922222222")]
    desk.sync()
    assert len({desk.contact_of(crm_id).id for crm_id in rows}) == 2


def test_a_row_joins_the_customer_who_wrote_first(desk: Desk) -> None:
    writer = desk.hear_from(A)
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.id, contact.full_name) == (writer, "王小明")


def test_a_switchboards_number_makes_nobody_one(desk: Desk) -> None:
    rows = [desk.crm.add(full_name=f"Customer {n}", phone="0911111111") for n in range(14)]
    outcome = desk.sync()
    found = [desk.contact_of(crm_id) for crm_id in rows]
    assert len({contact.id for contact in found}) == 14
    assert {(contact.phone, contact.phone_problem) for contact in found} == {(None, "shared")}
    assert desk.holder(A) is None
    assert desk.value("select count(*) from merges where undone_at is null") == 0
    assert outcome.new == 14
    assert desk.value("select count(*) from contacts") == 14


def test_rows_that_come_page_by_page_are_taken_apart_by_the_one_too_many(desk: Desk) -> None:
    rows = [desk.crm.add(full_name=f"Customer {n}", phone="0911111111") for n in range(5)]
    desk.sync()
    assert len({desk.contact_of(crm_id).id for crm_id in rows}) == 1
    rows.append(desk.crm.add(full_name="Customer 6", phone="0911111111"))
    desk.sync()
    assert len({desk.contact_of(crm_id).id for crm_id in rows}) == 6
    assert {desk.contact_of(crm_id).full_name for crm_id in rows} == {f"Customer {n}" for n in (0, 1, 2, 3, 4, 6)}
    desk.change(rows[0], phone="0922222222")
    desk.change(rows[1], full_name="Changed")
    desk.sync()
    assert desk.contact_of(rows[0]).phone == B
    assert len({desk.contact_of(crm_id).id for crm_id in rows[1:]}) == 1
    assert desk.contact_of(rows[5]).phone == A


# Changes


def test_an_unchanged_sync_writes_nothing(desk: Desk) -> None:
    for n in range(25):
        desk.crm.add(full_name=f"Customer {n}", phone=f"091{n % 20:07d}", tags="vip", marketing_consent="Y")
    desk.sync()
    before = desk.everything()
    outcome = desk.sync()
    assert desk.everything() == before
    assert (outcome.seen, outcome.unchanged, outcome.new, outcome.changed) == (25, 25, 0, 0)


def test_a_changed_row_changes_its_contact_and_nothing_else(desk: Desk) -> None:
    first, second = desk.crm.add(full_name="One", phone="0911111111"), desk.crm.add(full_name="Two", phone="0922222222")
    desk.sync()
    before = desk.contact_of(second)
    desk.change(first, full_name="Uno")
    outcome = desk.sync()
    assert (outcome.changed, outcome.unchanged) == (1, 1)
    assert (desk.contact_of(first).full_name, desk.contact_of(first).revision) == ("Uno", 2)
    assert desk.contact_of(second) == before


def test_the_last_state_of_a_row_counts_however_often_it_changed(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="One", phone="0911111111")
    desk.sync()
    desk.change(crm_id, full_name="Two", phone="0922222222")
    desk.change(crm_id, full_name="Three", phone="0933333333")
    desk.sync()
    desk.change(crm_id, full_name="One", phone="0911111111")
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.full_name, contact.phone) == ("One", A)
    assert desk.value("select count(*) from contacts") == 1
    assert desk.rows("select value from identities") == [(A,)]


def test_a_page_that_comes_twice_and_a_row_that_comes_twice_on_it_count_once(desk: Desk) -> None:
    for n in range(4):
        desk.crm.add(full_name=f"Customer {n}", phone=f"091111111{n}")
    page = next(desk.crm.pages(None, page_size=10))
    pages = [
        SourcePage([*page.rows, *page.rows], "1"),
        SourcePage(page.rows, "2"),
        SourcePage(page.rows, None),
    ]
    desk.crm.pages = lambda *_, **__: iter(pages)  # type: ignore[method-assign]
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.unchanged, outcome.contacts) == (16, 4, 12, 4)
    assert desk.value("select count(*) from contacts") == 4


def test_a_corrected_number_keeps_the_contact(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911")
    desk.sync()
    before = desk.contact_of(crm_id)
    desk.change(crm_id, phone="0911111111")
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.id, contact.phone, contact.phone_problem) == (before.id, A, None)
    assert desk.holder(A) == before.id


def test_a_lost_number_is_nobodys_any_more(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    desk.change(crm_id, phone="")
    desk.sync()
    assert desk.contact_of(crm_id).phone is None
    assert desk.holder(A) is None
    assert desk.value("select count(*) from contacts") == 1


def test_a_new_number_does_not_take_a_conversation_along(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111", marketing_consent="Y")
    desk.sync()
    writer = desk.hear_from(A)
    desk.change(crm_id, phone="0922222222")
    desk.sync()
    assert desk.holder(A) == writer
    assert desk.holder(B) == desk.contact_of(crm_id).id != writer
    stayed = desk.rows("select * from contacts where id = :id", id=writer)[0]
    assert (stayed.phone, stayed.marketing) == (A, Word.REVOKED)
    assert desk.contact_of(crm_id).marketing == Word.GRANTED


def test_a_merge_is_over_when_the_row_moves_on(desk: Desk) -> None:
    desk.crm.add(full_name="王小明", phone="0911111111")
    crm_id = desk.crm.add(full_name="林美麗", phone="0911111111")
    desk.sync()
    desk.change(crm_id, phone="0922222222")
    desk.sync()
    assert desk.contact_of(crm_id).full_name == "林美麗"
    assert [row.undone_at for row in desk.rows("select * from merges")] == [desk.clock.now()]


def test_a_row_that_takes_anothers_number_is_absorbed_with_all_that_it_was(desk: Desk) -> None:
    stays, moves = desk.crm.add(full_name="One", phone="0911111111"), desk.crm.add(full_name="Two", phone="0922222222")
    desk.sync()
    gone = desk.contact_of(moves).id
    desk.change(moves, phone="0911111111")
    assert desk.sync().merged == 1
    assert desk.contact_of(moves).id == desk.contact_of(stays).id
    assert desk.rows("select id from contacts where id = :id", id=gone) == []
    before = desk.value("select before from merges")
    assert before["contact_id"] == gone
    assert {"full_name": "Two", "phone": B}.items() <= before["fields"].items()


@pytest.mark.parametrize("page_size", [10, 1])
@pytest.mark.parametrize("talked", [False, True])
def test_two_customers_who_swap_numbers_are_not_mixed_up(desk: Desk, page_size: int, talked: bool) -> None:
    desk.flow = replace(desk.flow, page_size=page_size)
    one, two = desk.crm.add(full_name="One", phone="0911111111"), desk.crm.add(full_name="Two", phone="0922222222")
    desk.sync()
    if talked:
        desk.hear_from(A)
        desk.hear_from(B)
    desk.change(one, phone="0922222222")
    desk.change(two, phone="0911111111")
    desk.sync()
    assert (desk.contact_of(one).phone, desk.contact_of(one).full_name) == (B, "One")
    assert (desk.contact_of(two).phone, desk.contact_of(two).full_name) == (A, "Two")
    assert desk.value("select count(*) from contacts") == 2


def test_what_a_rule_has_set_survives_what_the_crm_says(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111", tags="vip,tea")
    desk.sync()
    with desk.store.begin() as tx:
        contacts.add_tags(tx, desk.contact_of(crm_id).id, ["complaint"], desk.clock.now())
    desk.change(crm_id, tags="vip")
    desk.sync()
    assert desk.contact_of(crm_id).tags == ["complaint", "vip"]


def test_a_record_the_crm_has_made_for_our_contact_finds_it(desk: Desk) -> None:
    writer = desk.hear_from(A)
    crm_id = desk.crm.add(phone=A, full_name="on WhatsApp", notes="made by us")
    with desk.store.begin() as tx:
        contacts.learn_crm_ids(tx, "sql", {writer: crm_id}, desk.clock.now())
    outcome = desk.sync()
    assert (outcome.changed, outcome.merged, desk.contact_of(crm_id).id) == (1, 0, writer)
    assert desk.contact_of(crm_id).attributes["notes"] == "made by us"


@pytest.mark.parametrize("seed", range(6))
def test_many_small_changes_end_where_a_first_sync_would(desk: Desk, seed: int) -> None:
    """Rows of one usable number are together, all others apart, nobody is left over - after any history."""
    chance = random.Random(seed)
    numbers = ["", "0911", *(f"09{n:08d}" for n in range(6))]
    rows = [desk.crm.add(full_name=f"Customer {n}", phone=chance.choice(numbers)) for n in range(24)]
    desk.flow = replace(desk.flow, page_size=chance.choice([1, 3, 10]), shared_above=4)
    for _ in range(6):
        desk.sync()
        for crm_id in chance.sample(rows, 8):
            desk.change(crm_id, phone=chance.choice(numbers), tags=chance.choice(["a", "b", ""]))
    desk.sync()
    together = defaultdict(list)
    for crm_id in rows:
        raw = desk.crm.contacts[crm_id]["phone"]
        together[raw if len(raw) == 10 else crm_id].append(crm_id)
    shared = {raw for raw, group in together.items() if len(group) > 4}
    expected = sorted(
        g for raw, group in together.items() for g in ([[i] for i in group] if raw in shared else [group])
    )
    found = defaultdict(list)
    for crm_id in rows:
        found[desk.contact_of(crm_id).id].append(crm_id)
    assert sorted(found.values()) == expected
    assert desk.value("select count(*) from contacts") == len(expected)
    held = {(row.value, row.contact_id) for row in desk.rows("select * from identities")}
    assert held == {(row.phone, row.id) for row in desk.rows("select id, phone from contacts where phone is not null")}
    for group in expected:
        tags = {desk.crm.contacts[crm_id].get("tags") or None for crm_id in group} - {None}
        assert set(desk.contact_of(group[0]).tags) == tags
    open_merges = desk.rows("select contact_id, crm_id from merges where undone_at is null")
    assert {(row.contact_id, row.crm_id) for row in open_merges} <= {(desk.contact_of(i).id, i) for i in rows}


# Consent


def test_flags_become_entries_in_the_ledger_once(desk: Desk) -> None:
    crm_id = desk.crm.add(phone="0911111111", marketing_consent="同意", transactional_consent="Y")
    desk.sync()
    desk.change(crm_id, full_name="now with a name")
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.marketing, contact.transactional) == (Word.GRANTED, Word.GRANTED)
    entries = desk.rows("select tier, word, source, proof, explicit from consents order by tier")
    assert [tuple(entry) for entry in entries] == [
        ("marketing", "granted", "crm:sql", "sql:000001 marketing_consent=true", False),
        ("transactional", "granted", "crm:sql", "sql:000001 transactional_consent=true", False),
    ]
    desk.change(crm_id, marketing_consent="N")
    assert desk.sync().opted_out == 1
    assert desk.contact_of(crm_id).marketing == Word.REVOKED
    assert desk.value("select count(*) from consents") == 3


def test_an_import_never_overrides_the_customers_own_word(desk: Desk) -> None:
    crm_id = desk.crm.add(phone="0911111111")
    desk.sync()
    desk.says(desk.contact_of(crm_id).id, Word.REVOKED)
    desk.change(crm_id, marketing_consent="Y")
    desk.sync()
    assert desk.contact_of(crm_id).marketing == Word.REVOKED
    with desk.store.begin() as tx:
        assert consents.current(tx, desk.contact_of(crm_id).id, Tier.MARKETING) is Word.REVOKED


def test_a_refusal_in_any_row_of_a_person_counts(desk: Desk) -> None:
    crm_id = desk.crm.add(phone="0911111111", marketing_consent="N")
    desk.crm.add(phone="0911111111", marketing_consent="Y")
    desk.sync()
    assert desk.contact_of(crm_id).marketing == Word.REVOKED


def test_a_yes_that_is_no_longer_there_is_no_yes(desk: Desk) -> None:
    crm_id = desk.crm.add(phone="0911111111", marketing_consent="Y", transactional_consent="Y")
    desk.sync()
    desk.change(crm_id, marketing_consent="", transactional_consent="")
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.marketing, contact.transactional) == (Word.REVOKED, Word.GRANTED)


def test_a_blocked_customer_is_blocked_until_the_crm_says_otherwise(desk: Desk) -> None:
    crm_id = desk.crm.add(phone="0911111111", blocked="黑名單")
    assert desk.sync().opted_out == 1
    assert desk.contact_of(crm_id).blocked is True
    desk.change(crm_id, blocked="N")
    desk.sync()
    assert desk.contact_of(crm_id).blocked is False


# Bad rows


@pytest.mark.parametrize(
    "defect",
    [
        {"fields": {"tags": 5}},
        {"fields": None},
        {"changed_at": "some day"},
        {"digest": None},
    ],
    ids=["type", "no fields", "no date", "no digest"],
)
def test_a_row_that_cannot_be_taken_in_is_left_out_and_the_others_are_in(desk: Desk, defect: dict[str, Any]) -> None:
    rows = [desk.crm.add(full_name=f"Customer {n}", phone=f"091111111{n}") for n in range(9)]
    desk.crm.poison[rows[4]] = defect
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.parked) == (9, 8, 1)
    assert desk.value("select count(*) from contacts") == 8
    assert [row["crm_id"] for row in desk.value("select parked from sync_runs")] == [rows[4]]
    del desk.crm.poison[rows[4]]
    assert (desk.sync().new, desk.value("select count(*) from contacts")) == (1, 9)


def test_an_id_too_long_for_an_index_is_left_out(desk: Desk) -> None:
    desk.crm.add(full_name="One", phone="0911111111")
    desk.crm.contacts["x" * 10 + "".join(random.Random(1).choices("0123456789abcdef", k=20_000))] = {
        "full_name": "Two",
        "phone": "0922222222",
        "updated_at": desk.clock.now(),
    }
    outcome = desk.sync()
    assert (outcome.new, outcome.parked) == (1, 1)


def test_an_adapter_that_raises_loses_the_row_and_not_the_page(desk: Desk) -> None:
    rows = [desk.crm.add(full_name=f"Customer {n}", phone=f"091111111{n}") for n in range(5)]
    translate = desk.crm.translate

    def spoilt(raw: Sequence[RawRow]) -> list[SourceRecord]:
        if any(row.crm_id == rows[2] for row in raw):
            raise ValueError("unreadable")
        return translate(raw)

    desk.crm.translate = spoilt  # type: ignore[method-assign]
    outcome = desk.sync()
    assert (outcome.new, outcome.parked) == (4, 1)


def test_a_run_in_which_everything_fails_stops_and_says_so(desk: Desk) -> None:
    desk.flow = replace(desk.flow, most_parked=3)
    for n in range(30):
        desk.crm.poison[desk.crm.add(phone=f"09111111{n:02d}")] = {"fields": None}
    with pytest.raises(TooManyParked):
        desk.sync()
    run = desk.rows("select * from sync_runs")[0]
    assert (run.state, run.error.partition(":")[0]) == ("failed", "TooManyParked")


# A whole table


def test_a_dirty_table_becomes_the_people_who_are_in_it(desk: Desk, postgres_url: str) -> None:
    expected = customers.rebuild(create_engine(postgres_url), rows=1000)
    crm = SqlCRM(postgres_url, load_mapping(PACKAGED_FILES, "sql"), "TW")
    desk.flow = replace(desk.flow, crms={"sql": crm}, page_size=300, shared_above=20)
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.parked) == (1000, 1000, 0)
    assert sum(outcome.invalid.values()) == expected.dead
    assert outcome.merged == 1000 - expected.unique_phones - expected.dead
    assert outcome.contacts == desk.value("select count(*) from contacts") == expected.unique_phones + expected.dead
    may = "select phone from contacts where phone is not null and not blocked and"
    assert {row.phone for row in desk.rows(f"{may} marketing = 'granted'")} == set(expected.promotable)
    assert {row.phone for row in desk.rows(f"{may} transactional <> 'revoked'")} == set(expected.reachable)
    before = desk.everything()
    assert desk.sync().unchanged == 1000
    assert desk.everything() == before
    crm.close()


# Modes


def test_a_sync_of_changes_asks_for_those_since_the_last_run_that_ended_well(desk: Desk) -> None:
    first = desk.crm.add(changed_at=desk.clock.now(), full_name="One", phone="0911111111")
    desk.crm.add(changed_at=desk.clock.now(), full_name="Two", phone="0922222222")
    began = desk.clock.advance(minutes=1)
    assert desk.sync("changed").seen == 2
    desk.change(first, full_name="Uno")
    desk.crm.on_page = failing(RuntimeError("a bug"), page=1)
    with pytest.raises(RuntimeError):
        desk.sync()
    assert desk.sync("changed").seen == 1
    assert desk.crm.since == [None, None, began]
    assert desk.contact_of(first).full_name == "Uno"


def test_an_empty_crm_is_synced_at_once(desk: Desk) -> None:
    assert desk.sync().seen == 0
    assert desk.value("select state from sync_runs") == "done"


@pytest.mark.parametrize("mode", ["half", ""])
def test_a_mode_that_does_not_exist_is_an_error(desk: Desk, mode: str) -> None:
    with pytest.raises(ValueError, match="full, changed"):
        desk.sync(mode)


def test_a_crm_that_is_not_configured_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="zoho"):
        desk.sync(crm="zoho")
