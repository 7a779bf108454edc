"""What all tasks share: this process's runtime, its identity as a holder of claims, and a correlation id per task."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial, wraps
from typing import Any, TypeVar

from config.logging import correlation
from syncer import bootstrap, parts
from syncer.bootstrap import Runtime
from syncer.domain.change_notice import Kind
from syncer.domain.errors import Unreachable
from syncer.flows.agent_replies import AgentReplies
from syncer.flows.crm_notices import CrmNotices
from syncer.flows.crm_writes import LANES, MORE_LANES
from syncer.flows.hooks.deliveries import Deliveries
from syncer.flows.hooks.telling import Telling
from syncer.store.crm_writes import Lane
from syncer.store.workers import WorkerSession
from tasks.abreast import Abreast
from tasks.celery import app, services
from tasks.queueing import CeleryJobs
from tasks.turnstile import Turnstile

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Seconds for which notices of CRMs gather while more come, of contacts and of agents' messages: one that tells of each
#: of our own writes is asked so often at most, for up to a hundred records each time. A lone one waits for nothing.
_CONTACTS_TOGETHER, _REPLIES_TOGETHER = 1.0, 0.25

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
        self._fetching, self._spreading, self._posting = Turnstile(), Turnstile(), Turnstile()
        self._looking, self._agents = Turnstile(_CONTACTS_TOGETHER), Turnstile(_REPLIES_TOGETHER)
        self._hearing, self._replying = Turnstile(live), Turnstile(live)
        self._telling = Abreast(self._tellings(), crm)

    def hear(self) -> None:
        """Handle everything that customers said and the platform told."""
        self._hearing.run(lambda: self.runtime.intake.drain(self.number))

    def reply(self) -> None:
        """Send every reply that waits."""
        self._replying.run(lambda: self.runtime.sending.drain_live(self.number))

    def tell_crms(self) -> None:
        """Have everything written that the CRMs do not know yet; returns at once. The statuses of one message come
        close together; one write says them all."""
        self._telling.ring()

    def _tellings(self) -> dict[str, Callable[[], int]]:
        """Each CRM and each of its lanes on its own."""
        counted = {name for name, budget in self.runtime.tuning.quota.items() if budget.calls}
        return {
            f"{crm}-{name}": partial(self._tell, crm, lane)
            for crm in self.runtime.settings.crm.names
            for name, lane in (LANES if crm in counted else MORE_LANES).items()
        }

    def _tell(self, crm: str, lane: Lane) -> int:
        return self.runtime.crm_writes.keep_up(self.number, crm, lane)

    def look_again(self) -> None:
        """Read again whose records the CRMs say have changed."""
        self._looking.run(lambda: self.notices.drain(self.number, Kind.CONTACT))

    def hear_agents(self) -> None:
        """Take what the CRMs say their people have written to be sent, where there is a number to send from."""
        if self.runtime.settings.whatsapp.phone_number_id is not None:
            self._agents.run(lambda: self.notices.drain(self.number, Kind.REPLY))

    def ask_for_replies(self, crm: str) -> None:
        """Ask one CRM what its people have written to be sent, if it is time to."""
        if self.runtime.settings.whatsapp.phone_number_id is not None:
            self.agents.poll(crm)

    @cached_property
    def agents(self) -> AgentReplies:
        """What the CRMs' people write to be sent."""
        return parts.agent_replies(self.runtime)

    @cached_property
    def notices(self) -> CrmNotices:
        """What the CRMs told."""
        return parts.crm_notices(self.runtime)

    def tell_subscribers(self) -> None:
        """Let the subscribers of hooks hear of what happened."""
        self._spreading.run(lambda: self._hook_telling.tell(self.number))

    def deliver_hooks(self) -> None:
        """Post what they are to hear of."""
        self._posting.run(lambda: self._hook_deliveries.deliver(self.number))

    @cached_property
    def _hook_telling(self) -> Telling:
        return parts.hook_telling(self.runtime)

    @cached_property
    def _hook_deliveries(self) -> Deliveries:
        pool = ThreadPoolExecutor(self.runtime.tuning.hooks.concurrency, thread_name_prefix="hook")
        return parts.hook_deliveries(self.runtime, pool)

    def fetch_media(self) -> None:
        """Fetch the files that customers sent."""
        self._fetching.run(lambda: self.runtime.media.fetch(self.number))

    @property
    def number(self) -> int:
        """What stands in `claimed_by`."""
        return self.session.number

    def close(self) -> None:
        """Give up claims and connections."""
        self._telling.close()
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
