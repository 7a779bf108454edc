"""When the customer service window has closed: a template goes instead, and the message follows the answer (X6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.content import MediaContent, MediaKind, TextContent
from syncer.domain.errors import SendAsTemplate
from syncer.domain.message import SendRequest
from syncer.domain.template import Template, TemplateButton, TemplateContent
from syncer.flows.messages_out import Draft, MessagesOut, TemplateDraft
from syncer.flows.template_book import TemplateBook
from syncer.flows.templates import Templates
from tests.fakes.messenger import NUMBER, said, status
from tests.integration.conftest import House

WAITING = Template(
    "reply_waiting",
    "zh_TW",
    "utility",
    "您好 {{1}}，已有回覆。",
    "Formosa Tea",
    buttons=(TemplateButton("QUICK_REPLY", "看"),),
)
NOTE = Template("note", "zh_TW", "utility", "{{1}}：{{2}}", "Formosa Tea")
ANSWER = TextContent("您的包裹明天到。")


def messages_out(house: House, fallback: str = "reply_waiting") -> MessagesOut:
    starters = {(item.name, item.language): item for item in (WAITING, NOTE)}
    book = TemplateBook(Templates(), starters, "Formosa Tea", ("zh_TW",))
    return MessagesOut(house.store, house.clock, house.jobs, book, NUMBER, "Formosa Tea", "TW", fallback)


def plan(house: House, draft: Draft = ANSWER, **options: Any) -> int:
    fallback = options.pop("standard", "reply_waiting")
    return int(messages_out(house, fallback).plan("k1", house.contact(), draft, **options).id)


def sent(house: House) -> list[Any]:
    return [request.content for request in house.messenger.accepted.values()]


def test_inside_the_window_the_message_itself_goes(house: House) -> None:
    house.receive(said("wamid.in1", "在嗎", name="王小明"))
    plan(house)
    house.sending.drain_live(house.worker)
    assert sent(house) == [TextContent("您的包裹明天到。\n— Formosa Tea")]


def test_outside_the_template_goes_instead_and_the_row_says_so(house: House) -> None:
    planned = plan(house)
    house.sending.drain_live(house.worker)
    assert sent(house) == [TemplateContent("reply_waiting", "zh_TW", ("王小明",))]
    row = house.rows(
        "select kind, body, category, state, replaced ->> 'body' as b from outgoing where id = :id", id=planned
    )[0]
    assert row[:4] == ("template", "您好 王小明，已有回覆。\nFormosa Tea", "utility", "accepted")
    assert row.b == "您的包裹明天到。\n— Formosa Tea"


def test_the_message_follows_as_soon_as_the_customer_answers_once(house: House) -> None:
    plan(house)
    house.sending.drain_live(house.worker)
    house.receive(said("wamid.in1", "看"))
    house.receive(said("wamid.in2", "好"))
    house.sending.drain_live(house.worker)
    assert sent(house)[1:] == [TextContent("您的包裹明天到。\n— Formosa Tea")]


def test_an_answer_after_the_holding_time_releases_nothing(house: House) -> None:
    plan(house)
    house.sending.drain_live(house.worker)
    house.clock.advance(hours=24 * 7 + 1)
    house.receive(said("wamid.in1", "看", at=house.clock.now()))
    house.sending.drain_live(house.worker)
    assert len(sent(house)) == 1


def test_a_callers_own_fallback_says_it_all_and_nothing_follows(house: House) -> None:
    plan(house, fallback=TemplateDraft("note", "zh_TW", ("包裹", "明天到")))
    house.sending.drain_live(house.worker)
    house.receive(said("wamid.in1", "好"))
    house.sending.drain_live(house.worker)
    assert sent(house) == [TemplateContent("note", "zh_TW", ("包裹", "明天到"))]


def test_a_second_value_is_the_message_on_one_line(house: House) -> None:
    plan(house, TextContent("第一行\n第二行\t\t第三行"), standard="note")
    house.sending.drain_live(house.worker)
    assert sent(house)[0].parameters == ("王小明", "第一行 第二行 第三行 — Formosa Tea")


def test_without_a_fallback_it_is_skipped_with_the_reason(house: House) -> None:
    planned = plan(house, standard="")
    house.sending.drain_live(house.worker)
    assert house.send_state(planned) == ("skipped", "window_closed")
    assert sent(house) == []


def test_a_fallback_that_cannot_be_sent_does_not_keep_the_message_from_an_open_window(house: House) -> None:
    house.receive(said("wamid.in1", "在嗎", name="王小明"))
    plan(house, standard="no_such_template")
    house.sending.drain_live(house.worker)
    assert isinstance(sent(house)[0], TextContent)


def test_the_window_that_closes_between_planning_and_sending_counts(house: House) -> None:
    house.receive(said("wamid.in1", "在嗎", name="王小明"))
    plan(house)
    house.clock.advance(hours=25)
    house.sending.drain_live(house.worker)
    assert sent(house) == [TemplateContent("reply_waiting", "zh_TW", ("王小明",))]


def test_a_refusal_for_the_window_is_answered_with_the_template(house: House) -> None:
    """Our clock said open, the platform's said closed (131047)."""
    house.receive(said("wamid.in1", "在嗎", name="王小明"))
    planned = plan(house)

    def closed(request: SendRequest) -> None:
        if isinstance(request.content, TextContent):
            raise SendAsTemplate("re-engagement", code="131047")

    house.messenger.on_send = closed
    house.sending.drain_live(house.worker)
    house.recovery.sweep()
    house.sending.drain_live(house.worker)
    assert sent(house) == [TemplateContent("reply_waiting", "zh_TW", ("王小明",))]
    assert house.send_state(planned)[0] == "accepted"
    assert house.value("select attempts from outgoing where id = :id", id=planned) == 1


def test_a_failure_for_the_window_after_acceptance_plans_the_template_once(house: House) -> None:
    house.receive(said("wamid.in1", "在嗎", name="王小明"))
    plan(house)
    house.sending.drain_live(house.worker)
    for _ in range(2):
        failed = status("wamid.1", "failed", at=house.clock.now(), code="131047", consequence="out_of_window")
        house.receive(failed)
        house.sending.drain_live(house.worker)
    assert [type(content) for content in sent(house)] == [TextContent, TemplateContent]
    house.receive(said("wamid.in2", "看"))
    house.sending.drain_live(house.worker)
    assert sent(house)[2] == sent(house)[0]


@pytest.mark.parametrize("hours", [1, 23.9])
def test_media_fall_back_like_texts(house: House, hours: float) -> None:
    house.receive(said("wamid.in1", "在嗎", name="王小明"))
    house.clock.advance(hours=hours)
    plan(house, MediaContent(MediaKind.IMAGE, id="77", caption="收據"))
    house.sending.drain_live(house.worker)
    assert isinstance(sent(house)[0], MediaContent)


def test_the_same_key_is_the_same_message_also_after_its_fallback_went(house: House) -> None:
    first = plan(house)
    house.sending.drain_live(house.worker)
    assert plan(house) == first
    house.clock.advance(seconds=timedelta(hours=1).total_seconds())
    assert plan(house) == first
    assert len(sent(house)) == 1
