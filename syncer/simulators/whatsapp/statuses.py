"""The life of an accepted message: sent, delivered, read - or failed - each told by a webhook (statuses reference)."""

from __future__ import annotations

import random
import time
from typing import Any

from syncer.simulators.whatsapp.callbacks import Outbox
from syncer.simulators.whatsapp.config import Span, StatusPace
from syncer.simulators.whatsapp.errors import status_error
from syncer.simulators.whatsapp.log import Journal
from syncer.simulators.whatsapp.payloads import STATUSES, Update
from syncer.simulators.whatsapp.schedule import Schedule
from syncer.simulators.whatsapp.state import SentMessage, World


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
        message.sent_at = self._tell(message, "sent", {"pricing": _pricing(message)})
        self._later(self._pace.delivered, self._delivered, message)

    def _delivered(self, message: SentMessage) -> None:
        will_read = self._rng.random() < self._pace.read_share
        skipped = will_read and self._rng.random() < self._pace.skip_delivered_share
        if not skipped:
            message.delivered_at = self._tell(message, "delivered", {"pricing": _pricing(message)})
        if will_read:
            self._later(self._pace.read, self._read, message)

    def _read(self, message: SentMessage) -> None:
        skipped = message.delivered_at is None
        message.read_at = self._tell(message, "read", {"pricing": _pricing(message)} if skipped else {})

    def _failed(self, message: SentMessage) -> None:
        assert message.error is not None
        message.failed_at = self._tell(message, "failed", {"errors": [status_error(message.error)]})

    def _tell(self, message: SentMessage, status: str, extra: dict[str, Any]) -> float:
        now = time.time()
        customer = message.customer
        show_phone = message.to_phone or not customer.hides_phone
        body: dict[str, Any] = {"id": message.wamid, "status": status, "timestamp": str(int(now))}
        if show_phone:
            body["recipient_id"] = customer.wa_id
        if status != "failed" or not message.to_phone:
            body["recipient_user_id"] = customer.user_id
        if message.callback_data is not None:
            body["biz_opaque_callback_data"] = message.callback_data
        body |= extra
        contact = customer.contact(show_phone=show_phone) if status != "failed" else None
        self._journal.statuses[status] += 1
        self._outbox.tell(Update(STATUSES, body, self._world.numbers[message.phone_number_id], contact))
        return now


def _pricing(message: SentMessage) -> dict[str, Any]:
    """Per-message pricing as of July 2025: free-form, and utility templates in a window, cost nothing (pricing
    page)."""
    free = message.category == "service" or (message.category == "utility" and message.in_window)
    kind = "free_customer_service" if free else "regular"
    return {"billable": not free, "pricing_model": "PMP", "category": message.category, "type": kind}
