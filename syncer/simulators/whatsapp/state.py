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

from syncer.simulators.whatsapp.business_number import BusinessNumber as BusinessNumber
from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.simulators.whatsapp.numbering import forms

_COUNTRIES = {
    "886": "TW", "852": "HK", "86": "CN", "81": "JP", "82": "KR", "65": "SG", "60": "MY",
    "44": "GB", "49": "DE", "55": "BR", "52": "MX", "54": "AR", "91": "IN", "1": "US",
}  # fmt: skip


@dataclass(slots=True)
class InboundMessage:
    """A customer's message. Times are unix seconds: `planned_at` asked for, `sent_at` first delivered, `answered_at`
    first answered 200 by the webhook, `replied_at` first message of the business to that customer afterwards,
    `timestamp` what the payload says, `typing_at` when the business was last shown typing to it."""

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
    timestamp: float | None = None
    typing_at: float | None = None

    def row(self) -> dict[str, Any]:
        """The message as `GET /_sim/log/inbound` shows it."""
        row = asdict(self)
        return {"wamid": row.pop("wamid"), "from": row.pop("sender"), **row}


@dataclass(slots=True)
class Window:
    """Between one person and one business number, in unix seconds: their last word, the last message that was sent to
    their phone number, the click on an ad that waits for an answer, and the end of the free entry point it opened."""

    last_word: float = 0.0
    phoned_at: float = 0.0
    clicked_at: float = 0.0
    free_until: float = 0.0


@dataclass(slots=True)
class Customer:
    """A person on WhatsApp, or a number that is not (`fails_with` 131026). `hides_phone`: has a username, so that
    webhooks omit the phone number, unless the person is `in_contact_book` or was lately written to by phone. The last
    two are wamids."""

    wa_id: str
    user_id: str
    name: str
    username: str | None = None
    hides_phone: bool = False
    opted_out: bool = False
    fails_with: int | None = None
    parent_user_id: str | None = None
    in_contact_book: bool = False
    identity_key_hash: str | None = None
    unanswered: list[InboundMessage] = field(default_factory=list)
    unread: list[InboundMessage] | None = None
    last_said: str | None = None
    last_told: str | None = None
    windows: dict[str, Window] | None = None

    def window(self, number_id: str) -> Window | None:
        """What is open between this person and a business number."""
        return self.windows.get(number_id) if self.windows else None

    def row(self) -> dict[str, Any]:
        """The person as `POST /_sim/customers` shows them."""
        return {name: getattr(self, name) for name in self.__slots__ if name not in ("unanswered", "unread", "windows")}

    def contact(self, *, show_phone: bool = True) -> dict[str, Any]:
        """The `contacts[]` element of a webhook."""
        profile = {"name": self.name, "username": self.username} if self.username else {"name": self.name}
        known = {"wa_id": self.wa_id} if self.wa_id and show_phone else {}
        contact = {"profile": profile, **known, "user_id": self.user_id}
        if self.parent_user_id is not None:
            contact["parent_user_id"] = self.parent_user_id
        return contact


@dataclass(slots=True)
class SentMessage:
    """An accepted send. `to` is the wa_id (or user id), `text` what the customer reads. Times are unix seconds, None
    until the status happened; `error` is the code of a `failed` status. `lite`: through the Marketing Messages API;
    `free_entry`: while a free entry point was open; `voice`: a voice note; `choices`: what the customer can press (of
    a template only what the request set)."""

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
    played_at: float | None = None
    failed_at: float | None = None
    error: int | None = None
    lite: bool = False
    free_entry: bool = False
    voice: bool = False
    choices: list[dict[str, Any]] | None = None

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
        self.numbers = dict(self._business_numbers())

    def callback_for(self, number: BusinessNumber | None) -> str | None:
        """Where webhooks about a number go: its own address wins over the account's."""
        own = number.override_callback_uri if number is not None and self.subscribed else None
        return own or self.callback_url

    @property
    def callback_url(self) -> str | None:
        """Where webhooks go now; None when nobody is subscribed."""
        return (self.callback_override or self._config.callback_url) if self.subscribed else None

    def customer(self, wa_id: str) -> Customer:
        """Whoever has this number, met for the first time or not."""
        return self.customers.get(wa_id) or self._known(wa_id) or self._meet(wa_id)

    def written_to(self, digits: str) -> Customer:
        """Whoever the business means by these digits; a stranger is met under the form that WhatsApp keeps."""
        return self.customers.get(digits) or self._known(digits) or self._meet(forms(digits)[0])

    def customer_by_user_id(self, user_id: str, *, create: bool = False) -> Customer:
        """Whoever has this business-scoped user id; a stranger is on WhatsApp only when made (`create`)."""
        found = self._by_user_id.get(user_id)
        if found is None:
            found = Customer("", user_id, "Customer", hides_phone=True, fails_with=None if create else 131026)
            if create:
                self._by_user_id[user_id] = found
        return found

    def also_under(self, customer: Customer, numbers: Iterable[str]) -> None:
        """Let a person be reached under more numbers than their own."""
        self.customers.update(dict.fromkeys(numbers, customer))

    def rename(self, customer: Customer, user_id: str | None = None) -> str:
        """Give a person another user id (a made-up one by default); returns the previous one."""
        previous = customer.user_id
        wanted = user_id or _user_id(customer.wa_id or previous, next(self._ids))
        if wanted in self._by_user_id:
            raise ValueError(f"somebody else has the user id {wanted!r}")
        self._by_user_id.pop(previous, None)
        customer.user_id = wanted
        self._by_user_id[wanted] = customer
        return previous

    def move(self, customer: Customer, wa_id: str, user_id: str | None = None) -> str:
        """A person changes their number, and so their user id; the old number is no longer on WhatsApp. Returns the
        previous user id."""
        if wa_id in self.customers:
            raise ValueError(f"somebody else has the number {wa_id!r}")
        for number in [number for number, who in self.customers.items() if who is customer]:
            stranger = Customer(number, _user_id(number, next(self._ids)), customer.name, fails_with=131026)
            self.customers[number] = stranger
        customer.wa_id = wa_id
        self.customers[wa_id] = customer
        return self.rename(customer, user_id or _user_id(wa_id))

    def heard_from(self, number_id: str, customer: Customer, at: float, *, from_ad: bool = False) -> None:
        """A customer's message opens, or prolongs, the customer service window; after a click on an ad the answer opens
        a free entry point."""
        window = self._window(number_id, customer)
        window.last_word = max(at, window.last_word)
        if from_ad:
            window.clicked_at = at

    def told(self, number_id: str, customer: Customer, now: float, *, by_phone: bool) -> bool:
        """A message goes out to a customer; whether it travels free through an entry point (72 h since the first
        answer, given within 24 h; pricing page)."""
        if by_phone and customer.hides_phone:
            self._window(number_id, customer).phoned_at = now
        window = customer.window(number_id)
        if window is None:
            return False
        if window.clicked_at and now - window.clicked_at < 86_400:
            window.clicked_at, window.free_until = 0.0, now + 3 * 86_400
        return now < window.free_until

    def shows_phone(self, number_id: str, customer: Customer, now: float) -> bool:
        """Whether webhooks tell the phone number: not of who has a username, unless the business has them in the
        contact book or wrote to that number in the last 30 days (business-scoped user ids page)."""
        if not customer.hides_phone or customer.in_contact_book:
            return bool(customer.wa_id)
        window = customer.window(number_id)
        return bool(customer.wa_id) and window is not None and now - window.phoned_at < 30 * 86_400

    def in_window(self, number_id: str, customer: Customer, now: float, window_seconds: float) -> bool:
        """Whether free-form messages are allowed: the customer wrote to this number in the last 24 h."""
        window = customer.window(number_id)
        return window is not None and now - window.last_word < window_seconds

    def new_wamid(self, wa_id: str, *, incoming: bool) -> str:
        """A message id of the platform's form: base64 over the number and a unique part."""
        phone = wa_id.encode()[:64]
        middle = b"\x15\x02\x00\x12\x18\x14" if incoming else b"\x15\x02\x00\x11\x18\x12"
        raw = b"\x1c\x18" + bytes((len(phone),)) + phone + middle + f"{self._salt}{next(self._ids):012X}".encode()
        return "wamid." + base64.b64encode(raw + b"\x00").decode()

    def _known(self, digits: str) -> Customer | None:
        return next((self.customers[form] for form in forms(digits) if form in self.customers), None)

    def _meet(self, wa_id: str) -> Customer:
        fails_with = 131026 if self._dead is not None and self._dead.search(wa_id) else None
        met = Customer(wa_id, _user_id(wa_id), f"Customer {wa_id[-4:]}", fails_with=fails_with)
        self.customers[wa_id] = self._by_user_id[met.user_id] = met
        return met

    def _window(self, number_id: str, customer: Customer) -> Window:
        if customer.windows is None:
            customer.windows = {}
        return customer.windows.setdefault(number_id, Window())

    def _business_numbers(self) -> Iterable[tuple[str, BusinessNumber]]:
        config = self._config
        for position, number_id in enumerate(config.phone_number_ids):
            given = config.display_phone_numbers
            display = given[position] if position < len(given) else f"8862555{position:05d}"
            yield number_id, BusinessNumber(number_id, display, config.verified_name)


def _user_id(wa_id: str, turn: int = 0) -> str:
    """A stable business-scoped user id: country code, dot, digits; another one for each `turn`."""
    country = next((_COUNTRIES[wa_id[:length]] for length in (3, 2, 1) if wa_id[:length] in _COUNTRIES), None)
    country = country or (wa_id[:2] if wa_id[:2].isalpha() else "US")
    salted = f"{wa_id}/{turn}" if turn else wa_id
    return f"{country}.{int.from_bytes(hashlib.blake2b(salted.encode(), digest_size=8).digest(), 'big'):020d}"
