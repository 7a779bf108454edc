"""`syncer demo`: the tour of the main job, on this machine alone."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import redis
import typer

from syncer.acceptance import tour
from syncer.acceptance.stage import Doors
from syncer.cli.output import ExitCode, terminal
from syncer.cli.session import settings
from tasks.queueing import CeleryJobs


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop everything after the tour; 0 only if all of it held.")
    ] = False,
) -> None:
    """Start everything on embedded servers, play the main job, print the key figures, stay up until Ctrl-C."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGHUP, _as_interrupt)
    console = terminal()
    try:
        held = tour.run(settings().home, Doors(CeleryJobs, _empty_broker), console, once=once)
    except KeyboardInterrupt:
        console.print("\nStopped.")
        held = not once
    sys.exit(ExitCode.DONE if held else ExitCode.FAILED)


def _empty_broker(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=5) as broker:
        broker.flushdb()


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
