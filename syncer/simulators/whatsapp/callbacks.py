"""Webhook deliveries: batched for a moment, signed, posted a few at a time, repeated until answered 200.

The platform's rules (webhooks overview): not 200 means an immediate repeat, then ever rarer ones for up to 7 days;
duplicates happen; the order is not kept.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import aiohttp

from syncer.simulators.faults import FaultPlan
from syncer.simulators.whatsapp.config import CallbackRules, SimulatorConfig
from syncer.simulators.whatsapp.log import Attempt, Journal
from syncer.simulators.whatsapp.payloads import Update, encode_batches, signature
from syncer.simulators.whatsapp.schedule import Schedule
from syncer.simulators.whatsapp.state import BusinessNumber

_DISORDER_SECONDS = 0.5
_MOST_ITEMS = 1_000
_HEADERS = {"Content-Type": "application/json", "User-Agent": "facebookexternalua", "Accept": "*/*"}


@dataclass(slots=True)
class Delivery:
    """One signed body on its way; the same bytes at each attempt. `signature` None: no header; `about`: the number
    whose callback address counts; `persistent`: repeated until answered 200."""

    number: int
    body: bytes
    updates: Sequence[Update]
    signature: str | None
    about: BusinessNumber | None = None
    persistent: bool = True
    attempts: int = 0
    first_at: float = 0.0


class Outbox:
    """Updates waiting for company, deliveries waiting for a free slot, deliveries under way."""

    def __init__(
        self,
        config: SimulatorConfig,
        rules: CallbackRules,
        url: Callable[[BusinessNumber | None], str | None],
        schedule: Schedule,
        faults: FaultPlan,
        journal: Journal,
        rng: random.Random,
    ) -> None:
        self._config, self._rules, self._url, self._schedule = config, rules, url, schedule
        self._faults, self._journal, self._rng = faults, journal, rng
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.clear()

    async def open(self) -> None:
        """Prepare the HTTP client; connections are kept alive between deliveries."""
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        self._session = aiohttp.ClientSession(connector=connector, headers=_HEADERS, auto_decompress=False)

    async def close(self) -> None:
        """Break off what is under way and close the client."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def clear(self) -> None:
        """Forget what was to be told and break off what is under way."""
        for task in tuple(self._tasks):
            task.cancel()
        self._pending: deque[Update] = deque()
        self._ready: deque[Delivery] = deque()
        self._window_open = False
        self._due = 0
        self._last = 0

    def backlog(self) -> dict[str, int]:
        """What still waits: updates, deliveries for a slot, deliveries under way."""
        return {"pending_items": len(self._pending), "ready": len(self._ready), "in_flight": len(self._tasks)}

    def tell(self, update: Update) -> None:
        """Tell one thing, soon, together with others."""
        if self._address(update) is None:
            self._journal.counts["untold"] += 1
        elif not self._faults or self._survives(update):
            self._enqueue(update)

    def tell_together(self, updates: Sequence[Update]) -> None:
        """Tell these in one delivery of their own (faults may still take some out)."""
        told = [update for update in updates if self._address(update) is not None]
        self._journal.counts["untold"] += len(updates) - len(told)
        kept = [update for update in told if not self._faults or self._survives(update)]
        if kept:
            self._seal(kept)
            self.pump()

    def tell_raw(self, body: bytes, signed: str | None = "valid", *, times: int = 1, persistent: bool = True) -> None:
        """Deliver any bytes as they are, `times` over. `signed` is `valid`, `wrong` (with another secret), any other
        text for the header itself, or None for no header."""
        if self._url(None) is None:
            raise ValueError("nobody is subscribed: there is no callback address")
        secrets_known = {"valid": self._config.app_secret, "wrong": self._config.app_secret + "?"}
        header = signature(secrets_known[signed], body) if signed in secrets_known else signed
        for _ in range(times):
            self._last += 1
            self._ready.append(Delivery(self._last, body, [], header, persistent=persistent))
            self._journal.counts["deliveries"] += 1
        self.pump()

    def pump(self) -> None:
        """Start as many deliveries as there are free slots; what finds none stays, and so travels in larger batches."""
        if self._faults and self._faults.paused():
            return
        while len(self._tasks) < self._rules.concurrency:
            if not self._ready and self._due:
                size = min(max(int(self._rules.batch_items), 1), _MOST_ITEMS, len(self._pending))
                batch = [self._pending.popleft() for _ in range(size)]
                self._due = max(self._due - len(batch), 0)
                self._seal(batch)
            if not self._ready:
                return
            task = asyncio.get_running_loop().create_task(self._deliver(self._ready.popleft()))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    async def handshake(self, url: str, verify_token: str) -> tuple[bool, int, str]:
        """Verify a callback as the platform does when one subscribes: ok, HTTP status (0: none), its answer."""
        challenge = str(secrets.randbelow(10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        assert self._session is not None
        try:
            async with self._session.get(
                url, params=query, timeout=aiohttp.ClientTimeout(self._rules.timeout)
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return False, 0, repr(error)
        return answer.status == 200 and text == challenge, answer.status, text[:500]

    def _survives(self, update: Update) -> bool:
        """Put an update through the fault plan; False when it does not go out now."""
        fault = self._faults.pick(update.route)
        if fault is None:
            return True
        match fault.kind:
            case "drop":
                self._journal.counts["dropped"] += 1
            case "duplicate":
                self._journal.counts["duplicated"] += 1
                self._schedule.after(self._rng.uniform(0, fault.seconds or _DISORDER_SECONDS), self._enqueue, update)
                return True
            case "delay":
                self._schedule.after(fault.seconds or 1.0, self._enqueue, update)
            case "reorder":
                self._schedule.after(self._rng.uniform(0, fault.seconds or _DISORDER_SECONDS), self._enqueue, update)
        return False

    def _enqueue(self, update: Update) -> None:
        self._pending.append(update)
        if len(self._pending) - self._due >= self._rules.batch_items:
            self._window_ends()
        elif not self._window_open:
            self._window_open = True
            self._schedule.after(self._rules.window, self._window_ends)

    def _window_ends(self) -> None:
        self._window_open = False
        self._due = len(self._pending)
        self.pump()

    def _address(self, update: Update) -> str | None:
        return self._url(update.number or update.told_to)

    def _seal(self, updates: Sequence[Update]) -> None:
        by_address: dict[str | None, list[Update]] = {}
        for update in updates:
            by_address.setdefault(self._address(update), []).append(update)
        for group in by_address.values():
            for body, part in encode_batches(self._config.waba_id, group):
                self._add(body, part)

    def _add(self, body: bytes, updates: Sequence[Update]) -> None:
        self._last += 1
        about = updates[0].number or updates[0].told_to
        delivery = Delivery(self._last, body, updates, signature(self._config.app_secret, body), about)
        self._ready.append(delivery)
        self._journal.counts["deliveries"] += 1
        self._journal.counts["items"] += len(updates)
        if self._faults and (fault := self._faults.pick("callbacks", only="repeat")) is not None:
            self._journal.counts["repeated"] += 1
            seconds = self._rng.uniform(0, fault.seconds or _DISORDER_SECONDS)
            self._schedule.after(seconds, self._retry, replace(delivery, persistent=False))

    async def _deliver(self, delivery: Delivery) -> None:
        url = self._url(delivery.about)
        if url is None:
            self._journal.counts["untold"] += len(delivery.updates)
            return
        started = time.time()
        delivery.attempts += 1
        delivery.first_at = delivery.first_at or started
        for update in delivery.updates:
            if update.inbound is not None:
                update.inbound.attempts += 1
                update.inbound.sent_at = update.inbound.sent_at or started
        status, error, taken = await self._post(url, delivery)
        kinds = dict(Counter(update.part for update in delivery.updates))
        self._journal.attempted(
            Attempt(
                delivery.number,
                delivery.attempts,
                len(delivery.updates),
                kinds,
                len(delivery.body),
                started,
                round(taken * 1000, 3),
                status,
                error,
            )
        )
        if status == 200:
            self._answered(delivery, started + taken)
        elif delivery.persistent:
            self._again(delivery)

    async def _post(self, url: str, delivery: Delivery) -> tuple[int, str | None, float]:
        assert self._session is not None
        began = time.perf_counter()
        status, error = 0, None
        try:
            async with self._session.post(
                url,
                data=delivery.body,
                headers={"X-Hub-Signature-256": delivery.signature} if delivery.signature is not None else None,
                timeout=aiohttp.ClientTimeout(self._rules.timeout),
                allow_redirects=False,
            ) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as problem:
            error = repr(problem)[:200]
        return status, error, time.perf_counter() - began

    def _answered(self, delivery: Delivery, at: float) -> None:
        self._journal.counts["items_answered"] += len(delivery.updates)
        for update in delivery.updates:
            if update.inbound is not None and update.inbound.answered_at is None:
                update.inbound.answered_at = at

    def _again(self, delivery: Delivery) -> None:
        gaps = self._rules.retry_gaps
        gap = gaps[min(delivery.attempts, len(gaps)) - 1]
        if time.time() + gap - delivery.first_at > self._rules.retry_for:
            self._journal.counts["abandoned"] += 1
            return
        self._schedule.after(gap, self._retry, delivery)

    def _retry(self, delivery: Delivery) -> None:
        self._ready.append(delivery)
        self.pump()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.result()
            self.pump()
