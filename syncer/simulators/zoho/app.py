"""Start and stop the simulated organisation: blocking for the command line (`serve`), in a thread for tests
(`start`)."""

from __future__ import annotations

from functools import partial

from syncer.simulators import serving
from syncer.simulators.zoho.config import ZohoConfig
from syncer.simulators.zoho.control import serve_control
from syncer.simulators.zoho.organisation import Organisation
from syncer.simulators.zoho.routes import serve_api
from syncer.simulators.zoho.watching import Teller


def handler(place: Organisation) -> serving.Handler:
    """What answers an organisation's requests."""
    Teller(place)

    return serving.routed(partial(serve_control, place), partial(serve_api, place))


def start(config: ZohoConfig) -> serving.RunningServer:
    """Start an organisation in a thread and return once it listens. Raises what kept it from starting."""
    return serving.RunningServer(partial(_listener, config), name="zoho-simulator")


def serve(config: ZohoConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    serving.serve(partial(_listener, config))


def _listener(config: ZohoConfig) -> serving.Listener:
    return serving.Listener(handler(Organisation(config)), config.host, config.port)
