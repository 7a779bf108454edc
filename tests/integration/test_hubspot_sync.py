"""A full sync reads HubSpot over real HTTP: everything once, then only what has changed, and what went is followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.flows.contacts.sync import ContactSync, SyncOutcome
from syncer.simulators.hubspot.seeds import FIRST_ID
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.contract.hubspot_rooms import Portal, adapter
from tests.fakes.clock import FakeClock

COUNT = 700


class Office:
    """A portal, a sync of it, and eyes on the database."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.portal = store, Portal(contacts=COUNT)
        self.crm = adapter(self.portal.url, load_object_mapping(PACKAGED_FILES, "hubspot"))
        self.session = WorkerSession(store, "one", clock)
        self.flow = ContactSync(store, {"hubspot": self.crm}, clock, page_size=200)

    def sync(self, mode: str = "full") -> SyncOutcome:
        return self.flow.run("hubspot", self.session.number, mode)

    def value(self, query: str, **values: Any) -> Any:
        with self.store.begin() as tx:
            return tx.execute(text(query), values).scalar_one()

    def close(self) -> None:
        self.session.close()
        self.crm.close()
        self.portal.close()


@pytest.fixture
def office(store: Store, clock: FakeClock) -> Iterator[Office]:
    office = Office(store, clock)
    yield office
    office.close()


def test_a_first_sync_takes_everybody_in_and_the_next_finds_nothing_new(office: Office) -> None:
    first, again = office.sync(), office.sync()
    assert (first.seen, first.new, first.parked) == (COUNT, COUNT, 0)
    assert (again.seen, again.unchanged, again.changed) == (COUNT, COUNT, 0)
    assert office.value("select count(*) from contact_sources where crm = 'hubspot'") == COUNT
    assert office.value("select full_name from contacts where phone = '+886900000001'") == "李小明"


def test_only_what_has_changed_is_written(office: Office) -> None:
    office.sync()
    office.portal.told("PATCH", f"objects/contacts/{FIRST_ID + 1}", properties={"city": "台東市"})
    office.portal.told("PATCH", f"objects/contacts/{FIRST_ID + 2}", properties={})
    outcome = office.sync()
    assert (outcome.changed, outcome.unchanged) == (1, COUNT - 1)
    stored = "select fields ->> 'city' from contact_sources where crm_id = :crm_id"
    assert office.value(stored, crm_id=str(FIRST_ID + 1)) == "台東市"


def test_a_record_that_nobody_can_read_costs_itself_alone(office: Office) -> None:
    office.portal.told("POST", "poison/contacts", ids=[FIRST_ID + 333])
    outcome = office.sync()
    assert outcome.new == COUNT - 1
    office.portal.told("POST", "poison/contacts", ids=[])
    assert office.sync().new == 1
