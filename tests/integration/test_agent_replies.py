"""A message that somebody writes in the CRM leaves once, and its record there says what became of it (R22)."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Barrier, Thread
from typing import Any

import pytest

from syncer.domain.change_notice import Kind
from syncer.domain.content import TextContent
from syncer.domain.crm_record import AgentReply
from syncer.domain.errors import FixCredentials, Never, TryAgain, Unreachable
from syncer.domain.template import Template, TemplateContent
from syncer.flows import crm_records
from syncer.flows.agent_replies import PATIENCE, AgentReplies
from syncer.flows.crm_standing import CrmStanding
from syncer.flows.messages_out import MessagesOut
from syncer.flows.template_book import TemplateBook
from syncer.flows.templates import Templates
from syncer.store import crm_notices
from tests.fakes.messenger import NUMBER, said, status
from tests.integration.conftest import House

WAITING = Template("reply_waiting", "zh_TW", "utility", "您好 {{1}}，已有回覆。", "Formosa Tea")
SHIPPED = Template("shipped", "zh_TW", "utility", "{{1}}：{{2}} 已出貨。", "Formosa Tea")
SIGNED = "您的包裹明天到。\n— Formosa Tea"
TEXT = "您的包裹明天到。"


@dataclass
class Desk:
    """The engine, a CRM with one customer who has just written, and the flow under test."""

    house: House
    fallback: str = "reply_waiting"
    every: dict[str, float] = field(default_factory=lambda: {"sql": 0.5})

    def __post_init__(self) -> None:
        self.crm = self.house.crm
        self.customer = self.crm.add(full_name="王小明", phone="0912-345-678")
        starters = {(item.name, item.language): item for item in (WAITING, SHIPPED)}
        house, book = self.house, TemplateBook(Templates(), starters, "Formosa Tea", ("zh_TW",))
        out = MessagesOut(house.store, house.clock, house.jobs, book, NUMBER, "Formosa Tea", "TW", self.fallback)
        standing = CrmStanding(house.store, house.clock)
        crms = {"sql": self.crm}
        self.replies = AgentReplies(house.store, crms, out, house.clock, house.jobs, standing, self.every)

    def window(self) -> None:
        """The customer writes, so they may be written to freely."""
        self.house.receive(said("wamid.in", "在嗎", name="王小明"))

    def send(self) -> list[Any]:
        """Whatever waits leaves; returns what the platform has taken so far."""
        self.house.sending.drain_live(self.house.worker)
        return self.sent()

    def sent(self) -> list[Any]:
        return [request.content for request in self.house.messenger.accepted.values()]

    def tell(self) -> None:
        self.house.crm_writes.drain(self.house.worker)

    def seen(self, record_id: str) -> tuple[str | None, str | None]:
        """(status, error) of a record, as the CRM's people see it."""
        kept = self.crm.messages.get(self.crm.typed[record_id].ref or "")
        return (kept.status, kept.error) if kept else (None, None)


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


def test_what_an_agent_writes_leaves_signed_and_at_once(desk: Desk) -> None:
    desk.window()
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    assert desk.replies.poll("sql") == 1
    assert "realtime" in desk.house.jobs.queues
    assert desk.send() == [TextContent(SIGNED)]
    row = desk.house.rows("select source, lane, category from outgoing where source like 'crm:%'")[0]
    assert tuple(row) == ("crm:sql", "live", "service")


def test_it_leaves_once_however_often_it_is_seen(desk: Desk) -> None:
    desk.window()
    desk.crm.lags = True
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    found = [desk.replies.take("sql") for _ in range(3)]
    desk.send()
    desk.tell()
    found += [desk.replies.take("sql"), desk.replies.take("sql", [record_id])]
    assert found == [1, 0, 0, 0, 0]
    assert desk.send() == [TextContent(SIGNED)]
    assert desk.house.value("select count(*) from agent_replies") == 1


def test_two_workers_who_see_it_at_the_same_moment_plan_it_once(desk: Desk) -> None:
    desk.window()
    for number in range(5):
        desk.crm.write_reply(f"{number}", crm_id=desk.customer)
    together, planned = Barrier(4), []

    def look() -> None:
        together.wait()
        planned.append(desk.replies.take("sql"))

    threads = [Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(planned) == 5
    assert desk.house.value("select count(*) from outgoing where source = 'crm:sql'") == 5


def test_the_record_is_the_message_from_then_on(desk: Desk) -> None:
    desk.window()
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    desk.send()
    desk.tell()
    ref = desk.house.value("select ref from outgoing where source = 'crm:sql'")
    assert desk.crm.typed[record_id].ref == f"out-{ref}"
    assert desk.seen(record_id) == ("accepted", None)
    assert [message.body for message in desk.crm.messages.values() if message.direction == "out"] == [SIGNED]


def test_the_crm_in_which_it_was_written_is_told_to_look_for_its_record_and_no_other(desk: Desk) -> None:
    desk.window()
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    desk.send()
    ids = [row.id for row in desk.house.rows("select id from messages")]
    with desk.house.store.begin() as tx:
        here, elsewhere = (crm_records.message_records(tx, crm, ids).values() for crm in ("sql", "other"))
    assert {one.direction: one.written_there for one in here} == {"in": False, "out": True}
    assert {one.direction: one.written_there for one in elsewhere} == {"in": False, "out": False}


def test_the_crm_is_told_of_the_taking_before_anything_else_of_the_message(desk: Desk) -> None:
    desk.window()
    desk.tell()
    desk.crm.calls.clear()
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    desk.send()
    desk.tell()
    told = [method for method, _ in desk.crm.calls]
    assert told.index("take_replies") < told.index("write_messages")


def test_two_replies_to_one_customer_leave_in_their_order(desk: Desk) -> None:
    desk.window()
    for number in range(6):
        desk.crm.write_reply(f"第 {number} 則", crm_id=desk.customer)
    desk.replies.poll("sql")
    assert [content.body[:4] for content in desk.send()] == [f"第 {number} " for number in range(6)]


def test_a_worker_that_dies_before_its_transaction_ends_has_done_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.window()
    desk.crm.write_reply(TEXT, crm_id=desk.customer)

    def die(*_: object, **__: object) -> None:
        raise Unreachable("the connection is gone")

    with monkeypatch.context() as patch:
        patch.setattr("syncer.flows.agent_replies.crm_writes.request", die)
        with pytest.raises(Unreachable):
            desk.replies.take("sql")
    assert desk.house.value("select count(*) from outgoing where source = 'crm:sql'") == 0
    assert desk.replies.take("sql") == 1
    assert desk.send() == [TextContent(SIGNED)]


def test_a_worker_that_dies_before_the_crm_is_told_sends_it_once_all_the_same(desk: Desk) -> None:
    desk.window()
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.take("sql")
    assert [reply.record_id for reply in desk.crm.replies()] == [record_id]
    assert desk.replies.take("sql") == 0
    desk.send()
    desk.tell()
    assert desk.crm.replies() == []
    assert desk.sent() == [TextContent(SIGNED)]


def test_a_record_that_goes_on_asking_is_told_again_after_a_while(desk: Desk) -> None:
    desk.window()
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.take("sql")
    desk.tell()
    desk.crm.typed[record_id].ref = None
    desk.replies.take("sql")
    desk.tell()
    assert desk.crm.typed[record_id].ref is None  # the index may only lag
    desk.house.clock.advance(seconds=PATIENCE.total_seconds() + 1)
    desk.replies.take("sql")
    desk.tell()
    assert desk.crm.typed[record_id].ref is not None
    assert len(desk.send()) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"body": "  \n "}, "no text"),
        ({"body": "x" * 5000}, "4096"),
        ({"crm_contact_id": None}, "neither a contact nor a phone"),
        ({"crm_contact_id": None, "phone": "02-2345-6789"}, "not a phone number"),
        ({"crm_contact_id": "no such"}, "no phone number"),
        ({"template": "no_such"}, "no template 'no_such'"),
        ({"template": "shipped", "body": "one value"}, ""),
    ],
)
def test_what_cannot_be_sent_says_why_and_holds_up_nobody(desk: Desk, changes: dict[str, Any], reason: str) -> None:
    desk.window()
    given = {"crm_contact_id": desk.customer, "phone": None, "body": TEXT, **changes}
    body, crm_id = given.pop("body"), given.pop("crm_contact_id")
    refused = desk.crm.write_reply(body, crm_id=crm_id, **given)
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    assert desk.replies.poll("sql") == 1
    assert desk.send() == [TextContent(SIGNED)]
    desk.tell()
    state, error = desk.seen(refused)
    assert state == "failed"
    assert reason in (error or "")
    assert desk.crm.replies() == []


def test_one_that_nobody_expected_to_fail_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.window()
    odd = desk.crm.write_reply("odd", crm_id=desk.customer)
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    plan = AgentReplies._plan

    def stumble(self: AgentReplies, tx: Any, crm: str, reply: AgentReply, phone: str | None) -> int:
        if reply.record_id == odd:
            raise ZeroDivisionError
        return plan(self, tx, crm, reply, phone)

    with monkeypatch.context() as patch:
        patch.setattr(AgentReplies, "_plan", stumble)
        assert desk.replies.poll("sql") == 1
    desk.house.clock.advance(seconds=1)
    assert desk.replies.poll("sql") == 1


@pytest.mark.parametrize("typed", ["0912-345-678", "+886 912 345 678"])
def test_a_number_alone_will_do(desk: Desk, typed: str) -> None:
    desk.window()
    desk.crm.write_reply(TEXT, phone=typed)
    desk.replies.poll("sql")
    assert desk.send() == [TextContent(SIGNED)]
    assert desk.house.value("select count(*) from contacts") == 1


def test_a_contact_that_no_sync_has_told_of_is_looked_up(desk: Desk) -> None:
    desk.window()
    merged = desk.crm.add(phone="0999-999-999")
    desk.crm.merge(merged, desk.customer)
    for crm_id in (desk.customer, merged):
        desk.crm.write_reply(TEXT, crm_id=crm_id)
    assert desk.replies.poll("sql") == 2
    assert len(desk.send()) == 2
    assert desk.house.value("select count(distinct contact_id) from outgoing where source = 'crm:sql'") == 1


def test_a_contact_whom_we_know_is_asked_nothing_of(desk: Desk) -> None:
    desk.window()
    desk.tell()
    desk.crm.calls.clear()
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    assert [method for method, _ in desk.crm.calls] == ["replies"]


def test_a_closed_window_sends_the_template_and_the_text_follows_the_answer(desk: Desk) -> None:
    """X6, and the CRM has each message once."""
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    assert desk.send() == [TemplateContent("reply_waiting", "zh_TW", ("+886912345678",))]
    desk.tell()
    assert desk.seen(record_id) == ("accepted", None)
    desk.window()
    assert desk.send()[1:] == [TextContent(SIGNED)]
    desk.tell()
    told = [message.body for message in desk.crm.messages.values() if message.direction == "out"]
    assert sorted(told) == sorted(["您好 +886912345678，已有回覆。\nFormosa Tea", SIGNED])


def test_a_closed_window_without_a_fallback_is_told_to_the_agent(house: House) -> None:
    desk = Desk(house, fallback="")
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    desk.tell()
    assert desk.seen(record_id) == (None, None)
    assert desk.send() == []
    desk.tell()
    state, error = desk.seen(record_id)
    assert state == "failed"
    assert "window_closed" in (error or "")
    assert "24 hours" in (error or "")


def test_a_blocked_customer_is_told_to_the_agent(desk: Desk) -> None:
    desk.window()
    desk.house.rows("update contacts set blocked = true returning id")
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    assert desk.send() == []
    desk.tell()
    assert (desk.seen(record_id)[1] or "").startswith("blocked")


def test_a_refusal_of_the_platform_is_told_to_the_agent(desk: Desk) -> None:
    desk.window()

    def refuse(_: object) -> None:
        raise Never("not on WhatsApp", code="131026")

    desk.house.messenger.on_send = refuse
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    desk.send()
    desk.tell()
    state, error = desk.seen(record_id)
    assert state == "failed"
    assert "131026" in (error or "")


def test_a_failure_that_is_told_after_acceptance_is_told_to_the_agent(desk: Desk) -> None:
    desk.window()
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    desk.send()
    wamid = desk.house.value("select wamid from outgoing where source = 'crm:sql'")
    desk.house.receive(status(wamid, "failed", at=desk.house.clock.now(), code="131026"))
    desk.tell()
    assert desk.seen(record_id)[0] == "failed"
    assert (desk.house.value("select error from agent_replies") or "").startswith("131026")


def test_a_template_goes_with_its_values_in_the_contacts_language(desk: Desk) -> None:
    desk.crm.write_reply("王小明\nA-1\n", crm_id=desk.customer, template="shipped")
    desk.replies.poll("sql")
    assert desk.send() == [TemplateContent("shipped", "zh_TW", ("王小明", "A-1"))]


def test_an_agents_answer_counts_as_attention(desk: Desk) -> None:
    """A conversation is not handed over as a long one while a person answers in it (R33)."""
    for number in range(5):
        desk.house.receive(said(f"wamid.{number}", "在嗎"))
    assert desk.house.value("select unattended from conversations") == 5
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")
    assert desk.house.value("select unattended from conversations") == 0


def test_a_crm_is_asked_as_often_as_configured_by_whoever_looks(desk: Desk) -> None:
    for _ in range(10):
        desk.replies.poll("sql")
        desk.house.clock.advance(seconds=0.1)
    assert [method for method, _ in desk.crm.calls].count("replies") == 2


def test_a_ring_is_followed_before_it_is_time(desk: Desk) -> None:
    desk.crm.has_line = True
    desk.replies.poll("sql")
    desk.crm.write_reply(TEXT, crm_id=desk.customer)
    assert desk.replies.poll("sql") == 1
    assert desk.replies.poll("sql") == 0
    assert [method for method, _ in desk.crm.calls].count("replies") == 2


def test_a_full_page_is_followed_by_another_look_at_once(desk: Desk) -> None:
    desk.window()
    for number in range(100):
        desk.crm.write_reply(f"{number}", crm_id=desk.customer)
    assert desk.replies.poll("sql") == 100
    assert desk.replies.poll("sql") == 0
    assert desk.replies.poll("sql") == 0
    assert [method for method, _ in desk.crm.calls].count("replies") == 2


@pytest.mark.parametrize("error", [TryAgain("connection refused"), FixCredentials("401")])
def test_a_crm_that_is_away_is_left_in_peace_and_found_again(desk: Desk, error: Exception) -> None:
    def away(_: str) -> None:
        raise error

    desk.crm.on_call = away
    for _ in range(10):
        assert desk.replies.poll("sql") == 0
        desk.house.clock.advance(seconds=1)
    assert len(desk.crm.calls) < 10
    desk.crm.on_call = lambda method: None
    desk.crm.write_reply(TEXT, phone="+886912345678")
    desk.house.clock.advance(minutes=1)
    assert desk.replies.poll("sql") == 1


def test_only_the_records_named_are_looked_at(desk: Desk) -> None:
    desk.window()
    _, second = (desk.crm.write_reply(text, crm_id=desk.customer) for text in ("first", TEXT))
    assert desk.replies.take("sql", [second, "no such record"]) == 1
    assert desk.send() == [TextContent(SIGNED)]


def test_a_message_that_a_person_only_logged_never_leaves(desk: Desk) -> None:
    desk.window()
    logged = desk.crm.log_message(desk.customer, "電話中已說明")
    assert desk.replies.take("sql") + desk.replies.take("sql", [logged]) == 0
    assert desk.send() == []


def test_a_failure_that_was_none_is_taken_back(desk: Desk) -> None:
    """The send was given up; then the platform's own word shows that it had been taken."""
    desk.window()
    record_id = desk.crm.write_reply(TEXT, crm_id=desk.customer)
    desk.replies.poll("sql")

    def refuse(_: object) -> None:
        raise Never("odd", code="x")

    desk.house.messenger.on_send = refuse
    desk.send()
    desk.tell()
    assert desk.seen(record_id)[0] == "failed"
    planned = desk.house.value("select id from outgoing where source = 'crm:sql'")
    late = status("wamid.late", "delivered", at=desk.house.clock.now(), mark=desk.house.mark(planned))
    desk.house.receive(late)
    desk.tell()
    assert desk.seen(record_id) == ("delivered", None)
    assert desk.house.value("select error from agent_replies") is None


def test_a_crm_that_tells_of_its_records_is_asked_only_now_and_then(desk: Desk) -> None:
    desk.replies.poll("sql")
    tell(desk.house, Kind.REPLY)
    desk.house.clock.advance(seconds=1)
    assert asked(desk) == 1
    desk.house.clock.advance(seconds=10)
    assert asked(desk) == 0
    desk.house.clock.advance(seconds=20)
    assert asked(desk) == 1


def test_one_that_has_told_nothing_for_an_hour_is_asked_as_often_as_before(desk: Desk) -> None:
    tell(desk.house, Kind.REPLY)
    desk.house.clock.advance(minutes=61)
    for _ in range(3):
        desk.house.clock.advance(seconds=1)
        assert asked(desk) == 1


def test_what_it_tells_of_contacts_does_not_count(desk: Desk) -> None:
    tell(desk.house, Kind.CONTACT)
    for _ in range(3):
        desk.house.clock.advance(seconds=1)
        assert asked(desk) == 1


def tell(house: House, kind: Kind) -> None:
    house.store.run(lambda tx: crm_notices.tell(tx, "sql", [(kind, "7")], house.clock.now()))


def asked(desk: Desk) -> int:
    """How many questions one look leads to."""
    before = len(desk.house.crm.calls)
    desk.replies.poll("sql")
    return len([one for one in desk.house.crm.calls[before:] if one[0] == "replies"])
