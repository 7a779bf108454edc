"""Which of a play's processes are ready, each asked in its own way: listeners by their page, workers by their session
in the database."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from syncer.acceptance.stage import Stage
from syncer.domain.errors import DeliveryError, Unreachable
from syncer.http import HttpClient
from syncer.store import workers

PATIENCE_SECONDS = 60.0
#: Processes that neither listen nor consume; they are ready when they run.
_SILENT = ("beat",)


def wait_until_ready(stage: Stage, say: Callable[[str], None]) -> None:
    """Return once every process that should run is ready; raises `Unreachable` naming who is not, and why."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while missing := sorted(_missing(stage)):
        if failed := stage.supervisor.given_up():
            raise Unreachable(f"does not start: {failed[0]} (logs: {stage.supervisor.logs})")
        if time.monotonic() > deadline:
            late = ", ".join(missing)
            raise Unreachable(f"not ready after {PATIENCE_SECONDS:.0f} s: {late}; see {stage.supervisor.logs}")
        say(f"waiting for {', '.join(missing)}")
        time.sleep(0.1)


def _missing(stage: Stage) -> set[str]:
    there = {name for name, (port, path) in stage.pages.items() if _serves(stage, name, port, path)}
    there |= set(living_workers(stage))
    running = set(stage.supervisor.names().values())
    return stage.cast - there - (running & set(_SILENT))


def living_workers(stage: Stage) -> dict[str, int]:
    """Our workers whose session is held in the database now: name -> number that stands in `claimed_by`."""
    here = socket.gethostname()
    known = {f"{here}:{pid}": name for pid, name in stage.supervisor.names().items()}
    with stage.runtime.store.begin() as tx:
        return {known[name]: number for number, name in workers.living(tx).items() if name in known}


def _serves(stage: Stage, name: str, port: int, path: str) -> bool:
    """Whether our own process answers there, and with anything but a failure; a page that asks for its password is
    there."""
    if not stage.supervisor.listens(name, port):
        return False
    http = HttpClient(deadline=2.0)
    try:
        return http.request("GET", stage.url(port, path)).status < 500
    except DeliveryError:
        return False
    finally:
        http.close()
