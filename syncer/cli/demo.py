"""`syncer demo`: the tour of the main job, on this machine alone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from syncer.acceptance import tour
from syncer.cli import playing
from syncer.cli.output import ExitCode, terminal
from syncer.cli.session import settings


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop everything after the tour; 0 only if all of it held.")
    ] = False,
) -> None:
    """Start everything on embedded servers, play the main job, print the key figures, stay up until Ctrl-C."""
    playing.end_as_by_ctrl_c()
    console = terminal()
    try:
        held = tour.run(settings().home, playing.doors(), console, once=once)
    except KeyboardInterrupt:
        console.print("\nStopped.")
        held = not once
    sys.exit(ExitCode.DONE if held else ExitCode.FAILED)
