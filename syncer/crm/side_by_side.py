"""Requests of which none needs another's answer, at the same time: each may take a CRM a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

First = TypeVar("First")
Second = TypeVar("Second")

#: Requests at the same time: all workers share the few that a CRM serves at once (Zoho: 5 to 25, by edition).
_AT_ONCE = 4


def both(first: Callable[[], First], second: Callable[[], Second]) -> tuple[First, Second]:
    """What the two come to, done at the same time. Both have ended when this returns or raises; of two errors the
    first's is raised. The thread lives as long as the call, since one that is kept does not survive a fork."""
    with ThreadPoolExecutor(1, thread_name_prefix="side-by-side") as other:
        told = other.submit(copy_context().run, second)
        found = first()
    return found, told.result()


def all_of(calls: Sequence[Callable[[], First]]) -> list[First]:
    """What each comes to, in their order, a few at the same time. All have ended when this returns or raises; after an
    error none is begun any more, and of several the earliest call's is raised."""
    if len(calls) < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(len(calls), _AT_ONCE), thread_name_prefix="side-by-side") as others:
        told = [others.submit(copy_context().run, call) for call in calls]
        wait(told, return_when=FIRST_EXCEPTION)
        others.shutdown(cancel_futures=True)
    return [one.result() for one in told]
