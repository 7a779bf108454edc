"""The world behind the API: business numbers, customers, customer service windows, and the two kinds of message."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from syncer.simulators.whatsapp.config import SimulatorConfig

_COUNTRIES = {
    "886": "TW", "852": "HK", "86": "CN", "81": "JP", "82": "KR", "65": "SG", "60": "MY",
    "44": "GB", "49": "DE", "55": "BR", "52": "MX", "54": "AR", "91": "IN", "1": "US",
}  # fmt: skip


@dataclass(slots=True)
class BusinessNumber:
    """A number that the business sends from. Only a CONNECTED one can."""

    id: str
    display_phone_number: str
    verified_name: str
    status: str = "CONNECTED"
    quality_rating: str = "GREEN"

    @property
    def wa_id(self) -> str:
        """The digits of the number."""
        return re.sub(r"\D", "", self.display_phone_number)


@dataclass(slots=True)
class InboundMessage:
    """A customer's message. Times are unix seconds: `planned_at` asked for, `sent_at` first delivered, `answered_at`
    first answered 200 by the webhook, `replied_at` first message of the business to that customer afterwards."""

    wamid: str
    sender: str
    user_id: str
    phone_number_id: str
    type: str
    text: str
    planned_at: float
    sent_at: float | None = None
    answered_at: float | None = None
    attempts: int = 0
    replied_at: float | None = None
    reply_wamid: str | None = None
    marked_read_at: float | None = None

    def row(self) -> dict[str, Any]:
        """The message as `GET /_sim/log/inbound` shows it."""
        row = asdict(self)
        return {"wamid": row.pop("wamid"), "from": row.pop("sender"), **row}


@dataclass(slots=True)
class Customer:
    """A person on WhatsApp, or a number that is not (`fails_with` 131026). `hides_phone`: has a username, so that
    webhooks omit the phone number."""

    wa_id: str
    user_id: str
    name: str
    username: str | None = None
    hides_phone: bool = False
    opted_out: bool = False
    fails_with: int | None = None
    unanswered: list[InboundMessage] = field(default_factory=list)

    def contact(self, *, show_phone: bool = True) -> dict[str, Any]:
        """The `contacts[]` element of a webhook."""
        profile = {"name": self.name, "username": self.username} if self.username else {"name": self.name}
        known = {"wa_id": self.wa_id} if self.wa_id and show_phone else {}
        return {"profile": profile, **known, "user_id": self.user_id}


@dataclass(slots=True)
class SentMessage:
    """An accepted send. `to` is the wa_id (or user id), `text` what the customer reads. Times are unix seconds, None
    until the status happened; `error` is the code of a `failed` status."""

    wamid: str
    phone_number_id: str
    to: str
    input: str
    kind: str
    text: str
    category: str
    accepted_at: float
    in_window: bool
    customer: Customer
    to_phone: bool
    template: str | None = None
    language: str | None = None
    parameters: list[str] | None = None
    callback_data: str | None = None
    context: str | None = None
    sent_at: float | None = None
    delivered_at: float | None = None
    read_at: float | None = None
    failed_at: float | None = None
    error: int | None = None

    def row(self) -> dict[str, Any]:
        """The message as `GET /_sim/log/sends` shows it."""
        row = {
            name: getattr(self, name)
            for name in self.__slots__
            if name not in ("customer", "to_phone", "callback_data")
        }
        return {**row, "user_id": self.customer.user_id, "biz_opaque_callback_data": self.callback_data}


class World:
    """Who exists and when they last wrote."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config
        self._dead = re.compile(config.dead_pattern) if config.dead_pattern else None
        self._ids = itertools.count(1)
        self._salt = secrets.token_hex(4).upper()
        self.numbers: dict[str, BusinessNumber] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the first day: numbers connected, nobody known, every window shut."""
        self.subscribed = self._config.subscribed
        self.callback_override: str | None = None
        self.customers: dict[str, Customer] = {}
        self._by_user_id: dict[str, Customer] = {}
        self._last_word: dict[tuple[str, str], float] = {}
        self.numbers = dict(self._business_numbers())

    @property
    def callback_url(self) -> str | None:
        """Where webhooks go now; None when nobody is subscribed."""
        return (self.callback_override or self._config.callback_url) if self.subscribed else None

    def customer(self, wa_id: str) -> Customer:
        """Whoever has this number, met for the first time or not."""
        found = self.customers.get(wa_id)
        if found is None:
            fails_with = 131026 if self._dead is not None and self._dead.search(wa_id) else None
            found = Customer(wa_id, _user_id(wa_id), f"Customer {wa_id[-4:]}", fails_with=fails_with)
            self.customers[wa_id] = self._by_user_id[found.user_id] = found
        return found

    def customer_by_user_id(self, user_id: str, *, create: bool = False) -> Customer:
        """Whoever has this business-scoped user id; a stranger is on WhatsApp only when made (`create`)."""
        found = self._by_user_id.get(user_id)
        if found is None:
            found = Customer("", user_id, "Customer", hides_phone=True, fails_with=None if create else 131026)
            if create:
                self._by_user_id[user_id] = found
        return found

    def heard_from(self, number_id: str, customer: Customer, at: float) -> None:
        """A customer's message opens, or prolongs, the customer service window."""
        key = (number_id, customer.user_id)
        self._last_word[key] = max(at, self._last_word.get(key, 0.0))

    def in_window(self, number_id: str, customer: Customer, now: float, window_seconds: float) -> bool:
        """Whether free-form messages are allowed: the customer wrote to this number in the last 24 h."""
        return now - self._last_word.get((number_id, customer.user_id), 0.0) < window_seconds

    def new_wamid(self, wa_id: str, *, incoming: bool) -> str:
        """A message id of the platform's form: base64 over the number and a unique part."""
        phone = wa_id.encode()[:64]
        middle = b"\x15\x02\x00\x12\x18\x14" if incoming else b"\x15\x02\x00\x11\x18\x12"
        raw = b"\x1c\x18" + bytes((len(phone),)) + phone + middle + f"{self._salt}{next(self._ids):012X}".encode()
        return "wamid." + base64.b64encode(raw + b"\x00").decode()

    def _business_numbers(self) -> Iterable[tuple[str, BusinessNumber]]:
        config = self._config
        for position, number_id in enumerate(config.phone_number_ids):
            given = config.display_phone_numbers
            display = given[position] if position < len(given) else f"8862555{position:05d}"
            yield number_id, BusinessNumber(number_id, display, config.verified_name)


def _user_id(wa_id: str) -> str:
    """A stable business-scoped user id: country code, dot, digits."""
    country = next((_COUNTRIES[wa_id[:length]] for length in (3, 2, 1) if wa_id[:length] in _COUNTRIES), "US")
    return f"{country}.{int.from_bytes(hashlib.blake2b(wa_id.encode(), digest_size=8).digest(), 'big'):020d}"
