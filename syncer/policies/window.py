"""The customer service window (X6): 24 hours from the customer's last message, refreshed by each."""

from __future__ import annotations

from datetime import datetime, timedelta

#: Meta, "Customer service windows": free-form messages within 24 h of the last user message.
WINDOW = timedelta(hours=24)


def until(last_inbound_at: datetime, now: datetime) -> datetime:
    """When a window opened by a message of that time closes; a timestamp from the future opens no longer window."""
    return min(last_inbound_at, now) + WINDOW
