"""Webhook deliveries: are they the platform's, and what do they tell, item by item.

Source: developers.facebook.com/documentation/business-messaging/whatsapp/webhooks, pages overview and
create-webhook-endpoint. A delivery holds up to 1,000 updates of several kinds, comes at least once, in no order, and is
repeated for 7 days until answered 200. So every item gets a key that is the same in every repetition.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from syncer.domain.inbox import InboxItem
from syncer.whatsapp.json_text import load
from syncer.whatsapp.scene import Scene
from syncer.whatsapp.shapes import identifier


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
        """One item per message, status, echo, message of the history, preference, contact, error or other notice.

        Nothing the delivery holds is left out: what is not known becomes an item of kind `other:<field>`. A time that
        cannot be true is replaced by `received_at` (default: now). Raises `ValueError` when the body is not JSON, not
        an object with a list `entry`, or nested beyond what can be read.
        """
        received = (received_at or datetime.now(UTC)).timestamp()
        try:
            return list(chain.from_iterable(_read_entry(entry, received) for entry in _entries(body)))
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _entries(body: bytes) -> list[Any]:
    delivery = load(body)
    entries = delivery.get("entry") if isinstance(delivery, dict) else None
    if not isinstance(entries, list):
        raise ValueError("not a delivery: no object with a list `entry`")
    return entries


def _read_entry(entry: Any, received: float) -> list[InboxItem]:
    changes = entry.get("changes") if isinstance(entry, dict) else None
    if not isinstance(changes, list) or not changes:
        return [Scene("entry", {}, None, received).other("entry", entry)]
    return list(chain.from_iterable(_read_change(change, entry.get("time"), received) for change in changes))


def _read_change(change: Any, entry_time: Any, received: float) -> list[InboxItem]:
    if not isinstance(change, dict):
        return [Scene("unknown", {}, entry_time, received).other("unknown", change)]
    field, value = identifier(change.get("field")) or "unknown", change.get("value")
    if not isinstance(value, dict):
        return [Scene(field, {}, entry_time, received).other(field, change)]
    return Scene(field, value, entry_time, received).items()
