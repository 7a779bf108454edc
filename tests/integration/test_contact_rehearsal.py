"""A sync on trial: it says what it would do, does nothing, and the sync that follows does just that (X8)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from syncer.domain.consent import Word
from syncer.domain.errors import Refused, TryAgain, Unreachable
from syncer.flows.contacts.rehearsal import Rehearsal
from syncer.flows.contacts.sync import SyncOutcome
from syncer.store import sync_runs
from syncer.store.base import metadata
from syncer.store.rehearsal_differences import FIELDS, Difference
from syncer.store.rehearsals import stage
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, B, Desk, failing, open_desk

Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


def rehearse(desk: Desk, mode: str = "full", crms: tuple[str, ...] = ("sql",), samples: int = 1000) -> Difference:
    return rehearsed(desk, mode, crms, samples)[1]


def rehearsed(
    desk: Desk, mode: str = "full", crms: tuple[str, ...] = ("sql",), samples: int = 1000
) -> tuple[list[SyncOutcome], Difference]:
    flow = Rehearsal(desk.store, lambda store: replace(desk.flow, store=store))
    return flow.run(crms, mode, samples)


def fill(desk: Desk, people: int = 40) -> None:
    """A customer table with a life behind it: some wrote to us, some said stop."""
    chance = random.Random(8)
    for number in range(people):
        desk.crm.add(
            full_name=f"客戶 {number}",
            phone=chance.choice([f"09{chance.randrange(30):08d}", "02-2345-6789", "", "unknown"]),
            email=f"{number}@example.com",
            tags=chance.choice(["vip", "vip,old", ""]),
            marketing_consent=chance.choice(["yes", "no", ""]),
            notes=chance.choice(["", "likes tea"]),
        )
    desk.sync()
    writer = desk.hear_from("+886900000003", "TW.3")
    desk.says(writer, Word.REVOKED)


def disturb(desk: Desk) -> None:
    """What a company's people do in a day."""
    chance = random.Random(9)
    for number, crm_id in enumerate(sorted(desk.crm.contacts)):
        change = chance.choice(["name", "phone", "consent", "tags", "notes", "blocked", "", "", ""])
        values: dict[str, Any] = {
            "name": {"full_name": f"new {number}"},
            "phone": {"phone": f"09{chance.randrange(60):08d}"},
            "consent": {"marketing_consent": chance.choice(["yes", "no"])},
            "tags": {"tags": "fresh"},
            "notes": {"notes": f"note {number}", "city": "Tainan"},
            "blocked": {"blocked": "yes"},
        }.get(change, {})
        if values:
            desk.change(crm_id, **values)
    for number in range(12):
        desk.crm.add(desk.clock.advance(minutes=1), full_name=f"late {number}", phone=f"09{50 + number:08d}")
    for crm_id in ("000007", "000023"):
        del desk.crm.contacts[crm_id]


def everything(desk: Desk) -> dict[str, list[Any]]:
    """Every row of every table, with the transaction that wrote it, and where every sequence stands."""
    found = {
        t.name: desk.rows(f"select xmin::text, t::text from {t.name} t order by 2") for t in metadata.sorted_tables
    }
    sequences = desk.rows("select sequencename, last_value from pg_sequences where schemaname = 'public' order by 1")
    return found | {"sequences": sequences}


def tables(desk: Desk) -> Tables:
    names = ("contacts", "contact_sources", "merges", "consents", "crm_writes", "identities")
    return {name: [dict(row._mapping) for row in desk.rows(f"select * from {name} t")] for name in names}


def seen(before: Tables, after: Tables) -> dict[str, Any]:
    """The difference again, told apart in Python from the rows as they were and as they are."""
    old, new = ({row["id"]: row for row in side["contacts"]} for side in (before, after))
    both = sorted(old.keys() & new.keys())
    changed: dict[str, dict[int, tuple[Any, Any]]] = {}
    for one in both:
        for name in FIELDS:
            if old[one][name] != new[one][name]:
                changed.setdefault(name, {})[one] = (old[one][name], new[one][name])
        attributes = old[one]["attributes"], new[one]["attributes"]
        for name in attributes[0].keys() | attributes[1].keys():
            pair = attributes[0].get(name), attributes[1].get(name)
            if pair[0] != pair[1]:
                changed.setdefault(f"attributes.{name}", {})[one] = pair
    words: dict[tuple[str, str, str], int] = {}
    known = {row["id"] for row in before["consents"]}
    for row in after["consents"]:
        if row["id"] not in known:
            key = (row["tier"], row["word"], row["source"])
            words[key] = words.get(key, 0) + 1
    merges = {row["id"] for row in before["merges"]}
    sources = [{(row["crm"], row["crm_id"]) for row in side["contact_sources"]} for side in (before, after)]
    asked = {row["id"]: row["revision"] for row in before["crm_writes"]}
    writes: dict[str, int] = {}
    for row in after["crm_writes"]:
        if row["topic"] == "contact" and row["revision"] != asked.get(row["id"]):
            writes[row["crm"]] = writes.get(row["crm"], 0) + 1
    return {
        "new": sorted((row["full_name"], row["phone"]) for key, row in new.items() if key not in old),
        "removed": sorted(old.keys() - new.keys()),
        "changed": len({one for changes in changed.values() for one in changes}),
        "fields": changed,
        "merged": sorted((row["crm"], row["crm_id"]) for row in after["merges"] if row["id"] not in merges),
        "words": words,
        "gone": sorted(sources[0] - sources[1]),
        "writes": writes,
    }


def told(found: Difference) -> dict[str, Any]:
    assert len(found.new.samples) == found.new.count
    return {
        "new": sorted((one["full_name"], one["phone"]) for one in found.new.samples),
        "removed": sorted(one["id"] for one in found.removed.samples),
        "changed": found.changed,
        "fields": {n: {s.contact_id: (s.old, s.new) for s in change.samples} for n, change in found.fields.items()},
        "merged": sorted((one["crm"], one["crm_id"]) for one in found.merged.samples),
        "words": dict(found.words),
        "gone": [(one["crm"], one["crm_id"]) for one in found.gone.samples],
        "writes": dict(found.writes),
    }


@pytest.mark.parametrize("mode", ["full", "changed"])
def test_a_rehearsal_changes_nothing_and_the_sync_after_it_does_what_it_said(desk: Desk, mode: str) -> None:
    fill(desk)
    disturb(desk)
    untouched = everything(desk)
    outcomes, difference = rehearsed(desk, mode)
    assert everything(desk) == untouched
    before = tables(desk)
    real = desk.sync(mode)
    assert replace(outcomes[0], seconds=real.seconds) == real
    expected = seen(before, tables(desk))
    assert told(difference) == expected
    assert len(expected["fields"]) > 5
    assert bool(expected["gone"]) == (mode == "full")
    assert all(change.count == len(change.samples) for change in difference.fields.values())


def test_of_an_empty_engine_it_shows_the_first_sync(desk: Desk) -> None:
    for phone in ("0911111111", "0911111111", "0922222222", "02-2345-6789"):
        desk.crm.add(full_name="王", phone=phone, marketing_consent="yes")
    outcomes, difference = rehearsed(desk)
    assert (outcomes[0].new, outcomes[0].contacts, outcomes[0].merged) == (4, 3, 1)
    assert outcomes[0].invalid == {"not_mobile": 1}
    assert (difference.new.count, difference.merged.count, difference.changed) == (3, 1, 0)
    assert difference.words == {("marketing", "granted", "crm:sql"): 3}
    assert desk.rows("select 1 from contacts") == []


def test_where_nothing_has_changed_nothing_is_shown(desk: Desk) -> None:
    fill(desk)
    found = rehearse(desk)
    assert (found.new.count, found.changed, found.removed.count, found.merged.count) == (0, 0, 0, 0)
    assert (found.fields, found.words, found.gone.count) == ({}, {}, 0)
    assert set(found.tables) <= {"sync_runs", "sync_seen"}


def test_of_many_examples_only_some_are_shown_and_all_are_counted(desk: Desk) -> None:
    fill(desk)
    for crm_id in list(desk.crm.contacts)[:20]:
        desk.change(crm_id, notes="other")
    change = rehearse(desk, samples=3).fields["attributes.notes"]
    assert len(change.samples) == 3
    assert change.count > 10
    assert {sample.new for sample in change.samples} == {"other"}


def test_several_crms_are_rehearsed_one_after_the_other(desk: Desk) -> None:
    desk.crm.add(full_name="王小明", phone="0911111111")
    desk.other.add(full_name="王小明", phone="0911111111")
    outcomes, difference = rehearsed(desk, crms=("sql", "hubspot"))
    assert [outcome.crm for outcome in outcomes] == ["sql", "hubspot"]
    assert (difference.new.count, difference.merged.count) == (1, 1)


def test_no_crm_is_asked_for_anything_but_its_rows(desk: Desk) -> None:
    fill(desk)
    disturb(desk)
    desk.crm.calls.clear()
    rehearse(desk)
    assert {name for name, _ in desk.crm.calls} <= {"pages", "look_up"}


def test_rows_that_could_not_be_taken_in_are_named(desk: Desk) -> None:
    bad = desk.crm.add(full_name="x", phone="0911111111")
    desk.crm.poison[bad] = {"fields": None}
    (outcome,), difference = rehearsed(desk)
    assert outcome.parked == 1
    assert [one["crm_id"] for one in difference.parked] == [bad]
    assert desk.rows("select 1 from sync_runs") == []


def test_what_happens_meanwhile_is_not_taken_for_its_work(desk: Desk) -> None:
    fill(desk)
    desk.change("000001", full_name="new name")

    def live(page: int) -> None:
        if page == 2:
            desk.hear_from(A)
            with desk.store.begin() as tx:
                tx.execute(text("update contacts set language = 'ja'"))

    desk.crm.on_page = live
    found = rehearse(desk)
    assert found.new.count == 0
    assert "phone" not in found.fields
    assert [sample.new for sample in found.fields["full_name"].samples] == ["new name"]
    assert desk.holder(A)
    assert desk.holder(B) is None


def test_a_conversation_goes_on_while_a_sync_is_rehearsed(desk: Desk) -> None:
    fill(desk)
    desk.crm.on_page = lambda page: desk.says(desk.hear_from("+886900000003"), Word.GRANTED)
    rehearse(desk)
    assert desk.contact_of("000001") is not None


def test_beside_a_running_sync_it_is_refused(desk: Desk) -> None:
    fill(desk)
    with desk.store.begin() as tx:
        assert sync_runs.start(tx, "sql", "full", desk.sessions[0].number, desk.clock.now(), 60)
    with pytest.raises(Refused, match="running already"):
        rehearse(desk)


def test_a_crm_that_does_not_answer_ends_it_and_leaves_nothing(desk: Desk) -> None:
    fill(desk)
    untouched = everything(desk)
    desk.crm.on_page = failing(TryAgain("503"), page=1, times=5)
    with pytest.raises(TryAgain):
        rehearse(desk)
    assert everything(desk) == untouched


def test_a_lost_connection_ends_it_and_the_real_tables_stay_as_they_are(desk: Desk) -> None:
    fill(desk)
    disturb(desk)
    untouched = everything(desk)

    def cut(page: int) -> None:
        if page == 3:
            desk.rows("""select pg_terminate_backend(pid) from pg_stat_activity
                where application_name = 'syncer rehearsal' and datname = current_database()""")

    desk.crm.on_page = cut
    with pytest.raises((Unreachable, DBAPIError)):
        rehearse(desk)
    assert everything(desk) == untouched


def test_on_its_stage_the_database_itself_forbids_every_write_to_a_real_table(desk: Desk) -> None:
    fill(desk)
    with stage(desk.store) as copies:
        for table in metadata.sorted_tables:
            with pytest.raises(DBAPIError, match="read-only"), copies.store.begin() as tx:
                tx.execute(text(f"delete from public.{table.name}"))
        with copies.store.begin() as tx:
            tx.execute(text("delete from contact_sources"))
    assert len(desk.rows("select 1 from contact_sources")) == 40


def test_the_copies_have_every_column_index_and_number_of_the_originals(desk: Desk) -> None:
    fill(desk)
    shape = text("""
        select relname, (select count(*) from pg_index where indrelid = c.oid), (
            select string_agg(format('%s %s %s %s', attname, atttypid, attnotnull, attidentity), ',' order by attnum)
            from pg_attribute where attrelid = c.oid and attnum > 0)
        from pg_class c where relkind = 'r' and position(relpersistence in :kind) > 0
          and relnamespace in (pg_my_temp_schema(), 'public'::regnamespace) order by 1""")
    with stage(desk.store) as copies, copies.store.begin() as tx:
        real, copied = ([tuple(row) for row in tx.execute(shape, {"kind": kind})] for kind in ("pu", "t"))
        assert copied == real
        theirs = tx.execute(text("select nextval(pg_get_serial_sequence('contacts', 'id'))")).scalar_one()
    assert theirs == desk.value("select last_value from public.contacts_id_seq") + 1
