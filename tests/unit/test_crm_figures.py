"""What is lost and what is doubled is found by holding the CRM's records against what was said and sent."""

from __future__ import annotations

from typing import Any

import pytest

from syncer.acceptance import crm_figures, evidence
from syncer.acceptance.conversation_script import Cast, Line, Part
from syncer.acceptance.crm_figures import Figures
from syncer.acceptance.crm_traffic import Reply, Traffic
from syncer.acceptance.crm_world import Kept
from syncer.acceptance.evidence import Delays, Person, Spoken
from syncer.domain import callback

ANA = Person("886912345678", "+886912345678", name="Ana", contact_id=1)
ASKED = Spoken(
    Line(Part(1, Cast.CUSTOMER), "text", {}, "轉真人", answered=True, handoff="asks_for_person"), ANA, "wamid.1", 100.0
)
REPLY = Reply("客服第1則：已為您處理", "+886912345678", 101.0)
IN = Kept("in-1", "wamid.1", "7", "in", "text", "轉真人", None)
AUTO = Kept("out-1", "wamid.2", "7", "out", "text", "稍候", "read")
AGENT = Kept("out-2", "wamid.3", "7", "out", "text", "客服第1則：已為您處理", "delivered")


def sent(wamid: str, text: str, **times: float) -> dict[str, Any]:
    moments = dict.fromkeys(("sent_at", "delivered_at", "read_at", "failed_at"), None) | times
    told = {"wamid": wamid, "text": text, "kind": "text", "to": ANA.address, "accepted_at": 102.0}
    return told | moments | {"biz_opaque_callback_data": callback.mark(wamid[-1] * 32, 1)}


SENDS = [sent("wamid.2", "稍候", read_at=3.0), sent("wamid.3", "客服第1則：已為您處理\n— Tea Co.", delivered_at=3.0)]


@pytest.fixture(autouse=True)
def _no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "delays", lambda *_: Delays({}, [0.2], []))


def judged(
    messages: list[Kept] | None = None, bodies: list[str] | None = None, sends: list[dict[str, Any]] | None = None
) -> Figures:
    figures = Figures("hubspot")
    traffic = Traffic([ASKED], [REPLY], began_at=99.0, left_at=200.0, back_at=210.0, caught_up_at=212.0, seconds=10.0)
    crm_figures.judge(
        figures,
        traffic,
        [IN, AUTO, AGENT] if messages is None else messages,
        ["轉真人"] if bodies is None else bodies,
        SENDS if sends is None else sends,
        {"wamid.1": 100.4},
        None,  # type: ignore[arg-type]  # the engine's own times are not asked for here
    )
    return figures


def test_where_every_side_agrees_nothing_is_lost_or_doubled() -> None:
    figures = judged()
    assert (figures.lost, figures.doubled) == (0, 0)
    assert figures.to_crm == [pytest.approx(0.4)]
    assert figures.to_whatsapp == [pytest.approx(1.0)]
    assert figures.caught_up == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("messages", "lost"),
    [([AUTO, AGENT], 1), ([IN, AGENT], 1), ([IN, AUTO], 1), ([], 3)],
    ids=["a customer's message", "a reply of ours", "an agent's reply", "everything"],
)
def test_a_message_that_the_crm_lacks_is_lost(messages: list[Kept], lost: int) -> None:
    assert judged(messages).lost == lost


def test_a_handoff_that_never_came_is_lost() -> None:
    assert judged(bodies=[]).lost == 1


def test_an_agents_reply_that_never_left_is_lost() -> None:
    assert judged([IN, AUTO], sends=SENDS[:1]).lost == 1


@pytest.mark.parametrize(
    "again",
    [IN._replace(ref="in-9"), AGENT._replace(wamid="wamid.9"), AGENT._replace(ref=None, wamid=None)],
    ids=["by its wamid", "by our reference", "a record of nothing that was sent"],
)
def test_a_second_record_of_one_message_is_doubled(again: Kept) -> None:
    assert judged([IN, AUTO, AGENT, again]).doubled == 1


def test_a_second_ticket_is_doubled() -> None:
    assert judged(bodies=["轉真人", "轉真人"]).doubled == 1


def test_an_agents_reply_that_left_twice_is_found() -> None:
    figures = judged(sends=[*SENDS, {**SENDS[1], "wamid": "wamid.4"}])
    assert figures.replies is not None
    assert not figures.replies.ok
    assert figures.doubled == 1


def test_an_older_status_is_found() -> None:
    figures = judged([IN, AUTO, AGENT._replace(status="sent")])
    assert figures.statuses is not None
    assert (figures.statuses.right, figures.statuses.of) == (1, 2)


def test_what_was_said_while_the_crm_was_away_is_not_timed() -> None:
    traffic = Traffic(began_at=100.0, left_at=200.0, back_at=260.0, caught_up_at=265.0)
    moments = (99.0, 100.0, 197.0, 199.0, 230.0, 263.0, 266.0)
    assert [traffic.outside(at) for at in moments] == [False, True, True, False, False, False, True]
    assert [traffic.during(at) for at in moments] == [False, False, False, False, True, False, False]


def test_a_figure_that_could_not_be_measured_is_no_pass() -> None:
    checks = {check.id: check for check in crm_figures.checks(Figures("zoho", absent={"agent replies": "no way"}))}
    assert not any(check.ok for check in checks.values())
    assert checks["crm.zoho.agents"].detail == "absent: no way"


def test_the_table_has_a_column_for_each_crm() -> None:
    table = crm_figures.comparison([judged(), Figures("zoho")])
    assert [column.header for column in table.columns] == ["", "hubspot", "zoho"]
