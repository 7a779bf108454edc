"""Start and stop the simulated org: blocking for the command line (`serve`), in a thread for tests (`start`)."""

from __future__ import annotations

from aiohttp import web

from syncer.simulators import serving
from syncer.simulators.salesforce.config import SalesforceConfig
from syncer.simulators.salesforce.control import serve_control
from syncer.simulators.salesforce.org import Org
from syncer.simulators.salesforce.routes import serve_api


def handler(org: Org) -> serving.Handler:
    """What answers an org's requests."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        if parts[0] == "_sim":
            return await serve_control(org, request, parts[1:])
        return await serve_api(org, request)

    return handle


def start(config: SalesforceConfig) -> serving.RunningServer:
    """Start an org in a thread and return once it listens. Raises what kept it from starting."""
    return serving.RunningServer(handler(Org(config)), name="salesforce-simulator", host=config.host, port=config.port)


def serve(config: SalesforceConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    serving.serve(handler(Org(config)), host=config.host, port=config.port)
