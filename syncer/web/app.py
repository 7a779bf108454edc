"""The web application: webhook doors first, because they are asked most, then health, then the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp

from syncer.bootstrap import Runtime
from syncer.web import health, notice_door
from syncer.web.api import app as api
from syncer.web.committer import Committer
from syncer.web.live import LiveView
from syncer.web.webhooks import WebhookDoor

#: Threads of API requests, and of looking around (one for each thing `health` and `live` ask about, and one for the API
#: keys: one that stalls must not speak for another). With those of the CRMs' notices not more than the store's pooled
#: connections, which may grow by five: a commit always finds its own.
API_THREADS = 5
LOOKING_THREADS = 5


def build(runtime: Runtime, committer: Committer | None = None) -> ASGIApp:
    """Everything the web process serves. `committer` is for measurements of other ways to store."""
    pool = ThreadPoolExecutor(LOOKING_THREADS, thread_name_prefix="looking")
    keepers = notice_door.Threads()
    committer = committer or Committer(runtime.intake.receive, missed=runtime.intake.door.shuts)
    routes = [
        *webhook_routes(runtime, committer),
        *notice_door.routes(runtime, keepers),
        *health.routes(runtime, pool),
        Mount("/api/v1", api.build(runtime, LiveView(runtime, pool), pool)),
    ]

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = API_THREADS
        committer.start()
        pool.submit(runtime.intake.open_door)
        yield
        await committer.close()
        keepers.close()
        pool.shutdown(wait=False, cancel_futures=True)

    return Router(routes, lifespan=lifespan)


def webhook_routes(runtime: Runtime, committer: Committer) -> list[BaseRoute]:
    """One door per provider."""
    whatsapp = runtime.webhooks["whatsapp"]
    token = runtime.settings.whatsapp.verify_token
    assert token is not None, "required by runtime.webhooks"
    word = token.get_secret_value()
    door = WebhookDoor("whatsapp", whatsapp, committer, lambda params: whatsapp.handshake(params, word))
    return [Route("/webhooks/whatsapp", door)]
