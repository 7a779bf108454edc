"""The safety net in every worker (law 2): threads that need neither beat nor Redis.

Twice a second one of them frees the claims of the dead and keeps the appointments of the due-table, and one for each of
the worker's duties does what of it waits - so a lost doorbell costs half a second, and a Redis that is gone costs
nothing else. Each duty has its own thread: customers must be heard while replies to others are still being sent.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down

from config.files import load_tuning
from config.logging import correlation
from syncer.domain.errors import Unreachable
from tasks import sync, upkeep
from tasks.base import Worker, close_worker, worker
from tasks.celery import settings

log = logging.getLogger(__name__)


def _send(me: Worker) -> None:
    for batch_id in me.runtime.sending.open_batches():
        me.runtime.sending.send_batch(me.number, batch_id)


def _sync(me: Worker) -> None:
    for crm in me.runtime.recovery.overdue_syncs():
        sync.run_sync(crm)


def _watch_numbers(me: Worker) -> None:
    if upkeep.has_numbers(me):
        me.runtime.number_watch.check_if_late()


def _asking(crm: str) -> Callable[[Worker], None]:
    """Asking one CRM for its people's messages (R22): one thread for each, since one that hangs delays no other."""

    def ask(me: Worker) -> None:
        me.ask_for_replies(crm)

    ask.__name__ = f"ask-{crm}"
    return ask


#: What is looked for in the name of each queue.
DUTIES: dict[str, tuple[Callable[[Worker], None], ...]] = {
    "realtime": (Worker.hear, Worker.reply, Worker.fetch_media, Worker.hear_agents),
    "crm": (Worker.tell_crms, Worker.tell_subscribers, Worker.deliver_hooks),
    "send": (_send,),
    "sync": (_sync, Worker.look_again),
    "upkeep": (_watch_numbers, upkeep.look_at_templates),
}


class Sweeper:
    """The sweeping threads of one worker process."""

    def __init__(self, queues: Iterable[str], interval_seconds: float) -> None:
        self._queues = set(queues)
        self._interval = interval_seconds
        self._stop = threading.Event()
        duties = [self._sweep, *(duty for queue in queues for duty in DUTIES.get(queue, ()))]
        duties += [_asking(crm) for crm in settings.crm.names] if "realtime" in self._queues else []
        self._threads = [
            threading.Thread(target=self._repeat, args=(duty,), name=f"sweeper-{duty.__name__}", daemon=True)
            for duty in duties
        ]

    def start(self) -> None:
        """Begin to sweep."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the present round, at most."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _repeat(self, duty: Callable[[Worker], None]) -> None:
        while not self._stop.wait(self._interval):
            with correlation("sweep"):
                self._round(duty)

    def _round(self, duty: Callable[[Worker], None]) -> None:
        try:
            duty(worker())
        except Unreachable as error:
            log.warning("the database does not answer: %s", error)
        except Exception:
            log.exception("a sweep failed; the next one follows")

    def _sweep(self, me: Worker) -> None:
        me.session.keep()
        for queue in me.runtime.recovery.sweep() - self._queues - {"send"}:
            me.jobs.ring(queue)


_sweeper: Sweeper | None = None


@celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def start(instance: Any, **_: Any) -> None:
    """The worker knows its queues: sweep for them. It need not have reached Redis yet; while Redis is gone it never
    does, and must work all the same."""
    global _sweeper
    queues = list(instance.app.amqp.queues.consume_from)
    # Not from the runtime: a database that is down now must not cost this process its sweeper for good.
    _sweeper = Sweeper(queues, load_tuning(settings.config_dir).sweeper.interval_seconds)
    _sweeper.start()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def stop(**_: Any) -> None:
    """No new round; the tasks that run are finished by Celery's own warm shutdown."""
    if _sweeper is not None:
        _sweeper.stop()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def close(**_: Any) -> None:
    """The last task has ended: give up claims and connections."""
    close_worker()
