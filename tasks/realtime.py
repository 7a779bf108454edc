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
