"""The customer service window (X6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.policies.window import until

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("heard", "closes"),
    [
        pytest.param(NOW, NOW + DAY, id="a message of this moment"),
        pytest.param(NOW - timedelta(hours=5), NOW + timedelta(hours=19), id="one that was under way for hours"),
        pytest.param(NOW - timedelta(days=3), NOW - timedelta(days=2), id="one that the provider repeated for days"),
        pytest.param(NOW + timedelta(hours=2), NOW + DAY, id="one from the future opens no longer window"),
    ],
)
def test_a_window_lasts_24_hours_from_what_the_customer_said(heard: datetime, closes: datetime) -> None:
    assert until(heard, NOW) == closes
