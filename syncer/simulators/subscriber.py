"""A program of somebody's that has subscribed to hooks, as a real HTTP server: it takes what it is told, remembers it
by the events' own ids, and can be slow, deaf or gone."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from dataclasses import dataclass, field
from json import loads
from typing import Any

from aiohttp import web

from syncer.simulators.serving import Listener, RunningServer

#: What can be wrong with it: it takes a delivery and its answer is lost; it answers 503.
UNHEARD, FAILING = "unheard", "failing"


@dataclass(frozen=True, slots=True)
class Told:
    """One event, and when it came for the first time (unix seconds)."""

    at: float
    body: dict[str, Any]


@dataclass
class Subscriber:
    """What it was told. `latency` seconds pass before each answer; `trouble` is None, `UNHEARD` or `FAILING`; `secrets`
    by subscribed address check the signatures. `requests` counts all that reached it, `unsigned` those whose signature
    was not right, `repeated` the events that it had already."""

    host: str = "127.0.0.1"
    port: int = 0
    latency: float = 0.0
    trouble: str | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    requests: int = 0
    unsigned: int = 0
    repeated: int = 0
    _server: RunningServer | None = None

    def open(self) -> None:
        """Listen; at the same port as before. Raises `OSError` when it is taken."""
        if self._server is None:
            self._server = RunningServer(lambda: Listener(self._answer, self.host, self.port), name="subscriber")
            self.port = int(self._server.url.rpartition(":")[2])

    def close(self) -> None:
        """Nobody listens there any more."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def address(self, word: str) -> str:
        """One to be subscribed; `word` tells several apart."""
        return f"http://{self.host}:{self.port}/{word}"

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        body = await request.read()
        await asyncio.sleep(self.latency)
        if self.trouble == FAILING:
            return web.Response(status=503)
        if not self._is_signed(request, body):
            self.unsigned += 1
            return web.Response(status=401)
        self._take(loads(body))
        if self.trouble == UNHEARD and request.transport is not None:
            request.transport.abort()
        return web.Response(status=200)

    def _is_signed(self, request: web.BaseRequest, body: bytes) -> bool:
        """As docs/hooks.md tells a receiver to look."""
        secret = self.secrets.get(request.path.strip("/"))
        if secret is None:
            return False
        content = request.headers.get("X-Syncer-Timestamp", "").encode() + b"." + body
        right = f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"
        return hmac.compare_digest(right, request.headers.get("X-Syncer-Signature", ""))

    def _take(self, told: Any) -> None:
        for event in told if isinstance(told, list) else [told]:
            if event["id"] in self.told:
                self.repeated += 1
            else:
                self.told[event["id"]] = Told(time.time(), event)
