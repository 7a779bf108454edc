"""A simulator's HTTP server: blocking for the command line (`serve`), in a thread for tests (`RunningServer`)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_START_SECONDS = 15.0
_SHUTDOWN_SECONDS = 0.2
_MOST_BODY = 64 * 1024 * 1024


class _Listener:
    """One listening socket on `host`; port 0 takes a free one."""

    def __init__(self, handle: Handler, host: str, port: int) -> None:
        self._handle, self._host, self._port = handle, host, port
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def open(self) -> None:
        # Cancelled with the connection, so that a hanging request does not outlive the client that gave up on it.
        server = web.Server(
            self._handle, request_factory=_request, handler_cancellation=True, access_log=None, keepalive_timeout=75.0
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024, reuse_address=True)
        await site.start()
        self.url = f"http://{self._host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


class RunningServer:
    """A server in a thread of this process. `url` is its address; `stop()`, or leaving a `with` block, ends it."""

    def __init__(self, handle: Handler, *, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.url = ""
        self._listener = _Listener(handle, host, port)
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
        try:
            await self._listener.open()
            self.url = self._listener.url
            self._ready.set()
            await self._stopping.wait()
        finally:
            await self._listener.close()


def serve(handle: Handler, *, host: str, port: int) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    # What a simulator keeps is no garbage: looking through it as often as usual costs a tenth of its answers.
    gc.set_threshold(100_000, 20, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_signal(_Listener(handle, host, port)))


async def _serve_until_signal(listener: _Listener) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        await listener.open()
        print(f"listening on {listener.url}", flush=True)
        await stopping.wait()
    finally:
        await listener.close()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """A request whose body may be larger than aiohttp alone would take."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MOST_BODY)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's where it is installed: some 10 % more requests per second."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
