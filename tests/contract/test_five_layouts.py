"""Five companies' databases, on PostgreSQL, SQLite and MariaDB: what differs is in `tests/data/sql_layouts`, and of
that only `sql.toml` is what a company writes (R15, R21). `acts.toml` is what its people do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from syncer.domain.crm_record import TakenReply
from syncer.flows.contacts.edits import ContactEdits
from syncer.flows.contacts.sync import ContactSync
from syncer.flows.crm_contacts import law_of
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.crm_writes import CrmWrites
from syncer.flows.setbacks import Setbacks
from syncer.policies.retry import Tiers
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.contract.crm_suite import NOON, errors, message, person, task
from tests.contract.sql_companies import DATABASES, NAMES, Company, keys
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs


@contextmanager
def _opened(request: pytest.FixtureRequest, layout: str, database: str) -> Iterator[Company]:
    fixture = {"postgresql": "postgres_url", "mysql": "mariadb_url"}.get(database)
    folder = request.getfixturevalue("tmp_path")
    url = request.getfixturevalue(fixture) if fixture else f"sqlite:///{folder}/crm.db"
    company = Company(layout, url, database)
    try:
        yield company
    finally:
        company.close()


@pytest.fixture(params=[f"{layout}-{database}" for layout in NAMES for database in DATABASES])
def company(request: pytest.FixtureRequest) -> Iterator[Company]:
    layout, _, database = request.param.rpartition("-")
    with _opened(request, layout, database) as company:
        yield company


def test_every_customer_is_read_in_pages_as_the_mapping_says(company: Company) -> None:
    ids = [company.adds(f"Anna{number}", f"0912-000-00{number}") for number in range(5)]
    company.does("remove", id=keys(company, ids[3]))
    told = company.told()
    assert set(told) == {*ids} - {ids[3]}
    for number, crm_id in enumerate(ids):
        if crm_id in told:
            seen = told[crm_id]
            found = (seen["full_name"], seen["phone"], seen.get("email", f"anna{number}@b.example"))
            assert found == (f"Anna{number}", f"+88691200000{number}", f"anna{number}@b.example")
    fates = company.crm.look_up([ids[0], ids[3]])
    assert [fate.row is None for fate in fates] == [False, True]
    assert fates[0].row is not None
    assert fates[0].row.digest == company.digests()[ids[0]]


def test_what_a_person_changes_is_read_as_changed_and_nothing_else_is(company: Company) -> None:
    first, second, third = (company.adds(f"Anna{n}", f"0912-000-00{n}", at=NOON - timedelta(days=9)) for n in range(3))
    before = company.digests()
    company.does("rename", NOON, id=keys(company, first), name="Berta")
    company.does("rephone", NOON, id=keys(company, second), phone="0922-222-222")
    told = company.told(changed_since=NOON - timedelta(minutes=1))
    assert (told[first]["full_name"], told[second]["phone"]) == ("Berta", "+886922222222")
    # Where no column tells, everything is read, and the digests tell.
    assert (third in told) == (company.mapping.contacts.changed_at is None)
    after = company.digests()
    assert {crm_id for crm_id in after if after[crm_id] != before[crm_id]} == {first, second}


def test_a_customer_is_changed_found_by_phone_and_made(company: Company) -> None:
    known, found = company.adds("Anna", "0912-000-001"), company.adds("Berta", "(0912) 000 002")
    people = [
        person(known, "contact-1", full_name="Anna Lin", phone="+886933333333"),
        person(None, "contact-2", full_name="Berta Wu", phone="+886912000002"),
        person(None, "contact-3", full_name="Carla Ma", phone="+886944444444"),
        person(None, "contact-4", phone="+886955555555"),
    ]
    results = company.crm.write_contacts(people)
    assert not errors(results)
    assert [result.crm_id for result in results][:2] == [known, found]
    told = company.told()
    names = {crm_id: (one.get("full_name"), one["phone"]) for crm_id, one in told.items()}
    assert names == {
        known: ("Anna Lin", "+886933333333"),
        found: ("Berta Wu", "+886912000002"),
        results[2].crm_id: ("Carla Ma", "+886944444444"),
        results[3].crm_id: (None, "+886955555555"),
    }
    before = company.digests()
    assert [result.crm_id for result in company.crm.write_contacts(people)] == [result.crm_id for result in results]
    assert company.digests() == before


def test_messages_and_tasks_are_recorded_once(company: Company) -> None:
    crm_id = company.adds("Anna", "0912-000-001")
    for status in ("accepted", "read", "delivered"):
        batch = [message(crm_id, "out-1", direction="out", status=status, body="第 1 則"), message(crm_id, "in-1")]
        assert not errors(company.crm.write_messages(batch))
    seen = dict(company.sees("messages"))
    assert seen.keys() == {"第 1 則", "請問營業時間？"}
    assert seen["第 1 則"] in ("read", None)
    for _ in range(2):
        assert not errors(company.crm.write_tasks([task(crm_id)]))
    if company.mapping.tasks is not None:
        assert company.sees("tasks") == [("WhatsApp: complaint",)]


def test_what_people_write_to_be_sent_is_taken_once(company: Company) -> None:
    crm_id = keys(company, company.adds("Anna", "0912-000-001"))
    for body in ("first", "second"):
        company.does("write", id=crm_id, body=body)
    company.does("note", id=crm_id, body="a note")
    found = company.crm.replies()
    assert [one.body for one in found] == ["first", "second"]
    assert {one.crm_contact_id or one.phone for one in found} <= {str(crm_id), "0912-000-001"}
    first, second = (one.record_id for one in found)
    taken = [TakenReply(first, "out-1"), TakenReply(second, "refused-1", "not a phone number")]
    for _ in range(2):
        assert not errors(company.crm.take_replies(taken))
        assert company.crm.replies() == []
    states = company.acts["marks"] or [None, None]
    why = "not a phone number" if company.acts["marks"] else None
    assert company.sees("reply", body="first") == [("out-1", states[0], None)]
    assert company.sees("reply", body="second") == [("refused-1", states[1], why)]


def test_the_doctor_finds_nothing_wrong(company: Company) -> None:
    wrong = [check for check in company.crm.check() if not check.ok]
    assert [check.name for check in wrong] == ["fields mapped"]


@pytest.fixture
def session(store: Store, clock: FakeClock) -> Iterator[WorkerSession]:
    session = WorkerSession(store, "layouts", clock)
    yield session
    session.close()


def test_a_sync_reads_them_and_what_is_said_on_our_side_arrives(
    company: Company, store: Store, clock: FakeClock, session: WorkerSession
) -> None:
    ids = [company.adds(f"Anna{n}", f"0912-000-00{n}", at=clock.now() - timedelta(days=2)) for n in range(4)]
    crms = {"sql": company.crm}
    sync = ContactSync(store, crms, clock, page_size=2)
    assert sync.run("sql", session.number).new == 4
    clock.advance(minutes=1)
    again = sync.run("sql", session.number)
    assert (again.seen, again.unchanged) == (4, 4)
    with store.begin() as tx:
        query = text("select contact_id from contact_sources where crm = 'sql' and crm_id = :crm_id")
        contact_id = tx.execute(query, {"crm_id": ids[0]}).scalar_one()
    clock.advance(minutes=1)
    edits = ContactEdits(store, law_of(crms), {"full_name"}, "TW", clock, RecordingJobs())
    edits.edit(contact_id, {"full_name": "Anna Lin"}, "api:shop")
    CrmWrites(store, crms, Setbacks(clock, Tiers()), clock, CrmStanding(store, clock)).drain(session.number)
    assert company.told()[ids[0]]["full_name"] == "Anna Lin"
    clock.advance(minutes=1)
    company.does("rename", clock.now(), id=keys(company, ids[1]), name="Berta")
    changed = sync.run("sql", session.number, "changed")
    assert changed.seen < 4 or company.mapping.contacts.changed_at is None
    with store.begin() as tx:
        names = set(tx.execute(text("select full_name from contacts")).scalars())
    assert names == {"Anna Lin", "Berta", "Anna2", "Anna3"}
