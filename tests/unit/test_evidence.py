"""The tour's comparisons find what is wrong: each loss, double and difference has its case."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from syncer.acceptance import evidence
from syncer.acceptance.conversation_script import Cast, Line, Part
from syncer.acceptance.evidence import Person, Spoken

MARK = "0123456789abcdef0123456789abcdef"


def spoken(body: str = "營業時間", *, wamid: str = "wamid.1", address: str = "886912345678", **label: Any) -> Spoken:
    """A line that was said."""
    line = Line(Part(1, Cast.CUSTOMER), "text", {"body": body}, body, **label)
    return Spoken(line, Person(address, f"+{address}"), wamid, 0.0)


def row(**changes: Any) -> SimpleNamespace:
    """The CRM's record of that line, as it should be."""
    whole = {
        "wamid": "wamid.1",
        "customer_id": 7,
        "direction": "in",
        "kind": "text",
        "body": "營業時間",
        "status": None,
    }
    return SimpleNamespace(**{**whole, **changes})


def sent(**changes: Any) -> dict[str, Any]:
    """A message of ours, as the platform's log has it."""
    times = dict.fromkeys(("sent_at", "delivered_at", "read_at", "failed_at"))
    whole = {"wamid": "wamid.9", "to": "886912345678", "kind": "text", "biz_opaque_callback_data": f"{MARK}.1"}
    return {**whole, **times, **changes}


def test_a_message_that_stands_whole_and_once_is_recorded() -> None:
    assert evidence.recorded([spoken()], [row()]).ok


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(), row()],
        [row(body="營業")],
        [row(kind="image")],
        [row(customer_id=None)],
        [row(direction="out")],
        [row(wamid="wamid.2")],
    ],
    ids=["missing", "twice", "cut", "another kind", "nobody's", "the wrong way", "somebody else's"],
)
def test_a_record_that_is_not_whole_and_once_is_found(rows: list[Any]) -> None:
    found = evidence.recorded([spoken()], rows)
    assert (found.right, found.of, found.ok) == (0, 1, False)
    assert found.wrong


def test_everybody_gets_as_many_replies_as_the_script_says() -> None:
    said = [spoken(answered=True), spoken(wamid="wamid.2", answered=True), spoken(wamid="wamid.3")]
    assert evidence.answered(said, [sent(), sent()]).ok
    missing = evidence.answered(said, [sent()])
    assert (missing.right, missing.of, missing.wrong) == (1, 2, ("***678: 1 replies, not 2",))
    doubled = evidence.answered(said, [sent()] * 3)
    assert (doubled.right, doubled.of, doubled.ok) == (2, 2, False)


def test_a_reply_to_somebody_who_asked_nothing_is_found() -> None:
    assert evidence.answered([], [sent()]).wrong == ("***678: 1 replies, not 0",)


def test_a_template_is_no_reply() -> None:
    assert evidence.answered([], [sent(kind="template")]).ok


def test_the_same_mark_accepted_twice_is_a_double_whatever_the_attempt() -> None:
    first, second = sent(), sent(biz_opaque_callback_data=f"{MARK}.2")
    assert evidence.doubled([first]) == ()
    assert len(evidence.doubled([first, second])) == 1


@pytest.mark.parametrize(
    ("times", "last"),
    [
        ({}, "accepted"),
        ({"sent_at": 1.0}, "sent"),
        ({"sent_at": 1.0, "delivered_at": 2.0}, "delivered"),
        ({"sent_at": 1.0, "read_at": 2.0}, "read"),
        ({"failed_at": 1.0}, "failed"),
    ],
)
def test_the_last_status_is_the_highest_step(times: dict[str, float], last: str) -> None:
    assert evidence.last_status(sent(**times)) == last


def test_a_status_that_the_crm_does_not_show_is_found() -> None:
    send = sent(sent_at=1.0, delivered_at=2.0)
    shown = row(wamid="wamid.9", direction="out", status="delivered")
    assert evidence.statuses([send], [shown]).ok
    assert not evidence.statuses([send], [row(wamid="wamid.9", status="sent")]).ok
    assert not evidence.statuses([send], []).ok


def test_messages_are_played_by_phone_or_by_user_id() -> None:
    line = spoken().line
    by_phone = evidence.message_for(line, Person("886912345678", "+886912345678"))
    assert by_phone == {"from": "+886912345678", "type": "text", "text": {"body": "營業時間"}}
    by_id = evidence.message_for(line, Person("TW.1", None, "TW.1", "小安"))
    assert by_id["user_id"] == "TW.1"
    assert "from" not in by_id
