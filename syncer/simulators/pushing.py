"""How a vendor's simulator tells an address of ours of changes: gathered, beside its answers, and again until taken."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from syncer.simulators.faults import Fault, FaultPlan

#: Seconds for which changes gather before they leave together.
GATHER = 0.02
#: Deliveries under way at a time.
AT_ONCE = 10
_NO_FAULT = Fault("callbacks", "")


class Site(Protocol):
    """A simulated account."""

    requests: Counter[str]

    @property
    def faults(self) -> FaultPlan:
        """What is to go wrong: `callbacks` of kind `drop`, `duplicate`, `reorder`, `delay`, `pause` and `repeat`."""


@dataclass(frozen=True, slots=True)
class Post:
    """One delivery as it leaves."""

    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a vendor delivers: `most` items together, `seconds` for an answer, at most `tries` times. `compose` makes a
    delivery of some items at their attempt (from 0) to an address, `taken` says of its answer whether it need not be
    repeated, `pause` the seconds before the attempt of that number."""

    compose: Callable[[str, Sequence[Any], int], Post | None]
    taken: Callable[[int, bytes], bool]
    pause: Callable[[int], float]
    most: int = 100
    seconds: float = 5.0
    tries: int = 11


class Pusher:
    """Delivers items to addresses. Everything is done on the event loop that the simulator's requests run on, and none
    of them waits for it. `requests` of the site counts `callbacks`, and `callbacks_lost` that were given up."""

    def __init__(self, site: Site, manner: Manner) -> None:
        self._site, self._manner = site, manner
        self._gathered: dict[str, list[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(AT_ONCE)

    def tell(self, url: str, item: Any) -> None:
        """Deliver one item soon."""
        plan = self._site.faults
        fault = (plan.pick("callbacks") if plan else None) or _NO_FAULT
        if fault.kind == "drop":
            return
        late = fault.seconds or 1.0 if fault.kind in ("delay", "reorder") else 0.0
        for _ in range(2 if fault.kind == "duplicate" else 1):
            asyncio.get_running_loop().call_later(late, self._gather, url, item)

    def _gather(self, url: str, item: Any) -> None:
        waiting = self._gathered.setdefault(url, [])
        waiting.append(item)
        if len(waiting) == 1:
            asyncio.get_running_loop().call_later(GATHER, self._leave, url)

    def _leave(self, url: str) -> None:
        items = self._gathered.pop(url)
        for start in range(0, len(items), self._manner.most):
            task = asyncio.get_running_loop().create_task(self._deliver(url, items[start : start + self._manner.most]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, url: str, items: Sequence[Any]) -> None:
        for attempt in range(self._manner.tries):
            if attempt:
                await asyncio.sleep(self._manner.pause(attempt))
            while self._site.faults.paused():
                await asyncio.sleep(GATHER)
            if await self._attempt(url, items, attempt):
                return
        self._site.requests["callbacks_lost"] += 1

    async def _attempt(self, url: str, items: Sequence[Any], attempt: int) -> bool:
        post = self._manner.compose(url, items, attempt)
        if post is None:
            return True
        plan = self._site.faults
        times = 2 if plan and plan.pick("callbacks", only="repeat") else 1
        timeout = aiohttp.ClientTimeout(total=self._manner.seconds)
        taken = False
        async with self._free, aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(times):
                self._site.requests["callbacks"] += 1
                taken = await self._post(session, url, post)
        return taken

    async def _post(self, session: aiohttp.ClientSession, url: str, post: Post) -> bool:
        try:
            async with session.post(url, data=post.body, headers=post.headers) as response:
                return self._manner.taken(response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError):
            return False
