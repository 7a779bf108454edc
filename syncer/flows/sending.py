"""Sending: planned messages leave, each with its fate written down before and after (law 6).

    planned -> claimed -> sending -> accepted | unknown | failed
                       -> skipped                       (our own rules, asked at this moment)

`sending` is committed just before the requests of a small set leave, so that after a crash only those few are in doubt.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent import futures
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain import callback
from syncer.domain.errors import DeliveryError, FixCredentials, OutcomeUnknown, TryAgain, TryLater
from syncer.domain.frozen import thaw
from syncer.domain.message import Accepted, Category, Lane, SendRequest
from syncer.flows.admission import Admission
from syncer.flows.outcomes import Outcomes
from syncer.flows.sieve import Admitted, Sifted
from syncer.ports import Clock, Messenger, Throttle
from syncer.store import campaigns, claims, outgoing
from syncer.store.outgoing import BULK, LIVE
from syncer.store.session import Store

log = logging.getLogger(__name__)

Answer = Accepted | DeliveryError

#: How often to look for new replies while some are on their way and places are free.
_LOOK_SECONDS = 0.05
_COMPANY_SECONDS = 0.01
#: A number that was told to wait longer is asked again after this long: such limits roll, and customers wait.
_LONGEST_SLOWDOWN = 300.0
#: How often a refused token is tried: a renewed one should not lie idle.
_TOKEN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Taken:
    """One claimed set, and what of it may leave."""

    rows: Sequence[Row[Any]]
    sifted: Sifted


@dataclass(frozen=True)
class Sending:
    """The way out.

    `pool` runs requests side by side. At most `set_size` messages of a batch are on their way at once, and `live_slots`
    replies: so many are in doubt when a worker dies, and for a reply a customer waits until evidence settles it.
    `lease_seconds` must cover a whole set, though all of it go to one person, one after the other, and each time out:
    what has not left by then is not sent by us any more.
    """

    store: Store
    messenger: Messenger
    throttle: Throttle
    admission: Admission
    outcomes: Outcomes
    clock: Clock
    pool: Executor
    set_size: int = 16
    live_slots: int = 5
    lease_seconds: float = 66.0

    def drain_live(self, worker: int) -> int:
        """Send every waiting reply; returns how many were handled. A request that hangs occupies its own place and
        holds up nobody else's reply."""
        handled, wait = 0, 0.0
        flying: set[Future[list[tuple[Row[Any], Answer]]]] = set()
        while True:
            free = 0 if wait else self.live_slots - len(flying)
            taken = self._take(worker, Lane.LIVE, limit=free) if free else Taken((), Sifted())
            if taken.rows:
                granted, wait = self._take_permits(worker, taken.sifted.admitted, Lane.LIVE)
                flying |= self._launch(worker, granted)
                handled += len(taken.rows) - (len(taken.sifted.admitted) - len(granted))
            elif not flying:
                return handled
            # While places are free, look now and then for replies that have come meanwhile.
            futures.wait(flying, _LOOK_SECONDS if free else None, futures.FIRST_COMPLETED)
            landed, flying = futures.wait(flying, _COMPANY_SECONDS)  # those right behind the first land with it
            self._land(worker, [pair for flight in landed for pair in flight.result()])

    def _launch(self, worker: int, granted: Mapping[int, str]) -> set[Future[list[tuple[Row[Any], Answer]]]]:
        people = self._start(worker, granted) if granted else []
        return {self.pool.submit(self._post_in_order, group) for group in people}

    def send_batch(self, worker: int, batch_id: int) -> int:
        """Send what is left of one batch; returns how many were handled. A throttled batch is laid to rest, and the
        worker is free for others (law 8)."""
        handled = 0
        while (taken := self._take(worker, Lane.BULK, limit=self.set_size, batch_id=batch_id)).rows:
            sent, wait = self._send_set(worker, taken)
            handled += sent
            until = self.clock.now() + timedelta(seconds=wait) if wait else taken.sifted.rest_until
            if until:
                self.store.run(lambda tx, until=until: campaigns.rest(tx, batch_id, until))  # type: ignore[misc]
                break
        with self.store.begin() as tx:
            campaigns.close_finished(tx, self.clock.now(), [batch_id])
        return handled

    def open_batches(self) -> list[int]:
        """Batches that have something to send now; for the sweeper."""
        with self.store.begin() as tx:
            return campaigns.open_batches(tx, self.clock.now())

    def _take(self, worker: int, lane: Lane, *, limit: int, batch_id: int | None = None) -> Taken:
        """Claim a set and ask at once who of it may be written to."""
        return self.store.run(lambda tx: self._claim(tx, worker, lane, limit, batch_id))

    def _claim(self, tx: Connection, worker: int, lane: Lane, limit: int, batch_id: int | None) -> Taken:
        now = self.clock.now()
        where = "r.lane = 'live'" if lane is Lane.LIVE else f"r.batch_id = :batch and {outgoing.CAMPAIGN_RUNNING}"
        rows = claims.claim(
            tx,
            LIVE if lane is Lane.LIVE else BULK,
            worker,
            now=now,
            lease_seconds=self.lease_seconds,
            limit=limit,
            where=where,
            values={} if batch_id is None else {"batch": batch_id},
        )
        return Taken(rows, self.admission.sift(tx, worker, rows, now) if rows else Sifted())

    def _send_set(self, worker: int, taken: Taken) -> tuple[int, float]:
        """Send one set of a batch. Returns how many are off our hands, and for how long to stay away if we were
        throttled."""
        granted, wait = self._take_permits(worker, taken.sifted.admitted, Lane.BULK)
        if granted:
            groups = self.pool.map(self._post_in_order, self._start(worker, granted))
            self._land(worker, [pair for group in groups for pair in group])
        return len(taken.rows) - (len(taken.sifted.admitted) - len(granted)), wait

    def _start(self, worker: int, granted: Mapping[int, str]) -> list[list[tuple[Row[Any], str]]]:
        """Commit that these requests leave now, and group them by person, each person's in their order. From here until
        `_land` a death leaves a doubt."""
        now = self.clock.now()
        until = now + timedelta(seconds=self.lease_seconds)
        rows = self.store.run(lambda tx: outgoing.start_sending(tx, worker, list(granted), now, until))
        people: dict[int, list[tuple[Row[Any], str]]] = {}
        for row in sorted(rows, key=lambda row: row.id):
            people.setdefault(row.contact_id, []).append((row, granted[row.id]))
        return list(people.values())

    def _land(self, worker: int, answers: Sequence[tuple[Row[Any], Answer]]) -> None:
        """Write down what the platform answered."""
        if answers:
            self.store.run(lambda tx: self.outcomes.write(tx, worker, answers, self.clock.now()))
            self._obey(answers)

    def _take_permits(self, worker: int, admitted: Mapping[int, Admitted], lane: Lane) -> tuple[dict[int, str], float]:
        """The addresses of as many as the limiter lets go now, by message; the rest go back unworked."""
        granted: dict[int, str] = {}
        wait = 0.0
        for number, group in _by_number(admitted.values()).items():
            grant = self.throttle.take(number, len(group), lane)
            granted |= {one.id: one.address for one in group[: grant.permits]}
            if grant.permits < len(group):
                wait = max(wait, grant.wait_seconds, 0.05)
                self._hand_back(worker, [one.id for one in group[grant.permits :]], lane)
        return granted, wait

    def _hand_back(self, worker: int, ids: list[int], lane: Lane) -> None:
        rows = LIVE if lane is Lane.LIVE else BULK
        self.store.run(lambda tx: claims.release(tx, rows, worker, ids))

    def _post_in_order(self, group: Sequence[tuple[Row[Any], str]]) -> list[tuple[Row[Any], Answer]]:
        return [(row, self._ask(row, address)) for row, address in group]

    def _ask(self, row: Row[Any], address: str) -> Answer:
        if self.clock.now() >= row.lease_until:
            # We were stopped for so long that others take our claims for abandoned; they decide about this one now.
            return TryAgain("its lease ran out before it left", code="lease")
        try:
            return self.messenger.send(_request(row, address))
        except DeliveryError as error:
            return error
        except Exception as error:  # a defect of ours in mid-request must not be taken for "it did not happen"
            log.exception("sending message %d ended in a defect", row.id)
            return OutcomeUnknown(f"{type(error).__name__}: {error}", code="defect")

    def _obey(self, answers: Iterable[tuple[Row[Any], Answer]]) -> None:
        """The platform throttled a number, or refuses our token: every worker slows down, not only this one."""
        for row, answer in answers:
            if isinstance(answer, TryLater) and answer.scope == "number":
                self.throttle.slow_down(row.phone_number_id, min(answer.wait_seconds, _LONGEST_SLOWDOWN))
            elif isinstance(answer, FixCredentials):
                self.throttle.slow_down(row.phone_number_id, _TOKEN_SECONDS)


def _request(row: Row[Any], address: str) -> SendRequest:
    """What was frozen when the message was planned, addressed and marked."""
    return SendRequest(
        row.phone_number_id,
        address,
        callback.mark(row.ref, row.attempts),
        thaw(row.kind, row.content),
        row.reply_to,
        Category(row.category),
    )


def _by_number(admitted: Iterable[Admitted]) -> dict[str, list[Admitted]]:
    groups: dict[str, list[Admitted]] = {}
    for one in admitted:
        groups.setdefault(one.phone_number_id, []).append(one)
    return groups
