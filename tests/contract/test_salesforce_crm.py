"""The Salesforce adapter over real HTTP against the simulated org."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.simulators.salesforce.config import Behaviour
from tests.contract.crm_suite import ContactSuite, CrmSuite, MergingSuite, MessageSuite, ReadingSuite, ReplySuite
from tests.contract.salesforce_rooms import SalesforceRoom, adapter


class TestSalesforceCrm(CrmSuite, MergingSuite):
    @pytest.fixture
    def room(self) -> Iterator[SalesforceRoom]:
        room = SalesforceRoom()
        yield room
        room.close()


class TestSalesforceWithMessagesOfTheirOwn(MessageSuite, ReplySuite):
    """An org with the object `WA_Message__c`."""

    @pytest.fixture
    def room(self) -> Iterator[SalesforceRoom]:
        room = SalesforceRoom(message_object=True)
        yield room
        room.close()


class TestSalesforceWithShortAnswers(ReadingSuite):
    """An org that cuts every answer short, as one with large records does."""

    @pytest.fixture
    def room(self) -> Iterator[SalesforceRoom]:
        room = SalesforceRoom(behaviour=Behaviour(calls_most=0, page_most=2))
        yield room
        room.close()


class TestSalesforceByJobs(ContactSuite):
    """Contacts written by jobs of the Bulk API, however few."""

    @pytest.fixture
    def room(self) -> Iterator[SalesforceRoom]:
        room = SalesforceRoom()
        room.crm = adapter(room.org.url, bulk_above=0)
        yield room
        room.close()
