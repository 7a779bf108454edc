"""Webhook doors: a delivery is verified on its raw bytes, split, committed, and then answered (law 1, R20).

Nothing else happens here: no CRM, no Redis, no enrichment. What is wrong with a delivery is found in the order of what
it costs to find out: its length, its signature, its JSON, the database.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.types import Message, Receive, Scope, Send

from syncer.domain.errors import SyncerError
from syncer.domain.inbox import InboxItem
from syncer.monitoring import metrics
from syncer.ports import Webhooks

log = logging.getLogger(__name__)

#: The platform's own bound on a delivery (whatsapp: "payloads can be up to 3 MB").
LARGEST_BODY = 3 * 1024 * 1024
#: Seconds for a body that does not come with its headers; a slow sender must not hold a place for ever.
BODY_SECONDS = 10.0
SIGNATURE = b"x-hub-signature-256"

Handshake = Callable[[Mapping[str, str]], str | None]


class Commits(Protocol):
    """Where items go; see `committer.Committer`."""

    async def commit(self, items: Sequence[InboxItem]) -> None:
        """Return when all are durably stored. Raises `SyncerError` when they are not."""


class TooLarge(Exception):
    """The body is longer than may be."""


class TooSlow(Exception):
    """The body did not come in time."""


class Gone(Exception):
    """The sender has left; there is nobody to answer."""


class WebhookDoor:
    """One provider's address, as an ASGI application. `handshake` turns the query of a GET into the challenge to
    repeat, or None; providers without a handshake have none."""

    def __init__(self, source: str, provider: Webhooks, commits: Commits, handshake: Handshake | None = None) -> None:
        self._source = source
        self._provider = provider
        self._commits = commits
        self._handshake = handshake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] == "POST":
            await self._post(scope, receive, send)
        elif scope["method"] == "GET" and self._handshake:
            challenge = self._handshake(dict(parse_qsl(scope["query_string"].decode("latin-1"))))
            await _answer(send, _MESSAGES[403] if challenge is None else _message(200, challenge.encode()))
        else:
            await _answer(send, _MESSAGES[405])

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            status = await self._deliver(scope, receive)
        except Gone:
            return
        await _answer(send, _MESSAGES[status])
        metrics.answered(self._source, status, time.perf_counter() - started)

    async def _deliver(self, scope: Scope, receive: Receive) -> int:
        length, signature = _headers(scope)
        if length > LARGEST_BODY:
            return 413
        if signature is None:
            return 401
        try:
            body = await read_body(receive, LARGEST_BODY)
        except TooLarge:
            return 413
        except TooSlow:
            return 408
        if not self._provider.verify(body, signature):
            return 401
        try:
            items = self._provider.split(body)
        except ValueError:
            return 400
        return await self._commit(items)

    async def _commit(self, items: Sequence[InboxItem]) -> int:
        try:
            await self._commits.commit(items)
        except SyncerError:
            return 503
        except Exception:  # the committer has logged it
            return 500
        return 200


def _headers(scope: Scope) -> tuple[int, str | None]:
    """The declared length (0 when none) and the signature."""
    length, signature = 0, None
    for name, value in scope["headers"]:
        if name == SIGNATURE:
            signature = value.decode("latin-1")
        elif name == b"content-length":
            length = int(value) if value.isdigit() else 0
    return length, signature


async def read_body(receive: Receive, largest: int) -> bytes:
    """The whole body, counted while it comes. Raises `TooLarge`, `TooSlow`, `Gone`."""
    first = await receive()
    if not first.get("more_body"):
        return _part(first, largest)
    parts, left = [_part(first, largest)], largest - len(first["body"])
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                parts.append(_part(message, left))
                left -= len(parts[-1])
                more = message.get("more_body", False)
    except TimeoutError:
        raise TooSlow from None
    return b"".join(parts)


def _part(message: Message, left: int) -> bytes:
    if message["type"] == "http.disconnect":
        raise Gone
    body: bytes = message.get("body", b"")
    if len(body) > left:
        raise TooLarge
    return body


_TEXTS = {
    400: b"not the provider's JSON",
    401: b"signature missing or wrong",
    403: b"not the verify token",
    405: b"deliveries come by POST",
    408: b"the body did not come in time",
    413: b"larger than 3 MiB",
    500: b"not stored",
    503: b"not stored; please repeat",
}
_PLAIN = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]
_MORE = {
    405: [(b"allow", b"GET, POST")],
    408: [(b"connection", b"close")],
    503: [(b"retry-after", b"5")],
}


def _message(status: int, body: bytes) -> tuple[Message, Message]:
    headers = [(b"content-length", b"%d" % len(body)), *(_PLAIN if body else ()), *_MORE.get(status, ())]
    start = {"type": "http.response.start", "status": status, "headers": headers}
    return start, {"type": "http.response.body", "body": body}


#: Made once. An acknowledgement has no body: it leaves in one piece, and the sender reads nothing but the status.
_MESSAGES = {200: _message(200, b"")} | {status: _message(status, body) for status, body in _TEXTS.items()}


async def _answer(send: Send, messages: tuple[Message, Message]) -> None:
    for message in messages:
        await send(message)
