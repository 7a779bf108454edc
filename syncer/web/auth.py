"""Who asks: API keys by bearer token or by `X-API-Key`, and the console's password by HTTP basic. Compared in constant
time."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from config.values import ApiKey
from syncer.domain.errors import SyncerError
from syncer.web.key_ring import KeyRing
from syncer.web.problems import Problem

#: What a key may hold; `messages` allows everything there, `messages.read` only reading, `*` everything.
SCOPES = ("messages", "contacts", "campaigns", "failures", "hooks", "sync", "reports")

#: Everything that `syncer keys create --scope` takes.
ALL_SCOPES = frozenset({"*", "*.read", *SCOPES, *(f"{noun}.read" for noun in SCOPES)})

_BEARER = HTTPBearer(auto_error=False, description="An API key; see SYNCER_API_KEYS and `syncer keys create`")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, for programs that cannot say Bearer")


class ApiKeys:
    """The keys in use: those of the environment, and those of the database as far as they can be read."""

    def __init__(self, given: Sequence[ApiKey], made: KeyRing) -> None:
        self._given = [(key, bytes.fromhex(key.sha256)) for key in given]
        self._made = made

    async def find(self, token: str) -> ApiKey | None:
        """The key of this token; all are compared, so that the time taken tells nothing. Raises `SyncerError` when it
        is none of the environment's and the database does not say."""
        given = sha256(token.encode()).digest()
        return _matching(given, self._given) or _matching(given, await self._made.keys(), used=self._made.used)


def _matching(
    given: bytes, known: Sequence[tuple[ApiKey, bytes]], used: Callable[[bytes], None] | None = None
) -> ApiKey | None:
    found = None
    for key, digest in known:
        if hmac.compare_digest(given, digest):
            found = key
    if found is not None and used is not None:
        used(given)
    return found


def allowed(key: ApiKey, noun: str, *, reading: bool) -> bool:
    """Whether a key's scopes reach a route of `noun`."""
    enough = {noun, "*"} | ({f"{noun}.read", "*.read"} if reading else set())
    return not enough.isdisjoint(key.scopes)


async def caller(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    header: Annotated[str | None, Depends(_HEADER)],
) -> ApiKey:
    """Whose request this is, whatever they may do. 401 for nobody's; 503 where that cannot be told now, since a client
    that hears 401 throws its key away."""
    token = bearer.credentials if bearer else header
    keys: ApiKeys = request.app.state.keys
    try:
        key = await keys.find(token) if token else None
    except SyncerError as error:
        raise Problem(503, "the database does not answer now", headers={"Retry-After": "5"}) from error
    if key is None:
        challenge = 'Bearer realm="syncer"' + (', error="invalid_token"' if token else "")
        raise Problem(401, "an API key is needed", headers={"WWW-Authenticate": challenge})
    return key


def needs(noun: str) -> Callable[..., Awaitable[ApiKey]]:
    """A dependency: the caller's key, if it may do what the request asks of `noun`."""
    assert noun in SCOPES, noun

    async def permitted(request: Request, key: Annotated[ApiKey, Depends(caller)]) -> ApiKey:
        if not allowed(key, noun, reading=request.method == "GET"):
            challenge = f'Bearer realm="syncer", error="insufficient_scope", scope="{noun}"'
            detail = f"the key {key.name} lacks the scope {noun}"
            raise Problem(403, detail, headers={"WWW-Authenticate": challenge})
        return key

    return permitted


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
