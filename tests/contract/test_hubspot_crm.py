"""The HubSpot adapter over real HTTP against the simulated portal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.simulators.hubspot.config import Behaviour
from tests.contract.crm_suite import CrmSuite, MergingSuite, MessageSuite
from tests.contract.hubspot_rooms import UNLIMITED, HubSpotRoom


class TestHubSpotCrm(CrmSuite, MergingSuite):
    @pytest.fixture
    def room(self) -> Iterator[HubSpotRoom]:
        room = HubSpotRoom()
        yield room
        room.close()


class TestHubSpotWithoutPropertiesOfOurs(MessageSuite):
    """An account that takes none on communications: everything stands in the body."""

    @pytest.fixture
    def room(self) -> Iterator[HubSpotRoom]:
        room = HubSpotRoom(behaviour=Behaviour(limits=UNLIMITED, custom_properties=False))
        yield room
        room.close()
