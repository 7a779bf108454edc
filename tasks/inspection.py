"""Who consumes which queue, asked of the workers themselves over the broker."""

from __future__ import annotations

from celery import Celery
from kombu.exceptions import KombuError
from redis import RedisError

import celeryconfig
from syncer.domain.errors import Unreachable


def consumers(redis_url: str, *, expected: int | None = None, seconds: float = 1.5) -> dict[str, list[str]]:
    """The workers that answer within `seconds`, by the queue that they consume; every queue has an entry. Returns as
    soon as `expected` workers have answered. Raises `Unreachable` when the broker does not answer."""
    app = Celery("syncer-inspection", set_as_current=False)
    app.config_from_object(celeryconfig)
    app.conf.broker_url = redis_url
    app.conf.broker_transport_options = {**celeryconfig.broker_transport_options, "socket_timeout": seconds + 2}
    try:
        answers = app.control.inspect(timeout=seconds, limit=expected or None).active_queues() or {}
    except (KombuError, RedisError, OSError) as error:
        raise Unreachable(f"the broker does not answer: {error}") from error
    found: dict[str, list[str]] = {queue.name: [] for queue in celeryconfig.task_queues}
    for worker, queues in sorted(answers.items()):
        for queue in queues:
            found.setdefault(queue["name"], []).append(worker)
    return found
