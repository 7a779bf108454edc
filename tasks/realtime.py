"""Queue `realtime`: what customers say, and the replies that answer them."""

from __future__ import annotations

from tasks.base import task, worker


@task
def drain() -> None:
    """Handle every inbox item that waits, then send every reply that waits."""
    me = worker()
    me.jobs.answered("realtime")
    me.hear()
    me.reply()


@task
def hear_agents() -> None:
    """Take what the CRMs say their people have written to be sent."""
    me = worker()
    me.jobs.answered("agents")
    me.hear_agents()
