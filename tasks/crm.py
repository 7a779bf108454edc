"""Queue `crm`: telling the CRMs."""

from __future__ import annotations

from tasks.base import task, worker


@task
def drain() -> None:
    """Write everything the CRMs do not know yet."""
    me = worker()
    me.jobs.answered("crm")
    me.tell_crms()
