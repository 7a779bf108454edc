"""Start and stop the simulated organisation: blocking for the command line (`serve`), in a thread for tests
(`start`)."""

from __future__ import annotations

from aiohttp import web

from syncer.simulators import serving
from syncer.simulators.zoho.config import ZohoConfig
from syncer.simulators.zoho.control import serve_control
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.routes import serve_api
from syncer.simulators.zoho.watching import Teller


def handler(place: Organisation) -> serving.Handler:
    """What answers an organisation's requests."""
    Teller(place)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[0] == "_sim":
            return await serve_control(place, request, parts[1:])
        return await serve_api(place, request)

    return handle


def start(config: ZohoConfig) -> serving.RunningServer:
    """Start an organisation in a thread and return once it listens. Raises what kept it from starting."""
    place = Organisation(config)
    return serving.RunningServer(handler(place), name="zoho-simulator", host=config.host, port=config.port)


def serve(config: ZohoConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    serving.serve(handler(Organisation(config)), host=config.host, port=config.port)
