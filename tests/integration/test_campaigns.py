"""Campaigns: planned once, in batches of at most 100, paused and resumed, never twice to anybody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncer.domain.campaign import Recipient
from syncer.domain.errors import Refused, WrongTemplate
from syncer.domain.template import (
    ButtonParameter,
    CataloguedTemplate,
    HeaderMedium,
    Template,
    TemplateButton,
    TemplateMismatch,
)
from syncer.flows.campaigns import Campaigns
from syncer.flows.messages_out import KeyReused
from syncer.flows.template_book import TemplateBook
from syncer.flows.template_watch import TemplateWatch
from syncer.flows.templates import Templates
from syncer.policies.variables import Sources
from tests.fakes.catalogue import FakeCatalogue, listed
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House

ORDER = Template("order_confirmation", "zh_TW", "utility", "您好 {{1}}，訂單 {{2}} 已成立。", "Formosa Tea")


@pytest.fixture
def campaigns(house: House) -> Campaigns:
    starters = {("order_confirmation", "zh_TW"): ORDER}
    book = TemplateBook(Templates(), starters, "Formosa Tea", ("zh_TW", "en_US"))
    return Campaigns(house.store, house.clock, house.jobs, book, NUMBER)


def account(house: House, *rows: CataloguedTemplate) -> TemplateWatch:
    """The account's catalogue, read."""
    watch = TemplateWatch(house.store, FakeCatalogue(*rows), house.clock, house.jobs)
    watch.pull()
    return watch


def read_again(house: House, watch: TemplateWatch, *rows: CataloguedTemplate) -> None:
    house.clock.advance(minutes=10)
    watch.catalogue.rows = list(rows)  # type: ignore[attr-defined]
    watch.pull()


def shown(campaigns: Campaigns, campaign: int) -> dict[str, Any]:
    progress = campaigns.progress(campaign)
    assert progress is not None
    return progress


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


def test_the_same_key_for_another_campaign_is_refused(house: House, campaigns: Campaigns) -> None:
    people = recipients(house, 3)
    campaigns.plan("orders", "order_confirmation", "zh_TW", people, key="2026-11-23")
    for name, some in (("others", people), ("orders", people[:2])):
        with pytest.raises(KeyReused):
            campaigns.plan(name, "order_confirmation", "zh_TW", some, key="2026-11-23")
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


# Values that nobody gave


@pytest.fixture
def greeting(campaigns: Campaigns) -> Campaigns:
    """The planner, with the customer's name taken from the contact."""
    return replace(campaigns, sources={"order_confirmation": Sources({"1": "full_name"})})


def test_a_value_that_nobody_gave_is_the_contacts_own(house: House, greeting: Campaigns) -> None:
    people = [
        Recipient(house.contact("+886911111111", full_name="王小明"), {"2": "A1"}),
        Recipient(house.contact("+886922222222", full_name="李大華"), ("Mr. Li", "A2")),
    ]
    greeting.plan("orders", "order_confirmation", "zh_TW", people)
    bodies = [row.body for row in house.rows("select body from outgoing order by id")]
    assert bodies == ["您好 王小明，訂單 A1 已成立。\nFormosa Tea", "您好 Mr. Li，訂單 A2 已成立。\nFormosa Tea"]


def test_whoever_has_no_value_is_skipped_with_the_reason_and_the_others_get_theirs(
    house: House, greeting: Campaigns
) -> None:
    people = [
        Recipient(house.contact("+886911111111", full_name="王小明"), {"2": "A1"}),
        Recipient(house.contact("+886922222222", full_name=""), {"2": "A2"}),
    ]
    campaign = greeting.plan("orders", "order_confirmation", "zh_TW", people, key="once")
    assert greeting.plan("orders", "order_confirmation", "zh_TW", people, key="once") == campaign
    batch = house.jobs.rung[0][1]
    assert batch is not None
    house.sending.send_batch(house.worker, batch)
    [skipped] = house.rows("select contact_id, reason, settled_at from outgoing where state = 'skipped'")
    assert skipped.contact_id == people[1].contact_id
    assert skipped.reason == "no value for 1: the contact has no full_name"
    assert skipped.settled_at is not None
    progress = shown(greeting, campaign)
    assert (progress["state"], progress["sends"]) == ("done", {"accepted": 1, "skipped": 1})
    assert len(house.messenger.accepted) == 1


def test_a_campaign_that_nobody_could_get_is_not_planned(house: House, greeting: Campaigns) -> None:
    with pytest.raises(TemplateMismatch, match="nobody can get it; no value for 1: the contact has no full_name"):
        greeting.plan("orders", "order_confirmation", "zh_TW", [Recipient(house.contact(full_name=""), {"2": "A"})])
    assert house.value("select count(*) from campaigns") == 0


# Which template goes


def test_a_template_that_may_not_be_sent_is_not_planned(house: House, campaigns: Campaigns) -> None:
    account(house, listed(status="PAUSED"))
    with pytest.raises(Refused, match="'order_confirmation' cannot be sent now: in zh_TW it is PAUSED"):
        campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 1))
    assert house.value("select count(*) from campaigns") == 0


def test_the_same_key_means_the_same_campaign_though_its_template_is_paused_now(
    house: House, campaigns: Campaigns
) -> None:
    people = recipients(house, 1)
    first = campaigns.plan("orders", "order_confirmation", "zh_TW", people, key="once")
    account(house, listed(status="PAUSED"))
    assert campaigns.plan("orders", "order_confirmation", "zh_TW", people, key="once") == first


def test_the_nearest_language_that_may_go_is_planned_and_recorded(house: House, campaigns: Campaigns) -> None:
    account(house, listed(), listed(language="zh_CN", status="REJECTED", id="2"), listed(language="en_US", id="3"))
    people = recipients(house, 1)
    cantonese = shown(campaigns, campaigns.plan("a", "order_confirmation", "zh_HK", people))
    assert (cantonese["language"], cantonese["asked_language"]) == ("zh_TW", "zh_HK")
    british = shown(campaigns, campaigns.plan("b", "order_confirmation", "en_GB", people))
    assert (british["language"], british["asked_language"]) == ("en_US", "en_GB")
    exact = shown(campaigns, campaigns.plan("c", "order_confirmation", "zh_TW", people))
    assert (exact["language"], exact["asked_language"]) == ("zh_TW", None)
    sent = {row[0] for row in house.rows("select content ->> 'language' from outgoing")}
    assert sent == {"zh_TW", "en_US"}


def test_the_customer_reads_the_accounts_text_and_not_the_files(house: House, campaigns: Campaigns) -> None:
    account(house, listed(body="Dear {{1}}, order {{2}} is confirmed."))
    campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 1))
    assert house.value("select body from outgoing") == "Dear 客戶0, order A0 is confirmed.\nFormosa Tea"


def test_a_template_that_is_only_the_accounts_can_be_used_if_it_names_the_sender(
    house: House, campaigns: Campaigns
) -> None:
    account(house, listed(), listed("news", id="2"), listed("anonymous", footer="Thank you", id="3"))
    campaigns.plan("news", "news", "zh_TW", recipients(house, 1))
    with pytest.raises(Refused, match="anonymous in zh_TW does not name the sender, Formosa Tea"):
        campaigns.plan("news", "anonymous", "zh_TW", recipients(house, 1))


def test_media_named_values_and_buttons_are_frozen_with_each_message(house: House, campaigns: Campaigns) -> None:
    button = TemplateButton("URL", "Open", "https://x.test/{{1}}")
    visit = Template("visit", "en_US", "utility", "On {{day}}, {{name}}.", "Formosa Tea", "DOCUMENT", "", (button,))
    starters = {("visit", "en_US"): visit}
    planner = replace(campaigns, book=replace(campaigns.book, starters=starters))
    medium = HeaderMedium("document", link="https://x.test/a.pdf")
    parameter = ButtonParameter(0, "url", "A1")
    person = Recipient(house.contact(), {"name": "Ana", "day": "Monday"}, medium, (parameter,))
    planner.plan("visits", "visit", "en_US", [person])
    batch = house.jobs.rung[0][1]
    assert batch is not None
    house.sending.send_batch(house.worker, int(batch))
    (request,) = house.messenger.accepted.values()
    assert request.content == visit.fill({"name": "Ana", "day": "Monday"}, header=medium, buttons=[parameter])
    assert house.value("select body from outgoing") == "[document]\nOn Monday, Ana.\nFormosa Tea"


# Held, paused, resumed


def test_a_held_campaign_sends_nothing_and_goes_on_by_itself(house: House, campaigns: Campaigns) -> None:
    watch = account(house, listed())
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 3))
    batch = house.jobs.rung.pop()[1]
    assert batch is not None
    read_again(house, watch, listed(status="PAUSED"))
    house.sending.send_batch(house.worker, int(batch))
    assert house.messenger.accepted == {}
    assert house.sending.open_batches() == []
    held = shown(campaigns, campaign)
    assert (held["state"], held["held_reason"]) == ("held", "its template order_confirmation in zh_TW is PAUSED")
    read_again(house, watch, listed())
    assert house.jobs.rung == [("send", batch)]
    house.sending.send_batch(house.worker, int(batch))
    assert shown(campaigns, campaign)["state"] == "done"


def test_a_person_may_pause_a_held_campaign_and_then_it_waits_for_the_person(
    house: House, campaigns: Campaigns
) -> None:
    watch = account(house, listed())
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 1))
    read_again(house, watch, listed(status="PAUSED"))
    assert campaigns.pause(campaign)
    read_again(house, watch, listed())
    assert shown(campaigns, campaign)["state"] == "paused"
    assert campaigns.resume(campaign)
    assert shown(campaigns, campaign)["state"] == "running"


def test_a_paused_campaign_whose_template_is_paused_too_is_held_when_resumed(
    house: House, campaigns: Campaigns
) -> None:
    watch = account(house, listed())
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 1))
    campaigns.pause(campaign)
    house.jobs.rung.clear()
    read_again(house, watch, listed(status="DISABLED"))
    assert campaigns.resume(campaign)
    held = shown(campaigns, campaign)
    assert (held["state"], held["held_reason"]) == ("held", "its template order_confirmation in zh_TW is DISABLED")
    assert house.jobs.rung == []
    with pytest.raises(Refused, match="waits: its template order_confirmation in zh_TW is DISABLED"):
        campaigns.resume(campaign)
    read_again(house, watch, listed())
    assert shown(campaigns, campaign)["state"] == "running"


def test_a_person_may_have_a_campaign_tried_again_against_our_own_stop(house: House, campaigns: Campaigns) -> None:
    account(house, listed())
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 1))
    with house.store.begin() as tx:
        absent = WrongTemplate("it does not exist", code="132001")
        campaigns.book.templates.refused(tx, "order_confirmation", "zh_TW", absent, house.clock.now())
    assert shown(campaigns, campaign)["state"] == "held"
    house.jobs.rung.clear()
    assert campaigns.resume(campaign)
    assert shown(campaigns, campaign)["state"] == "running"
    assert len(house.jobs.rung) == 1
    assert house.value("select count(*) from alerts where ended_at is null") == 0


def test_a_campaign_of_which_everything_has_left_is_done_though_it_is_held(house: House, campaigns: Campaigns) -> None:
    watch = account(house, listed())
    campaign = campaigns.plan("orders", "order_confirmation", "zh_TW", recipients(house, 1))
    batch = house.jobs.rung[0][1]
    assert batch is not None
    hold = lambda _: read_again(house, watch, listed(status="PAUSED"))  # noqa: E731 - while the request is on its way
    house.messenger.on_send = hold
    house.sending.send_batch(house.worker, int(batch))
    assert shown(campaigns, campaign)["state"] == "done"
    read_again(house, watch, listed())
    assert shown(campaigns, campaign)["state"] == "done"
