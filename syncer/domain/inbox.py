"""Inbox items: one row per thing a webhook told us, stored before it is acknowledged (law 1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One entry x change x item of a delivery.

    `(phone_number_id, item_id, kind)` is unique: a repeated delivery stores nothing new (law 3). `order_key` names the
    person, so that one person's items are applied in order (law 12). `payload` is the item as JSON text, with what of
    its surroundings is needed to understand it.
    """

    source: str
    phone_number_id: str
    item_id: str
    kind: str
    order_key: str
    occurred_at: datetime
    payload: str
