"""The doors at which CRMs tell of changed records: verified on the raw bytes, kept, and then answered as each wants it
(law 1). What the records say now is read afterwards, by workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol, TypeVar

from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from config.errors import ConfigurationError
from syncer.bootstrap import Runtime
from syncer.crm import registry
from syncer.domain.change_notice import Changed, Pushed
from syncer.domain.errors import SyncerError
from syncer.flows.notice_keeping import NoticeKeeping
from syncer.monitoring import metrics
from syncer.ports import ChangeNotices
from syncer.web.webhooks import Gone, TooLarge, TooSlow, read_body

log = logging.getLogger(__name__)

#: Bytes above which a body is read in a thread: nobody else's answer waits for its signature and its JSON.
LARGE = 64 * 1024
#: Seconds that a request waits for the database; HubSpot gives up after five, and repeats.
PATIENCE = 3.0
#: Threads for all doors together, and how many deliveries they may have: HubSpot sends ten at a time.
THREADS, MOST_UNDER_WAY = 2, 100

T = TypeVar("T")


class Keeping(Protocol):
    """Where notices go; see `flows.notice_keeping`."""

    def keep(self, crm: str, changed: Sequence[Changed]) -> int:
        """Store them. Raises `SyncerError` when they are not stored."""


class Overloaded(SyncerError):
    """The threads have more to do than they may; nothing of this delivery was kept."""


class Threads:
    """What may take its time, beside the event loop, shared by all doors."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="notices")
        self._under_way = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Do it. Raises `Overloaded`, `TimeoutError`, and what `work` raises."""
        if self._under_way >= MOST_UNDER_WAY:
            raise Overloaded("too many deliveries wait to be kept")
        self._under_way += 1
        doing = asyncio.get_running_loop().run_in_executor(self._pool, work)
        doing.add_done_callback(self._done)
        await asyncio.wait({doing}, timeout=PATIENCE)
        if not doing.done():
            raise TimeoutError("the database did not answer in time")
        return doing.result()

    def close(self) -> None:
        """Begin nothing new."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self, doing: asyncio.Future[Any]) -> None:
        self._under_way -= 1
        if not doing.cancelled():
            doing.exception()  # or it would be called unheard, where nobody waits any more


class NoticeDoor:
    """One CRM's address, as an ASGI application."""

    def __init__(self, crm: str, notices: ChangeNotices, keeping: Keeping, threads: Threads) -> None:
        self._crm, self._notices, self._keeping, self._threads = crm, notices, keeping, threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        try:
            status = await self._deliver(scope, receive) if scope["method"] == "POST" else 405
        except Gone:
            return
        for message in self._answer(status):
            await send(message)
        metrics.answered(self._crm, status, time.perf_counter() - started)

    async def _deliver(self, scope: Scope, receive: Receive) -> int:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._notices.largest:
            return 413
        try:
            body = await read_body(receive, self._notices.largest)
        except TooLarge:
            return 413
        except TooSlow:
            return 408
        return await self._keep(Pushed(_address(scope), headers, body))

    async def _keep(self, pushed: Pushed) -> int:
        try:
            changed = await self._read(pushed)
            if changed is None:
                return 401
            if changed:
                await self._threads.run(partial(self._keeping.keep, self._crm, changed))
        except ValueError:
            return 400
        except (SyncerError, TimeoutError) as error:
            log.warning("what %s told was not kept and not acknowledged: %s", self._crm, error)
            return 503
        except Exception:
            log.exception("what %s told cannot be kept and was not acknowledged", self._crm)
            return 500
        return 200

    async def _read(self, pushed: Pushed) -> Sequence[Changed] | None:
        if len(pushed.body) <= LARGE:
            return self._notices.read(pushed)
        return await self._threads.run(partial(self._notices.read, pushed))

    def _answer(self, status: int) -> tuple[Message, Message]:
        receipt = self._notices.receipt() if status == 200 else None
        body = _TEXTS[status] if receipt is None else receipt.body
        media_type = _PLAIN if receipt is None else receipt.media_type.encode()
        headers = [(b"content-length", b"%d" % len(body)), (b"x-content-type-options", b"nosniff")]
        headers += [(b"content-type", media_type)] if body else []
        start = {"type": "http.response.start", "status": status, "headers": [*headers, *_MORE.get(status, ())]}
        return start, {"type": "http.response.body", "body": body}


def _address(scope: Scope) -> str:
    """Path and query as they were written: a signature is over what was written."""
    path: bytes = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0]
    query: bytes = scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


_PLAIN = b"text/plain; charset=utf-8"
_TEXTS = {
    400: b"none of the CRM's deliveries",
    401: b"not the CRM's own word",
    405: b"deliveries come by POST",
    408: b"the body did not come in time",
    413: b"larger than any delivery",
    500: b"not kept",
    503: b"not kept; please repeat",
}
_MORE = {405: [(b"allow", b"POST")], 408: [(b"connection", b"close")], 503: [(b"retry-after", b"5")]}


def routes(runtime: Runtime, threads: Threads) -> list[BaseRoute]:
    """A door for each configured CRM that tells us of changes and whose word can be told from anybody's; where a
    setting is missing for that, polling is all there is, and the log says which. What an address may end with besides
    the CRM's name is that CRM's matter."""
    keeping = NoticeKeeping(runtime.store, runtime.clock, runtime.jobs)
    found: list[BaseRoute] = []
    for name in runtime.settings.crm.names:
        try:
            notices = registry.notices(name, runtime.settings, runtime.clock)
        except ConfigurationError as error:
            log.warning("no door for what %s tells of changes: %s", name, error)
            continue
        if notices is not None:
            notices.open()
            door = NoticeDoor(name, notices, keeping, threads)
            found += [Route(f"/webhooks/{name}", door), Route(f"/webhooks/{name}/{{word}}", door)]
    return found
