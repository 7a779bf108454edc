"""Messages exchanged elsewhere, and second thoughts: recorded, never answered, never sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from syncer.domain.message import Direction, Medium, PastMessage, Revision, Sender
from syncer.flows.chronicle import TAKEN_BACK, Chronicle
from tests.fakes.messenger import NUMBER, said, status
from tests.integration.conftest import House

PERSON = Sender("+886912345678", name="王小明")
CHRONICLE = Chronicle(("sql",))


def apply(house: House, *events: PastMessage | Revision) -> set[str]:
    with house.store.begin() as tx:
        return CHRONICLE.apply(tx, events, house.clock.now())


def echo(house: House, wamid: str = "wamid.app1", **changes: Any) -> PastMessage:
    """An agent typed this in the business app."""
    values = {"direction": Direction.OUT, "person": PERSON, "kind": "text", "text": "好的", "origin": "app"}
    return PastMessage(phone_number_id=NUMBER, wamid=wamid, at=house.clock.now(), **(values | changes))


def revision(house: House, text: str | None, *, wamid: str = "wamid.in1", minutes: float = 1) -> Revision:
    return Revision(NUMBER, wamid, PERSON, house.clock.now() + timedelta(minutes=minutes), text)


def test_what_an_agent_types_in_the_app_is_in_the_conversation_and_in_the_crm(house: House) -> None:
    assert apply(house, echo(house)) == {"crm"}
    house.crm_writes.drain(house.worker)
    written = house.crm.messages["app-wamid.app1"]
    assert (written.direction, written.body, written.wamid) == ("out", "好的", "wamid.app1")
    assert house.messenger.accepted == {}
    assert house.rows("select 1 from outgoing") == []


def test_an_echo_counts_as_a_persons_answer(house: House) -> None:
    for number in range(5):
        house.receive(said(f"wamid.in{number}", "嗯"))
    assert house.value("select unattended from conversations") == 5
    apply(house, echo(house))
    assert house.value("select unattended from conversations") == 0


def test_an_echo_opens_no_window(house: House) -> None:
    apply(house, echo(house))
    assert house.rows("select window_until, last_inbound_at from conversations") == [(None, None)]


def test_an_echo_told_twice_is_one_message(house: House) -> None:
    apply(house, echo(house))
    house.crm_writes.drain(house.worker)
    assert apply(house, echo(house)) <= {"crm"}
    assert house.value("select count(*) from messages") == 1


def test_statuses_of_an_echo_climb_its_ladder(house: House) -> None:
    apply(house, echo(house))
    house.receive(status("wamid.app1", "delivered", at=house.clock.now()))
    house.receive(status("wamid.app1", "read", at=house.clock.now()))
    assert house.value("select status from messages") == "read"


def test_history_is_recorded_both_ways_and_kept_from_the_crm(house: House) -> None:
    old = [
        echo(house, "wamid.h1", direction=Direction.IN, text="有貨嗎", origin="history"),
        echo(house, "wamid.h2", text="有的", origin="history"),
    ]
    assert apply(house, *old) == set()
    assert house.rows("select direction, body from messages order by id") == [("in", "有貨嗎"), ("out", "有的")]
    assert house.rows("select 1 from crm_writes") == []
    assert house.rows("select 1 from outgoing") == []
    assert house.value("select window_until is null and unattended = 0 from conversations")


def test_a_message_known_by_webhook_is_not_doubled_by_the_history(house: House) -> None:
    house.receive(said("wamid.in1", "有貨嗎"))
    apply(house, echo(house, "wamid.in1", direction=Direction.IN, text="有貨嗎", origin="history"))
    assert house.value("select count(*) from messages") == 1


def test_a_file_of_an_echo_is_noted(house: House) -> None:
    ready = apply(house, echo(house, kind="image", text="[image]", medium=Medium("555", "image/jpeg")))
    assert "realtime" in ready
    assert house.rows("select media_id, mime_type, state from media") == [("555", "image/jpeg", "pending")]


def test_an_edited_message_has_its_new_text_here_and_in_the_crm(house: House) -> None:
    house.receive(said("wamid.in1", "要三盒"))
    house.crm_writes.drain(house.worker)
    assert apply(house, revision(house, "要五盒")) == {"crm"}
    house.crm_writes.drain(house.worker)
    assert house.crm.messages["in-wamid.in1"].body == "要五盒"
    assert house.value("select edited_at is not null and revoked_at is null from messages")


def test_a_message_taken_back_keeps_no_text(house: House) -> None:
    house.receive(said("wamid.in1", "我的卡號是 4111111111111111"))
    apply(house, revision(house, None))
    assert house.rows("select body, payload from messages") == [(TAKEN_BACK, None)]


def test_of_two_revisions_the_later_holds_in_whatever_order_they_come(house: House) -> None:
    house.receive(said("wamid.in1", "一"))
    apply(house, revision(house, "三", minutes=3))
    apply(house, revision(house, "二", minutes=2))
    assert house.value("select body from messages") == "三"
    apply(house, revision(house, "五", minutes=5), revision(house, "四", minutes=4))
    assert house.value("select body from messages") == "五"


def test_a_revision_before_its_message_is_not_undone_by_it(house: House) -> None:
    apply(house, revision(house, "要五盒"))
    house.receive(said("wamid.in1", "要三盒"))
    assert house.rows("select body from messages") == [("要五盒",)]


def test_nobody_can_edit_a_message_of_ours(house: House) -> None:
    sent = house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    before = house.value("select body from messages where outgoing_id = :id", id=sent)
    apply(house, revision(house, "hacked", wamid="wamid.1"))
    assert house.value("select body from messages where outgoing_id = :id", id=sent) == before


def test_a_message_of_ours_in_the_history_is_known_already(house: House) -> None:
    house.plan(house.contact(), "k1")
    house.sending.drain_live(house.worker)
    apply(house, echo(house, "wamid.1", origin="history"))
    assert house.value("select count(*) from messages") == 1


def test_a_file_of_the_history_comes_after_its_message(house: House) -> None:
    old = {"direction": Direction.IN, "kind": "image", "text": "[image]", "origin": "history"}
    apply(house, echo(house, "wamid.h1", **old))
    assert house.rows("select 1 from media") == []
    apply(house, echo(house, "wamid.h1", **old, medium=Medium("9", "image/png")))
    assert house.rows("select media_id from media") == [("9",)]
    assert house.value("select count(*) from messages") == 1


def test_what_an_agent_edits_or_takes_back_in_the_app_is_revised_here(house: House) -> None:
    apply(house, echo(house))
    house.clock.advance(minutes=1)
    apply(house, echo(house, "wamid.app2", kind="edit", text="好的，明天", reply_to="wamid.app1"))
    assert house.rows("select body from messages") == [("好的，明天",)]
    house.clock.advance(minutes=1)
    apply(house, echo(house, "wamid.app3", kind="revoke", text="[revoke]", reply_to="wamid.app1"))
    assert house.rows("select body from messages") == [(TAKEN_BACK,)]
    house.crm_writes.drain(house.worker)
    assert house.crm.messages["app-wamid.app1"].body == TAKEN_BACK
