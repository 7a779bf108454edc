"""The record in which an agent wrote a message is told what became of it, before anything else is said of that
message (R22)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncer.domain.crm_record import TakenReply, WriteResult
from syncer.domain.errors import TryAgain
from syncer.store import agent_replies, crm_writes, messages
from syncer.store.crm_writes import Topic, Want
from tests.fakes.messenger import said
from tests.integration.conftest import House

Reply = tuple[Want, Want, str]
"""(what the agent's record has to be told, the message that came of it, that message's ref)"""


@pytest.fixture
def reply(house: House) -> Callable[[], Reply]:
    """An agent answers a customer in the CRM, and the message has left."""
    house.receive(said("w1", "hi"))
    house.crm_writes.drain(house.worker)
    house.crm.calls.clear()
    [theirs] = house.rows("select * from messages")
    [crm_id] = house.crm.contacts

    def write() -> Reply:
        record_id = house.crm.write_reply("您好", crm_id=crm_id)
        ref = messages.outbound_ref(record_id)
        ours = {
            "ref": ref,
            "direction": "out",
            "kind": "text",
            "body": "您好",
            "wamid": f"out.{record_id}",
            "status": "accepted",
            "occurred_at": house.clock.now(),
            "recorded_at": house.clock.now(),
        }
        kept = ("conversation_id", "contact_id", "phone_number_id")
        with house.store.begin() as tx:
            message_id = messages.add(tx, [{name: getattr(theirs, name) for name in kept} | ours])[ref]
            note = _noted(tx, house, record_id, theirs.contact_id, ref)
        return Want(Topic.REPLY, note, theirs.contact_id), Want(Topic.MESSAGE, message_id, theirs.contact_id), ref

    return write


def _noted(tx: Any, house: House, record_id: str, contact_id: int | None, ref: str, error: str | None = None) -> int:
    row = {"crm": "sql", "record_id": record_id, "contact_id": contact_id, "ref": ref, "error": error}
    [added] = agent_replies.add(tx, [row | {"planned_at": house.clock.now()}])
    return int(added.id)


def ask(house: House, *wants: Want) -> None:
    with house.store.begin() as tx:
        crm_writes.request(tx, ["sql"], wants, house.clock.now())


def methods(house: House) -> list[str]:
    return [method for method, _ in house.crm.calls]


def failing(house: House, *record_ids: str) -> Callable[[Sequence[TakenReply]], list[WriteResult]]:
    """The CRM in which these records are locked."""
    original = house.crm.take_replies

    def take(taken: Sequence[TakenReply]) -> list[WriteResult]:
        found = original([one for one in taken if one.record_id not in record_ids])
        told = {result.ref: result for result in found}
        return [told.get(one.ref) or WriteResult(one.ref, error=TryAgain("locked")) for one in taken]

    return take


def test_the_agents_record_is_told_first_and_becomes_the_messages_own(house: House, reply: Callable[[], Reply]) -> None:
    note, message, ref = reply()
    ask(house, message, note)
    house.crm_writes.drain(house.worker)
    assert methods(house) == ["take_replies", "write_messages"]
    assert house.crm.messages[ref].wamid == f"out.{ref.removeprefix('out-')}"
    assert house.crm.replies() == []


def test_a_message_stands_behind_its_reply_whatever_the_sets(house: House, reply: Callable[[], Reply]) -> None:
    """Asked for together, the reply has the lower number; a set of one is then the reply, and nobody claims the message
    while it is under way."""
    note, message, ref = reply()
    ask(house, message, note)
    single = replace(house.crm_writes, batch=1)
    other = house.another_worker()
    assert [row.topic for row in single._claim(other.number, "sql")] == ["reply"]
    assert single._claim(house.worker, "sql") == []
    assert ref not in house.crm.messages


def test_a_record_that_cannot_be_told_now_holds_back_its_message(
    house: House, reply: Callable[[], Reply], monkeypatch: pytest.MonkeyPatch
) -> None:
    note, message, ref = reply()
    record_id = ref.removeprefix("out-")
    with monkeypatch.context() as locked:
        locked.setattr(house.crm, "take_replies", failing(house, record_id))
        ask(house, note, message)
        house.crm_writes.drain(house.worker)
        assert "write_messages" not in methods(house)
        house.recovery.sweep()
        house.crm_writes.drain(house.worker)
        assert "write_messages" not in methods(house)
    house.clock.advance(seconds=31)
    house.recovery.sweep()
    house.crm_writes.drain(house.worker)
    assert house.crm.messages[ref].status == "accepted"
    assert house.value("select max(attempts) from crm_writes") == 0
    assert house.value("select count(*) from crm_writes where state <> 'done'") == 0


def test_a_record_that_is_gone_is_a_persons_matter_and_its_message_is_recorded_anew(
    house: House, reply: Callable[[], Reply]
) -> None:
    note, message, ref = reply()
    house.crm.typed.clear()
    ask(house, note, message)
    house.crm_writes.drain(house.worker)
    assert ref in house.crm.messages
    assert house.value("select count(*) from dead_letters") == 1


def test_who_wrote_to_nobody_sees_why_and_one_locked_record_holds_up_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [house.crm.write_reply("hi", phone=f"12{number}") for number in range(3)]
    monkeypatch.setattr(house.crm, "take_replies", failing(house, records[0]))
    with house.store.begin() as tx:
        notes = [_noted(tx, house, record, None, f"refused-{record}", "not a phone number") for record in records]
    ask(house, *(Want(Topic.REPLY, note, 0) for note in notes))
    house.crm_writes.drain(house.worker)
    told = {ref: message.error for ref, message in house.crm.messages.items()}
    assert told == {f"refused-{record}": "not a phone number" for record in records[1:]}
