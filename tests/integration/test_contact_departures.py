"""Rows that a CRM no longer shows: deleted, merged there, missed by a page - and never a deletion from a partial
read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from syncer.domain.consent import Word
from syncer.domain.errors import FixCredentials, Refused, TryAgain, Unreachable
from syncer.store import contact_joins, contact_separation
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, B, Desk, failing, open_desk


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


def many(desk: Desk, count: int = 30) -> list[str]:
    return [desk.crm.add(full_name=f"Customer {n}", phone=f"09111111{n:02d}") for n in range(count)]


def known(desk: Desk) -> list[str]:
    return [row.crm_id for row in desk.rows("select crm_id from contact_sources where crm = 'sql' order by crm_id")]


def asked(desk: Desk) -> int:
    return sum(size for method, size in desk.crm.calls if method == "look_up")


# Gone


def test_a_deleted_customer_goes_with_all_that_was_only_the_crms_word(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111", marketing_consent="Y")
    stays = desk.crm.add(full_name="林美麗", phone="0922222222")
    desk.sync()
    contact_id = desk.contact_of(crm_id).id
    del desk.crm.contacts[crm_id]
    outcome = desk.sync()
    assert (outcome.seen, outcome.unchanged, outcome.departed, outcome.held_deletions) == (1, 1, 1, 0)
    assert known(desk) == [stays]
    assert desk.value("select count(*) from contacts") == 1
    assert desk.holder(A) is None
    gone = desk.rows("select * from departed_sources")[0]
    assert (gone.crm, gone.crm_id, gone.contact_id, gone.phone, gone.fate) == ("sql", crm_id, contact_id, A, "gone")
    assert gone.fields["full_name"] == "王小明"
    assert gone.departed_at == desk.clock.now()


def test_a_deleted_customer_who_wrote_to_us_stays_and_is_not_written_to_for_promotion(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111", marketing_consent="Y", tags="vip")
    desk.sync()
    writer = desk.hear_from(A)
    del desk.crm.contacts[crm_id]
    assert desk.sync().departed == 1
    contact = desk.rows("select * from contacts where id = :id", id=writer)[0]
    assert (contact.full_name, contact.phone, contact.tags) == ("王小明", A, ["vip"])
    assert contact.marketing == Word.REVOKED
    assert desk.holder(A) == writer


def test_one_of_a_persons_two_rows_takes_along_what_only_it_said(desk: Desk) -> None:
    stays = desk.crm.add(full_name="王小明", phone="0911111111", tags="tea", marketing_consent="Y")
    goes = desk.crm.add(full_name="", phone="0911111111", tags="vip", company="Formosa Tea", marketing_consent="Y")
    desk.sync()
    del desk.crm.contacts[goes]
    assert desk.sync().departed == 1
    contact = desk.contact_of(stays)
    assert (contact.full_name, contact.phone, contact.tags, contact.attributes) == ("王小明", A, ["tea"], {})
    assert contact.marketing == Word.GRANTED
    assert [row.undone_at for row in desk.rows("select * from merges")] == [desk.clock.now()]


def test_a_person_whom_two_crms_know_stays_while_one_does(desk: Desk) -> None:
    ours = desk.crm.add(full_name="王小明", phone="0911111111")
    theirs = desk.other.add(full_name="Wang", phone="0911111111", email="wang@example.com")
    desk.sync()
    desk.sync(crm="hubspot")
    del desk.crm.contacts[ours]
    assert desk.sync().departed == 1
    contact = desk.contact_of(theirs, "hubspot")
    assert (contact.full_name, contact.phone, contact.email) == ("Wang", A, "wang@example.com")


def test_a_customer_who_comes_back_is_a_customer_again(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    kept = desk.crm.contacts.pop(crm_id)
    desk.sync()
    desk.crm.contacts[crm_id] = kept
    outcome = desk.sync()
    assert (outcome.new, outcome.departed) == (1, 0)
    assert desk.contact_of(crm_id).phone == A


def test_those_who_shared_a_number_with_too_many_get_it_back_when_few_are_left(desk: Desk) -> None:
    rows = [desk.crm.add(full_name=f"Customer {n}", phone="0911111111") for n in range(7)]
    desk.sync()
    for crm_id in rows[:2]:
        del desk.crm.contacts[crm_id]
    desk.sync()
    desk.sync()
    assert len({desk.contact_of(crm_id).id for crm_id in rows[2:]}) == 1
    assert desk.contact_of(rows[3]).phone == A
    assert desk.value("select count(*) from contacts") == 1
    before = desk.everything()
    assert desk.sync().unchanged == 5
    assert desk.everything() == before


def test_customers_under_new_ids_keep_their_contacts(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    before = {contact.phone: contact.id for contact in desk.rows("select id, phone from contacts")}
    for crm_id in rows:
        desk.crm.contacts[f"new-{crm_id}"] = desk.crm.contacts.pop(crm_id)
    outcome = desk.sync()
    assert (outcome.new, outcome.merged, outcome.departed) == (30, 30, 30)
    assert {contact.phone: contact.id for contact in desk.rows("select id, phone from contacts")} == before
    assert desk.value("select count(*) from contact_sources") == 30


# Not gone


def test_a_page_that_went_missing_heals_itself(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    desk.crm.hidden = set(rows[10:20])
    desk.change(rows[12], full_name="now changed")
    outcome = desk.sync()
    assert (outcome.seen, outcome.changed, outcome.departed, outcome.unchanged) == (30, 1, 0, 29)
    assert desk.contact_of(rows[12]).full_name == "now changed"
    assert known(desk) == rows


def test_most_pages_missing_heal_too_since_a_sample_shows_that_it_was_our_reading(desk: Desk) -> None:
    rows = many(desk, 99) + [desk.crm.add(phone=f"0922222{n:03d}") for n in range(400)]
    desk.sync()
    desk.crm.hidden = set(rows[:450])
    outcome = desk.sync()
    assert (outcome.seen, outcome.departed, outcome.held_deletions) == (499, 0, 0)


def test_a_record_that_we_made_during_the_run_is_no_missing_row(desk: Desk) -> None:
    many(desk, 12)
    desk.sync()
    desk.crm.hidden = {desk.crm.add(full_name="made by us", phone="0922222222")}
    with desk.store.begin() as tx:
        tx.execute(
            text("""insert into contact_sources (crm, crm_id, contact_id, digest, fields, synced_at)
                    select 'sql', :crm_id, min(id), '', '{}', now() from contacts"""),
            {"crm_id": next(iter(desk.crm.hidden))},
        )
    outcome = desk.sync()
    assert (outcome.departed, outcome.changed) == (0, 1)


def test_a_crm_that_does_not_say_costs_no_row_and_no_run(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    del desk.crm.contacts[rows[5]]

    def silent(method: str) -> None:
        if method == "look_up":
            raise FixCredentials("no permission")

    desk.crm.on_call = silent
    outcome = desk.sync()
    assert (outcome.departed, outcome.unanswered) == (0, 1)
    assert known(desk) == rows
    assert desk.value("select state from sync_runs order by id desc limit 1") == "done"
    desk.crm.on_call = lambda method: None
    assert desk.sync().departed == 1


def test_changes_conclude_nothing_from_what_they_do_not_show(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    del desk.crm.contacts[rows[5]]
    assert desk.sync("changed").departed == 0
    assert asked(desk) == 0
    assert known(desk) == rows


def test_a_reading_that_ends_in_the_middle_is_no_reading(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    pages = list(desk.crm.pages(None, page_size=10))
    del desk.crm.contacts[rows[25]]
    desk.crm.pages = lambda cursor, **_: iter([] if cursor else pages[:2])  # type: ignore[assignment, misc]
    with pytest.raises(TryAgain, match="ended"):
        desk.sync()
    assert asked(desk) == 0
    assert known(desk) == rows


def test_a_reading_that_goes_in_a_circle_ends(desk: Desk) -> None:
    many(desk)
    page = next(desk.crm.pages(None, page_size=10))
    desk.crm.pages = lambda *_, **__: iter([page] * 50)  # type: ignore[method-assign]
    with pytest.raises(TryAgain, match="circle"):
        desk.sync()


def test_an_engine_that_has_forgotten_what_it_saw_lets_nobody_go(desk: Desk) -> None:
    """A crash of PostgreSQL empties its unlogged tables; the run goes on, and proves nothing."""
    rows = many(desk)
    desk.sync()
    del desk.crm.contacts[rows[0]]

    def crash(number: int) -> None:
        if number == 3:
            with desk.store.begin() as tx:
                tx.execute(text("delete from sync_seen"))

    desk.crm.on_page = crash
    assert desk.sync().departed == 0
    assert asked(desk) == 0
    desk.crm.on_page = lambda number: None
    assert desk.sync().departed == 1


def test_a_run_leaves_no_memory_behind(desk: Desk) -> None:
    many(desk)
    desk.sync()
    desk.crm.on_page = failing(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        desk.sync()
    assert desk.value("select count(*) from sync_seen") == 0


# Too many


def flock(desk: Desk, count: int) -> list[str]:
    return [desk.crm.add(full_name=f"Customer {n}", phone=f"0911{n:06d}") for n in range(count)]


@pytest.fixture
def big(desk: Desk) -> Desk:
    """Pages of a thousand rows."""
    desk.flow = replace(desk.flow, page_size=1000)
    return desk


def test_a_hundred_may_always_go(big: Desk) -> None:
    rows = flock(big, 120)
    big.sync()
    for crm_id in rows[:100]:
        del big.crm.contacts[crm_id]
    assert big.sync().departed == 100
    assert known(big) == rows[100:]


def test_more_than_a_tenth_at_once_is_not_believed_until_somebody_says_so(big: Desk) -> None:
    rows = flock(big, 300)
    big.sync()
    before = big.everything()
    for crm_id in rows[:101]:
        del big.crm.contacts[crm_id]
    for _ in range(2):
        outcome = big.sync()
        assert (outcome.departed, outcome.held_deletions) == (0, 101)
    assert big.everything() == before
    alert = big.rows("select * from alerts")[0]
    assert (alert.key, alert.count, alert.ended_at) == ("deletions:sql", 2, None)
    assert "101 of the 300" in alert.message
    outcome = big.sync(accept_deletions=True)
    assert (outcome.departed, outcome.held_deletions) == (101, 0)
    assert known(big) == rows[101:]
    assert big.value("select ended_at from alerts") == big.clock.now()


def test_an_emptied_crm_empties_nothing_and_is_asked_for_a_sample_only(big: Desk) -> None:
    rows = flock(big, 1100)
    big.sync()
    big.crm.contacts.clear()
    outcome = big.sync()
    assert (outcome.seen, outcome.departed, outcome.held_deletions) == (0, 0, 1100)
    assert asked(big) == 500
    assert known(big) == rows


def test_a_mass_merge_is_not_believed_either(big: Desk) -> None:
    rows = flock(big, 200)
    big.sync()
    for crm_id in rows[1:]:
        big.crm.merge(crm_id, rows[0])
    assert big.sync().held_deletions == 199
    assert big.value("select count(*) from contacts") == 200


def test_the_share_can_be_chosen(big: Desk) -> None:
    big.flow = replace(big.flow, most_deleted_share=0.5)
    rows = flock(big, 300)
    big.sync()
    for crm_id in rows[:150]:
        del big.crm.contacts[crm_id]
    assert big.sync().departed == 150


# Merged


def test_a_merged_customer_is_followed_with_everything_that_hangs_on_them(desk: Desk) -> None:
    one = desk.crm.add(full_name="王小明", phone="0911111111", tags="vip")
    two = desk.crm.add(full_name="王大明", phone="0922222222", tags="tea")
    desk.sync()
    writer = desk.hear_from(A)
    desk.crm.merge(one, two)
    outcome = desk.sync()
    assert (outcome.followed, outcome.departed, outcome.unanswered) == (1, 0, 0)
    contact = desk.contact_of(two)
    assert desk.value("select count(*) from contacts") == 1
    assert (desk.holder(A), desk.holder(B)) == (contact.id, contact.id)
    assert desk.rows("select contact_id from conversations") == [(contact.id,)]
    assert (contact.full_name, contact.phone) == ("王大明", B)
    assert desk.value("select fate from departed_sources") == f"merged:{two}"
    assert writer in (contact.id, desk.value("select absorbed_id from contact_joins"))
    before = desk.everything()
    assert desk.sync().unchanged == 1
    assert desk.everything() == before


def test_a_customer_merged_into_one_we_do_not_know_yet_is_followed(desk: Desk) -> None:
    one = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    two = desk.crm.add(full_name="王大明", phone="0922222222")
    desk.crm.hidden = {two}
    desk.crm.merge(one, two)
    outcome = desk.sync()
    assert (outcome.followed, outcome.new, outcome.unanswered) == (1, 1, 0)
    assert known(desk) == [two]
    assert desk.holder(A) == desk.contact_of(two).id


def test_rows_of_one_person_that_the_crm_merges_are_one_row(desk: Desk) -> None:
    one, two = (desk.crm.add(full_name="王小明", phone="0911111111") for _ in range(2))
    desk.sync()
    desk.crm.merge(one, two)
    assert desk.sync().followed == 1
    assert desk.value("select count(*) from contacts") == 1
    assert desk.value("select count(*) from contact_joins") == 0
    assert known(desk) == [two]


def test_whom_somebody_has_taken_apart_the_crm_does_not_put_together(desk: Desk) -> None:
    one, two = desk.crm.add(full_name="One", phone="0911111111"), desk.crm.add(full_name="Two", phone="0922222222")
    desk.sync()
    first, second = desk.contact_of(one).id, desk.contact_of(two).id
    desk.hear_from(A)
    with desk.store.begin() as tx:
        contact_joins.take_turn(tx)
        joined = contact_joins.join(tx, second, first, "a mistake", desk.clock.now())
        contact_separation.separate(tx, joined, desk.clock.now())
    desk.crm.merge(one, two)
    assert desk.sync().followed == 1
    assert (desk.holder(A), desk.holder(B)) == (first, second)
    assert known(desk) == [two]


@pytest.mark.parametrize("known_before", [True, False])
def test_a_customer_merged_into_one_that_is_gone_is_gone(desk: Desk, known_before: bool) -> None:
    one, two = desk.crm.add(full_name="One", phone="0911111111"), desk.crm.add(full_name="Two", phone="0922222222")
    desk.crm.hidden = set() if known_before else {two}
    desk.sync()
    desk.crm.merge(one, two)
    del desk.crm.contacts[two]
    outcome = desk.sync()
    assert (outcome.departed + outcome.followed, outcome.unanswered) == (2 if known_before else 1, 0)
    assert known(desk) == []
    assert desk.value("select count(*) from contacts") == 0


# Cut off


@pytest.mark.parametrize("method", ["look_up"])
def test_a_worker_that_dies_while_it_asks_is_followed_by_one_that_asks_again(desk: Desk, method: str) -> None:
    rows = many(desk)
    desk.sync()
    del desk.crm.contacts[rows[3]]
    desk.crm.hidden = {rows[4]}

    def die(called: str) -> None:
        if called == method:
            raise KeyboardInterrupt

    desk.crm.on_call = die
    with pytest.raises(KeyboardInterrupt):
        desk.sync()
    assert desk.rows("select state, stage from sync_runs order by id desc limit 1") == [("running", "missing")]
    desk.crm.on_call = lambda called: None
    cursors = len(desk.crm.cursors)
    desk.sessions[0].close()
    outcome = desk.sync(worker=desk.another_worker())
    assert (outcome.departed, outcome.seen) == (1, 29)
    assert len(desk.crm.cursors) == cursors


def test_a_worker_that_lost_its_run_lets_nobody_go(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    del desk.crm.contacts[rows[3]]
    second = desk.another_worker()
    taken: list[int] = []

    def stall(called: str) -> None:
        if called == "look_up" and not taken:
            taken.append(1)
            desk.clock.advance(seconds=61)
            taken.append(desk.sync(worker=second).departed)

    desk.crm.on_call = stall
    with pytest.raises(Refused, match="taken over"):
        desk.sync()
    assert taken == [1, 1]
    assert desk.value("select count(*) from departed_sources") == 1


def test_a_message_that_comes_while_its_writer_departs_is_kept(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.crm.add(full_name="林美麗", phone="0922222222")
    desk.sync()
    del desk.crm.contacts[crm_id]
    found: list[int] = []
    hearing = threading.Thread(target=lambda: found.append(desk.hear_from(A)))

    def meanwhile(called: str) -> None:
        if called == "look_up":
            hearing.start()

    desk.crm.on_call = meanwhile
    desk.sync()
    hearing.join()
    assert found == [desk.holder(A)]
    assert desk.value("select count(*) from conversations") == 1


def test_the_database_gone_while_rows_depart_loses_nothing(desk: Desk) -> None:
    rows = many(desk)
    desk.sync()
    del desk.crm.contacts[rows[3]]
    with desk.store.begin() as tx:
        tx.execute(
            text(
                "create function cut() returns trigger language plpgsql as $$ begin"
                " perform pg_terminate_backend(pg_backend_pid()); return new; end $$"
            )
        )
        tx.execute(text("create trigger cut before insert on departed_sources for each row execute function cut()"))
    try:
        with pytest.raises(Unreachable):
            desk.sync()
        assert known(desk) == rows
    finally:
        with desk.store.begin() as tx:
            tx.execute(text("drop trigger cut on departed_sources"))
            tx.execute(text("drop function cut"))
    desk.clock.advance(seconds=61)
    assert desk.sync().departed == 1
