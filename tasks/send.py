"""Queue `send`: campaigns, one task per batch of at most 100 recipients (R27)."""

from __future__ import annotations

from tasks.base import task, worker


@task
def send_batch(batch_id: int) -> None:
    """Send what is left of one batch."""
    me = worker()
    me.runtime.sending.send_batch(me.number, batch_id)
