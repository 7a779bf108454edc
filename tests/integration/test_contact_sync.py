"""Movement 1 on a real database: dirty customer tables become clean contacts, whatever happens on the way."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.domain.errors import FixCredentials, Refused, TryAgain, TryLater, Unreachable
from syncer.domain.message import Sender
from syncer.flows.contact_sync import ContactSync, SyncOutcome, TooManyParked
from syncer.ports import RawRow, SourcePage
from syncer.store import consents, contacts, conversations
from syncer.store.conversations import Heard
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.fakes.clock import FakeClock
from tests.fakes.crm import FakeCRM

A, B, C = "+886911111111", "+886922222222", "+886933333333"


class Crm(FakeCRM):
    """A CRM whose pages can be watched, and whose translation can be spoilt for some rows."""

    def __init__(self, name: str = "sql") -> None:
        super().__init__(name)
        self.on_page: Callable[[int], None] = lambda number: None
        self.poison: dict[str, dict[str, Any]] = {}
        self.cursors: list[str | None] = []
        self.since: list[datetime | None] = []

    def pages(
        self, cursor: str | None, *, page_size: int, changed_since: datetime | None = None
    ) -> Iterator[SourcePage]:
        self.cursors.append(cursor)
        self.since.append(changed_since)
        for number, page in enumerate(super().pages(cursor, page_size=page_size, changed_since=changed_since), 1):
            self.on_page(number)
            yield page

    def translate(self, rows: Sequence[RawRow]) -> list[SourceRecord]:
        return [replace(record, **self.poison.get(record.crm_id, {})) for record in super().translate(rows)]


@dataclass
class Desk:
    """A sync with its CRMs, and eyes on the database."""

    store: Store
    clock: FakeClock
    crm: Crm
    other: Crm
    sessions: list[WorkerSession]
    flow: ContactSync

    def sync(self, mode: str = "full", crm: str = "sql", worker: int | None = None) -> SyncOutcome:
        return self.flow.run(crm, worker or self.sessions[0].number, mode)

    def another_worker(self) -> int:
        self.sessions.append(WorkerSession(self.store, "another", self.clock))
        return self.sessions[-1].number

    def change(self, crm_id: str, **fields: Any) -> None:
        self.crm.contacts[crm_id] |= {"updated_at": self.clock.advance(minutes=1), **fields}

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.store.begin() as tx:
            return list(tx.execute(text(query), values).fetchall())

    def value(self, query: str, **values: Any) -> Any:
        return self.rows(query, **values)[0][0]

    def contact_of(self, crm_id: str, crm: str = "sql") -> Any:
        """The contact a CRM row belongs to."""
        query = """select c.* from contacts c join contact_sources s on s.contact_id = c.id
                   where s.crm = :crm and s.crm_id = :crm_id"""
        return self.rows(query, crm=crm, crm_id=crm_id)[0]

    def holder(self, phone: str) -> int | None:
        with self.store.begin() as tx:
            return contacts.by_phone(tx, phone)

    def hear_from(self, phone: str) -> int:
        """A customer writes to us; returns the contact."""
        now = self.clock.now()
        with self.store.begin() as tx:
            sender = Sender(phone=phone, name="on WhatsApp")
            contact_id = contacts.resolve(tx, [sender], now)[sender]
            conversations.hear(tx, [Heard(contact_id, "100", now, now)])
        return contact_id

    def says(self, contact_id: int, word: Word, tier: Tier = Tier.MARKETING) -> None:
        """The customer's own word."""
        entry = ConsentEntry(contact_id, tier, word, self.clock.now(), "keyword:stop", "STOP", explicit=True)
        with self.store.begin() as tx:
            consents.record(tx, entry, self.clock.now())

    def everything(self) -> list[Any]:
        """Every row of every table that a sync writes, with the transaction that wrote it."""
        tables = ("contacts", "identities", "contact_sources", "merges", "consents")
        return [(table, *row) for table in tables for row in self.rows(f"select xmin::text, t::text from {table} t")]


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    crm, other = Crm(), Crm("hubspot")
    flow = ContactSync(store, {"sql": crm, "hubspot": other}, clock, page_size=10, shared_above=5)
    desk = Desk(store, clock, crm, other, [WorkerSession(store, "one", clock)], flow)
    yield desk
    for session in desk.sessions:
        session.close()


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
        {"fields": {"notes": float("nan")}},
    ],
    ids=["type", "no fields", "no date", "no digest", "not a number"],
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


# Interruptions


def thirty(desk: Desk) -> None:
    for n in range(30):
        desk.crm.add(full_name=f"Customer {n}", phone=f"09111111{n % 25:02d}")


def all_thirty_are_in(desk: Desk, outcome: SyncOutcome) -> None:
    assert (outcome.seen, outcome.new, outcome.merged, outcome.unchanged) == (30, 30, 5, 0)
    assert desk.value("select count(*) from contacts") == 25
    assert desk.value("select count(*) from merges") == 5
    assert desk.rows("select state, counts->>'seen' as seen from sync_runs") == [("done", "30")]


def failing(error: Exception, *, page: int = 3, times: int = 1) -> Callable[[int], None]:
    left = [error] * times

    def fail(number: int) -> None:
        if number == page and left:
            raise left.pop()

    return fail


def test_a_crm_that_fails_once_is_asked_again_at_once_where_it_stopped(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(TryAgain("connection reset"))
    all_thirty_are_in(desk, desk.sync())
    assert desk.crm.cursors == [None, "000020"]


def test_a_crm_that_asks_for_patience_is_left_alone_and_then_asked_where_it_stopped(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(TryLater("rate limit", wait_seconds=90))
    with pytest.raises(TryLater):
        desk.sync()
    with pytest.raises(Refused):
        desk.sync()
    desk.clock.advance(seconds=91)
    all_thirty_are_in(desk, desk.sync(worker=desk.another_worker()))
    assert desk.crm.cursors == [None, "000020"]


def test_a_crm_that_keeps_failing_is_a_persons_business(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(TryAgain("down"), page=1, times=99)
    with pytest.raises(TryAgain):
        desk.sync()
    assert desk.value("select state from sync_runs") == "running"
    desk.clock.advance(seconds=31)
    with pytest.raises(TryAgain):
        desk.sync()
    assert desk.rows("select state, error from sync_runs") == [("failed", "down")]


def test_renewed_credentials_let_the_run_go_on(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(FixCredentials("token expired"), page=1, times=3)
    for _ in range(3):
        with pytest.raises(FixCredentials):
            desk.sync()
        desk.clock.advance(seconds=61)
    desk.crm.on_page = lambda number: None
    all_thirty_are_in(desk, desk.sync())


def test_a_defect_ends_the_run_as_failed(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        desk.sync()
    assert desk.rows("select state, error from sync_runs") == [("failed", "RuntimeError: a bug")]
    assert desk.value("select count(*) from contact_sources") == 20


def test_a_second_worker_is_refused_while_the_first_lives(desk: Desk) -> None:
    thirty(desk)
    second = desk.another_worker()
    refused: list[Refused] = []

    def try_too(number: int) -> None:
        with pytest.raises(Refused) as caught:
            desk.sync(worker=second)
        refused.append(caught.value)

    desk.crm.on_page = try_too
    all_thirty_are_in(desk, desk.sync())
    assert len(refused) == 3


def test_the_run_of_a_dead_worker_is_taken_over_at_once(desk: Desk) -> None:
    thirty(desk)
    second = desk.another_worker()
    desk.crm.on_page = failing(KeyboardInterrupt())  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        desk.flow.run("sql", desk.sessions[0].number)
    with pytest.raises(Refused):
        desk.sync(worker=second)
    desk.sessions[0].close()
    all_thirty_are_in(desk, desk.sync(worker=second))


def test_a_worker_that_was_thought_dead_writes_nothing_any_more(desk: Desk) -> None:
    thirty(desk)
    second = desk.another_worker()
    epochs: list[int] = []

    def stall(number: int) -> None:
        if number == 3 and not epochs:
            epochs.append(1)
            desk.clock.advance(seconds=61)
            all_thirty_are_in(desk, desk.sync(worker=second))
            epochs.append(desk.value("select epoch from sync_runs"))

    desk.crm.on_page = stall
    with pytest.raises(Refused, match="taken over"):
        desk.sync()
    assert epochs == [1, 2]
    assert desk.value("select count(*) from contacts") == 25


def test_a_process_killed_in_the_middle_of_a_page_loses_and_doubles_nothing(
    desk: Desk, database_url: str, tmp_path: Path
) -> None:
    thirty(desk)
    with desk.store.begin() as tx:  # the third page's insert hangs until its process is killed
        tx.execute(
            text(
                "create function hang() returns trigger language plpgsql as $$ begin"
                " if new.crm_id = '000025' then perform pg_sleep(60); end if; return new; end $$"
            )
        )
        tx.execute(text("create trigger hang before insert on contact_sources for each row execute function hang()"))
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, database_url], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "started\n"
        wait_until(lambda: desk.value(_HANGING) == 1)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert desk.value("select counts->>'seen' from sync_runs") == "20"
    with desk.store.begin() as tx:
        tx.execute(text("drop trigger hang on contact_sources"))
    all_thirty_are_in(desk, desk.sync())


_HANGING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
_CHILD = """
import sys
from syncer.clock import SystemClock
from syncer.flows.contact_sync import ContactSync
from syncer.store.session import Store, open_engine
from syncer.store.workers import WorkerSession
from tests.fakes.crm import FakeCRM
store, crm = Store(open_engine(sys.argv[1])), FakeCRM()
for n in range(30):
    crm.add(full_name=f"Customer {n}", phone=f"09111111{n % 25:02d}")
session = WorkerSession(store, "child", SystemClock())
print("started", flush=True)
ContactSync(store, {"sql": crm}, SystemClock(), page_size=10).run("sql", session.number)
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Real processes take real time."""
    done = threading.Event()
    for _ in range(600):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError("it never came")


def test_a_cut_connection_is_no_fault_of_the_rows(desk: Desk) -> None:
    thirty(desk)
    with desk.store.begin() as tx:
        tx.execute(
            text(
                "create function cut() returns trigger language plpgsql as $$ begin"
                " if new.crm_id = '000025' then perform pg_terminate_backend(pg_backend_pid()); end if;"
                " return new; end $$"
            )
        )
        tx.execute(text("create trigger cut before insert on contact_sources for each row execute function cut()"))
    with pytest.raises(Unreachable):
        desk.sync()
    assert desk.rows("select state, counts->>'seen' from sync_runs") == [("running", "20")]
    with desk.store.begin() as tx:
        tx.execute(text("drop trigger cut on contact_sources"))
    desk.clock.advance(seconds=61)
    all_thirty_are_in(desk, desk.sync())


# Beside conversations


@pytest.mark.parametrize("user_id", [None, "user-1"])
def test_a_sync_and_a_message_that_meet_a_new_number_make_one_contact(desk: Desk, user_id: str | None) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    sender = Sender(phone=A, user_id=user_id)
    results: list[SyncOutcome] = []
    syncing = threading.Thread(target=lambda: results.append(desk.sync()))
    with desk.store.begin() as tx:
        writer = contacts.resolve(tx, [sender], desk.clock.now())[sender]
        syncing.start()
        wait_until(lambda: desk.value(_WAITING) == 1)
    syncing.join()
    assert results[0].new == 1
    assert desk.contact_of(crm_id).id == writer
    assert desk.value("select count(*) from contacts") == 1


_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.mark.parametrize("user_id", [None, "user-1"])
def test_a_message_and_a_sync_that_meet_a_new_number_make_one_contact(desk: Desk, user_id: str | None) -> None:
    """The other way round: the sync is first and has not committed when the message comes."""
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    sender = Sender(phone=A, user_id=user_id)
    found: list[int] = []

    def hear() -> None:
        with desk.store.begin() as tx:
            found.append(contacts.resolve(tx, [sender], desk.clock.now())[sender])

    hearing = threading.Thread(target=hear)
    with Gate(desk):
        hearing.start()
        wait_until(lambda: desk.value(_WAITING) == 2)
    hearing.join()
    assert found == [desk.contact_of(crm_id).id]
    assert desk.value("select count(*) from contacts") == 1


def test_a_message_that_comes_while_its_number_is_given_away_starts_a_new_contact(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    desk.change(crm_id, phone="0922222222")
    found: list[int] = []
    hearing = threading.Thread(target=lambda: found.append(desk.hear_from(A)))
    with Gate(desk):
        hearing.start()
        wait_until(lambda: desk.value(_WAITING) == 2)
    hearing.join()
    assert found == [desk.holder(A)]
    assert desk.holder(B) == desk.contact_of(crm_id).id != found[0]


def test_a_message_that_came_first_keeps_its_number(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    desk.change(crm_id, phone="0922222222")
    syncing = threading.Thread(target=desk.sync)
    sender, now = Sender(phone=A), desk.clock.now()
    with desk.store.begin() as tx:
        writer = contacts.resolve(tx, [sender], now)[sender]
        syncing.start()
        wait_until(lambda: desk.value(_WAITING) == 1)
        conversations.hear(tx, [Heard(writer, "100", now, now)])
    syncing.join()
    assert desk.holder(A) == writer
    assert desk.contact_of(crm_id).id != writer


def test_a_stop_that_comes_during_a_sync_is_not_lost(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    contact_id = desk.contact_of(crm_id).id
    desk.change(crm_id, marketing_consent="Y")
    stopping = threading.Thread(target=lambda: desk.says(contact_id, Word.REVOKED))
    with Gate(desk):
        stopping.start()
        wait_until(lambda: desk.value(_WAITING) == 2)
    stopping.join()
    assert desk.contact_of(crm_id).marketing == Word.REVOKED
    assert {row.word for row in desk.rows("select word from consents")} == {"granted", "revoked"}


class Gate:
    """Holds a sync at the very end of its page: everything is written, nothing committed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._connection = desk.store.engine.connect()
        self._syncing = threading.Thread(target=desk.sync)

    def __enter__(self) -> None:
        self._desk.crm.on_page = self._close
        self._syncing.start()
        wait_until(lambda: self._desk.value(_WAITING) == 1)

    def _close(self, page: int) -> None:
        self._connection.execute(text("lock table sync_runs in exclusive mode"))

    def __exit__(self, *_: object) -> None:
        self._connection.rollback()
        self._connection.close()
        self._syncing.join()


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
