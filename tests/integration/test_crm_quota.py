"""All processes together keep within what a CRM lets us ask, reads and writes alike, and a full sync starves nobody."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.files import load_object_mapping, load_tuning
from config.settings import PACKAGED_FILES, load
from syncer.crm.hubspot.adapter import HubSpotCRM
from syncer.crm.hubspot.pace import HubSpotPace
from syncer.crm.salesforce.pace import SalesforcePace
from syncer.crm.zoho.pace import ZohoPace
from syncer.domain.crm_record import CrmContact
from syncer.domain.errors import OverQuota, TryAgain, TryLater
from syncer.outside import Outside
from syncer.services import Services
from syncer.simulators.hubspot.config import Behaviour, Limits
from syncer.simulators.hubspot.seeds import FIRST_STAMP
from syncer.simulators.salesforce.config import Behaviour as OrgBehaviour
from syncer.simulators.zoho.config import Behaviour as ZohoBehaviour
from syncer.simulators.zoho.config import Limits as ZohoLimits
from syncer.simulators.zoho.seeds import FIRST_ID
from syncer.throttle.quota import RedisQuota
from syncer.throttle.quota_memory import Budget
from tests.contract import salesforce_rooms, zoho_rooms
from tests.contract.hubspot_rooms import TOKEN, Portal
from tests.fakes.jobs import RecordingJobs
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.crm_vendors import message

#: HubSpot's limits in a fifth of their time, so that seconds of a test are many spans of it.
BUDGETS = {"hubspot": Budget(20, 2.0), "hubspot.search": Budget(5, 1.0), "zoho": Budget(at_once=4)}
LIMITS = Limits(burst=20, interval_seconds=2.0, daily=0, searches=5)
SHIPPED = {name: load_object_mapping(PACKAGED_FILES, name) for name in ("hubspot", "salesforce", "zoho")}
LONG_AGO = datetime.fromtimestamp(FIRST_STAMP / 1000, UTC)
Join = Callable[..., RedisQuota]


@pytest.fixture
def join(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Join]:
    """The quota of one more process."""
    made: list[RedisQuota] = []

    def build(url: str = redis_url, **more: object) -> RedisQuota:
        prefix = f"quota:{request.node.name}:"
        made.append(RedisQuota(url, BUDGETS, key_prefix=prefix, **more))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for quota in made:
        quota.close()


@pytest.fixture
def portal() -> Iterator[Portal]:
    portal = Portal(contacts=20_000, behaviour=Behaviour(limits=LIMITS))
    yield portal
    portal.close()


def process(portal: Portal, quota: RedisQuota) -> HubSpotCRM:
    """The adapter of one process."""
    how = {"base_url": portal.url, "version": "2026-09", "access_token": lambda: TOKEN}
    return HubSpotCRM(SHIPPED["hubspot"], "TW", pace=HubSpotPace(quota), **how)  # type: ignore[arg-type]


def sync(crm: HubSpotCRM, over: threading.Event, since: datetime | None = None) -> int:
    """Read everything (or all changes) again and again, as a sync that rests when it is told to; returns the pages."""
    cursor, pages = None, 0
    while not over.is_set():
        try:
            for page in crm.pages(cursor, page_size=100, changed_since=since):
                cursor, pages = page.cursor, pages + 1
                if over.is_set():
                    break
        except OverQuota as rest:
            over.wait(rest.wait_seconds)
    return pages


def write(crm: HubSpotCRM, first: int, over: threading.Event) -> list[float]:
    """Write a stranger a second after the last one is written; returns the seconds that each took."""
    took, number = [], first
    while not over.is_set():
        number += 1
        started = time.monotonic()
        try:
            [result] = crm.write_contacts([CrmContact(f"c-{number}", None, {"phone": f"+8869{number:08d}"})])
            assert result.error is None
        except OverQuota as rest:
            over.wait(rest.wait_seconds)
        took.append(time.monotonic() - started)
        over.wait(1.0)
    return took


def test_three_processes_that_read_and_write_at_once_are_never_refused(portal: Portal, join: Join) -> None:
    reading, changes, writing = (process(portal, join()) for _ in range(3))
    over = threading.Event()
    threading.Timer(6.0, over.set).start()
    with ThreadPoolExecutor(3) as pool:
        full = pool.submit(sync, reading, over)
        changed = pool.submit(sync, changes, over, LONG_AGO)
        written = pool.submit(write, writing, 10_000_000, over)
        took = sorted(written.result())
        assert full.result() + changed.result() >= 5, "the sync goes on in what live work leaves"
    stats = portal.told("GET", "stats")
    assert stats["refused"] == 0
    assert len(took) >= 4
    assert took[len(took) // 2] < 1.0, "a person is written by four calls, and a full sync takes none of them away"
    for crm in (reading, changes, writing):
        crm.close()


def test_a_refusal_that_one_process_meets_holds_the_others(portal: Portal, join: Join) -> None:
    one, other = (process(portal, join()) for _ in range(2))
    one.write_messages([message("in-1")])
    other.write_messages([message("in-2")])
    portal.fault("communications.batch_create", "rate_limit", code=0, count=1)
    with pytest.raises(TryLater) as refused:
        one.write_messages([message("in-3")])
    before = portal.requests()
    with pytest.raises(OverQuota) as held:
        other.write_messages([message("in-4")])
    assert portal.requests() == before, "the other did not even ask"
    assert held.value.wait_seconds == pytest.approx(refused.value.wait_seconds, abs=0.5)
    one.close()
    other.close()


def test_without_redis_the_work_goes_on_at_a_share(
    portal: Portal, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    crms = [process(portal, join("redis://127.0.0.1:1/0", workers=2)) for _ in range(2)]
    over = threading.Event()
    threading.Timer(3.0, over.set).start()
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(2) as pool:
        reading = pool.submit(sync, crms[0], over)
        writing = pool.submit(write, crms[1], 20_000_000, over)
        assert reading.result() >= 2
        assert len(writing.result()) >= 2
    assert portal.told("GET", "stats")["refused"] == 0
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["the quota's Redis is away"] * 2
    for crm in crms:
        crm.close()


def test_an_organisation_that_serves_few_at_once_is_never_asked_by_more(join: Join) -> None:
    limits = ZohoLimits(tokens=0, credits=0, concurrent=4)
    site = zoho_rooms.Site(contacts=50, behaviour=ZohoBehaviour(limits=limits, latency=0.05))
    crms = [zoho_rooms.adapter(site.url, SHIPPED["zoho"], pace=ZohoPace(join())) for _ in range(3)]
    crms[0].check()

    def look(number: int) -> int:
        return len(crms[number % 3].look_up([str(FIRST_ID + number)]))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(look, range(32))) == 32
    for crm in crms:
        crm.close()
    site.close()


def test_calls_of_the_day_that_run_out_stop_the_syncs_of_all_processes(join: Join) -> None:
    org = salesforce_rooms.Org(contacts=100, behaviour=OrgBehaviour(calls_most=100, calls_used=70))
    one, other = (
        salesforce_rooms.adapter(org.url, SHIPPED["salesforce"], pace=SalesforcePace(join())) for _ in range(2)
    )
    other.look_up([])
    while org.told("GET", "settings")["calls_used"] < 80:
        one.write_messages([message(f"in-{time.monotonic_ns()}")])
    with pytest.raises(OverQuota, match="kept for live"):
        list(other.pages(None, page_size=100))
    assert other.write_messages([message("in-last")])[0].error is None
    one.close()
    other.close()
    org.close()


# What follows from it


def refusing(method: str) -> None:
    raise OverQuota("no room", wait_seconds=0.4)


def test_a_full_quota_delays_a_write_and_says_nothing_against_the_crm(house: House) -> None:
    house.receive(said("w1", "hi", phone="+886912345678"))
    house.crm.on_call = refusing
    house.crm_writes.drain(house.worker)
    assert house.value("select count(*) from crm_breakers where open_since is not null") == 0
    assert house.value("select max(attempts) from crm_writes") == 0
    house.crm.on_call = lambda method: None
    house.clock.advance(seconds=0.5)
    house.recovery.sweep()
    house.crm_writes.drain(house.worker)
    assert [one.ref for one in house.crm.messages.values()] == ["in-w1"]


def test_a_full_quota_is_asked_once_for_a_set_and_buries_nothing_that_is_old(house: House) -> None:
    for number in range(5):
        house.receive(said(f"w{number}", "hi", phone=f"+88691234567{number}"))
    house.clock.advance(hours=30)
    house.crm.on_call = refusing
    house.crm.calls.clear()
    house.crm_writes.drain(house.worker)
    assert [method for method, _ in house.crm.calls] == ["write_contacts"]
    assert house.value("select count(*) from dead_letters") == 0
    house.crm.on_call = lambda method: None
    house.clock.advance(seconds=0.5)
    house.recovery.sweep()
    house.crm_writes.drain(house.worker)
    assert len(house.crm.messages) == 5


def test_a_prober_that_finds_no_room_leaves_it_to_the_next(house: House) -> None:
    standing = house.crm_writes.standing
    for _ in range(3):
        standing.failed("sql", TryAgain("cut"))
    house.clock.advance(seconds=10)
    assert standing.may_ask("sql")
    assert not standing.may_ask("sql")
    standing.failed("sql", OverQuota("no room", wait_seconds=0.4))
    assert standing.may_ask("sql")


def test_the_budgets_are_those_of_the_file(database_url: str, redis_url: str, tmp_path: Path) -> None:
    where = Services(database_url, redis_url)
    outside = Outside(load({"SYNCER_HOME": str(tmp_path)}), where, RecordingJobs())
    assert outside.quota.take("hubspot.search", place="a").taken
    budgets = outside.quota._budgets  # type: ignore[attr-defined]
    assert (budgets["hubspot"], budgets["zoho"]) == (Budget(100, 10.0), Budget(at_once=10))
    assert outside.tallies.read() is not None
    outside.close()


@pytest.mark.parametrize(
    "wrong",
    ["calls = 5", "seconds = 1", "", "calls = 0\nseconds = 1", "calls = 5\nseconds = 0", "at_once = 0"],
)
def test_a_quota_that_says_nothing_stops_the_process_at_the_start(tmp_path: Path, wrong: str) -> None:
    text = (PACKAGED_FILES / "syncer.toml").read_text()
    limits = text[text.index("[quota.zoho]") : text.index("[replies]")]
    (tmp_path / "syncer.toml").write_text(text.replace(limits, f"[quota.zoho]\n{wrong}\n\n"))
    with pytest.raises(ConfigurationError, match=r"quota\.zoho"):
        load_tuning(tmp_path)


def test_a_misspelt_quota_is_told_by_its_name(tmp_path: Path) -> None:
    text = (PACKAGED_FILES / "syncer.toml").read_text()
    (tmp_path / "syncer.toml").write_text(text.replace("[quota.hubspot]", "[quota.hubspott]"))
    with pytest.raises(ConfigurationError, match="hubspott"):
        load_tuning(tmp_path)
