"""The Zoho adapter over real HTTP against the simulated organisation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncer.simulators.zoho.config import Behaviour
from tests.contract.crm_suite import CrmSuite, MessageSuite, ReplySuite, message, task
from tests.contract.zoho_rooms import UNLIMITED, ZohoRoom, adapter


class TestZohoCrm(CrmSuite):
    @pytest.fixture
    def room(self) -> Iterator[ZohoRoom]:
        room = ZohoRoom()
        yield room
        room.close()


class TestZohoWithoutAModuleOfMessages(MessageSuite, ReplySuite):
    """A new organisation: messages are notes, handoffs are tasks, and both are known again by their text."""

    @pytest.fixture
    def room(self) -> Iterator[ZohoRoom]:
        behaviour = Behaviour(limits=UNLIMITED, messages_module=False, case_refs=False)
        room = ZohoRoom(behaviour=behaviour)
        yield room
        room.close()

    def test_a_note_is_known_again_by_another_process(self, room: ZohoRoom) -> None:
        crm_id = room.add(phone="0912-345-678")
        room.crm.write_messages([message(crm_id, "out-1", status="sent")])
        second = adapter(room.site.url)
        assert second.write_messages([message(crm_id, "out-1", status="read")])[0].error is None
        second.close()
        assert [(seen["status"], seen["body"]) for seen in room.messages()] == [("read", "請問營業時間？")]

    def test_a_handoff_becomes_one_task_of_the_contacts_owner(self, room: ZohoRoom) -> None:
        crm_id = room.add(phone="0912-345-678", owner="王業務")
        for _ in range(2):
            assert room.crm.write_tasks([task(crm_id)])[0].error is None
        [seen] = room.site.of("Tasks")
        assert (seen["Who_Id"]["id"], seen["Owner"]["name"]) == (crm_id, "王業務")
        assert (seen["Priority"], seen["Status"]) == ("Highest", "Not Started")
        assert [told["body"] for told in room.tasks()] == ["我要客訴"]

    def test_a_note_that_says_it_already_is_left_alone(self, room: ZohoRoom) -> None:
        told = message(room.add(phone="0912-345-678"), "out-1", status="failed", error="[1] a  ·  b")
        room.crm.write_messages([told])
        before = room.site.requests()
        assert room.crm.write_messages([told])[0].error is None
        assert "Notes.update" not in room.site.requests()
        assert room.site.requests()["Notes.list"] == before.get("Notes.list", 0) + 1
