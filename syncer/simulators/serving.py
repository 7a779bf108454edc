"""A simulator's HTTP server: blocking for the command line (`serve`), in a thread for tests (`RunningServer`)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_START_SECONDS = 15.0
_SHUTDOWN_SECONDS = 0.2
_MOST_BODY = 64 * 1024 * 1024


class Service(Protocol):
    """What a `RunningServer` runs. `url` is known once it is open."""

    url: str

    async def open(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""

    async def close(self) -> None:
        """Stop listening, break off what is under way."""


class Listener:
    """One listening socket on `host`; port 0 takes a free one. No body may have more than `most_body` bytes."""

    def __init__(self, handle: Handler, host: str, port: int, most_body: int = _MOST_BODY) -> None:
        self._handle, self._host, self._port, self._most_body = handle, host, port, most_body
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def open(self) -> None:
        """Listen; afterwards `url` is known. Raises `OSError` when the port is taken."""
        # Cancelled with the connection, so that a hanging request does not outlive the client that gave up on it.
        server = web.Server(
            self._handle,
            request_factory=self._request,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=75.0,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024, reuse_address=True)
        await site.start()
        self.url = f"http://{self._host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Stop listening, break off what is under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        """A request whose body may be larger than aiohttp alone would take."""
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=self._most_body)


def routed(control: Callable[[web.BaseRequest, list[str]], Awaitable[web.StreamResponse]], api: Handler) -> Handler:
    """What answers all requests: those under `/_sim/` go to `control` with the rest of their path."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        return await (control(request, parts[1:]) if parts[0] == "_sim" else api(request))

    return handle


class RunningServer:
    """A server in a thread of this process. `url` is its address; `stop()`, or leaving a `with` block, ends it."""

    def __init__(self, make: Callable[[], Service], *, name: str) -> None:
        self.url = ""
        self._make = make
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError(f"{name} did not start")
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """End the server; safe to call twice."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_START_SECONDS)

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._main())
        except BaseException as problem:  # the starter is told, whatever it was
            self._problem = problem
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        listener = self._make()
        try:
            await listener.open()
            self.url = listener.url
            self._ready.set()
            await self._stopping.wait()
        finally:
            await listener.close()


def serve(make: Callable[[], Listener]) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    # What a simulator keeps is no garbage: looking through it as often as usual costs a tenth of its answers.
    gc.set_threshold(100_000, 20, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_signal(make))


async def _serve_until_signal(make: Callable[[], Listener]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    listener = make()
    try:
        await listener.open()
        print(f"listening on {listener.url}", flush=True)
        await stopping.wait()
    finally:
        await listener.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's where it is installed: some 10 % more requests per second."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
