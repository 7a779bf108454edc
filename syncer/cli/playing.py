"""What a command that plays something on a stage of its own has to bring: bells, an emptied broker, and a way out."""

from __future__ import annotations

import signal
from types import FrameType

import redis

from syncer.acceptance.stage import Doors
from tasks.queueing import CeleryJobs


def doors() -> Doors:
    """Bells by Celery, a broker that is emptied."""
    return Doors(CeleryJobs, _empty_broker)


def end_as_by_ctrl_c() -> None:
    """Whoever ends this command, its processes end with it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_interrupt)


def _empty_broker(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=5) as broker:
        broker.flushdb()


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
