"""Doorbells: how a committed change wakes the workers (law 2).

Ringing only notes the wish; a thread of its own publishes it, so that a request never waits for Redis, dead or stalled.
A queue that has been rung and not yet answered is not rung again: at most one message stands for all the work that
waits."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import KombuError

import celeryconfig

log = logging.getLogger(__name__)

#: Task that answers each bell. `send` takes the number of one batch.
TASKS = {
    "realtime": "tasks.realtime.drain",
    "crm": "tasks.crm.drain",
    "send": "tasks.send.send_batch",
    "sync": "tasks.sync.sync_contacts",
    "upkeep": "tasks.upkeep.check_numbers",
    "notices": "tasks.sync.look_at_notices",
    "agents": "tasks.realtime.hear_agents",
    "hooks": "tasks.crm.deliver_hooks",
}
#: The queue that a bell's task goes to, where it is not called like the bell.
QUEUES = {"notices": "sync", "agents": "realtime", "hooks": "crm"}

#: A bell counts as unanswered for this long at most: a lost message delays nothing beyond the sweeper's next round.
_UNANSWERED_MS = 500
#: After each round of ringing, wishes gather for this long: a bell costs as much as handling ten deliveries.
_GATHER_SECONDS = 0.02
#: After a failed ring, leave Redis in peace this long; the sweepers do without it.
_PAUSE_SECONDS = 1.0


class CeleryJobs:
    """The port `Jobs`, by Celery on Redis."""

    def __init__(self, redis_url: str) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=0.25, socket_connect_timeout=0.25)
        self._app = _publisher(redis_url)
        self._wanted: dict[tuple[str, Any], None] = {}
        self._wake = threading.Condition()
        self._closing = False
        self._ending = threading.Event()
        self._failed_at = 0.0
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    def ring(self, queue: str, subject_id: int | str | tuple[str, ...] | None = None) -> None:
        """Note the wish and return at once. A tuple holds all of the task's arguments."""
        with self._wake:
            self._wanted[queue, subject_id] = None
            self._wake.notify()

    def answered(self, queue: str) -> None:
        """A worker has heard this queue's bell and is about to look: from now on it may be rung again."""
        try:
            self._redis.delete(_key(queue))
        except redis.RedisError:
            log.debug("the bell of %s could not be marked as answered; it lapses by itself", queue)

    def close(self, timeout: float = 2.0) -> None:
        """Publish what is still wanted, then stop."""
        with self._wake:
            self._closing = True
            self._ending.set()
            self._wake.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._wanted and not self._closing:
                    self._wake.wait()
                if self._closing and not self._wanted:
                    return
                wanted, self._wanted = list(self._wanted), {}
            for queue, subject_id in wanted:
                self._publish(queue, subject_id)
            self._ending.wait(_GATHER_SECONDS)

    def _publish(self, queue: str, subject_id: Any) -> None:
        if time.monotonic() - self._failed_at < _PAUSE_SECONDS:
            return
        try:
            if subject_id is None and not self._redis.set(_key(queue), 1, nx=True, px=_UNANSWERED_MS):
                return
            arguments = [] if subject_id is None else [*subject_id] if isinstance(subject_id, tuple) else [subject_id]
            self._app.send_task(TASKS[queue], arguments, queue=QUEUES.get(queue, queue))
            self._failed_at = 0.0
        except (redis.RedisError, KombuError, OSError) as error:
            self._failed_at = time.monotonic()
            log.warning("the bell of %s was not heard (%s); the sweeper will find the work", queue, error)


def _key(queue: str) -> str:
    return f"syncer:bell:{queue}"


def _publisher(redis_url: str) -> Celery:
    app = Celery("syncer-doorbell", set_as_current=False)
    app.config_from_object(celeryconfig)
    app.conf.broker_url = redis_url
    app.conf.broker_transport_options = celeryconfig.publisher_transport_options
    return app
