"""Watch channels: Zoho tells us which contacts have changed, within seconds.

Source: "notification APIs" (enable, get details, update). A channel lives for at most a week, so it is renewed by the
beat; a notice holds ids only and is not signed, so it carries a secret word of the channel. Zoho does not repeat what
we missed: the regular reading of changes stays the net below.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from syncer.crm import moments
from syncer.crm.exchange import objects, reading
from syncer.crm.refusals import object_of
from syncer.crm.zoho import errors
from syncer.crm.zoho.call import Api, is_id, parsed
from syncer.domain.errors import DeliveryError, Never

#: How long a channel is asked to live; Zoho allows a week.
LIFE = timedelta(days=6, hours=12)
#: A channel is renewed when no more than this is left, so the beat may fail for days.
RENEW_BEFORE = timedelta(days=4)
#: Characters of a channel's word; Zoho takes 50.
_TOKEN = 48
_EVENTS = ("create", "edit", "delete")


@dataclass(frozen=True, slots=True)
class Notice:
    """What Zoho tells: which records, of which module, by which channel, and what was done (insert, update, delete)."""

    channel_id: str
    token: str
    module: str
    operation: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel in force."""

    id: str
    expires_at: datetime
    renewed: bool


def channel_id(module: str, notify_url: str) -> str:
    """The number of the one channel of a module to an address: the same in every process, so nobody opens a second."""
    digest = hashlib.blake2b(f"{module}\n{notify_url}".encode(), digest_size=8).digest()
    return str(int.from_bytes(digest) % 10**15 + 10**15)


def token_of(secret: str, channel: str) -> str:
    """The channel's own word, made of our secret; whoever learns one knows no other."""
    return hmac.new(secret.encode(), f"zoho channel {channel}".encode(), hashlib.sha256).hexdigest()[:_TOKEN]


def read_notice(body: bytes) -> Notice:
    """What a delivery says. Raises `ValueError` when it is none of Zoho's."""
    told = object_of(body)
    if told is None or not isinstance(told.get("ids"), list):
        raise ValueError("not a notice of Zoho's")
    return Notice(
        str(told.get("channel_id") or ""),
        str(told.get("token") or ""),
        str(told.get("module") or ""),
        str(told.get("operation") or ""),
        tuple(dict.fromkeys(str(one) for one in told["ids"] if is_id(str(one)))),
    )


def verify(secrets: Sequence[str], notice: Notice) -> bool:
    """Whether the notice carries its channel's word by any current secret; constant-time."""
    given = notice.token.encode()
    good = [hmac.compare_digest(token_of(secret, notice.channel_id).encode(), given) for secret in secrets]
    return any(good)


def renew(api: Api, *, module: str, notify_url: str, secret: str, now: datetime) -> Channel:
    """Open the channel, or prolong it when it is about to end or says something else than it should; otherwise one
    question is all that it costs. Safe to repeat. Raises `TryAgain`, `TryLater`, `FixCredentials`."""
    number = channel_id(module, notify_url)
    wanted: dict[str, Any] = {
        "channel_id": number,
        "events": [f"{module}.{event}" for event in _EVENTS],
        "notify_url": notify_url,
        "token": token_of(secret, number),
        "notify_on_related_action": False,
        "return_affected_field_values": False,
    }
    known = _known(api, number)
    until = _expiry(known)
    if known is not None and until is not None and until - now > RENEW_BEFORE and _says(known, wanted):
        return Channel(number, until, renewed=False)
    expiry = (now + LIFE).astimezone(UTC).replace(microsecond=0)
    body = {"watch": [{**wanted, "channel_expiry": expiry.isoformat()}]}
    try:
        told = parsed(api.call("POST" if known is None else "PUT", "actions/watch", json=body))
    except Never as error:
        raise reading(error) from error
    if (refusal := _refusal(told)) is not None:
        raise refusal
    return Channel(number, expiry, renewed=True)


def _known(api: Api, number: str) -> dict[str, Any] | None:
    try:
        told = parsed(api.get("actions/watch", {"channel_id": number}))
    except Never:
        return None
    return next((row for row in objects(told.get("watch")) if str(row.get("channel_id")) == number), None)


def _expiry(known: dict[str, Any] | None) -> datetime | None:
    return None if known is None or not known.get("channel_expiry") else moments.moment(known["channel_expiry"])


def _says(known: dict[str, Any], wanted: dict[str, Any]) -> bool:
    same = all(known.get(name) == wanted[name] for name in ("notify_url", "token"))
    return same and set(known.get("events") or ()) == set(wanted["events"])


def _refusal(told: dict[str, Any]) -> DeliveryError | None:
    rows = objects(told.get("watch"))
    if not rows:
        return errors.VENDOR.silence("the channel")
    bad = next((row for row in rows if row.get("status") != "success"), None)
    return None if bad is None else reading(errors.from_item(bad))
