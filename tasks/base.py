"""What all tasks share: this process's runtime, its identity as a holder of claims, and a correlation id per task."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from config.logging import correlation
from syncer import bootstrap
from syncer.bootstrap import Runtime
from syncer.domain.errors import Unreachable
from syncer.store.workers import WorkerSession
from tasks.celery import app, services
from tasks.queueing import CeleryJobs
from tasks.turnstile import Turnstile

T = TypeVar("T")

log = logging.getLogger(__name__)

_lock = threading.Lock()
_worker: Worker | None = None


class Worker:
    """This process: its runtime and the session that holds its claims."""

    def __init__(self) -> None:
        self.jobs = CeleryJobs(services.redis_url)
        self.runtime: Runtime = bootstrap.build(services, jobs=self.jobs)
        name = f"{socket.gethostname()}:{os.getpid()}"
        self.session = WorkerSession(self.runtime.store, name, self.runtime.clock)
        live, crm = (part.max_wait_ms / 1000 for part in (self.runtime.tuning.claims, self.runtime.tuning.crm))
        self._fetching = Turnstile()
        self._hearing, self._replying, self._telling = Turnstile(live), Turnstile(live), Turnstile(crm)

    def hear(self) -> None:
        """Handle everything that customers said and the platform told."""
        self._hearing.run(lambda: self.runtime.intake.drain(self.number))

    def reply(self) -> None:
        """Send every reply that waits."""
        self._replying.run(lambda: self.runtime.sending.drain_live(self.number))

    def tell_crms(self) -> None:
        """Write everything the CRMs do not know yet. The statuses of one message come close together; one write says
        them all."""
        self._telling.run(lambda: self.runtime.crm_writes.drain(self.number))

    def fetch_media(self) -> None:
        """Fetch the files that customers sent."""
        self._fetching.run(lambda: self.runtime.media.fetch(self.number))

    @property
    def number(self) -> int:
        """What stands in `claimed_by`."""
        return self.session.number

    def close(self) -> None:
        """Give up claims and connections."""
        self.session.close()
        self.jobs.close()
        self.runtime.close()


def worker() -> Worker:
    """The one of this process, made on first use (after any fork)."""
    global _worker
    with _lock:
        if _worker is None:
            _worker = Worker()
        return _worker


def close_worker() -> None:
    """Let go of everything, at the end of the process."""
    global _worker
    with _lock:
        if _worker is not None:
            _worker.close()
        _worker = None


def task(body: Callable[..., T]) -> Any:
    """A Celery task by the function's own path, with its task id on every line that it logs."""

    @app.task(name=f"{body.__module__}.{body.__name__}", bind=True)
    @wraps(body)
    def run(self: Any, *arguments: Any, **options: Any) -> None:
        with correlation(self.request.id or "direct"):
            try:
                body(*arguments, **options)
            except Unreachable as error:
                log.warning("%s ends early: %s; the sweeper goes on from here", self.name, error)

    return run
