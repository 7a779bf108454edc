"""Status only climbs (law 7, X2), in whatever order and however often the notices come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.status import Ladder, Status, StatusUpdate

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SENT, DELIVERED, READ, FAILED, ACCEPTED = (
    Status.SENT,
    Status.DELIVERED,
    Status.READ,
    Status.FAILED,
    Status.ACCEPTED,
)
#: Lowest first; a failure stands below whatever proves that the message arrived.
ORDER = [ACCEPTED, SENT, FAILED, DELIVERED, READ]


def notice(status: Status, seconds: float = 0, code: str = "131026") -> StatusUpdate:
    failed = status is FAILED
    return StatusUpdate(
        "1",
        "wamid.A",
        status,
        START + timedelta(seconds=seconds),
        error_code=code if failed else None,
        error_detail="Message undeliverable" if failed else None,
    )


def climbed(notices: list[StatusUpdate]) -> Ladder:
    ladder = Ladder()
    for one in notices:
        ladder = ladder.climb(one)
    return ladder


@pytest.mark.parametrize(
    ("told", "final"),
    [
        ([], ACCEPTED),
        ([SENT], SENT),
        ([SENT, DELIVERED, READ], READ),
        ([READ, DELIVERED, SENT], READ),
        ([SENT, READ], READ),
        ([DELIVERED, SENT], DELIVERED),
        ([FAILED], FAILED),
        ([SENT, FAILED], FAILED),
        ([FAILED, SENT], FAILED),
        ([DELIVERED, FAILED], DELIVERED),
        ([READ, FAILED], READ),
        ([FAILED, DELIVERED], DELIVERED),
        ([FAILED, READ], READ),
        ([READ, ACCEPTED], READ),
    ],
)
def test_where_a_message_ends(told: list[Status], final: Status) -> None:
    assert climbed([notice(status) for status in told]).status is final


notices = st.lists(st.builds(notice, st.sampled_from(ORDER), st.integers(0, 600)), max_size=12)


@given(notices, st.randoms())
def test_any_order_and_repetition_ends_in_the_same_ladder(told: list[StatusUpdate], chance: object) -> None:
    shuffled = [*told, *told[::2]]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert climbed(shuffled) == climbed(told)


@given(notices)
def test_no_notice_ever_lowers_the_status(told: list[StatusUpdate]) -> None:
    ladder = Ladder()
    for one in told:
        after = ladder.climb(one)
        assert ORDER.index(after.status) >= ORDER.index(ladder.status)
        ladder = after
    assert ladder.status == max((one.status for one in told), key=ORDER.index, default=ACCEPTED)


@given(notices)
def test_each_step_keeps_the_earliest_time_that_was_told(told: list[StatusUpdate]) -> None:
    ladder = climbed(told)
    for status, kept in (
        (SENT, ladder.sent_at),
        (DELIVERED, ladder.delivered_at),
        (READ, ladder.read_at),
        (FAILED, ladder.failed_at),
    ):
        assert kept == min((one.at for one in told if one.status is status), default=None)


@given(notices)
def test_an_error_is_kept_exactly_while_the_message_counts_as_failed(told: list[StatusUpdate]) -> None:
    ladder = climbed(told)
    failed = ladder.status is FAILED
    assert (ladder.error_code, ladder.error_detail) == (("131026", "Message undeliverable") if failed else (None, None))


def test_a_second_failure_does_not_rewrite_the_first() -> None:
    ladder = climbed([notice(FAILED, 0, code="131026"), notice(FAILED, 5, code="131049")])
    assert (ladder.error_code, ladder.failed_at) == ("131026", START)
