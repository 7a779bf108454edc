"""Start and stop the simulated org: blocking for the command line (`serve`), in a thread for tests (`start`)."""

from __future__ import annotations

from functools import partial

from syncer.simulators import serving
from syncer.simulators.salesforce.config import SalesforceConfig
from syncer.simulators.salesforce.control import serve_control
from syncer.simulators.salesforce.org import Org
from syncer.simulators.salesforce.routes import serve_api
from syncer.simulators.salesforce.telling import WANTED, Teller


def handler(org: Org) -> serving.Handler:
    """What answers an org's requests."""
    Teller(org)
    org.outbound_rules = WANTED
    return serving.routed(partial(serve_control, org), partial(serve_api, org))


def start(config: SalesforceConfig) -> serving.RunningServer:
    """Start an org in a thread and return once it listens. Raises what kept it from starting."""
    return serving.RunningServer(partial(_listener, config), name="salesforce-simulator")


def serve(config: SalesforceConfig) -> None:
    """Run until SIGTERM or SIGINT. Prints `listening on http://HOST:PORT` on stdout once it does. Raises `OSError`
    when the port is taken."""
    serving.serve(partial(_listener, config))


def _listener(config: SalesforceConfig) -> serving.Listener:
    return serving.Listener(handler(Org(config)), config.host, config.port)
