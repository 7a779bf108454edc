"""A full sync reads Salesforce over real HTTP: everybody once, then only what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from config.files import load_object_mapping
from config.settings import PACKAGED_FILES
from syncer.flows.contacts.sync import ContactSync, SyncOutcome
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.seeds import FIRST
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.contract.salesforce_rooms import Org, adapter
from tests.fakes.clock import FakeClock

COUNT = 700


class Office:
    """An org, a sync of it, and eyes on the database."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.org = store, Org(contacts=COUNT)
        self.crm = adapter(self.org.url, load_object_mapping(PACKAGED_FILES, "salesforce"))
        self.session = WorkerSession(store, "one", clock)
        self.flow = ContactSync(store, {"salesforce": self.crm}, clock, page_size=200)

    def sync(self, mode: str = "full") -> SyncOutcome:
        return self.flow.run("salesforce", self.session.number, mode)

    def value(self, query: str, **values: Any) -> Any:
        with self.store.begin() as tx:
            return tx.execute(text(query), values).scalar_one()

    def close(self) -> None:
        self.session.close()
        self.crm.close()
        self.org.close()


@pytest.fixture
def office(store: Store, clock: FakeClock) -> Iterator[Office]:
    office = Office(store, clock)
    yield office
    office.close()


def test_a_first_sync_takes_everybody_in_and_the_next_finds_nothing_new(office: Office) -> None:
    first, again = office.sync(), office.sync()
    assert (first.seen, first.new, first.parked) == (COUNT, COUNT, 0)
    assert (again.seen, again.unchanged, again.changed) == (COUNT, COUNT, 0)
    assert office.value("select count(*) from contact_sources where crm = 'salesforce'") == COUNT
    assert office.value("select full_name from contacts where phone = '+886900000001'") == "李小明"


def test_only_what_has_changed_is_written(office: Office) -> None:
    office.sync()
    changed, touched = (record_id("003", FIRST + number) for number in (1, 2))
    office.org.told("PATCH", f"objects/Contact/{changed}", fields={"MailingCity": "台東市"})
    office.org.told("PATCH", f"objects/Contact/{touched}", fields={})
    outcome = office.sync()
    assert (outcome.changed, outcome.unchanged) == (1, COUNT - 1)
    stored = "select fields ->> 'city' from contact_sources where crm_id = :crm_id"
    assert office.value(stored, crm_id=changed) == "台東市"


def test_a_record_that_nobody_can_read_costs_itself_alone(office: Office) -> None:
    office.org.told("POST", "poison/Contact", ids=[record_id("003", FIRST + 333)])
    assert office.sync().new == COUNT - 1
    office.org.told("POST", "poison/Contact", ids=[])
    assert office.sync().new == 1
