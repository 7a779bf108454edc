"""Statuses: in any order, repeated, too early, or about nobody."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.fakes.messenger import said, status
from tests.integration.conftest import House


def sent_message(house: House, key: str = "k1", number: str = "+886912345678", **changes: object) -> int:
    sent = house.plan(house.contact(number), key, **changes)
    house.sending.drain_live(house.worker)
    return sent


def test_the_ladder_only_climbs_and_keeps_each_steps_time(house: House) -> None:
    sent_message(house)
    at = house.clock.now()
    house.receive(status("wamid.1", "read", at=at + timedelta(seconds=3)))
    house.receive(status("wamid.1", "sent", at=at), status("wamid.1", "delivered", at=at + timedelta(seconds=1)))
    row = house.rows("select * from messages")[0]
    assert (row.status, row.sent_at, row.delivered_at) == ("read", at, at + timedelta(seconds=1))
    assert row.read_at == at + timedelta(seconds=3)


def test_a_status_before_its_message_waits_and_is_applied(house: House) -> None:
    house.receive(status("wamid.1", "delivered", at=house.clock.now()))
    assert house.value("select count(*) from early_statuses") == 1
    sent_message(house)
    assert house.value("select status from messages") == "delivered"
    assert house.value("select count(*) from early_statuses") == 0


def test_a_status_that_missed_its_message_by_a_hair_is_reunited_by_the_sweep(house: House) -> None:
    """Two transactions can pass each other: the status finds no message, the message finds no status."""
    sent_message(house)
    house.rows("update messages set wamid = 'hidden' returning id")
    house.receive(status("wamid.1", "read", at=house.clock.now()))
    house.rows("update messages set wamid = 'wamid.1' returning id")
    house.recovery.sweep()
    assert house.value("select status from messages") == "read"


def test_failed_never_covers_what_was_delivered(house: House) -> None:
    sent_message(house)
    at = house.clock.now()
    house.receive(status("wamid.1", "delivered", at=at))
    house.receive(status("wamid.1", "failed", at=at + timedelta(seconds=9), code="131000"))
    assert house.value("select status from messages") == "delivered"


def test_delivered_corrects_an_earlier_failed(house: House) -> None:
    sent_message(house)
    at = house.clock.now()
    house.receive(status("wamid.1", "failed", at=at, code="131000"))
    house.receive(status("wamid.1", "delivered", at=at + timedelta(seconds=9)))
    row = house.rows("select status, error_code from messages")[0]
    assert (row.status, row.error_code) == ("delivered", None)


def test_a_number_that_is_not_on_whatsapp_is_marked_until_it_writes(house: House) -> None:
    sent_message(house)
    house.receive(status("wamid.1", "failed", at=house.clock.now(), code="131026", consequence="unreachable"))
    assert house.value("select unreachable from contacts") is True
    house.receive(said("w1", "我在這裡"))
    assert house.value("select unreachable from contacts") is False


def test_an_opt_out_told_by_the_platform_revokes_marketing(house: House) -> None:
    sent_message(house)
    house.receive(status("wamid.1", "failed", at=house.clock.now(), code="131050", consequence="opted_out"))
    assert house.value("select marketing from contacts") == "revoked"
    assert house.value("select source from consents") == "whatsapp:status"


def test_each_climb_is_due_in_the_crm_and_several_become_one_write(house: House) -> None:
    sent_message(house)
    house.crm_writes.drain(house.worker)
    at = house.clock.now()
    for n, word in enumerate(["sent", "delivered", "read"]):
        house.receive(status("wamid.1", word, at=at + timedelta(seconds=n)))
    assert house.value("select count(*) from crm_writes where state = 'pending' and topic = 'message'") == 1
    house.crm_writes.drain(house.worker)
    assert [m.status for m in house.crm.messages.values()] == ["read"]


def test_a_thousand_statuses_in_any_order_repeated_and_early_end_right(house: House) -> None:
    chance = random.Random(7)
    final = {}
    deliveries = []
    for n in range(1, 126):
        house.plan(house.contact(f"+8869{n:08d}"), f"k{n}")
        reached = chance.choice([["sent"], ["sent", "delivered"], ["sent", "delivered", "read"], ["sent", "failed"]])
        final[f"wamid.{n}"] = reached[-1]
        at = house.clock.now()
        deliveries += [status(f"wamid.{n}", word, at=at + timedelta(seconds=i)) for i, word in enumerate(reached)]
    deliveries += chance.sample(deliveries, len(deliveries) // 5)
    chance.shuffle(deliveries)
    early, late = deliveries[:20], deliveries[20:]
    house.receive(*early)
    house.sending.drain_live(house.worker)
    # which message got which wamid is the platform's choice; only the ladder of each wamid counts
    for start in range(0, len(late), 7):
        house.receive(*late[start : start + 7])
    found = {row.wamid: row.status for row in house.rows("select wamid, status from messages")}
    assert found == final
    assert house.value("select count(*) from early_statuses") == 0
