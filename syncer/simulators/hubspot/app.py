"""Start and stop the simulated portal: blocking for the command line (`serve`), in a thread for tests (`start`)."""

from __future__ import annotations

from functools import partial

from aiohttp import web

from syncer.simulators import serving
from syncer.simulators.hubspot.config import HubSpotConfig
from syncer.simulators.hubspot.control import serve_control
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.routes import serve_api
from syncer.simulators.hubspot.telling import WANTED, Teller, by_people


def handler(portal: Portal) -> serving.Handler:
    """What answers a portal's requests."""
    Teller(portal)
    portal.subscriptions = WANTED

    async def control(request: web.BaseRequest, parts: list[str]) -> web.Response:
        with by_people():
            return await serve_control(portal, request, parts)

    return serving.routed(control, partial(serve_api, portal))


def start(config: HubSpotConfig) -> serving.RunningServer:
    """Start a portal in a thread and return once it listens. Raises what kept it from starting."""
    return serving.RunningServer(partial(_listener, config), name="hubspot-simulator")


def serve(config: HubSpotConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    serving.serve(partial(_listener, config))


def _listener(config: HubSpotConfig) -> serving.Listener:
    return serving.Listener(handler(Portal(config)), config.host, config.port)
