"""Queue `upkeep`: housekeeping that nobody waits for."""

from __future__ import annotations

from tasks.base import task, worker


@task
def housekeeping() -> None:
    """Forget what is no longer needed: long-gone workers, statuses that never found their message."""
    worker().runtime.upkeep.tidy()
