"""What people write in a Zoho organisation to be sent, in a module of messages and as notes, on a bad day."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncer.domain.crm_record import TakenReply
from syncer.domain.errors import FixCredentials, Never, TryAgain, TryLater
from syncer.simulators.zoho.config import SCOPES, Behaviour
from tests.contract.zoho_rooms import UNLIMITED, ZohoRoom, adapter
from tests.integration.crm_vendors import NOON, message

Begin = Callable[..., ZohoRoom]
#: The route of the question for what there is, with and without a module.
QUESTION = {True: "coql", False: "Notes.search"}


@pytest.fixture
def room_with() -> Iterator[Begin]:
    running: list[ZohoRoom] = []

    def begin(**behaviour: Any) -> ZohoRoom:
        running.append(ZohoRoom(behaviour=Behaviour(limits=UNLIMITED, **behaviour)))
        return running[-1]

    yield begin
    for room in running:
        room.close()


@pytest.fixture(params=[True, False], ids=["module", "notes"])
def room(request: pytest.FixtureRequest, room_with: Begin) -> ZohoRoom:
    return room_with(messages_module=request.param)


def kept(room: ZohoRoom) -> str:
    return "WA_Messages" if "reply_to" in room.reply_fields else "Notes"


def written(room: ZohoRoom, count: int = 1) -> list[str]:
    crm_id = room.add(phone="0912-345-678")
    return [room.write_reply(f"第 {number} 則", crm_id=crm_id) for number in range(count)]


def test_asking_in_vain_is_one_request_and_taking_a_hundred_two(room: ZohoRoom) -> None:
    room.crm.replies()
    before = sum(room.site.requests().values())
    assert room.crm.replies() == []
    assert sum(room.site.requests().values()) == before + 1
    ids = written(room, 100)
    before = sum(room.site.requests().values())
    assert [reply.record_id for reply in room.crm.replies()] == ids
    taken = [TakenReply(one, f"out-{one}") for one in ids]
    assert not [result.error for result in room.crm.take_replies(taken) if result.error]
    assert sum(room.site.requests().values()) == before + 4
    assert not [result.error for result in room.crm.take_replies(taken) if result.error]
    assert sum(room.site.requests().values()) == before + 5
    assert room.site.told("GET", "stats")["workflows"] == 0


def test_hundreds_come_little_by_little_the_oldest_first(room: ZohoRoom) -> None:
    ids = written(room, 230)
    found: list[str] = []
    while replies := room.crm.replies():
        found += [reply.record_id for reply in replies]
        room.crm.take_replies([TakenReply(reply.record_id, f"out-{reply.record_id}") for reply in replies])
    assert found == ids


def test_a_locked_record_waits_and_holds_back_nobody(room: ZohoRoom) -> None:
    locked, gone, other = written(room, 3)
    room.site.told("POST", f"lock/{kept(room)}", ids=[locked])
    room.site.told("DELETE", f"records/{kept(room)}/{gone}")
    results = room.crm.take_replies([TakenReply(one, f"out-{one}") for one in (locked, gone, other)])
    assert [type(result.error) for result in results] == [TryLater, Never, type(None)]
    assert [result.gone for result in results] == [False, True, False]
    assert [reply.record_id for reply in room.crm.replies()] == [locked]


def test_an_answer_that_is_lost_is_found_to_be_written(room: ZohoRoom) -> None:
    [record_id] = written(room)
    room.crm.replies()
    room.site.fault(f"{kept(room)}.update", "cut", moment="after_accept", count=1)
    with pytest.raises(TryAgain):
        room.crm.take_replies([TakenReply(record_id, "out-1")])
    assert room.crm.take_replies([TakenReply(record_id, "out-1")])[0].error is None
    assert room.reply(record_id) == {"ref": "out-1", "status": "queued", "error": None}


@pytest.mark.parametrize(
    ("kind", "how", "error"),
    [
        ("rate_limit", {}, TryLater),
        ("server_error", {"status": 503}, TryAgain),
        ("wrong_json", {"body": "html"}, TryLater),
        ("half_answer", {}, TryAgain),
        ("refuse", {"code": 1, "status": 401, "answer": {"code": "NO_PERMISSION"}}, FixCredentials),
        ("refuse", {"code": 1, "answer": {"code": "INVALID_QUERY"}}, FixCredentials),
    ],
)
def test_a_question_that_fails_says_what_to_do(room: ZohoRoom, kind: str, how: Any, error: Any) -> None:
    ids = written(room)
    room.crm.replies()
    room.site.fault(QUESTION[kept(room) == "WA_Messages"], kind, **how)
    with pytest.raises(error):
        room.crm.replies()
    room.site.heal()
    assert [reply.record_id for reply in room.crm.replies()] == ids


def test_another_process_goes_on_with_the_record_that_one_has_taken(room: ZohoRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    record_id = room.write_reply("您好", crm_id=crm_id)
    room.crm.take_replies([TakenReply(record_id, "out-1")])
    second = adapter(room.site.url)
    told = message("out-1", crm_id, direction="out", status="read", status_at=NOON, body="您好")
    assert second.write_messages([told])[0].error is None
    assert second.take_replies([TakenReply(record_id, "out-1")])[0].error is None
    second.close()
    assert [seen["status"] for seen in room.messages()] == ["read"]
    assert room.reply(record_id)["status"] == "read"


def test_a_reason_of_any_length_and_form_is_written_once(room: ZohoRoom) -> None:
    [record_id] = written(room)
    for _ in range(2):
        taken = TakenReply(record_id, "out-1", "[1] a\n · b " + "因" * 300)
        assert room.crm.take_replies([taken])[0].error is None
    assert room.reply(record_id)["status"] == "failed"
    assert room.reply(record_id)["error"].startswith("[1) a - b 因")
    assert room.site.requests()[f"{kept(room)}.update"] == 1


# --- in a module of messages


def test_a_pick_list_with_the_words_takes_them(room_with: Begin) -> None:
    room = room_with()
    words = ["to_send", "queued", "accepted", "sent", "delivered", "read", "played", "failed"]
    room.site.told("POST", "fields/WA_Messages", field="WA_Status:picklist", values=words)
    [record_id] = written(room)
    assert [reply.record_id for reply in room.crm.replies()] == [record_id]
    assert room.crm.take_replies([TakenReply(record_id, "out-1")])[0].error is None
    assert room.reply(record_id)["status"] == "queued"
    assert all(check.ok for check in room.crm.check())


def test_a_pick_list_without_our_words_keeps_nothing_waiting(room_with: Begin) -> None:
    room = room_with()
    room.site.told("POST", "fields/WA_Messages", field="WA_Status:picklist", values=["to_send", "sent"])
    first, second = written(room, 2)
    results = room.crm.take_replies([TakenReply(first, "out-1"), TakenReply(second, "out-2", "not a number")])
    assert [result.error for result in results] == [None, None]
    assert [room.reply(one) for one in (first, second)] == [
        {"ref": "out-1", "status": None, "error": None},
        {"ref": "out-2", "status": None, "error": "not a number"},
    ]
    [check] = [check for check in room.crm.check() if check.name == "messages are written once"]
    assert (check.ok, "lacks queued, accepted, delivered" in check.detail) == (False, True)


def test_a_pick_list_without_the_word_is_not_asked_about(room_with: Begin) -> None:
    room = room_with()
    room.site.told("POST", "fields/WA_Messages", field="WA_Status:picklist", values=["sent", "read"])
    assert room.crm.replies() == []
    assert "coql" not in room.site.requests()


def test_only_the_word_itself_sends(room_with: Begin) -> None:
    room = room_with()
    crm_id = room.add(phone="0912-345-678")
    for values in (
        {"WA_Status": "sent", "WA_Direction": "out"},
        {"WA_Direction": "out"},
        {"WA_Status": "to_send", "WA_Direction": "in"},
        {"WA_Status": "to_send", "WA_Direction": "out", "WA_Ref": "out-9"},
    ):
        room.site.told("POST", "records/WA_Messages", values={"Name": "x", "WA_Contact": {"id": crm_id}, **values})
    assert room.crm.replies() == []


def test_what_another_message_has_already_is_refused(room_with: Begin) -> None:
    room = room_with()
    crm_id = room.add(phone="0912-345-678")
    room.crm.write_messages([message("out-1", crm_id, direction="out", status="accepted")])
    record_id = room.write_reply("您好", crm_id=crm_id)
    [result] = room.crm.take_replies([TakenReply(record_id, "out-1")])
    assert (type(result.error), getattr(result.error, "code", "")) == (Never, "DUPLICATE_DATA")


# --- as notes


def test_a_note_becomes_the_note_of_its_message(room_with: Begin) -> None:
    room = room_with(messages_module=False)
    [record_id] = written(room)
    room.crm.take_replies([TakenReply(record_id, "out-1")])
    note = room.site.told("GET", f"records/Notes/{record_id}")
    assert note["Note_Title"].startswith("WhatsApp out 20")
    text, _, line = note["Note_Content"].rpartition("\n")
    assert (text, "direction=out" in line, "status=queued" in line) == ("第 0 則", True, True)


def test_a_lagging_index_shows_nothing_that_was_taken(room_with: Begin) -> None:
    room = room_with(messages_module=False)
    taken, waits = written(room, 2)
    room.site.told("POST", "settings", index_lag=60.0)
    assert room.crm.replies() == []
    assert [reply.record_id for reply in room.crm.replies([taken, waits])] == [taken, waits]
    room.site.told("POST", "settings", index_lag=0.0)
    room.crm.take_replies([TakenReply(taken, "out-1")])
    assert [reply.record_id for reply in room.crm.replies()] == [waits]


@pytest.mark.parametrize(
    ("title", "sends"),
    [
        ("WhatsApp to send", True),
        (" whatsapp TO SEND ", True),
        ("WhatsApp to send?", False),
        ("Re: WhatsApp to send", False),
        ("WhatsApp", False),
        ("", False),
    ],
)
def test_only_the_title_itself_sends(room_with: Begin, title: str, sends: bool) -> None:
    room = room_with(messages_module=False)
    values = {"Note_Title": title, "Note_Content": "您好", "Parent_Id": {"id": room.add(phone="0912-345-678")}}
    number = room.site.told("POST", "records/Notes", values=values)["id"]
    for asked in (None, [number]):
        assert [reply.record_id for reply in room.crm.replies(asked)] == ([number] if sends else [])


def test_a_note_of_ours_that_people_rename_is_not_sent_again(room_with: Begin) -> None:
    room = room_with(messages_module=False)
    crm_id = room.add(phone="0912-345-678")
    room.crm.write_messages([message("out-1", crm_id, direction="out", status="sent")])
    [note] = room.site.of("Notes")
    room.site.told("PATCH", f"records/Notes/{note['id']}", values={"Note_Title": "WhatsApp to send"})
    assert room.crm.replies() == []
    assert room.crm.replies([note["id"]]) == []


def test_a_note_of_a_deal_is_to_nobody(room_with: Begin) -> None:
    room = room_with(messages_module=False)
    parent = {"id": room.add(phone="0912-345-678"), "module": {"api_name": "Deals", "id": "1"}}
    values = {"Note_Title": "WhatsApp to send", "Note_Content": "您好", "Parent_Id": parent}
    room.site.told("POST", "records/Notes", values=values)
    assert [(reply.crm_contact_id, reply.body) for reply in room.crm.replies()] == [(None, "您好")]


def test_without_the_right_to_search_nothing_is_found_and_the_check_says_why(room_with: Begin) -> None:
    room = room_with(messages_module=False)
    [record_id] = written(room)
    room.site.told("POST", "tokens", scopes=sorted(SCOPES - {"ZohoSearch.securesearch.READ"}))
    assert room.crm.replies() == []
    assert [reply.record_id for reply in room.crm.replies([record_id])] == [record_id]
    failed = [check for check in room.crm.check() if not check.ok]
    assert [check.name for check in failed] == ["people's messages are found"]
    assert "ZohoSearch.securesearch.READ" in failed[0].detail
