"""Duties of one kind side by side: each in a thread of its own, so that a slow one keeps nobody but itself waiting.

A ring wakes all of them and returns at once: no Celery worker's slot is held for as long as the slowest takes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping

from config.logging import correlation
from syncer.domain.errors import Unreachable

log = logging.getLogger(__name__)


class Abreast:
    """`duties` by name; each returns how much it did, and goes on until that is nothing.

    A round begins `gather_seconds` after the beginning of one that found something, at the earliest: a lone item is
    never kept waiting, under load more gather, and none waits for company longer than that. The threads begin with the
    first ring: a process may fork before it.
    """

    def __init__(self, duties: Mapping[str, Callable[[], int]], gather_seconds: float) -> None:
        self._bells = {name: threading.Event() for name in duties}
        self._duties = duties
        self._gather = gather_seconds
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()

    def ring(self) -> None:
        """Have every duty done once more, beginning after this call; wait for none."""
        with self._lock:
            if not self._threads and not self._ending.is_set():
                self._threads = [self._started(name) for name in self._duties]
        for bell in self._bells.values():
            bell.set()

    def close(self, timeout: float = 5.0) -> None:
        """No new round; give those that run `timeout` seconds together. What they had claimed is free for others once
        the process has ended."""
        with self._lock:
            self._ending.set()
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            thread.join(timeout / len(self._threads))

    def _started(self, name: str) -> threading.Thread:
        thread = threading.Thread(target=self._serve, args=(name,), name=name, daemon=True)
        thread.start()
        return thread

    def _serve(self, name: str) -> None:
        bell, duty, free_from = self._bells[name], self._duties[name], 0.0
        while True:
            bell.wait()
            self._ending.wait(max(0.0, free_from - time.monotonic()))
            if self._ending.is_set():
                return
            bell.clear()
            began = time.monotonic()
            with correlation(name):
                done = self._round(duty)
            if done:
                free_from = began + self._gather
                bell.set()

    def _round(self, duty: Callable[[], int]) -> int:
        try:
            return duty()
        except Unreachable as error:
            log.warning("the database does not answer: %s", error)
        except Exception:
            log.exception("a round failed; the next ring begins another")
        return 0
