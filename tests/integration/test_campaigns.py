"""Campaigns: planned once, in batches of at most 100, paused and resumed, never twice to anybody."""

from __future__ import annotations

import pytest

from syncer.domain.campaign import Recipient
from syncer.domain.errors import Refused
from syncer.domain.template import Template, TemplateMismatch
from syncer.flows.campaigns import Campaigns
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House

ORDER = Template("order_confirmation", "zh_TW", "utility", "您好 {{1}}，訂單 {{2}} 已成立。", "Formosa Tea")


@pytest.fixture
def campaigns(house: House) -> Campaigns:
    return Campaigns(house.store, house.clock, house.jobs, {("order_confirmation", "zh_TW"): ORDER}, NUMBER)


def recipients(house: House, count: int) -> list[Recipient]:
    return [Recipient(house.contact(f"+8869{n:08d}"), (f"客戶{n}", f"A{n}")) for n in range(count)]


def test_two_hundred_and_fifty_are_three_batches_and_three_bells(house: House, campaigns: Campaigns) -> None:
    campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 250))
    sizes = [row.size for row in house.rows("select size from batches order by position")]
    assert sizes == [84, 83, 83]
    assert [queue for queue, _ in house.jobs.rung] == ["send"] * 3


def test_everybody_gets_it_once_though_every_batch_is_rung_twice(house: House, campaigns: Campaigns) -> None:
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 30))
    for _, batch_id in house.jobs.rung * 2:
        assert batch_id is not None
        house.sending.send_batch(house.worker, batch_id)
    to = [request.to for request in house.messenger.accepted.values()]
    assert len(to) == len(set(to)) == 30
    progress = campaigns.progress(campaign)
    assert progress is not None
    assert (progress["state"], progress["sends"]) == ("done", {"accepted": 30})


def test_the_same_key_plans_nothing_new(house: House, campaigns: Campaigns) -> None:
    people = recipients(house, 3)
    first = campaigns.plan("orders", "order_confirmation", "zh_TW", people, key="2026-11-23")
    assert campaigns.plan("orders", "order_confirmation", "zh_TW", people, key="2026-11-23") == first
    assert house.value("select count(*) from outgoing") == 3


def test_a_person_named_twice_is_written_to_once(house: House, campaigns: Campaigns) -> None:
    person = recipients(house, 1)
    campaigns.plan("orders", "order_confirmation", "zh_TW", person * 2)
    assert house.value("select count(*) from outgoing") == 1


def test_a_paused_campaign_sends_nothing_until_it_is_resumed(house: House, campaigns: Campaigns) -> None:
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 5))
    batch = house.jobs.rung[0][1]
    assert batch is not None
    assert campaigns.pause(campaign)
    house.sending.send_batch(house.worker, batch)
    assert house.messenger.accepted == {}
    assert house.sending.open_batches() == []
    assert campaigns.resume(campaign)
    assert not campaigns.resume(campaign)
    house.sending.send_batch(house.worker, batch)
    assert len(house.messenger.accepted) == 5


def test_a_throttled_batch_rests_and_goes_on(house: House, campaigns: Campaigns) -> None:
    campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 20))
    batch = house.jobs.rung[0][1]
    assert batch is not None
    house.throttle.permits, house.throttle.wait_seconds = 7, 3.0
    assert house.sending.send_batch(house.worker, batch) == 7
    assert house.sending.open_batches() == []
    house.clock.advance(seconds=3)
    house.throttle.permits = 100
    assert house.sending.open_batches() == [batch]
    house.sending.send_batch(house.worker, batch)
    assert len(house.messenger.accepted) == 20


def test_a_campaign_with_a_hole_in_it_is_not_planned_at_all(house: House, campaigns: Campaigns) -> None:
    people = [*recipients(house, 2), Recipient(house.contact("+886955555555"), ("only one",))]
    with pytest.raises(TemplateMismatch, match="takes 2 parameters, got 1"):
        campaigns.plan("orders", "order_confirmation", "zh_TW", people)
    assert house.value("select count(*) from campaigns") == 0


def test_an_unknown_template_is_refused(house: House, campaigns: Campaigns) -> None:
    with pytest.raises(Refused, match="there is no template 'nope'"):
        campaigns.plan("orders", "nope", "zh_TW", recipients(house, 1))


def test_dead_and_blocked_customers_are_skipped_with_their_reason(house: House, campaigns: Campaigns) -> None:
    people = [
        Recipient(house.contact("+886911111111", unreachable=True), ("a", "b")),
        Recipient(house.contact("+886922222222", blocked=True), ("a", "b")),
        Recipient(house.contact("+886933333333"), ("a", "b")),
    ]
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", people)
    batch = house.jobs.rung[0][1]
    assert batch is not None
    house.sending.send_batch(house.worker, batch)
    progress = campaigns.progress(campaign)
    assert progress is not None
    assert progress["sends"] == {"accepted": 1, "skipped": 2}
    assert progress["state"] == "done"
