"""How a sync reads: pages gathered into groups, pages that are lost, changes between full runs, odd tables (R25)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text

from syncer.domain.contact import SourceRecord
from syncer.domain.crm_record import RawRow
from syncer.domain.errors import Refused, TryAgain
from syncer.flows.contacts.sync import SyncOutcome, TooManyParked
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, Desk, failing, open_desk


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


def thirty(desk: Desk) -> list[str]:
    return [desk.crm.add(full_name=f"Customer {n}", phone=f"09111111{n:02d}") for n in range(30)]


# Changes between full runs


def test_changes_are_due_between_full_runs_and_not_before_one_has_ended_well(desk: Desk) -> None:
    def due() -> str | None:
        return desk.flow.due("sql", 60, 600)

    desk.crm.add(full_name="One", phone="0911111111")
    assert due() is None
    desk.crm.on_page = failing(RuntimeError("a bug"), page=1)
    with pytest.raises(RuntimeError):
        desk.sync()
    assert due() is None
    desk.sync()
    assert due() is None
    desk.clock.advance(seconds=60)
    assert due() == "changed"
    desk.sync("changed")
    assert due() is None
    desk.clock.advance(seconds=55)
    assert due() == "changed"
    assert desk.flow.due("sql", 0, 600) is None
    desk.clock.advance(seconds=500)
    assert due() is None  # the full one is due now, and has its own ring
    desk.clock.advance(seconds=200)
    assert due() == "full"


def test_no_changes_are_due_while_a_run_is_under_way(desk: Desk) -> None:
    thirty(desk)
    desk.sync()
    desk.clock.advance(seconds=100)
    found: list[str | None] = []
    desk.crm.on_page = lambda number: found.append(desk.flow.due("sql", 60, 600))
    desk.sync()
    assert found == [None] * 3


def test_a_full_run_takes_the_place_of_one_of_changes_at_once(desk: Desk) -> None:
    rows = thirty(desk)
    desk.sync()
    for crm_id in rows:
        desk.change(crm_id, company="new")
    second, begun = desk.another_worker(), []
    outcomes: list[SyncOutcome] = []

    def begin_full(number: int) -> None:
        if number == 2 and not begun:
            begun.append(number)
            outcomes.append(desk.sync(worker=second))

    desk.crm.on_page = begin_full
    with pytest.raises(Refused, match="taken over"):
        desk.sync("changed")
    assert (outcomes[0].mode, outcomes[0].seen) == ("full", 30)
    assert desk.rows("select mode, state from sync_runs order by id") == [
        ("full", "done"),
        ("changed", "superseded"),
        ("full", "done"),
    ]
    assert desk.value("select count(*) from contacts where attributes ->> 'company' = 'new'") == 30
    desk.crm.on_page = lambda number: None
    desk.sync()
    assert desk.value("select count(*) from sync_seen") == 0


def test_a_run_of_changes_leaves_a_full_one_alone(desk: Desk) -> None:
    thirty(desk)
    second, refused = desk.another_worker(), []

    def try_changes(number: int) -> None:
        with pytest.raises(Refused, match="running already"):
            desk.sync("changed", worker=second)
        refused.append(number)

    desk.crm.on_page = try_changes
    assert desk.sync().seen == 30
    assert refused == [1, 2, 3]


def test_changes_are_read_since_the_start_of_the_last_full_run_that_ended(desk: Desk) -> None:
    first = desk.crm.add(changed_at=desk.clock.now(), full_name="One", phone="0911111111")
    began = desk.clock.advance(minutes=10)
    desk.crm.on_page = lambda number: desk.change(first, full_name="during")
    desk.sync()
    desk.crm.on_page = lambda number: None
    assert desk.sync("changed").seen == 1
    assert desk.crm.since[-1] == began


def test_two_hundred_thousand_rows_in_small_with_one_stamp_are_all_read_and_resumed(desk: Desk) -> None:
    stamp = desk.clock.now()
    desk.sync()
    desk.clock.advance(minutes=1)
    for n in range(205):
        desk.crm.add(changed_at=stamp, full_name=f"Customer {n}", phone=f"0911111{n:03d}")
    desk.crm.on_page = failing(KeyboardInterrupt(), page=7)
    with pytest.raises(KeyboardInterrupt):
        desk.flow.run("sql", desk.sessions[0].number, "changed")
    desk.sessions[0].close()
    outcome = desk.sync("changed", worker=desk.another_worker())
    assert (outcome.seen, outcome.new, outcome.parked) == (205, 205, 0)
    assert desk.crm.cursors[-1] == "000060"


# Groups and lost pages


def test_small_pages_are_gathered_into_groups_that_are_committed_together(desk: Desk) -> None:
    thirty(desk)
    desk.crm.largest = 4
    desk.crm.on_page = failing(RuntimeError("a bug"), page=5)
    with pytest.raises(RuntimeError):
        desk.sync()
    assert desk.rows("select cursor, counts ->> 'seen' from sync_runs") == [("000012", "12")]
    assert desk.value("select count(distinct xmin::text) from contact_sources") == 1


def test_what_was_read_before_the_crm_failed_is_not_read_again(desk: Desk) -> None:
    thirty(desk)
    desk.crm.largest = 2
    desk.crm.on_page = failing(TryAgain("connection reset"), page=4)
    assert desk.sync().seen == 30
    assert desk.crm.cursors == [None, "000006"]


def test_a_slow_crm_does_not_keep_what_it_gave_from_being_written(desk: Desk) -> None:
    thirty(desk)
    desk.crm.largest = 1

    def slowly(number: int) -> None:
        desk.clock.advance(seconds=6)

    desk.crm.on_page = slowly
    assert desk.sync().seen == 30
    assert desk.value("select count(distinct xmin::text) from contact_sources") == 10


def test_a_lost_page_is_tried_again_at_the_end_and_the_counts_are_right(desk: Desk) -> None:
    rows = thirty(desk)
    desk.crm.lost = {rows[10]: 1}
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.unchanged, outcome.lost_pages) == (30, 30, 0, 0)
    assert desk.crm.cursors == [None, "000010"]
    assert desk.value("select count(*) from contacts") == 30


def test_a_page_that_stays_lost_is_told_and_concludes_nothing(desk: Desk) -> None:
    rows = thirty(desk)
    desk.sync()
    gone = rows[29]
    del desk.crm.contacts[gone]
    desk.crm.lost = {rows[10]: 9}
    desk.crm.calls.clear()
    outcome = desk.sync()
    assert (outcome.seen, outcome.lost_pages, outcome.departed) == (19, 1, 0)
    assert "look_up" not in dict(desk.crm.calls)
    [run] = desk.rows("select state, lost from sync_runs order by id desc limit 1")
    assert run.state == "done"
    assert run.lost == [{"after": rows[9], "again": True, "pages": 1, "reason": "half a page", "counted": 0}]
    desk.crm.lost = {}
    outcome = desk.sync()
    assert (outcome.seen, outcome.lost_pages, outcome.departed) == (29, 0, 1)


def test_a_worker_that_dies_over_a_lost_page_is_followed_by_one_that_tries_it(desk: Desk) -> None:
    rows = thirty(desk)
    desk.crm.lost = {rows[0]: 1, rows[20]: 1}

    def die(number: int) -> None:
        if len(desk.crm.cursors) == 3:
            raise KeyboardInterrupt

    desk.crm.on_page = die
    with pytest.raises(KeyboardInterrupt):
        desk.flow.run("sql", desk.sessions[0].number)
    assert desk.rows("select stage, counts ->> 'seen' from sync_runs") == [("lost", "20")]
    desk.crm.on_page = lambda number: None
    desk.sessions[0].close()
    outcome = desk.sync(worker=desk.another_worker())
    assert (outcome.seen, outcome.new, outcome.lost_pages) == (30, 30, 0)
    assert desk.crm.cursors == [None, None, rows[19], rows[19]]


def test_more_lost_pages_than_a_crm_could_have_end_the_run(desk: Desk) -> None:
    rows = thirty(desk)
    desk.flow = replace(desk.flow, most_lost=2)
    desk.crm.lost = dict.fromkeys(rows[::10], 9)
    with pytest.raises(TooManyParked, match="3 pages were lost"):
        desk.sync()
    assert desk.value("select state from sync_runs") == "failed"


def test_a_page_whose_translation_fails_altogether_is_set_aside_and_tried_again(desk: Desk) -> None:
    rows = thirty(desk)
    translate, failed = desk.crm.translate, []

    def spoilt(raw: Sequence[RawRow]) -> list[SourceRecord]:
        if any(row.crm_id == rows[12] for row in raw) and not failed:
            failed.append(1)
            raise RuntimeError("a defect")
        return translate(raw)

    desk.crm.translate = spoilt  # type: ignore[method-assign]
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.lost_pages) == (30, 30, 0)
    assert failed == [1]


def test_a_page_that_cannot_be_written_for_whatever_reason_is_set_aside_and_the_run_goes_on(desk: Desk) -> None:
    rows = thirty(desk)
    with desk.store.begin() as tx:
        tx.execute(
            text(
                "create function refuse() returns trigger language plpgsql as $$ begin"
                " if new.crm_id = '000015' then raise exception 'no' using errcode = 'XX000'; end if;"
                " return new; end $$"
            )
        )
        tx.execute(
            text("create trigger refuse before insert on contact_sources for each row execute function refuse()")
        )
    try:
        outcome = desk.sync()
        assert (outcome.seen, outcome.new, outcome.lost_pages) == (20, 20, 1)
        [run] = desk.rows("select state, lost from sync_runs")
        assert run.state == "done"
        assert [(lost["after"], lost["counted"]) for lost in run.lost] == [(rows[9], 0)]
    finally:
        with desk.store.begin() as tx:
            tx.execute(text("drop trigger refuse on contact_sources"))
            tx.execute(text("drop function refuse"))
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.unchanged) == (30, 10, 20)


# Odd tables


def test_a_column_full_of_text_costs_the_numbers_and_not_the_people(desk: Desk) -> None:
    odd = ["見備註", "see notes", "N/A", "----", "0912-345-678 或 0922", "＃＃＃", "x" * 5000, "王小明", "🙂", "=1+1"]
    for n in range(50):
        desk.crm.add(full_name=f"Customer {n}", phone=odd[n % 10], birthday=odd[n % 10], blocked=odd[n % 7])
    outcome = desk.sync()
    assert (outcome.seen, outcome.new, outcome.parked, outcome.lost_pages) == (50, 50, 0, 0)
    reached = desk.value("select count(*) from contacts where phone is not null")
    assert reached + sum(outcome.invalid.values()) >= 50 - 4


def test_moments_of_any_zone_are_one_moment(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="One", phone="0911111111")
    other = desk.crm.add(full_name="Two", phone="0911111111")
    desk.crm.contacts[crm_id] |= {"updated_at": "2026-11-23T12:00:00+08:00", "company": "the later"}
    desk.crm.contacts[other] |= {"updated_at": "2026-11-23T03:59:59Z", "company": "the earlier"}
    desk.sync()
    moments = [
        row.changed_at.isoformat() for row in desk.rows("select changed_at from contact_sources order by crm_id")
    ]
    assert moments == ["2026-11-23T04:00:00+00:00", "2026-11-23T03:59:59+00:00"]
    assert desk.contact_of(crm_id).attributes["company"] == "the later"


@pytest.mark.parametrize("page_size", [7, 1000])
def test_a_switchboard_of_five_hundred_stays_five_hundred_people(desk: Desk, page_size: int) -> None:
    desk.flow = replace(desk.flow, page_size=page_size, shared_above=20)
    for n in range(500):
        desk.crm.add(full_name=f"Customer {n}", phone="0911111111")
    outcome = desk.sync()
    assert (outcome.seen, outcome.new) == (500, 500)
    assert desk.value("select count(*) from contacts") == 500
    assert desk.holder(A) is None
    before = desk.everything()
    assert desk.sync().unchanged == 500
    assert desk.everything() == before
