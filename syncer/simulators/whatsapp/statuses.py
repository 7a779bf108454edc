"""The life of an accepted message: sent, delivered, read - or failed - each told by a webhook (statuses reference)."""

from __future__ import annotations

import random
import time
from hashlib import md5
from typing import Any

from syncer.simulators.whatsapp.callbacks import Outbox
from syncer.simulators.whatsapp.config import Span, StatusPace
from syncer.simulators.whatsapp.errors import status_error
from syncer.simulators.whatsapp.log import Journal
from syncer.simulators.whatsapp.payloads import STATUSES, Update
from syncer.simulators.whatsapp.schedule import Schedule
from syncer.simulators.whatsapp.state import SentMessage, World

_NO_CONVERSATION_SINCE = 24


class StatusLife:
    """Moves messages up the ladder at the pace set, telling each step."""

    def __init__(
        self, pace: StatusPace, world: World, schedule: Schedule, outbox: Outbox, journal: Journal, rng: random.Random
    ) -> None:
        self._pace, self._world, self._schedule = pace, world, schedule
        self._outbox, self._journal, self._rng = outbox, journal, rng

    def begin(self, message: SentMessage, failure: int | None) -> None:
        """A message was accepted; `failure` is the code it will fail with, if it will."""
        if failure is None:
            self._later(self._pace.sent, self._sent, message)
        else:
            message.error = failure
            self._later(self._pace.sent, self._failed, message)

    def _later(self, span: Span, step: Any, message: SentMessage) -> None:
        self._schedule.after(self._rng.uniform(*span), step, message)

    def _sent(self, message: SentMessage) -> None:
        message.sent_at = self._tell(message, "sent", self._paid(message, first=True))
        self._later(self._pace.delivered, self._delivered, message)

    def _delivered(self, message: SentMessage) -> None:
        will_read = self._rng.random() < self._pace.read_share
        skipped = will_read and self._rng.random() < self._pace.skip_delivered_share
        if not skipped:
            message.delivered_at = self._tell(message, "delivered", self._paid(message))
        if will_read:
            self._later(self._pace.read, self._read, message)

    def _read(self, message: SentMessage) -> None:
        skipped = message.delivered_at is None
        message.read_at = self._tell(message, "read", self._paid(message) if skipped else {})
        if message.voice and self._rng.random() < self._pace.played_share:
            self._later(self._pace.played, self._played, message)

    def _played(self, message: SentMessage) -> None:
        message.played_at = self._tell(message, "played", {})

    def _failed(self, message: SentMessage) -> None:
        assert message.error is not None
        message.failed_at = self._tell(message, "failed", {"errors": [status_error(message.error)]})

    def _paid(self, message: SentMessage, *, first: bool = False) -> dict[str, Any]:
        """`pricing`, and `conversation` where the webhook's version still has it or a free entry point is open."""
        extra: dict[str, Any] = {"pricing": _pricing(message, service_charged=self._pace.service_charged)}
        if message.free_entry or self._pace.webhook_version < _NO_CONVERSATION_SINCE:
            extra["conversation"] = _conversation(message, first=first)
        return extra

    def _tell(self, message: SentMessage, status: str, extra: dict[str, Any]) -> float:
        now = time.time()
        customer = message.customer
        show_phone = message.to_phone or self._world.shows_phone(message.phone_number_id, customer, now)
        body: dict[str, Any] = {"id": message.wamid, "status": status, "timestamp": str(int(now))}
        if show_phone:
            body["recipient_id"] = customer.wa_id
        if status != "failed" or not message.to_phone:
            body["recipient_user_id"] = customer.user_id
            if customer.parent_user_id is not None:
                body["recipient_parent_user_id"] = customer.parent_user_id
        if message.callback_data is not None:
            body["biz_opaque_callback_data"] = message.callback_data
        body |= extra
        contact = customer.contact(show_phone=show_phone) if status != "failed" else None
        self._journal.statuses[status] += 1
        self._outbox.tell(Update(STATUSES, body, self._world.numbers[message.phone_number_id], contact))
        return now


def _pricing(message: SentMessage, *, service_charged: bool) -> dict[str, Any]:
    """Per-message pricing as of July 2025: free-form, and utility templates in a window, cost nothing, until they are
    charged (October 2026); nothing costs through a free entry point (pricing page)."""
    if message.free_entry:
        free, kind, category = True, "free_entry_point", "referral_conversion"
    else:
        served = message.category == "service" or (message.category == "utility" and message.in_window)
        free = served and not service_charged
        kind = "free_customer_service" if free else "regular"
        category = "marketing_lite" if message.lite else message.category
    return {"billable": not free, "pricing_model": "PMP", "category": category, "type": kind}


def _conversation(message: SentMessage, *, first: bool) -> dict[str, Any]:
    """One for each message, whose end is told once (statuses reference)."""
    origin = "referral_conversion" if message.free_entry else message.category
    ends = {"expiration_timestamp": str(int(message.accepted_at) + 86_400)} if first else {}
    return {"id": md5(message.wamid.encode()).hexdigest(), **ends, "origin": {"type": origin}}
