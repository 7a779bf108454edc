"""The safety net in every worker (law 2): a thread that needs neither beat nor Redis.

Twice a second it frees the claims of the dead, keeps the appointments of the due-table, and does its own queues' work
if any waits - so a lost doorbell costs half a second, and a Redis that is gone costs nothing else.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

from config.files import load_tuning
from config.logging import correlation
from syncer.domain.errors import Unreachable
from tasks import sync
from tasks.base import Worker, close_worker, worker
from tasks.celery import settings

log = logging.getLogger(__name__)


def _realtime(me: Worker) -> None:
    me.hear()
    me.reply()


def _crm(me: Worker) -> None:
    me.tell_crms()


def _send(me: Worker) -> None:
    for batch_id in me.runtime.sending.open_batches():
        me.runtime.sending.send_batch(me.number, batch_id)


def _sync(me: Worker) -> None:
    for crm in me.runtime.recovery.overdue_syncs():
        sync.run_sync(crm)


#: What is looked for in the name of each queue.
DUTIES: dict[str, Callable[[Worker], None]] = {"realtime": _realtime, "crm": _crm, "send": _send, "sync": _sync}


class Sweeper:
    """One thread of one worker process."""

    def __init__(self, queues: Iterable[str], interval_seconds: float) -> None:
        self._duties = [DUTIES[queue] for queue in queues if queue in DUTIES]
        self._queues = set(queues)
        self._interval = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin to sweep."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the present round, at most."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            with correlation("sweep"):
                self._round()

    def _round(self) -> None:
        try:
            me = worker()
            me.session.keep()
            for queue in me.runtime.recovery.sweep() - self._queues:
                if queue != "send":
                    me.jobs.ring(queue)
            for duty in self._duties:
                duty(me)
        except Unreachable as error:
            log.warning("the database does not answer: %s", error)
        except Exception:
            log.exception("a sweep failed; the next one follows")


_sweeper: Sweeper | None = None


@worker_ready.connect  # type: ignore[untyped-decorator]
def start(sender: Any, **_: Any) -> None:
    """The worker consumes: sweep for the queues it serves."""
    global _sweeper
    queues = [queue.name for queue in sender.task_consumer.queues]
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
