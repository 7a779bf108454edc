"""What all tasks share: this process's runtime, its identity as a holder of claims, and a correlation id per task."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
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
        self._hearing, self._replying, self._telling = Turnstile(), Turnstile(), Turnstile()

    def hear(self) -> None:
        """Handle everything that customers said and the platform told."""
        self._hearing.run(lambda: self.runtime.intake.drain(self.number))

    def reply(self) -> None:
        """Send every reply that waits."""
        self._replying.run(lambda: self.runtime.sending.drain_live(self.number))

    def tell_crms(self) -> None:
        """Write everything the CRMs do not know yet, after a moment in which more may gather: the statuses of one
        message come close together, and one write says them all (R22, law 5)."""
        self._telling.run(self._gather_and_tell)

    def _gather_and_tell(self) -> None:
        time.sleep(self.runtime.tuning.crm.max_wait_ms / 1000)
        self.runtime.crm_writes.drain(self.number)

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
