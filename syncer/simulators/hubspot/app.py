"""Start and stop the simulated portal: blocking for the command line (`serve`), in a thread for tests (`start`)."""

from __future__ import annotations

from aiohttp import web

from syncer.simulators import serving
from syncer.simulators.hubspot.config import HubSpotConfig
from syncer.simulators.hubspot.control import serve_control
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.routes import serve_api


def handler(portal: Portal) -> serving.Handler:
    """What answers a portal's requests."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[0] == "_sim":
            return await serve_control(portal, request, parts[1:])
        return await serve_api(portal, request)

    return handle


def start(config: HubSpotConfig) -> serving.RunningServer:
    """Start a portal in a thread and return once it listens. Raises what kept it from starting."""
    return serving.RunningServer(handler(Portal(config)), name="hubspot-simulator", host=config.host, port=config.port)


def serve(config: HubSpotConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    serving.serve(handler(Portal(config)), host=config.host, port=config.port)
