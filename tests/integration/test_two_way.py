"""Changes flow in both directions: whose word stands, what is told to whom, and what is only an echo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import Wins
from syncer.domain.errors import Refused
from syncer.flows.contacts.edits import PhoneTaken
from syncer.policies.editing import NotAcceptable
from syncer.store import consents
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.two_way_desk import MASTER, PHONE, SECOND, TwoWay, open_two_way


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[TwoWay]:
    with open_two_way(store, clock) as desk:
        yield desk


# From us to the CRMs


def test_a_word_on_our_side_reaches_every_crm_that_knows_the_person(desk: TwoWay) -> None:
    person, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="Tainan", company="Formosa Tea")
    assert desk.contact(one).attributes["city"] == "Tainan"
    assert desk.jobs.rung == [("crm", None)]
    desk.drain()
    assert (desk.at(one)["city"], desk.at(two, SECOND)["city"]) == ("Tainan", "Tainan")
    assert [dict(record.fields) for record in desk.crms[MASTER].written] == [
        {"city": "Tainan", "company": "Formosa Tea"}
    ]


def test_saying_the_same_again_changes_and_asks_nothing(desk: TwoWay) -> None:
    person, *_ = desk.known_in_both(full_name="王小明", tags="vip")
    desk.says(person, city="Tainan")
    before = desk.everything()
    desk.says(person, city="Tainan", full_name="王小明", tags=["vip"], blocked=False)
    assert desk.everything() == before


def test_what_is_emptied_here_is_emptied_there(desk: TwoWay) -> None:
    person, one, _ = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city=None)
    desk.drain()
    assert not desk.at(one)["city"]
    desk.settle()
    assert "city" not in desk.contact(one).attributes


def test_a_contact_that_lacks_nothing_costs_the_crm_no_request(desk: TwoWay) -> None:
    person, *_ = desk.known_in_both(full_name="王小明")
    desk.crms[MASTER].calls.clear()
    desk.says(person, city="Tainan")
    desk.says(person, city=None)
    assert desk.drain() == 2
    assert desk.crms[MASTER].calls == []
    assert {row.state for row in desk.rows("select state from crm_writes")} == {"done"}


def test_rows_that_differed_at_first_sight_are_not_written_over(desk: TwoWay) -> None:
    first = desk.add(phone="0911111111", full_name="王小明", city="Taipei", tags="vip")
    second = desk.add(phone="0911-111-111", full_name="Wang", city="Tainan", tags="tea")
    desk.sync()
    desk.says(desk.contact(first).id, company="Formosa Tea")
    desk.drain()
    assert [(record.crm_id, dict(record.fields)) for record in desk.crms[MASTER].written] == [
        (first, {"company": "Formosa Tea"})
    ]
    assert (desk.at(first)["city"], desk.at(second)["city"]) == ("Taipei", "Tainan")


def test_a_block_and_a_word_of_consent_go_to_every_row(desk: TwoWay, house: House) -> None:
    rows = [desk.add(phone="0911111111", full_name=f"Row {n}", marketing_consent="Y") for n in range(2)]
    desk.sync()
    person = desk.contact(rows[0]).id
    desk.says(person, blocked=True)
    house.receive(said("w1", "STOP", phone=PHONE, at=desk.clock.advance(minutes=1)))
    desk.drain()
    assert {(desk.at(row)["blocked"], desk.at(row)["marketing_consent"]) for row in rows} == {(True, False)}
    desk.says(person, blocked=False)
    desk.settle()
    assert {desk.at(row)["blocked"] for row in rows} == {False}
    assert desk.contact(rows[0]).blocked is False


def test_the_customers_own_yes_stands_above_a_refusal_that_staff_enter_later(desk: TwoWay, house: House) -> None:
    row = desk.add(phone="0911111111")
    desk.sync()
    person, now = desk.contact(row).id, desk.clock.now()
    entry = ConsentEntry(person, Tier.MARKETING, Word.GRANTED, now, "form", "signed", explicit=True)
    desk.store.run(lambda tx: consents.record(tx, entry, now))
    desk.types(row, marketing_consent="N")
    desk.sync()
    desk.says(person, city="Tainan")
    desk.drain()
    assert desk.at(row)["marketing_consent"] is True
    assert desk.contact(row).marketing == Word.GRANTED


def test_a_yes_that_staff_tick_after_a_stop_is_taken_back(desk: TwoWay, house: House) -> None:
    row = desk.add(phone="0911111111", marketing_consent="Y")
    desk.sync()
    house.receive(said("w1", "STOP", phone=PHONE, at=desk.clock.advance(minutes=1)))
    desk.drain()
    desk.types(row, marketing_consent="Y")
    desk.sync()
    desk.drain()
    assert desk.at(row)["marketing_consent"] is False


def test_a_number_changed_here_keeps_the_person_and_is_changed_there(desk: TwoWay) -> None:
    person, one, two = desk.known_in_both(full_name="王小明")
    desk.says(person, phone="0922-222-222")
    desk.settle()
    assert (desk.at(one)["phone"], desk.at(two, SECOND)["phone"]) == ("+886922222222", "+886922222222")
    assert desk.contact(one).id == desk.contact(two, SECOND).id == person
    assert desk.rows("select value from identities where kind = 'phone'") == [("+886922222222",)]


def test_a_number_that_somebody_else_has_is_refused(desk: TwoWay) -> None:
    person, *_ = desk.known_in_both(full_name="王小明")
    other = desk.add(phone="0922222222")
    desk.sync()
    with pytest.raises(PhoneTaken) as refused:
        desk.says(person, phone="+886922222222", city="Tainan")
    assert refused.value.holder == desk.contact(other).id
    assert desk.rows("select 1 from contacts where edits <> '{}'") == []


def test_a_field_that_belongs_to_the_crm_is_not_ours_to_say(desk: TwoWay) -> None:
    person, *_ = desk.known_in_both(full_name="王小明", company="Formosa")
    desk.crms[MASTER].wins["company"] = Wins.CRM
    with pytest.raises(Refused, match="'company' is what the CRM 'sql' says"):
        desk.says(person, company="Oolong", city="Tainan")
    with pytest.raises(NotAcceptable) as wrong:
        desk.says(person, compny="Oolong", email="nobody")
    assert (wrong.value.unknown, wrong.value.problems) == (["compny"], {"email": "must be an e-mail address"})
    assert desk.rows("select 1 from contacts where edits <> '{}'") == []


# From one CRM to the other


def test_a_change_in_one_crm_reaches_the_other(desk: TwoWay) -> None:
    _, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.types(two, SECOND, city="Tainan")
    desk.sync(SECOND)
    desk.drain()
    assert desk.at(one)["city"] == "Tainan"
    desk.types(one, city="")
    assert desk.settle() == 1
    assert not desk.at(two, SECOND)["city"]
    assert "city" not in desk.contact(one).attributes


def test_what_the_master_says_flows_to_the_other_and_what_the_other_always_had_stays_there(desk: TwoWay) -> None:
    two = desk.add(SECOND, phone="0911111111", full_name="Wang", company="Formosa", tags="tea")
    desk.clock.advance(minutes=1)
    one = desk.add(phone="0911111111", full_name="王小明", city="Taipei", tags="vip")
    desk.sync(SECOND)
    desk.sync()
    desk.drain()
    second = desk.at(two, SECOND)
    assert (second["full_name"], second["city"], set(second["tags"].split(","))) == ("王小明", "Taipei", {"tea", "vip"})
    assert desk.crms[MASTER].written == []
    assert desk.contact(one).attributes["company"] == "Formosa"
    assert desk.settle() == 0


def test_of_equally_old_words_the_masters_stands(desk: TwoWay) -> None:
    desk.add(SECOND, phone="0911111111", full_name="Wang")
    one = desk.add(phone="0911111111", full_name="王小明")
    for crm in (SECOND, MASTER):
        desk.sync(crm)
    assert desk.contact(one).full_name == "王小明"
    desk.settle()
    assert {row["full_name"] for crm in desk.crms.values() for row in crm.contacts.values()} == {"王小明"}


def test_a_person_whom_only_the_second_crm_knows_is_not_carried_into_the_master(desk: TwoWay) -> None:
    two = desk.add(SECOND, phone="0911111111", full_name="Wang")
    desk.sync(SECOND)
    desk.says(desk.contact(two, SECOND).id, city="Tainan")
    desk.settle()
    assert desk.at(two, SECOND)["city"] == "Tainan"
    assert desk.crms[MASTER].contacts == {}


def test_a_label_taken_away_in_one_crm_does_not_come_back_from_the_other(desk: TwoWay) -> None:
    _, one, _ = desk.known_in_both(full_name="王小明", tags="vip")
    desk.types(one, tags="")
    desk.settle()
    assert desk.contact(one).tags == []
    assert not desk.at(one)["tags"]


# Whose word stands


@pytest.mark.parametrize(
    ("wins", "stands"), [(Wins.NEWEST, "theirs, later"), (Wins.CRM, "theirs, later"), (Wins.ENGINE, "ours")]
)
def test_a_later_word_of_the_crm_stands_unless_the_field_is_ours(desk: TwoWay, wins: Wins, stands: str) -> None:
    person, one, two = desk.known_in_both(full_name="王小明")
    for crm in desk.crms.values():
        crm.wins["city"] = wins
    desk.says(person, city="ours")
    desk.drain()
    desk.types(one, city="theirs, later")
    desk.settle()
    assert (desk.contact(one).attributes["city"], desk.at(one)["city"]) == (stands, stands)
    assert desk.at(two, SECOND)["city"] == stands


def test_a_change_that_we_have_not_read_yet_is_not_written_over(desk: TwoWay) -> None:
    person, one, _ = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="ours")
    desk.types(one, city="theirs, later")
    desk.settle()
    assert desk.at(one)["city"] == desk.contact(one).attributes["city"] == "theirs, later"
    conflict = desk.conflicts.waiting()[0]
    assert (conflict.field, conflict.base, conflict.ours, conflict.theirs, conflict.kept) == (
        "city",
        "Taipei",
        "ours",
        "theirs, later",
        "theirs",
    )


def test_another_field_changed_later_does_not_make_a_word_younger(desk: TwoWay) -> None:
    person, one, _ = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="ours")
    desk.types(one, company="Formosa")
    desk.settle()
    assert (desk.at(one)["city"], desk.at(one)["company"]) == ("ours", "Formosa")
    assert desk.conflicts.waiting() == []


def test_a_row_that_claims_to_be_of_tomorrow_does_not_outlive_todays_words(desk: TwoWay) -> None:
    person, one, _ = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.at(one).update(city="Tomorrow", updated_at=desk.clock.now() + timedelta(days=1))
    desk.sync()
    desk.says(person, city="ours")
    desk.settle()
    assert desk.at(one)["city"] == "ours"
