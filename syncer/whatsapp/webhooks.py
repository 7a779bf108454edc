"""Webhook deliveries: are they the platform's, and what do they tell, item by item.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks, pages overview and
create-webhook-endpoint. A delivery holds up to 1,000 updates of several kinds, comes at least once, in no order, and is
repeated for 7 days until answered 200. So every item gets a key that is the same in every repetition.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from syncer.domain.inbox import InboxItem
from syncer.whatsapp.events import addressee, identifier, identify
from syncer.whatsapp.json_text import canonical, dump, load

SOURCE = "whatsapp"
#: How far a provider's clock may run ahead of ours (seconds); a time beyond is no time.
CLOCK_TOLERANCE = 300.0
#: WhatsApp exists since 2009: an earlier time is no time.
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC).timestamp()
_SPLIT = frozenset({"messaging_product", "metadata", "contacts", "messages", "statuses", "errors"})
_PREFERENCES = frozenset({"messaging_product", "metadata", "contacts", "user_preferences"})


class WhatsAppWebhooks:
    """Implements `ports.Webhooks`. `app_secrets`: the current one, and those still accepted during a rotation."""

    def __init__(self, app_secrets: Sequence[str]) -> None:
        self._keys = tuple(secret.encode() for secret in app_secrets if secret)

    def verify(self, body: bytes, signature: str | None) -> bool:
        """Whether `signature` (header `X-Hub-Signature-256`) is that of the raw bytes under one of our secrets."""
        given = (signature or "").encode("ascii", "replace")
        signed = [b"sha256=" + hmac.digest(key, body, "sha256").hex().encode() for key in self._keys]
        return any([hmac.compare_digest(expected, given) for expected in signed])  # noqa: C419 - none is skipped

    def handshake(self, params: Mapping[str, str], verify_token: str) -> str | None:
        """The challenge to answer with, as plain text; None means 403. `params` is the query of the GET (R20)."""
        given = params.get("hub.verify_token", "").encode("utf-8", "replace")
        ours = bool(verify_token) and hmac.compare_digest(given, verify_token.encode())
        return params.get("hub.challenge") if ours and params.get("hub.mode") == "subscribe" else None

    def split(self, body: bytes, received_at: datetime | None = None) -> list[InboxItem]:
        """One item per message, status, preference, error or other notice, in the order of the delivery.

        Nothing the delivery holds is left out: what is not known becomes an item of kind `other:<field>`. A time that
        cannot be true is replaced by `received_at` (default: now). Raises `ValueError` when the body is not JSON, not
        an object with a list `entry`, or nested beyond what can be read.
        """
        received = (received_at or datetime.now(UTC)).timestamp()
        try:
            return [item for entry in _entries(body) for item in _read_entry(entry, received)]
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _entries(body: bytes) -> list[Any]:
    delivery = load(body)
    entries = delivery.get("entry") if isinstance(delivery, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a delivery: no object with a list `entry`")
    return entries


def _read_entry(entry: Any, received: float) -> Iterator[InboxItem]:
    changes = entry.get("changes") if isinstance(entry, dict) else None
    if not isinstance(changes, list) or not changes:
        yield _Scene("entry", {}, None, received).other("entry", entry)
        return
    for change in changes:
        yield from _read_change(change, entry.get("time"), received)


def _read_change(change: Any, entry_time: Any, received: float) -> Iterable[InboxItem]:
    value = change.get("value") if isinstance(change, dict) else None
    field = (identifier(change.get("field")) if isinstance(change, dict) else None) or "unknown"
    if not isinstance(value, dict):
        return [_Scene(field, {}, entry_time, received).other(field, change)]
    scene = _Scene(field, value, entry_time, received)
    if field == "messages":
        return scene.told(_SPLIT, messages=scene.message, statuses=scene.status, errors=scene.error)
    if field == "user_preferences":
        return scene.told(_PREFERENCES, user_preferences=scene.preference)
    return [scene.other(field, value)]


class _Scene:
    """What surrounds the items of one change."""

    __slots__ = ("_by_id", "_value", "entry_time", "field", "metadata", "phone_number_id", "received")

    def __init__(self, field: str, value: Mapping[str, Any], entry_time: Any, received: float) -> None:
        metadata = value.get("metadata")
        self.field = field
        self.metadata = metadata
        self.phone_number_id = (
            identifier(metadata.get("phone_number_id")) if isinstance(metadata, dict) else None
        ) or ""
        self.entry_time = entry_time
        self.received = received
        self._value = value
        self._by_id: dict[str | None, dict[str, Any]] | None = None

    def told(self, known: frozenset[str], **readers: Callable[[dict[str, Any]], InboxItem]) -> Iterator[InboxItem]:
        """Each row of each list through its reader; rows and keys of any other shape as they are."""
        value, nothing = self._value, True
        for key, reader in readers.items():
            rows = value.get(key)
            if rows is None:
                continue
            nothing = False
            for row in rows if isinstance(rows, list) else [rows]:
                yield reader(row) if isinstance(row, dict) and row is not rows else self.other(key, row)
        unknown = {key: told for key, told in value.items() if key not in known}
        if unknown or nothing:
            yield self.other(self.field, unknown or value)

    def message(self, row: dict[str, Any]) -> InboxItem:
        wamid = identifier(row.get("id"))
        if wamid is None:
            return self.other("messages", row)
        contact = self._contact(row.get("from"), row.get("from_user_id"), self._value["messages"])
        phone, user_id = identify(row, contact or {})
        return self._item(row, "message", wamid, phone or user_id or wamid, row.get("timestamp"), contact)

    def status(self, row: dict[str, Any]) -> InboxItem:
        wamid, status = identifier(row.get("id")), identifier(row.get("status"))
        if wamid is None or status is None:
            return self.other("statuses", row)
        contact = self._contact(row.get("recipient_id"), row.get("recipient_user_id"), self._value["statuses"])
        return self._item(row, f"status:{status[:32]}", wamid, addressee(row) or wamid, row.get("timestamp"), contact)

    def preference(self, row: dict[str, Any]) -> InboxItem:
        return self.other("user_preferences", row, self._contact(row.get("wa_id"), row.get("user_id")))

    def error(self, row: dict[str, Any]) -> InboxItem:
        return self.other("errors", row)

    def other(self, name: str, row: Any, contact: Any = None) -> InboxItem:
        """Kept raw; the key is a hash of what and when, the platform's own advice for notices without an id."""
        fields = row if isinstance(row, dict) else {}
        told = blake2b(canonical([self.field, name, row, self.entry_time]), digest_size=16)
        phone, user_id = identify({"from": fields.get("wa_id"), "from_user_id": fields.get("user_id")}, {})
        at = fields.get("timestamp") or self.entry_time
        digest = told.hexdigest()
        return self._item(row, f"other:{name[:32]}", digest, phone or user_id or digest, at, contact)

    def _item(self, row: Any, kind: str, item_id: str, order_key: str, at: Any, contact: Any) -> InboxItem:
        payload = {"item": row, "contact": contact, "metadata": self.metadata, "field": self.field}
        return InboxItem(
            SOURCE, self.phone_number_id, item_id, kind, order_key, _moment(at, self.received), dump(payload)
        )

    def _contact(self, wa_id: Any, user_id: Any, rows: Any = None) -> dict[str, Any] | None:
        """The `contacts[]` entry of this person. One contact beside the one row of `rows` belongs to it, whatever the
        ids say: a wa_id may differ from the number (Brazil, Mexico)."""
        contacts = self._value.get("contacts")
        if not isinstance(contacts, list) or not contacts:
            return None
        if self._by_id is None:
            self._by_id = _indexed(contacts)
        found = self._by_id.get(_hashable(wa_id)) or self._by_id.get(_hashable(user_id))
        if found is None and isinstance(rows, list) and len(rows) == 1 == len(contacts):
            found = contacts[0] if isinstance(contacts[0], dict) else None
        return found


def _indexed(contacts: list[Any]) -> dict[str | None, dict[str, Any]]:
    by_id: dict[str | None, dict[str, Any]] = {}
    for contact in contacts:
        if isinstance(contact, dict):
            by_id[_hashable(contact.get("wa_id"))] = by_id[_hashable(contact.get("user_id"))] = contact
    by_id.pop(None, None)
    return by_id


def _hashable(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _moment(value: Any, received: float) -> datetime:
    """A time in seconds, given as text or number; `received` for anything that cannot have been the time."""
    try:
        seconds = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not _EARLIEST <= seconds <= received + CLOCK_TOLERANCE:
        seconds = received
    return datetime.fromtimestamp(seconds, UTC)
