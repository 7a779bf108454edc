"""A messaging platform for tests of the flows: accepts, refuses or keeps silent as told, and remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from syncer.domain.errors import OutcomeUnknown
from syncer.domain.inbox import InboxItem
from syncer.domain.message import Accepted, InboundMessage, Sender, SendRequest
from syncer.domain.notice import Unrecognised
from syncer.domain.status import Consequence, Status, StatusUpdate
from syncer.ports import Event

NUMBER = "100"


class FakeMessenger:
    """`accepted` holds what the platform has taken, by wamid - also where the answer was lost on the way; `marked` what
    customers see as read, each with whether an answer is being typed."""

    def __init__(self) -> None:
        self.accepted: dict[str, SendRequest] = {}
        self.marked: list[tuple[str, str, bool]] = []
        self.on_send: Callable[[SendRequest], None] = lambda request: None
        self.lose_answers = False
        self._numbers = count(1)

    def send(self, request: SendRequest) -> Accepted:
        """`on_send` may raise before the platform has taken it; `lose_answers` raises afterwards."""
        self.on_send(request)
        wamid = f"wamid.{next(self._numbers)}"
        self.accepted[wamid] = request
        if self.lose_answers:
            raise OutcomeUnknown("read timed out", code="timeout")
        return Accepted(wamid, request.to.removeprefix("+"))

    def mark_read(self, phone_number_id: str, wamid: str, *, typing: bool = False) -> None:
        """Noted, as often as it is said."""
        self.marked.append((phone_number_id, wamid, typing))

    def read(self, item: InboxItem) -> Event:
        """The items that `said` and `status` make."""
        told = json.loads(item.payload)
        if item.kind == "message":
            sender = Sender(told.get("phone"), told.get("user_id"), told.get("name"))
            return InboundMessage(
                item.phone_number_id, item.item_id, sender, item.occurred_at, "text", told["text"], raw=item.payload
            )
        if item.kind.startswith("status:"):
            consequence = Consequence(told["consequence"]) if told.get("consequence") else None
            return StatusUpdate(
                item.phone_number_id,
                item.item_id,
                Status(told["status"]),
                item.occurred_at,
                told.get("mark"),
                told.get("code"),
                consequence=consequence,
            )
        return Unrecognised(f"unknown kind {item.kind}")


def said(wamid: str, text: str, *, phone: str = "+886912345678", at: datetime | None = None, **more: str) -> InboxItem:
    """A customer's message, as the door would have stored it."""
    at = at or datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    payload = json.dumps({"text": text, "phone": phone, **more})
    return InboxItem("whatsapp", NUMBER, wamid, "message", phone, at, payload)


def status(wamid: str, word: str, *, at: datetime, mark: str | None = None, **more: str) -> InboxItem:
    """A status notice, as the door would have stored it."""
    payload = json.dumps({"status": word, "mark": mark, **more})
    return InboxItem("whatsapp", NUMBER, wamid, f"status:{word}", wamid, at, payload)
