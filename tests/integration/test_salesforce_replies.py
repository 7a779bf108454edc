"""What people write in an org to be sent, on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncer.crm.salesforce.adapter import SalesforceCRM
from syncer.domain.crm_record import TakenReply
from syncer.domain.errors import FixCredentials, Never, TryAgain, TryLater
from syncer.simulators.salesforce.config import Behaviour
from tests.contract.salesforce_rooms import Org, SalesforceRoom
from tests.integration.crm_vendors import NOON, message


@pytest.fixture
def room_with() -> Iterator[Callable[..., SalesforceRoom]]:
    running: list[SalesforceRoom] = []

    def begin(**config: Any) -> SalesforceRoom:
        running.append(SalesforceRoom(**config))
        return running[-1]

    yield begin
    for room in running:
        room.close()


@pytest.fixture
def room(room_with: Callable[..., SalesforceRoom]) -> SalesforceRoom:
    return room_with()


@pytest.fixture
def org(room: SalesforceRoom) -> Org:
    return room.org


@pytest.fixture
def crm(room: SalesforceRoom) -> SalesforceCRM:
    return room.crm


def written(room: SalesforceRoom, count: int = 1) -> list[str]:
    crm_id = room.add(phone="0912-345-678")
    return [room.write_reply(f"第 {number} 則", crm_id=crm_id) for number in range(count)]


def test_one_question_finds_all_and_two_requests_take_two_hundred(room: SalesforceRoom) -> None:
    ids = written(room, 230)
    room.crm.replies()
    before = room.org.requests()["query"]
    found = room.crm.replies()
    assert [reply.record_id for reply in found] == ids[:200]
    assert room.org.requests()["query"] == before + 1
    taken = [TakenReply(reply.record_id, f"out-{reply.record_id}") for reply in found]
    assert not [result.error for result in room.crm.take_replies(taken) if result.error]
    assert room.org.requests()["collections.update"] == 1
    assert [reply.record_id for reply in room.crm.replies()] == ids[200:]
    before = sum(room.org.requests().values())
    assert not [result.error for result in room.crm.take_replies(taken) if result.error]
    assert sum(room.org.requests().values()) == before + 1


def test_a_locked_record_waits_and_holds_back_nobody(room: SalesforceRoom) -> None:
    soon, late, other = written(room, 3)
    room.org.told("POST", "locks/Task", ids=[soon], times=1)
    room.org.told("POST", "locks/Task", ids=[late], times=50)
    taken = [TakenReply(one, f"out-{one}") for one in (soon, late, other)]
    results = room.crm.take_replies(taken)
    assert [type(result.error) for result in results] == [type(None), TryAgain, type(None)]
    assert [reply.record_id for reply in room.crm.replies()] == [late]


def test_a_rule_of_the_companys_refuses_that_record_alone(room: SalesforceRoom) -> None:
    room.org.told("POST", "rules/Task", needed=["WA_Template__c"])
    crm_id = room.add(phone="0912-345-678")
    plain, whole = (
        room.write_reply("a", crm_id=crm_id, template="t"),
        room.write_reply("b", crm_id=crm_id, template="t"),
    )
    room.org.told("POST", "rules/Task", needed=["WA_Phone__c"])
    room.org.told("PATCH", f"objects/Task/{whole}", fields={"WA_Phone__c": "+886912345678"})
    results = room.crm.take_replies([TakenReply(plain, "out-1"), TakenReply(whole, "out-2")])
    assert [getattr(result.error, "code", None) for result in results] == ["FIELD_CUSTOM_VALIDATION_EXCEPTION", None]


def test_a_record_deleted_meanwhile_is_gone_and_a_short_id_is_an_id(room: SalesforceRoom) -> None:
    gone, there = written(room, 2)
    room.org.told("DELETE", f"objects/Task/{gone}")
    assert [reply.record_id for reply in room.crm.replies([gone, there[:15]])] == [there]
    results = room.crm.take_replies([TakenReply(gone, "out-1"), TakenReply(there[:15], "out-2")])
    assert [(result.gone, type(result.error)) for result in results] == [(True, Never), (False, type(None))]
    assert room.reply(there)["ref"] == "out-2"


def test_an_answer_that_is_lost_is_found_to_be_written(room: SalesforceRoom) -> None:
    [record_id] = written(room)
    room.crm.replies()
    room.org.fault("collections.update", "cut", moment="after_accept", count=1)
    with pytest.raises(TryAgain):
        room.crm.take_replies([TakenReply(record_id, "out-1")])
    assert room.crm.take_replies([TakenReply(record_id, "out-1")])[0].error is None
    assert room.reply(record_id)["ref"] == "out-1"


@pytest.mark.parametrize(
    ("kind", "how", "error"),
    [
        ("rate_limit", {}, TryLater),
        ("server_error", {"status": 503}, TryAgain),
        ("wrong_json", {"body": "html"}, TryLater),
        ("half_answer", {}, TryAgain),
        ("refuse", {"code": 5}, FixCredentials),
    ],
)
def test_a_question_that_fails_says_what_to_do(room: SalesforceRoom, kind: str, how: Any, error: Any) -> None:
    ids = written(room)
    room.crm.replies()
    room.org.fault("query", kind, **how)
    with pytest.raises(error):
        room.crm.replies()
    room.org.heal()
    assert [reply.record_id for reply in room.crm.replies()] == ids


def test_asking_needs_no_look_at_every_record(room_with: Callable[..., SalesforceRoom]) -> None:
    room = room_with(behaviour=Behaviour(calls_most=0, scan_most=10))
    ids = written(room, 12)
    assert [reply.record_id for reply in room.crm.replies()] == ids
    room.org.told("POST", "fields/Task", field="WA_Status__c:string(40)")
    with pytest.raises(TryAgain, match="QUERY_TIMEOUT"):
        room.crm.replies()


def test_without_a_field_for_the_status_nothing_is_to_be_sent(room: SalesforceRoom) -> None:
    room.org.told("DELETE", "fields/Task/WA_Status__c")
    assert room.crm.replies() == []
    assert all(check.ok for check in room.crm.check())


def test_a_restricted_list_without_our_words_keeps_nothing_waiting(room: SalesforceRoom) -> None:
    first, second = written(room, 2)
    room.org.told("POST", "fields/Task", field="=WA_Status__c:picklist", values=["to_send", "sent", "failed"])
    results = room.crm.take_replies([TakenReply(first, "out-1"), TakenReply(second, "out-2", "not a number")])
    assert [result.error for result in results] == [None, None]
    assert room.reply(first) == {"ref": "out-1", "status": None, "error": None}
    assert room.reply(second) == {"ref": "out-2", "status": "failed", "error": "not a number"}
    assert room.crm.replies() == []
    [check] = [check for check in room.crm.check() if check.name == "people's messages are found"]
    assert (check.ok, "lacks queued, accepted, delivered, read, played" in check.detail) == (False, True)


def test_only_the_word_itself_sends(room: SalesforceRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    for fields in (
        {"WA_Status__c": "sent", "WA_Direction__c": "out"},
        {"WA_Direction__c": "out"},
        {"WA_Status__c": "to_send", "WA_Direction__c": "in"},
        {"WA_Status__c": "to_send", "WA_Direction__c": "out", "WA_Ref__c": "out-9"},
        {},
    ):
        room.org.told("POST", "objects/Task", fields={"WhoId": crm_id, "Description": "x", **fields})
    assert room.crm.replies() == []
    said = {"WA_Status__c": "To_Send", "WhoId": crm_id, "Description": "x"}
    unclear = room.org.told("POST", "objects/Task", fields=said)["id"]
    assert [reply.record_id for reply in room.crm.replies()] == [unclear]


def test_a_message_of_ours_that_people_mark_again_is_not_sent_twice(room: SalesforceRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    room.crm.write_messages([message("out-1", crm_id, direction="out", status="read", status_at=NOON)])
    [row] = room.org.of("Task")
    room.org.told("PATCH", f"objects/Task/{row['Id']}", fields={"WA_Status__c": "to_send"})
    assert room.crm.replies() == []
    assert room.crm.replies([row["Id"]]) == []


def test_a_long_reason_is_cut_to_its_field(room: SalesforceRoom) -> None:
    [record_id] = written(room)
    for _ in range(2):
        assert room.crm.take_replies([TakenReply(record_id, "out-1", "因" * 300)])[0].error is None
    assert len(room.reply(record_id)["error"]) == 255
