"""What we wrote and read back is no change (law 13), even after a crash; and records are followed where they go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.two_way_desk import MASTER, PHONE, SECOND, TwoWay, open_two_way


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[TwoWay]:
    with open_two_way(store, clock) as desk:
        yield desk


def test_what_we_wrote_comes_back_as_an_echo(desk: TwoWay) -> None:
    person, _one, _ = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="Tainan", tags=["vip"], blocked=True)
    desk.drain()
    before = [desk.rows("select * from contacts"), desk.rows("select * from crm_writes")]
    outcome = desk.sync()
    assert (outcome.changed, outcome.unchanged) == (0, 1)
    assert desk.rows("select counts from sync_runs order by id desc limit 1")[0].counts["echoed"] == 1
    assert [desk.rows("select * from contacts"), desk.rows("select * from crm_writes")] == before
    still = desk.everything()
    desk.sync()
    assert desk.everything() == still


def test_what_the_crms_people_take_back_after_our_write_is_no_echo(desk: TwoWay) -> None:
    person, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="Tainan")
    desk.drain()
    desk.types(one, city="Taipei")
    desk.settle()
    assert desk.contact(one).attributes["city"] == desk.at(two, SECOND)["city"] == "Taipei"


def test_a_record_that_the_crm_made_for_us_is_known_by_what_we_wrote(desk: TwoWay, house: House) -> None:
    house.receive(said("w1", "hi", phone=PHONE, name="王小明"))
    desk.drain()
    stored = desk.rows("select fields, phone from contact_sources where crm = 'sql'")[0]
    assert (stored.fields["full_name"], stored.phone) == ("王小明", PHONE)
    assert desk.settle() == 0
    assert len(desk.crms[MASTER].contacts) == len(desk.rows("select 1 from contacts")) == 1


def test_a_worker_that_dies_after_the_write_and_before_our_books_loses_nothing(desk: TwoWay) -> None:
    person, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="Tainan")
    desk.crms[MASTER].dies = True
    with pytest.raises(SystemExit):
        desk.drain()
    desk.crms[MASTER].dies = False
    assert desk.at(one)["city"] == "Tainan"
    assert desk.sync().changed == 1
    desk.clock.advance(minutes=5)
    desk.rows("update crm_writes set state = 'pending', claimed_by = null, lease_until = null returning id")
    desk.settle()
    assert (desk.at(two, SECOND)["city"], desk.contact(one).attributes["city"]) == ("Tainan", "Tainan")
    assert desk.conflicts.waiting() == []


# Records that are not where we thought


def test_a_record_merged_into_another_is_followed(desk: TwoWay) -> None:
    person, one, _ = desk.known_in_both(full_name="王小明")
    into = desk.add(full_name="王小明 (2)", phone="")
    desk.crms[MASTER].merge(one, into)
    desk.says(person, city="Tainan")
    desk.drain()
    assert desk.at(into)["city"] == "Tainan"
    assert desk.rows("select crm_id from contact_sources where crm = 'sql'") == [(into,)]


def test_a_deleted_record_is_made_anew_only_for_somebody_who_talks_with_us(desk: TwoWay, house: House) -> None:
    person, one, _ = desk.known_in_both(full_name="王小明")
    silent = desk.add(phone="0922222222")
    desk.sync()
    house.receive(said("w1", "hi", phone=PHONE))
    for row in (one, silent):
        del desk.crms[MASTER].contacts[row]
    desk.says(person, city="Tainan")
    desk.says(desk.contact(silent).id, city="Hualien")
    desk.drain()
    (made,) = desk.crms[MASTER].contacts.values()
    assert (made["phone"], made["city"]) == (PHONE, "Tainan")
    assert {row.state for row in desk.rows("select state from crm_writes where topic = 'contact'")} == {"done"}
    (message,) = desk.crms[MASTER].messages.values()
    assert message.crm_contact_id in desk.crms[MASTER].contacts
