"""A full sync reads Zoho over real HTTP: everything once, then only what has changed, and what went is followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.flows.contacts.sync import ContactSync, SyncOutcome
from syncer.simulators.zoho.seeds import FIRST_ID
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.contract.zoho_rooms import Site, adapter
from tests.fakes.clock import FakeClock

COUNT = 700


class Office:
    """An organisation, a sync of it, and eyes on the database."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.site = store, Site(contacts=COUNT)
        self.crm = adapter(self.site.url, load_object_mapping(PACKAGED_FILES, "zoho"))
        self.session = WorkerSession(store, "one", clock)
        self.flow = ContactSync(store, {"zoho": self.crm}, clock, page_size=400)

    def sync(self, mode: str = "full") -> SyncOutcome:
        return self.flow.run("zoho", self.session.number, mode)

    def value(self, query: str, **values: Any) -> Any:
        with self.store.begin() as tx:
            return tx.execute(text(query), values).scalar_one()

    def close(self) -> None:
        self.session.close()
        self.crm.close()
        self.site.close()


@pytest.fixture
def office(store: Store, clock: FakeClock) -> Iterator[Office]:
    office = Office(store, clock)
    yield office
    office.close()


def test_a_first_sync_takes_everybody_in_and_the_next_finds_nothing_new(office: Office) -> None:
    first, again = office.sync(), office.sync()
    assert (first.seen, first.new, first.parked) == (COUNT, COUNT, 0)
    assert (again.seen, again.unchanged, again.changed) == (COUNT, COUNT, 0)
    assert office.value("select count(*) from contact_sources where crm = 'zoho'") == COUNT
    assert office.value("select full_name from contacts where phone = '+886900000001'") == "李小明"


def test_only_what_has_changed_is_written(office: Office) -> None:
    office.sync()
    office.site.told("PATCH", f"records/Contacts/{FIRST_ID + 1}", values={"Mailing_City": "台東市"})
    office.site.told("PATCH", f"records/Contacts/{FIRST_ID + 2}", values={})
    outcome = office.sync()
    assert (outcome.changed, outcome.unchanged) == (1, COUNT - 1)
    stored = "select fields ->> 'city' from contact_sources where crm_id = :crm_id"
    assert office.value(stored, crm_id=str(FIRST_ID + 1)) == "台東市"


def test_a_record_that_nobody_can_read_costs_itself_alone(office: Office) -> None:
    office.site.told("POST", "poison/Contacts", ids=[FIRST_ID + 333])
    outcome = office.sync()
    assert outcome.new == COUNT - 1
    office.site.told("POST", "poison/Contacts", ids=[])
    assert office.sync().new == 1
