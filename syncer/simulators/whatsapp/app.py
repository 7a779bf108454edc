"""Start and stop the simulator: blocking for the command line (`serve`), in a thread for tests (`start`)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from collections.abc import Callable
from types import TracebackType

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.simulators.whatsapp.control import serve_control
from syncer.simulators.whatsapp.platform import Platform
from syncer.simulators.whatsapp.routes import serve_graph

_START_SECONDS = 15.0
_SHUTDOWN_SECONDS = 0.2
_MOST_BODY = 160 * 1024 * 1024


class Server:
    """One simulated platform behind one listening socket."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.platform = Platform(config)
        self._runner: web.ServerRunner | None = None
        self.url = ""

    async def open(self) -> None:
        """Listen; afterwards `url` is known. Raises `OSError` when the port is taken."""
        await self.platform.outbox.open()
        # Cancelled with the connection, so that a hanging request does not outlive the client that gave up on it.
        server = web.Server(
            self._handle,
            request_factory=_request,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=75.0,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.config.host, self.config.port, backlog=1024, reuse_address=True)
        await site.start()
        self.url = f"http://{self.config.host}:{self._runner.addresses[0][1]}"
        self.platform.media.base_url = self.url

    async def close(self) -> None:
        """Stop listening, break off what is under way."""
        self.platform.schedule.clear()
        self.platform.calendar.clear()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.platform.outbox.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[0] == "_sim":
            return await serve_control(self.platform, request, "/".join(parts[1:]))
        return await serve_graph(self.platform, request, parts)


class RunningSimulator:
    """A simulator in a thread of this process. `url` is its address; `stop()`, or leaving a `with` block, ends it."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.url = ""
        self._config = config
        self._ready = threading.Event()
        self._problem: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="whatsapp-simulator", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the simulator did not start")
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """End the server; safe to call twice."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_START_SECONDS)

    def __enter__(self) -> RunningSimulator:
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
        server = Server(self._config)
        try:
            await server.open()
            self.url = server.url
            self._ready.set()
            await self._stopping.wait()
        finally:
            await server.close()


def start(config: SimulatorConfig) -> RunningSimulator:
    """Start a simulator in a thread and return once it listens. Raises what kept it from starting."""
    return RunningSimulator(config)


def serve(config: SimulatorConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout as soon as it does."""
    # What the logs keep is no garbage: looking through it as often as usual costs a tenth of the sends.
    gc.set_threshold(100_000, 20, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve_until_signal(config))


async def _serve_until_signal(config: SimulatorConfig) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    server = Server(config)
    try:
        await server.open()
        print(f"listening on {server.url}", flush=True)
        await stopping.wait()
    finally:
        await server.close()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """A request whose body may be as large as a document, which aiohttp alone would refuse."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=_MOST_BODY)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's where it is installed: some 10 % more requests per second."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
