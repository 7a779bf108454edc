"""Who asks: API keys by bearer token, and the console's password by HTTP basic. Compared in constant time."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from config.values import ApiKey
from syncer.web.problems import Problem

#: What a key may hold; `messages` allows everything there, `messages.read` only reading, `*` everything.
SCOPES = ("messages", "contacts", "campaigns", "failures", "sync", "reports")

_BEARER = HTTPBearer(auto_error=False, description="An API key; see SYNCER_API_KEYS")


class ApiKeys:
    """The keys in use. Only hashes are kept."""

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._keys = [(key, bytes.fromhex(key.sha256)) for key in keys]

    def find(self, token: str) -> ApiKey | None:
        """The key of this token; all are compared, so that the time taken tells nothing."""
        given = sha256(token.encode()).digest()
        found = None
        for key, known in self._keys:
            if hmac.compare_digest(given, known):
                found = key
        return found


def allowed(key: ApiKey, noun: str, *, reading: bool) -> bool:
    """Whether a key's scopes reach a route of `noun`."""
    enough = {noun, "*"} | ({f"{noun}.read", "*.read"} if reading else set())
    return not enough.isdisjoint(key.scopes)


def needs(noun: str) -> Callable[..., Awaitable[ApiKey]]:
    """A dependency: the caller's key, if it may do what the request asks of `noun`."""
    assert noun in SCOPES, noun

    async def caller(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
    ) -> ApiKey:
        keys: ApiKeys = request.app.state.keys
        key = keys.find(given.credentials) if given else None
        if key is None:
            challenge = 'Bearer realm="syncer"' + (', error="invalid_token"' if given else "")
            raise Problem(401, "an API key is needed", headers={"WWW-Authenticate": challenge})
        if not allowed(key, noun, reading=request.method == "GET"):
            challenge = f'Bearer realm="syncer", error="insufficient_scope", scope="{noun}"'
            detail = f"the key {key.name} lacks the scope {noun}"
            raise Problem(403, detail, headers={"WWW-Authenticate": challenge})
        return key

    return caller


def password_of(authorization: str | None) -> str | None:
    """The password of an HTTP basic header; None when there is none to be read."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        pair = b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return pair.partition(":")[2]


def same(given: str | None, expected: str) -> bool:
    """Constant-time comparison of two texts."""
    return hmac.compare_digest((given or "").encode(), expected.encode())
