"""Start and stop the simulator: blocking for the command line (`serve`), in a thread for tests (`start`)."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from syncer.simulators import serving
from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.simulators.whatsapp.control import serve_control
from syncer.simulators.whatsapp.platform import Platform
from syncer.simulators.whatsapp.routes import serve_graph

#: A body may be as large as a document.
_MOST_BODY = 160 * 1024 * 1024


class Server(serving.Listener):
    """One simulated platform behind one listening socket."""

    def __init__(self, config: SimulatorConfig) -> None:
        super().__init__(self._answer, config.host, config.port, _MOST_BODY)
        self.platform = Platform(config)

    async def open(self) -> None:
        """Listen; afterwards `url` is known. Raises `OSError` when the port is taken."""
        await self.platform.outbox.open()
        await super().open()
        self.platform.media.base_url = self.url

    async def close(self) -> None:
        """Stop listening, break off what is under way."""
        self.platform.schedule.clear()
        self.platform.calendar.clear()
        await super().close()
        await self.platform.outbox.close()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[0] == "_sim":
            return await serve_control(self.platform, request, "/".join(parts[1:]))
        return await serve_graph(self.platform, request, parts)


def start(config: SimulatorConfig) -> serving.RunningServer:
    """Start a simulator in a thread and return once it listens. Raises what kept it from starting."""
    return serving.RunningServer(partial(Server, config), name="whatsapp-simulator")


def serve(config: SimulatorConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout as soon as it does. Raises
    `OSError` when the port is taken."""
    serving.serve(partial(Server, config))
