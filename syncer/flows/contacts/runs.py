"""One run of a contact sync under way: what it has come to, and each step of it written with its progress in one
transaction, so that whoever goes on after a crash finds contacts, cursor and counts of one moment."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.domain.errors import SyncerError
from syncer.flows.contacts.page import Parked, Result
from syncer.flows.contacts.pages import Delta, lost_by
from syncer.ports import Clock
from syncer.store import sync_runs
from syncer.store.session import Store
from syncer.store.sync_runs import LOST, MISSING, PAGES, Lease, LostLease, LostPages

log = logging.getLogger(__name__)

TakeIn = Callable[[Connection, str, Sequence[SourceRecord], datetime], Result]
"""(transaction, CRM, its rows, now) -> what came of them."""

#: Setbacks since the last committed page, kept among a run's counts so that they survive a takeover.
SETBACKS = "setbacks"


class TooManyParked(Exception):
    """So many rows or pages cannot be taken in that it is not their fault."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What a run came to, in rows: `seen` = `unchanged` + `new` + `changed` + `parked`.

    `merged` rows joined a person known from another row, `opted_out` refuse promotional messages or all of them,
    `invalid` counts numbers nobody can be reached at, by `PhoneProblem`; these three are about new and changed rows.
    `contacts` is how many persons were added. `lost_pages` could not be read or written, so that nothing was concluded
    from what the run has not seen. Else: `departed` rows are gone from the CRM, `followed` ones part of another row
    there; `held_deletions` are so many that a person has to accept them, `unanswered` ones wait for the next full run.
    `seconds` is this worker's share of the run.
    """

    run_id: int
    crm: str
    mode: str
    seen: int = 0
    unchanged: int = 0
    new: int = 0
    changed: int = 0
    contacts: int = 0
    merged: int = 0
    opted_out: int = 0
    parked: int = 0
    lost_pages: int = 0
    departed: int = 0
    followed: int = 0
    held_deletions: int = 0
    unanswered: int = 0
    invalid: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """A run's leases, and how much it may leave out before it is over."""

    lease_seconds: float = 60.0
    heartbeat_seconds: float = 15.0
    most_parked: int = 1000
    most_lost: int = 100


@dataclass(frozen=True, slots=True)
class _Progress:
    """What is written of a run with each step."""

    counts: Counter[str]
    cursor: str | None
    stage: str
    lost: tuple[LostPages, ...]


class Run:
    """A run and the right to work on it. Everything here raises `LostLease` once somebody else has that right."""

    def __init__(self, store: Store, clock: Clock, lease: Lease, take_in: TakeIn, bounds: Bounds) -> None:
        self.store, self.clock, self.lease = store, clock, lease
        self.done = False
        #: Each takeover has numbers of its own.
        self.batches = count(lease.epoch << 32)
        self._take_in, self._bounds = take_in, bounds
        self._progress = _Progress(Counter(lease.counts), lease.cursor, lease.stage, lease.lost)
        self._beaten_at = clock.now()

    @property
    def counts(self) -> Counter[str]:
        """What the run has come to so far."""
        return self._progress.counts

    @property
    def cursor(self) -> str | None:
        """After which page to go on."""
        return self._progress.cursor

    @property
    def stage(self) -> str:
        """One of `sync_runs.PAGES`, `LOST`, `MISSING`."""
        return self._progress.stage

    @property
    def lost(self) -> tuple[LostPages, ...]:
        """Pages that could not be read or written."""
        return self._progress.lost

    def settle(self, delta: Delta) -> None:
        """Write one group of pages. One on which nothing is new is only remembered, until the heart has to beat: after
        a crash it is read once more, and still nothing on it is new. One that cannot be written is set aside."""
        self._step(delta, replace(self._progress, cursor=delta.cursor, stage=self._stage_after(delta)))

    def settle_again(self, delta: Delta, entry: LostPages) -> None:
        """The second try of lost pages. They are the last ones of which nothing is known if they are lost again."""
        others = tuple(pages for pages in self.lost if pages != entry)
        again = tuple(replace(pages, again=True) for pages in delta.lost)
        delta = replace(delta, seen=max(0, delta.seen - entry.counted), lost=again)
        self._step(delta, replace(self._progress, lost=others), entry)

    def settle_found(self, delta: Delta) -> None:
        """Rows that were found when they were asked for by id, after all pages."""
        if delta.lost:
            raise RuntimeError(delta.lost[0].reason)
        now = self.clock.now()
        self._progress = self.store.run(lambda tx: self._write(tx, delta, self._progress, now))
        self._beaten_at = now

    def _stage_after(self, delta: Delta) -> str:
        if delta.cursor is not None:
            return PAGES
        return LOST if self.lost or delta.lost else MISSING

    def to_missing(self) -> None:
        """Every page has come, and nothing was lost in the end."""
        self._write_progress(replace(self._progress, stage=MISSING))

    def _step(self, delta: Delta, then: _Progress, entry: LostPages | None = None) -> None:
        now = self.clock.now()
        resting = now - self._beaten_at < timedelta(seconds=self._bounds.heartbeat_seconds)
        if delta.is_quiet and resting and (then.stage, then.lost) == (self.stage, self.lost):
            self._progress = replace(then, counts=self._after(delta, Result.nothing()))
            return
        try:
            written = self.store.run(lambda tx: self._write(tx, delta, then, now))
        except (SyncerError, LostLease, TooManyParked):
            raise
        except Exception as error:
            log.exception("%d pages of %s are set aside", delta.pages, self.lease.crm)
            aside = replace(lost_by(error, delta.after, delta.pages), again=entry is not None)
            nothing = replace(delta, seen=0, records=[], unreadable=Result.nothing(), lost=(aside,))
            stage = LOST if delta.cursor is None else then.stage
            written = self.store.run(lambda tx: self._write(tx, nothing, replace(then, stage=stage), now))
        self._progress, self._beaten_at = written, now

    def _write(self, tx: Connection, delta: Delta, then: _Progress, now: datetime) -> _Progress:
        crm, result = self.lease.crm, Result.nothing()
        if delta.records:
            result = self._take_in(tx, crm, delta.records, now)
        parked = delta.unreadable.parked + result.parked
        lost = then.lost + delta.lost
        then = replace(then, counts=self._after(delta, result), lost=lost)
        then.counts["lost_pages"] = sum(pages.pages for pages in lost)
        self._check(then, parked)
        sync_runs.park(tx, self.lease, [(row.crm_id, row.reason) for row in parked])
        self._advance(tx, then, now)
        return then

    def _after(self, delta: Delta, result: Result) -> Counter[str]:
        """The counts with one more group."""
        counts = self.counts + delta.unreadable.counts + result.counts
        counts["seen"] += delta.seen
        counts["unchanged"] = counts["seen"] - counts["new"] - counts["changed"] - counts["parked"]
        del counts[SETBACKS]
        return counts

    def _check(self, then: _Progress, parked: Sequence[Parked]) -> None:
        if then.counts["parked"] > self._bounds.most_parked:
            reason = parked[-1].reason if parked else "earlier rows"
            raise TooManyParked(f"{then.counts['parked']} rows could not be taken in, the last because of: {reason}")
        if len(then.lost) > self._bounds.most_lost:
            reason = then.lost[-1].reason
            raise TooManyParked(f"{then.counts['lost_pages']} pages were lost, the last because of: {reason}")

    def record(self, tx: Connection, news: Mapping[str, int]) -> None:
        """Count what the caller has done in its own transaction; `learn` it once that is committed."""
        self._advance(tx, replace(self._progress, counts=self.counts + Counter(news)), self.clock.now())

    def learn(self, news: Mapping[str, int]) -> None:
        """Count what is committed, or what needs no transaction."""
        self._progress = replace(self._progress, counts=self.counts + Counter(news))

    def _write_progress(self, then: _Progress) -> None:
        now = self.clock.now()
        with self.store.begin() as tx:
            self._advance(tx, then, now)
        self._progress, self._beaten_at = then, now

    def _advance(self, tx: Connection, then: _Progress, now: datetime) -> None:
        progress: dict[str, Any] = {"cursor": then.cursor, "counts": dict(then.counts), "stage": then.stage}
        lease_seconds = self._bounds.lease_seconds
        sync_runs.advance(tx, self.lease, now=now, lease_seconds=lease_seconds, lost=then.lost, **progress)

    def rest(self, until: datetime) -> None:
        """Let go until then."""
        with self.store.begin() as tx:
            sync_runs.rest(tx, self.lease, cursor=self.cursor, counts=dict(self.counts), until=until)

    def end(self, error: str | None = None) -> None:
        """The run is over, well or with an error."""
        if error is not None:
            log.error("sync run %d of %s has failed: %s", self.lease.run_id, self.lease.crm, error)
        with self.store.begin() as tx:
            sync_runs.finish(tx, self.lease, counts=dict(self.counts), now=self.clock.now(), error=error)
        self.done = True

    def outcome(self, seconds: float) -> SyncOutcome:
        """What it has come to."""
        not_counts = ("run_id", "crm", "mode", "invalid", "seconds")
        figures = {name: self.counts[name] for name in SyncOutcome.__slots__ if name not in not_counts}
        invalid = {name.partition(":")[2]: n for name, n in self.counts.items() if name.startswith("invalid:")}
        lease = self.lease
        return SyncOutcome(lease.run_id, lease.crm, lease.mode, **figures, invalid=invalid, seconds=seconds)
