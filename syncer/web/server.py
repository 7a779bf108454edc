"""How our web applications are served: uvicorn on uvloop and httptools, one process, no access log."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from config import logging as our_logging
from config.errors import ConfigurationError
from config.settings import Settings, load
from syncer.embedded.errors import EmbeddedError

log = logging.getLogger(__name__)

#: Seconds an idle connection is kept; above the 60 s of usual proxies, or they would meet connections just closed.
KEEP_ALIVE = 75
#: Seconds that requests under way are given at the end; their commits take milliseconds.
GRACE = 10
#: How long one thread may keep another from running (Python's default is five times that); measured: 0.001 cuts the
#: 99th percentile of an acknowledgement under full load by a fifth, 0.0002 costs throughput.
SWITCH_SECONDS = 0.001
#: Connections that may wait to be accepted.
BACKLOG = 2048


class StartFailed(Exception):
    """The application did not come up."""


def configured(app: ASGIApp) -> uvicorn.Config:
    """How an application of ours is served."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
    )


def serve(app: ASGIApp, host: str, port: int, variable: str) -> None:
    """Serve until SIGTERM or SIGINT. Raises `ConfigurationError` naming `variable` when the port cannot be had,
    `StartFailed`."""
    try:
        listening = listen(host, port)
    except OSError as error:
        raise ConfigurationError(variable, f"{host} port {port} cannot be had: {error.strerror}") from None
    log.info("serving on %s port %d", host, port)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # What was imported lives for ever: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends its work and then raises the signal again, which would end us before anything was given back.
        signal.signal(number, _leave)
    server = uvicorn.Server(configured(app))
    with suppress(SystemExit):
        server.run(sockets=[listening])
    if not server.started:
        raise StartFailed("the process could not start; the log says why")


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


def run(body: Callable[[Settings], None]) -> None:
    """A process's life: read the settings, configure the log, run `body`; what stops it at the start is one line on
    stderr, with the exit codes of the command line (2 configuration, 3 unreachable)."""
    try:
        settings = load()
        our_logging.configure(settings.log_level, secrets=settings.secret_values())
        body(settings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except (EmbeddedError, StartFailed) as error:
        print(error, file=sys.stderr)
        sys.exit(3)
