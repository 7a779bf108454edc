"""What HubSpot's people write to be sent, on the portal's good and bad days (R22)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncer.domain.crm_record import TakenReply
from syncer.domain.errors import Never, TryAgain
from syncer.simulators.hubspot.config import Behaviour
from tests.contract.crm_suite import message
from tests.contract.hubspot_rooms import UNLIMITED, HubSpotRoom


@pytest.fixture
def room_with() -> Iterator[Callable[..., HubSpotRoom]]:
    running: list[HubSpotRoom] = []

    def begin(**config: Any) -> HubSpotRoom:
        running.append(HubSpotRoom(**config))
        return running[-1]

    yield begin
    for room in running:
        room.close()


@pytest.fixture
def room(room_with: Callable[..., HubSpotRoom]) -> HubSpotRoom:
    return room_with()


def told(room: HubSpotRoom, record_id: str, **properties: str) -> None:
    room.portal.told("PATCH", f"objects/communications/{record_id}", properties=properties)


def test_the_status_is_a_list_to_choose_from(room: HubSpotRoom) -> None:
    room.crm.replies()
    made = room.portal.asked("GET", "properties/2026-09/communications/wa_status").json()
    assert (made["type"], made["fieldType"]) == ("enumeration", "select")
    assert {"to_send", "queued", "accepted", "sent", "delivered", "read", "failed"} <= {
        option["value"] for option in made["options"]
    }


def test_what_a_lagging_index_still_shows_the_record_itself_denies(room: HubSpotRoom) -> None:
    record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
    assert len(room.crm.replies()) == 1
    room.portal.told("POST", "settings", index_lag=60.0)
    room.crm.take_replies([TakenReply(record_id, "out-1")])
    assert [reply.record_id for reply in room.crm.replies()] == [record_id]
    assert room.crm.replies([record_id]) == []


def test_what_the_index_does_not_show_yet_is_read_by_its_id(room: HubSpotRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    room.crm.replies()
    room.portal.told("POST", "settings", index_lag=60.0)
    record_id = room.write_reply("您好", crm_id=crm_id)
    assert room.crm.replies() == []
    assert [reply.crm_contact_id for reply in room.crm.replies([record_id])] == [crm_id]


def test_a_logged_message_leaves_once_its_status_is_chosen(room: HubSpotRoom) -> None:
    record_id = room.log_message(room.add(phone="0912-345-678"), "您好")
    assert room.crm.replies() == []
    told(room, record_id, wa_status="to_send")
    assert [reply.body for reply in room.crm.replies()] == ["您好"]


def test_a_message_on_another_channel_is_not_ours_to_send(room: HubSpotRoom) -> None:
    record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
    told(room, record_id, hs_communication_channel_type="SMS")
    assert room.crm.replies() + room.crm.replies([record_id]) == []


def test_a_customers_message_that_is_marked_by_mistake_is_not_sent_back(room: HubSpotRoom) -> None:
    record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
    told(room, record_id, wa_direction="in")
    assert room.crm.replies() == []


def test_a_message_to_two_contacts_names_neither(room: HubSpotRoom) -> None:
    first, second = room.add(phone="0912-345-678"), room.add(phone="0922-222-222")
    record_id = room.write_reply("您好", crm_id=first)
    path = f"objects/2026-09/communications/{record_id}/associations/default/contacts/{second}"
    assert room.portal.asked("PUT", path).ok
    assert [reply.crm_contact_id for reply in room.crm.replies()] == [None]


def test_each_record_of_a_batch_has_its_own_fate(room: HubSpotRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    records = [room.write_reply(f"{number}", crm_id=crm_id) for number in range(3)]
    room.portal.told("DELETE", f"objects/communications/{records[1]}")
    results = room.crm.take_replies([TakenReply(one, f"out-{place}") for place, one in enumerate(records)])
    assert [(result.gone, isinstance(result.error, Never)) for result in results] == [
        (False, False),
        (True, True),
        (False, False),
    ]
    assert [room.reply(records[place])["ref"] for place in (0, 2)] == ["out-0", "out-2"]


def test_a_reference_that_another_record_has_is_refused_for_that_record_alone(room: HubSpotRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    first, second, third = (room.write_reply(f"{number}", crm_id=crm_id) for number in range(3))
    room.crm.take_replies([TakenReply(first, "out-1")])
    results = room.crm.take_replies([TakenReply(second, "out-1"), TakenReply(third, "out-3")])
    assert [isinstance(result.error, Never) for result in results] == [True, False]
    assert room.reply(second)["ref"] is None


def test_asking_costs_one_request_and_taking_a_hundred_three(room: HubSpotRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    room.crm.replies()
    before = sum(room.portal.requests().values())
    room.crm.replies()
    assert sum(room.portal.requests().values()) == before + 1
    taken = [TakenReply(room.write_reply(f"{n}", crm_id=crm_id), f"out-{n}") for n in range(100)]
    before = sum(room.portal.requests().values())
    room.crm.take_replies(taken)
    assert sum(room.portal.requests().values()) == before + 3


def test_a_message_that_an_agent_wrote_is_found_at_once_and_not_tied_again(room: HubSpotRoom) -> None:
    crm_id = room.add(phone="0912-345-678")
    written = {f"out-{n}": room.write_reply(f"{n}", crm_id=crm_id) for n in range(5)}
    room.crm.take_replies([TakenReply(record_id, ref) for ref, record_id in written.items()])
    before = room.portal.requests()
    batch = [message(crm_id, ref, direction="out", status="accepted", written_there=True) for ref in written]
    assert [result.error for result in room.crm.write_messages(batch)] == [None] * 5
    after = room.portal.requests()
    assert {route: count - before.get(route, 0) for route, count in after.items() if count != before.get(route)} == {
        "communications.batch_read": 1,
        "communications.batch_update": 1,
    }
    assert [room.reply(record_id)["status"] for record_id in written.values()] == ["accepted"] * 5
    assert [(seen["crm_contact_id"], seen["wamid"]) for seen in room.messages()] == [
        (crm_id, f"wamid.of.{ref}") for ref in written
    ]


def test_one_of_a_person_with_two_records_is_tied_to_the_one_that_we_name_too(room: HubSpotRoom) -> None:
    first, second = room.add(phone="0912-345-678"), room.add(phone="0912-345-678")
    room.crm.take_replies([TakenReply(room.write_reply("您好", crm_id=first), "out-1")])
    sent = message(second, "out-1", direction="out", status="accepted", written_there=True)
    assert [result.error for result in room.crm.write_messages([sent])] == [None]
    [record] = room.portal.of("communications")
    assert sorted(record["links"]["contacts"]) == sorted([first, second])


def test_one_that_is_taken_to_be_there_and_is_not_is_recorded(room: HubSpotRoom) -> None:
    sent = message(room.add(phone="0912-345-678"), "out-1", direction="out", status="accepted", written_there=True)
    assert [result.error for result in room.crm.write_messages([sent])] == [None]
    assert [seen["ref"] for seen in room.messages()] == ["out-1"]


def test_a_search_that_breaks_down_is_tried_again_by_whoever_asks_next(room: HubSpotRoom) -> None:
    room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
    room.portal.fault("communications.search", "server_error", status=502)
    with pytest.raises(TryAgain):
        room.crm.replies()
    room.portal.heal()
    assert len(room.crm.replies()) == 1


def test_without_properties_of_ours_nobody_can_say_that_a_message_is_to_be_sent(
    room_with: Callable[..., HubSpotRoom],
) -> None:
    room = room_with(behaviour=Behaviour(limits=UNLIMITED, custom_properties=False))
    record_id = room.log_message(room.add(phone="0912-345-678"), "您好")
    assert room.crm.replies() + room.crm.replies([record_id]) == []
    [result] = room.crm.take_replies([TakenReply(record_id, "out-1")])
    assert isinstance(result.error, Never)
