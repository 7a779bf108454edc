"""The webhook's envelope: what is told, grouped as the platform groups it, and the bytes that are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.simulators.whatsapp.answers import dumps
from syncer.simulators.whatsapp.state import BusinessNumber, InboundMessage

MOST_BYTES = 3 * 1024 * 1024
MESSAGES, STATUSES, PREFERENCES = "messages", "statuses", "user_preferences"
HISTORY, STATE_SYNC, MESSAGE_ECHOES = "history", "state_sync", "message_echoes"
_FIELDS = {STATE_SYNC: "smb_app_state_sync", MESSAGE_ECHOES: "smb_message_echoes"}
ERRORS, ACTIONS = "errors", "user_actions"
_IN_MESSAGES = frozenset({MESSAGES, STATUSES, ERRORS, ACTIONS})


@dataclass(slots=True)
class Update:
    """One thing told by a webhook. `part` is the key under `value` it is listed in (its field is `messages`, or of the
    same name), or the field's own name when the value is the thing itself (template and account fields, which have no
    number). `told_to` is the number whose own callback address counts where `number` is not given."""

    part: str
    body: dict[str, Any]
    number: BusinessNumber | None = None
    contact: dict[str, Any] | None = None
    inbound: InboundMessage | None = None
    told_to: BusinessNumber | None = None

    @property
    def route(self) -> str:
        """The name by which faults find it."""
        return f"callbacks.{self.part}"


def envelope(waba_id: str, updates: Iterable[Update]) -> dict[str, Any]:
    """The JSON of one delivery: an entry per number with a change per part, and one entry for each other field."""
    entries: list[dict[str, Any]] = []
    changes: dict[tuple[str, str], tuple[dict[str, Any], set[str]]] = {}
    by_number: dict[str, dict[str, Any]] = {}
    for update in updates:
        if update.number is None:
            change = {"field": update.part, "value": update.body}
            entries.append({"id": waba_id, "time": int(time.time()), "changes": [change]})
            continue
        key = (update.number.id, update.part)
        if key not in changes:
            value = _value(update.number)
            changes[key] = (value, set())
            if update.number.id not in by_number:
                by_number[update.number.id] = {"id": waba_id, "changes": []}
                entries.append(by_number[update.number.id])
            field = "messages" if update.part in _IN_MESSAGES else _FIELDS.get(update.part, update.part)
            by_number[update.number.id]["changes"].append({"value": value, "field": field})
        _append(*changes[key], update)
    return {"object": "whatsapp_business_account", "entry": entries}


def encode(payload: dict[str, Any]) -> bytes:
    """JSON as the platform writes and signs it: everything beyond ASCII escaped."""
    body = dumps(payload)
    return body if body.isascii() else _escaped(payload)


def _escaped(payload: Any) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def encode_batches(waba_id: str, updates: Sequence[Update]) -> list[tuple[bytes, Sequence[Update]]]:
    """Bodies of at most 3 MB each, with what they hold."""
    body = encode(envelope(waba_id, updates))
    if len(body) <= MOST_BYTES or len(updates) == 1:
        return [(body, updates)]
    half = len(updates) // 2
    return encode_batches(waba_id, updates[:half]) + encode_batches(waba_id, updates[half:])


def encode_any(payload: Any) -> bytes:
    """Any JSON value as the platform would write it."""
    return _escaped(payload)


def signature(secret: str, body: bytes) -> str:
    """The value of `X-Hub-Signature-256` for exactly these bytes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _value(number: BusinessNumber) -> dict[str, Any]:
    metadata = {"display_phone_number": number.display_phone_number, "phone_number_id": number.id}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def _append(value: dict[str, Any], introduced: set[str], update: Update) -> None:
    """Add an update, and its contact once per value."""
    if update.contact is not None and update.contact["user_id"] not in introduced:
        introduced.add(update.contact["user_id"])
        value.setdefault("contacts", []).append(update.contact)
    value.setdefault(update.part, []).append(update.body)
