"""The signature on every delivery, by which a receiver knows that it is ours and fresh. See docs/hooks.md."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from syncer.domain.hook import HookCall


def headers(call: HookCall, now: datetime) -> Mapping[str, str]:
    """What goes out above a delivery. The timestamp (seconds since 1970) is that of this attempt; `X-Syncer-Delivery`
    is the same at every attempt."""
    stamp = str(int(now.timestamp()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "syncer-hooks",
        "X-Syncer-Event": str(call.event),
        "X-Syncer-Delivery": call.delivery,
        "X-Syncer-Timestamp": stamp,
        "X-Syncer-Signature": f"sha256={sign(call.secret, stamp, call.body)}",
    }


def sign(secret: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal over the timestamp, a dot, and the raw body."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
