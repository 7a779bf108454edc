"""What of a record is to be sent, and what taking it changes: one table for every vendor."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.crm.agent_messages import QUEUED, TO_SEND, taking, waits, words_of_status
from syncer.domain.crm_record import TakenReply
from syncer.domain.errors import Never

EMPTY = {"ref": None, "status": TO_SEND, "error": None}


def changes(known: dict[str, Any], *taken: tuple[str, str | None]) -> dict[str, Any]:
    replies = [TakenReply("r", ref, error) for ref, error in taken]
    return taking(replies, {"r": known}, "gone").changes.get("r", {})


@pytest.mark.parametrize(
    ("status", "ref", "direction", "expected"),
    [
        ("to_send", None, "out", True),
        (" To_Send ", "", None, True),
        ("to_send", None, "in", False),
        ("to_send", "out-1", "out", False),
        ("sent", None, "out", False),
        ("to_send_later", None, "out", False),
        (None, None, "out", False),
        ("", None, None, False),
        (7, None, None, False),
    ],
)
def test_only_what_says_so_and_is_nobodys_waits(status: Any, ref: Any, direction: Any, expected: bool) -> None:
    assert waits(status, ref, direction) is expected


@pytest.mark.parametrize(
    ("known", "taken", "expected"),
    [
        (EMPTY, [("a", None)], {"ref": "a", "status": QUEUED}),
        (EMPTY, [("a", "why")], {"ref": "a", "status": "failed", "error": "why"}),
        ({**EMPTY, "ref": ""}, [("a", None)], {"ref": "a", "status": QUEUED}),
        # Somebody changed their mind after we had planned it: it is the message all the same.
        ({**EMPTY, "status": None}, [("a", None)], {"ref": "a", "status": QUEUED}),
        # Once more.
        ({**EMPTY, "ref": "a", "status": QUEUED}, [("a", None)], {}),
        ({**EMPTY, "ref": "a"}, [("a", None)], {"status": QUEUED}),
        ({**EMPTY, "ref": "a", "status": "read"}, [("a", None)], {}),
        ({"ref": "a", "status": "failed", "error": "why"}, [("a", "why")], {}),
        # It fails later, or seems to.
        ({**EMPTY, "ref": "a", "status": QUEUED}, [("a", "why")], {"status": "failed", "error": "why"}),
        ({**EMPTY, "ref": "a", "status": "sent"}, [("a", "why")], {"status": "failed", "error": "why"}),
        ({**EMPTY, "ref": "a", "status": "delivered"}, [("a", "why")], {}),
        # Both at once.
        (EMPTY, [("a", None), ("a", "why")], {"ref": "a", "status": "failed", "error": "why"}),
        # A company without fields for the status or the error.
        ({"ref": None}, [("a", None)], {"ref": "a"}),
        ({"ref": None, "status": TO_SEND}, [("a", "why")], {"ref": "a", "status": "failed"}),
    ],
)
def test_what_taking_changes(known: dict[str, Any], taken: list[tuple[str, str | None]], expected: Any) -> None:
    assert changes(known, *taken) == expected


def test_another_messages_record_is_left_alone_and_one_that_is_gone_is_told() -> None:
    taken = [TakenReply("r", "b"), TakenReply("s", "c", "why"), TakenReply("t", "d")]
    found = taking(taken, {"r": {**EMPTY, "ref": "a"}, "t": EMPTY}, "gone")
    assert set(found.changes) == {"t"}
    results = found.results(taken, {"t": None})
    assert [(result.ref, result.gone, type(result.error)) for result in results] == [
        ("b", False, Never),
        ("c", True, Never),
        ("d", False, type(None)),
    ]
    assert [getattr(result.error, "code", None) for result in results] == ["taken", "gone", None]


def test_two_messages_of_one_batch_do_not_share_a_record() -> None:
    taken = [TakenReply("r", "a"), TakenReply("r", "b")]
    found = taking(taken, {"r": EMPTY}, "gone")
    assert found.changes == {"r": {"ref": "a", "status": QUEUED}}
    assert [result.error is None for result in found.results(taken, {})] == [True, False]


@given(
    st.sampled_from([None, TO_SEND, *words_of_status()]),
    st.sampled_from([None, "a", "b"]),
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.none() | st.text(max_size=5)), max_size=4),
)
def test_whatever_comes_twice_changes_nothing_the_second_time(
    status: str | None, ref: str | None, taken: list[tuple[str, str | None]]
) -> None:
    known = {"ref": ref, "status": status, "error": None}
    for one in taken:
        known |= changes(known, one)
        assert changes(known, one) == {}
        assert not waits(known["status"], known["ref"], "out")
