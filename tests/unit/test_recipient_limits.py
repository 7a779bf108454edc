"""The platform's limits on people, as figures: room under the messaging limit, and the rate of one pair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.domain.message import Lane
from syncer.policies.recipients import PAIR_BURST, PAIR_INTERVAL, Pair, room

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("limit", "used", "lane", "left"),
    [
        (250, 0, Lane.LIVE, 250),
        (250, 0, Lane.BULK, 237),
        (250, 237, Lane.BULK, 0),
        (250, 237, Lane.LIVE, 13),
        (250, 400, Lane.LIVE, 0),
        (1, 0, Lane.BULK, 1),  # or a campaign would never end
    ],
)
def test_campaigns_leave_a_share_of_the_limit_to_live_templates(limit: int, used: int, lane: Lane, left: int) -> None:
    assert room(limit, used, lane, 0.05) == left


def test_a_burst_is_free_and_then_one_message_in_six_seconds() -> None:
    pair = Pair([])
    assert [pair.take(NOW) for _ in range(PAIR_BURST)] == [None] * PAIR_BURST
    assert pair.take(NOW) == NOW + PAIR_INTERVAL
    assert pair.take(NOW + PAIR_INTERVAL) is None
    assert pair.take(NOW + PAIR_INTERVAL) == NOW + 2 * PAIR_INTERVAL


def test_a_message_that_had_to_wait_is_not_counted() -> None:
    pair = Pair([NOW] * PAIR_BURST)
    assert {pair.take(NOW) for _ in range(5)} == {NOW + PAIR_INTERVAL}


def test_what_was_sent_is_forgiven_at_the_same_rate() -> None:
    long_ago = NOW - PAIR_INTERVAL * PAIR_BURST
    assert Pair([long_ago] * PAIR_BURST).free_at(NOW) == NOW
    half = NOW - PAIR_INTERVAL * (PAIR_BURST // 2)
    pair = Pair([half] * PAIR_BURST)
    assert sum(pair.take(NOW) is None for _ in range(PAIR_BURST)) == PAIR_BURST // 2


def test_the_platforms_own_rule_is_never_broken() -> None:
    """Its bucket holds 45; ours never asks for more, whatever the pace of asking."""
    ours, debt, now = Pair([]), NOW, NOW
    for step in range(2_000):
        now += timedelta(seconds=(step * 7) % 5)
        if ours.take(now) is None:
            debt = max(debt, now) + PAIR_INTERVAL
            assert debt - now <= PAIR_INTERVAL * 45
