"""A field that two sides have changed at once: one word stands, the other waits for a person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.domain.contact import Wins
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.two_way_desk import MASTER, SECOND, TwoWay, open_two_way


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[TwoWay]:
    with open_two_way(store, clock) as desk:
        yield desk


def _collide(desk: TwoWay) -> tuple[int, str, str]:
    person, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.says(person, city="ours")
    desk.types(one, city="theirs")
    desk.sync()
    return person, one, two


@pytest.mark.parametrize(("wins", "kept"), [(Wins.NEWEST, "theirs"), (Wins.ENGINE, "ours")])
def test_the_loser_of_a_conflict_is_kept_for_a_person(desk: TwoWay, wins: Wins, kept: str) -> None:
    for crm in desk.crms.values():
        crm.wins["city"] = wins
    _, one, two = _collide(desk)
    assert [(row.field, row.kept) for row in desk.conflicts.waiting()] == [("city", kept)]
    desk.settle()
    assert (desk.at(one)["city"], desk.at(two, SECOND)["city"]) == (kept, kept)


def test_where_the_masters_word_always_stands_there_is_nothing_to_decide(desk: TwoWay) -> None:
    person, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.crms[MASTER].wins["city"] = Wins.CRM
    desk.types(two, SECOND, city="Hualien")
    desk.settle()
    assert (desk.at(one)["city"], desk.at(two, SECOND)["city"]) == ("Taipei", "Taipei")
    assert desk.conflicts.waiting(person) == []


@pytest.mark.parametrize(("side", "value"), [("ours", "ours"), ("theirs", "theirs")])
def test_a_person_settles_it_and_every_crm_is_told(desk: TwoWay, side: str, value: str) -> None:
    _, one, two = _collide(desk)
    desk.settle()
    desk.clock.advance(minutes=1)
    number = desk.conflicts.waiting()[0].id
    assert desk.conflicts.settle(number, side, "lin") == value
    desk.settle()
    assert (desk.at(one)["city"], desk.at(two, SECOND)["city"]) == (value, value)
    assert desk.conflicts.waiting() == []
    row = desk.rows("select settled_by, settled_as, settled_at from contact_conflicts")[0]
    assert (row.settled_by, row.settled_as) == ("lin", value)
    with pytest.raises(LookupError):
        desk.conflicts.settle(number, side, "lin")


def test_a_person_may_decide_for_a_third_value_even_where_the_crm_owns_the_field(desk: TwoWay) -> None:
    _, one, _ = _collide(desk)
    desk.crms[MASTER].wins["city"] = Wins.CRM
    desk.clock.advance(minutes=1)
    desk.conflicts.settle_as(desk.conflicts.waiting()[0].id, "Hualien", "lin")
    desk.settle()
    assert desk.at(one)["city"] == desk.contact(one).attributes["city"] == "Hualien"
    desk.types(one, city="Taitung")
    desk.settle()
    assert desk.contact(one).attributes["city"] == "Taitung", "the CRM's next word stands again"


def test_two_crms_that_change_a_field_at_once_are_a_conflict_too(desk: TwoWay) -> None:
    _, one, two = desk.known_in_both(full_name="王小明", city="Taipei")
    desk.types(one, city="Tainan")
    desk.types(two, SECOND, city="Hualien")
    desk.sync()
    desk.sync(SECOND)
    conflict = desk.conflicts.waiting()[0]
    assert (conflict.crm, conflict.ours, conflict.theirs, conflict.kept) == (SECOND, "Tainan", "Hualien", "theirs")
    desk.settle()
    assert desk.at(one)["city"] == "Hualien"
    assert len(desk.conflicts.waiting()) == 1


def test_a_conflict_is_open_once_however_often_it_happens(desk: TwoWay) -> None:
    person, one, _ = _collide(desk)
    desk.says(person, city="ours again")
    desk.types(one, city="theirs again")
    desk.sync()
    waiting = desk.conflicts.waiting(person)
    assert [(row.base, row.ours, row.theirs) for row in waiting] == [("Taipei", "ours again", "theirs again")]
