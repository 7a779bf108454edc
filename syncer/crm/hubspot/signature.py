"""HubSpot's signature of what it sends us, version 3: is it really theirs, and is it fresh.

Source: "validating requests from HubSpot". Base64 of HMAC-SHA256 with the app's client secret over method, full
address, raw body and timestamp. The address is the public one, not that behind a proxy, with a few characters decoded.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

#: Older than this (seconds), and a delivery may be somebody's recording of one.
OLDEST = 300.0
#: Digits of a timestamp that any clock could have: milliseconds for the next thirty thousand years.
_DIGITS = 15
#: The characters that HubSpot decodes in the address before it signs.
_DECODED = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}


def verify(
    secrets: Sequence[str],
    *,
    method: str,
    uri: str,
    body: bytes,
    timestamp: str | None,
    signature: str | None,
    now: datetime,
) -> bool:
    """Whether the delivery carries the signature of any current secret; constant-time.

    `uri` is the full public address with its query, `timestamp` and `signature` the headers
    `X-HubSpot-Request-Timestamp` (milliseconds since 1970) and `X-HubSpot-Signature-v3`.
    """
    if not signature or not timestamp or not timestamp.isascii() or not timestamp.isdecimal():
        return False
    if len(timestamp) > _DIGITS:
        return False
    if abs(now.timestamp() - int(timestamp) / 1000) > OLDEST:
        return False
    content = method.upper().encode() + _decoded(uri).encode() + body + timestamp.encode()
    given = signature.encode()
    good = [hmac.compare_digest(sign(secret, content), given) for secret in secrets]
    return any(good)


def sign(secret: str, content: bytes) -> bytes:
    """The signature of what is sent: method, address, body and timestamp one after the other."""
    return base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest())


def _decoded(uri: str) -> str:
    for code, character in _DECODED.items():
        uri = uri.replace(code, character).replace(code.lower(), character)
    return uri
