"""Our own mark in what we send, by which a status tells whose echo it is (law 6)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.callback import mark, ref_of

REF = "0123456789abcdef0123456789abcdef"


@given(st.uuids(), st.integers(1, 9999))
def test_a_mark_comes_back_as_the_message_it_was_put_on(message: object, attempt: int) -> None:
    ref = str(message).replace("-", "")
    assert ref_of(mark(ref, attempt)) == ref
    assert len(mark(ref, attempt)) <= 512


@given(st.integers(1, 9), st.integers(1, 9))
def test_each_attempt_has_a_mark_of_its_own(one: int, other: int) -> None:
    ref = uuid4().hex
    assert (mark(ref, one) == mark(ref, other)) is (one == other)


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        "",
        REF,
        f"{REF}.",
        f"{REF}.x",
        f"{REF}.1 ",
        f" {REF}.1",
        f"{REF}.1\n",
        f"{REF.upper()}.1",
        f"{REF}.1.1",
        f"{REF}0.1",
        f"{REF[:-1]}.1",
        "outbox-42",
        "out-7-1",
        f"{REF}.12345",
        f"{REF}.\u0661",
    ],
)
def test_what_another_tool_wrote_is_not_taken_for_ours(foreign: str | None) -> None:
    assert ref_of(foreign) is None
