"""A full sync reads each vendor over real HTTP: everybody once, then only what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from syncer.flows.contacts.sync import ContactSync, SyncOutcome
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.fakes.clock import FakeClock
from tests.integration.crm_vendors import VENDORS, Vendor

COUNT = 700


class Office:
    """A vendor's simulator, a sync of it, and eyes on the database."""

    def __init__(self, vendor: Vendor, store: Store, clock: FakeClock) -> None:
        self.vendor, self.store, self.site = vendor, store, vendor.begin(contacts=COUNT)
        self.crm = vendor.adapter(self.site.url, vendor.mapping)
        self.session = WorkerSession(store, "one", clock)
        self.flow = ContactSync(store, {vendor.name: self.crm}, clock, page_size=400)

    def sync(self, mode: str = "full") -> SyncOutcome:
        return self.flow.run(self.vendor.name, self.session.number, mode)

    def value(self, query: str, **values: Any) -> Any:
        with self.store.begin() as tx:
            return tx.execute(text(query), values).scalar_one()

    def close(self) -> None:
        self.session.close()
        self.crm.close()
        self.site.close()


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def office(request: pytest.FixtureRequest, store: Store, clock: FakeClock) -> Iterator[Office]:
    office = Office(request.param, store, clock)
    yield office
    office.close()


def test_a_first_sync_takes_everybody_in_and_the_next_finds_nothing_new(office: Office) -> None:
    first, again = office.sync(), office.sync()
    assert (first.seen, first.new, first.parked) == (COUNT, COUNT, 0)
    assert (again.seen, again.unchanged, again.changed) == (COUNT, COUNT, 0)
    assert office.value("select count(*) from contact_sources where crm = :crm", crm=office.vendor.name) == COUNT
    assert office.value("select full_name from contacts where phone = '+886900000001'") == "李小明"


def test_only_what_has_changed_is_written(office: Office) -> None:
    office.sync()
    office.vendor.change(office.site, 1, {office.vendor.city: "台東市"})
    office.vendor.change(office.site, 2, {})
    outcome = office.sync()
    assert (outcome.changed, outcome.unchanged) == (1, COUNT - 1)
    stored = "select fields ->> 'city' from contact_sources where crm_id = :crm_id"
    assert office.value(stored, crm_id=office.vendor.contact(1)) == "台東市"


def test_a_record_that_nobody_can_read_costs_itself_alone(office: Office) -> None:
    office.vendor.poison(office.site, [333])
    assert office.sync().new == COUNT - 1
    office.vendor.poison(office.site, [])
    assert office.sync().new == 1
