"""A sync of a hundred thousand customers, killed again and again: what comes of it is what would have come of it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from syncer.acceptance import customers
from syncer.store import schema
from syncer.store.session import Store, open_engine
from tests.conftest import _database

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

ROWS = 100_000
KILLS_OF_THE_FIRST, KILLS_OF_THE_SECOND = 14, 6

CHILD = """
import sys, time
from config.files import load_mapping
from config.settings import PACKAGED_FILES
from syncer.clock import SystemClock
from syncer.crm.sql.adapter import SqlCRM
from syncer.domain.errors import Refused, Unreachable
from syncer.flows.contacts.sync import ContactSync
from syncer.store.session import Store, open_engine
from syncer.store.workers import WorkerSession
engine, company, run = sys.argv[1:]
store = Store(open_engine(engine))
session = WorkerSession(store, "child", SystemClock())
crm = SqlCRM(company, load_mapping(PACKAGED_FILES, "sql"), "TW")
sync = ContactSync(store, {"sql": crm}, SystemClock(), page_size=1000)
print("ready", flush=True)
while True:
    with store.begin() as tx:
        from syncer.store import sync_runs
        last = sync_runs.last(tx, "sql")
    if last is not None and last.id >= int(run) and last.state == "done":
        print("done", dict(last.counts), flush=True)
        break
    try:
        sync.run("sql", session.number)
    except (Refused, Unreachable):  # PostgreSQL has not noticed yet that the one before is dead
        time.sleep(0.05)
"""


@pytest.fixture
def company(_administrator: Engine) -> Iterator[Engine]:
    with _database(_administrator, "killed_company") as url:
        engine = create_engine(url)
        customers.rebuild(engine, rows=ROWS)
        with engine.begin() as tx:  # forty numbers that too many share, half of them only over several pages
            tx.execute(text("update customers set mobile = '0911000' || customer_id % 40 where customer_id % 110 = 0"))
        yield engine
        engine.dispose()


@pytest.fixture
def engines(_administrator: Engine) -> Iterator[tuple[Store, Store]]:
    with _database(_administrator, "killed_never") as calm, _database(_administrator, "killed_often") as rough:
        stores = Store(open_engine(calm)), Store(open_engine(rough))
        for store in stores:
            schema.upgrade(store)
        yield stores
        for store in stores:
            store.close()


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def child(store: Store, company: Engine, run: int) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", CHILD, url_of(store.engine), url_of(company), str(run)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def finish(started: subprocess.Popen[str]) -> float:
    """Seconds until its run is done."""
    began = time.monotonic()
    said, _ = started.communicate(timeout=600)
    assert said.startswith("done"), said
    assert started.returncode == 0
    return time.monotonic() - began


def kill(started: subprocess.Popen[str], seconds: float) -> None:
    threading.Event().wait(seconds)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert started.stdout is not None
    started.stdout.close()


def sync_killed(store: Store, company: Engine, run: int, kills: int, calmly: float, chance: random.Random) -> int:
    """A run that is killed so many times, at random moments all over the time that it would take; returns how many
    of them found it at work."""
    hit = 0
    for _ in range(kills):
        kill(child(store, company, run), chance.uniform(0, 2 * calmly / (kills + 1)))
        with store.begin() as tx:
            hit += tx.execute(text("select count(*) from sync_runs where state = 'running'")).scalar_one()
    finish(child(store, company, run))
    return hit


def change(company: Engine) -> None:
    """Customers move, are corrected, swap numbers, give and take consent, and go."""
    with company.begin() as tx:
        for statement in (
            "update customers set city = 'Tainan', updated_at = now() where customer_id % 10 = 1",
            "update customers set accepts_marketing = 'N', updated_at = now() where customer_id % 100 = 3",
            """update customers a set mobile = b.mobile, updated_at = now() from customers b
               where a.customer_id % 100 in (4, 5)
                 and b.customer_id = a.customer_id + case when a.customer_id % 100 = 4 then 1 else -1 end""",
            "update customers set is_deleted = true where customer_id % 50 = 7",
            "delete from customers where customer_id % 100 = 8",
        ):
            tx.execute(text(statement))


#: Every row that a sync writes, without numbers and moments that are another's in every run; a contact goes by the
#: lowest of its rows.
WHO = "(select min(crm_id) from contact_sources where contact_id = {})"
STATE = {
    "contacts": f"""select {WHO.format("c.id")}, full_name, phone, phone_problem, email, language, tags::text,
        attributes::text, edits::text, blocked, unreachable, transactional, marketing, revision from contacts c""",
    "identities": f"select kind, value, {WHO.format('i.contact_id')} from identities i",
    "contact_sources": f"""select crm, crm_id, {WHO.format("s.contact_id")}, digest::text, fields::text, phone,
        phone_problem, changed_at, apart from contact_sources s""",
    "consents": f"""select {WHO.format("e.contact_id")}, tier, word, source, proof, explicit from consents e""",
    "merges": f"""select {WHO.format("m.contact_id")}, crm, crm_id, key, (before -> 'fields')::text,
        undone_at is not null from merges m""",
    "departed_sources": "select crm, crm_id, fields::text, phone, fate from departed_sources",
}


def state(store: Store, table: str) -> Counter[Any]:
    with store.begin() as tx:
        return Counter(map(tuple, tx.execute(text(STATE[table])).fetchall()))


def assert_equal(engines: tuple[Store, Store]) -> None:
    for table in STATE:
        calm, rough = (state(store, table) for store in engines)
        assert list((calm - rough).items())[:3] == [], f"{table}: missing or other than undisturbed"
        assert list((rough - calm).items())[:3] == [], f"{table}: doubled or other than undisturbed"


def test_a_sync_that_is_killed_twenty_times_ends_as_one_that_is_left_alone(
    company: Engine, engines: tuple[Store, Store]
) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance, (calm, rough) = random.Random(seed), engines
    seconds = finish(child(calm, company, 1))
    hits = sync_killed(rough, company, 1, KILLS_OF_THE_FIRST, seconds, chance)
    assert_equal(engines)
    change(company)
    seconds = finish(child(calm, company, 2))
    hits += sync_killed(rough, company, 2, KILLS_OF_THE_SECOND, seconds, chance)
    assert_equal(engines)
    with rough.begin() as tx:
        [first, second] = tx.execute(text("select counts, epoch from sync_runs order by id")).fetchall()
        assert tx.execute(text("select count(*) from sync_seen")).scalar_one() == 0
    print(f"{hits} of the kills found it at work, it was taken over {first.epoch + second.epoch - 2} times")
    assert hits >= 10
    assert first.counts["seen"] == first.counts["new"] == ROWS
    assert second.counts["departed"] == 3000
    assert second.counts["seen"] == ROWS - 3000
