"""Receipts: showing a customer that their message was read, and that an answer is on its way.

Whoever works in the CRM sees the message there, not in WhatsApp; without this the customer never sees the blue ticks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from syncer.domain.errors import Refused
from syncer.ports import Clock, Messenger
from syncer.store import messages
from syncer.store.session import Store

#: The platform takes no receipt for an older message (send-messages page, "mark messages as read").
OLDEST = timedelta(days=30)


@dataclass(frozen=True)
class Receipts:
    """Marks customers' messages as read at the platform. Nothing is stored: a repeat does no harm, and a receipt that
    is lost costs nobody anything."""

    store: Store
    messenger: Messenger
    clock: Clock

    def read(self, wamid: str, *, typing: bool = False) -> None:
        """This message and all earlier ones of the conversation were read; `typing` shows for up to 25 s that an answer
        is being written. Raises `LookupError` for a message we never had, `Refused` for one too old, and what
        `Messenger.mark_read` raises."""
        with self.store.begin() as tx:
            heard = messages.heard(tx, wamid)
        if heard is None:
            raise LookupError(wamid)
        if self.clock.now() - heard.occurred_at > OLDEST:
            raise Refused(f"a message can be marked as read for {OLDEST.days} days, not later")
        self.messenger.mark_read(heard.phone_number_id, wamid, typing=typing)
