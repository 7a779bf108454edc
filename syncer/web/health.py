"""Whether the process is up (`/healthz`), whether it can do its work (`/readyz`), and its figures (`/metrics`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from syncer.bootstrap import Runtime
from syncer.domain.errors import Unreachable
from syncer.monitoring import exchanges, metrics, probes

T = TypeVar("T")

#: Seconds after which a probe that has not come back counts as "does not answer".
PATIENCE = 2.0
#: Seconds for which one answer serves everybody who asks.
FRESH_SECONDS = 1.0


class Cached(Generic[T]):
    """What `look` returns, looked up by a thread of `pool` at most once at a time and once a second, however many
    ask - so neither curious scrapers nor a stalled server can use up threads or connections."""

    def __init__(self, look: Callable[[], T], pool: Executor, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._look = look
        self._pool = pool
        self._fresh_seconds = fresh_seconds
        self._running: asyncio.Future[T] | None = None
        self._until = 0.0

    async def get(self) -> T:
        """A result that is fresh enough. Raises what `look` raises, and `Unreachable` when it takes too long."""
        running = self._running
        if running is None or (running.done() and time.monotonic() > self._until):
            running = self._running = asyncio.get_running_loop().run_in_executor(self._pool, self._look)
            running.add_done_callback(self._date)
        try:
            return await asyncio.wait_for(asyncio.shield(running), PATIENCE)
        except TimeoutError:
            raise Unreachable(f"no answer within {PATIENCE:.0f} s") from None

    def _date(self, ended: asyncio.Future[T]) -> None:
        self._until = time.monotonic() + self._fresh_seconds
        if not ended.cancelled():
            ended.exception()


def routes(runtime: Runtime, pool: Executor) -> list[Route]:
    """The three addresses. `pool` has a thread for each thing asked about."""
    probed = {
        "database": Cached(runtime.store.ping, pool),
        "broker": Cached(lambda: probes.broker(runtime.services.redis_url), pool),
    }
    figures = Cached(lambda: (runtime.reports.waiting(), runtime.crm_standing.away()), pool)

    asked = Cached(runtime.tallies.read, pool)

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def readyz(request: Request) -> Response:
        verdicts = await asyncio.gather(*map(_verdict, probed.values()))
        found = dict(zip(probed, verdicts, strict=True))
        ready = all(verdict == "ok" for verdict in verdicts)
        return JSONResponse({"ready": ready, **found}, 200 if ready else 503)

    async def scrape(request: Request) -> Response:
        try:
            rows, away = await figures.get()
            metrics.waiting(rows)
            metrics.crms(runtime.settings.crm.names, away)
        except Unreachable:
            metrics.waiting(None)
        with suppress(Unreachable):
            exchanges.told(await asked.get())
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", scrape)]


async def _verdict(probe: Cached[None]) -> str:
    try:
        await probe.get()
    except Unreachable as error:
        return str(error)
    return "ok"
