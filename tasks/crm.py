"""Queue `crm`: telling the CRMs, and the subscribers of hooks."""

from __future__ import annotations

from tasks.base import task, worker


@task
def drain() -> None:
    """Have everything written that the CRMs do not know yet, by threads of this process, each CRM on its own; and let
    the subscribers of hooks hear of it, which takes milliseconds."""
    me = worker()
    me.jobs.answered("crm")
    me.tell_crms()
    me.tell_subscribers()


@task
def deliver_hooks() -> None:
    """Post what subscribers of hooks are to hear of."""
    me = worker()
    me.jobs.answered("hooks")
    me.deliver_hooks()
