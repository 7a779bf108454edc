"""The contact sync: every customer of a CRM, cleaned, merged and kept (movement 1; R3-R7, R25).

    lease -> pages -> known rows dropped -> one transaction per page: contacts + cursor + counts -> done

One run at a time per CRM. A run that is cut off, wherever, goes on from its last committed page under the next worker;
the epoch of the lease keeps a worker that was only thought dead from writing any more.
"""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncer.domain.errors import DeliveryError, Refused, Unreachable
from syncer.flows.contacts.page import Parked, Result, take_in
from syncer.flows.contacts.pages import Delta, deltas, read_ahead
from syncer.policies import retry
from syncer.policies.retry import GiveToPerson, Tiers
from syncer.ports import CRM, Clock
from syncer.store import sync_runs
from syncer.store.session import Store
from syncer.store.sync_runs import Lease, LostLease

log = logging.getLogger(__name__)

MODES = ("full", "changed")

#: Setbacks since the last committed page, kept among a run's counts so that they survive a takeover.
_SETBACKS = "setbacks"
_MANY_OBJECTS = 200_000


class TooManyParked(Exception):
    """So many rows cannot be taken in that it is not the rows' fault."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What a run came to, in rows: `seen` = `unchanged` + `new` + `changed` + `parked`.

    `merged` rows joined a person known from another row, `opted_out` refuse promotional messages or all of them,
    `invalid` counts numbers nobody can be reached at, by `PhoneProblem`; these three are about new and changed rows.
    `contacts` is how many persons were added. `seconds` is this worker's share of the run.
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
    invalid: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class _Run:
    """A run under way: the lease, and what is not yet written of its progress."""

    lease: Lease
    counts: Counter[str]
    cursor: str | None
    beaten_at: datetime
    done: bool = False

    def after(self, delta: Delta, result: Result) -> Counter[str]:
        """The counts with one more page."""
        counts = self.counts + delta.unreadable.counts + result.counts
        counts["seen"] += delta.seen
        counts["unchanged"] = counts["seen"] - counts["new"] - counts["changed"] - counts["parked"]
        del counts[_SETBACKS]
        return counts


@dataclass(frozen=True)
class ContactSync:
    """Hearing from the CRMs. `heartbeat_seconds` bounds how long unchanged pages may go unrecorded; a number in more
    than `shared_above` rows is nobody's own; more than `most_parked` rows left out end the run."""

    store: Store
    crms: Mapping[str, CRM]
    clock: Clock
    page_size: int = 1000
    lease_seconds: float = 60.0
    heartbeat_seconds: float = 15.0
    shared_above: int = 20
    most_parked: int = 1000
    tiers: Tiers = field(default_factory=Tiers)

    def run(self, crm: str, worker: int, mode: str = "full") -> SyncOutcome:
        """Sync one CRM, `full` or what has `changed` since the last run that ended well; a run that was cut off is
        finished instead, in its own mode.

        Raises `Refused` when a living worker is on it (or has taken it over), and whatever ended the run otherwise.
        After a `DeliveryError` the run may be resting: once its time has come, the next call goes on from its cursor.
        """
        started_at = self.clock.now()
        run = self._begin(crm, worker, mode, started_at)
        try:
            with _collecting_seldom():
                self._follow_to_the_end(run)
        except LostLease as error:
            raise Refused(f"{error}; this worker stops") from error
        except (Unreachable, DeliveryError):
            raise
        except Exception as error:
            self._end(run, f"{type(error).__name__}: {error}")
            raise
        return _outcome(run, (self.clock.now() - started_at).total_seconds())

    def _begin(self, crm: str, worker: int, mode: str, now: datetime) -> _Run:
        if mode not in MODES:
            raise ValueError(f"a sync is one of {', '.join(MODES)}, not {mode!r}")
        if crm not in self.crms:
            raise Refused(f"there is no CRM {crm!r}; configured: {', '.join(self.crms)}")
        with self.store.begin() as tx:
            lease = sync_runs.start(tx, crm, mode, worker, now, self.lease_seconds)
        if lease is None:
            raise Refused(f"a sync of {crm} is running already")
        if lease.epoch > 1:
            log.warning("sync run %d of %s is taken over at %s", lease.run_id, crm, lease.cursor or "its beginning")
        return _Run(lease, Counter(lease.counts), lease.cursor, now)

    def _follow_to_the_end(self, run: _Run) -> None:
        while not run.done:
            try:
                self._follow(run)
            except DeliveryError as error:
                self._pause(run, error)

    def _follow(self, run: _Run) -> None:
        """Read and write page after page, from the cursor to the end."""
        crm = self.crms[run.lease.crm]
        pages = crm.pages(run.cursor, page_size=self.page_size, changed_since=self._since(run.lease))
        with read_ahead(deltas(self.store, crm, pages)) as stream:
            for delta in stream:
                self._settle(run, delta)
                if run.done:
                    return
        self._end(run, None)

    def _since(self, lease: Lease) -> datetime | None:
        if lease.mode != "changed":
            return None
        with self.store.begin() as tx:
            last = sync_runs.last(tx, lease.crm, state="done")
        return last.started_at if last else None

    def _settle(self, run: _Run, delta: Delta) -> None:
        """Write one page. A page on which nothing is new is only remembered, until the heart has to beat: after a
        crash it is read once more, and still nothing on it is new."""
        now = self.clock.now()
        quiet = not delta.records and not delta.unreadable.parked
        if quiet and delta.cursor is not None and now - run.beaten_at < timedelta(seconds=self.heartbeat_seconds):
            run.counts, run.cursor = run.after(delta, Result.nothing()), delta.cursor
            return
        run.counts = self.store.run(lambda tx: self._write(tx, run, delta, now))
        run.cursor, run.beaten_at, run.done = delta.cursor, now, delta.cursor is None

    def _write(self, tx: Connection, run: _Run, delta: Delta, now: datetime) -> Counter[str]:
        """The page's contacts, and with them the cursor and the counts - or, after the last page, the end of the
        run."""
        result = Result.nothing()
        if delta.records:
            result = take_in(tx, run.lease.crm, delta.records, now, shared_above=self.shared_above)
        counts = run.after(delta, result)
        if counts["parked"] > self.most_parked:
            reason = _last(result, delta)
            raise TooManyParked(f"{counts['parked']} rows could not be taken in, the last because of: {reason}")
        sync_runs.park(tx, run.lease, [(row.crm_id, row.reason) for row in delta.unreadable.parked + result.parked])
        if delta.cursor is None:
            sync_runs.finish(tx, run.lease, counts=dict(counts), now=now)
        else:
            sync_runs.advance(
                tx, run.lease, cursor=delta.cursor, counts=dict(counts), now=now, lease_seconds=self.lease_seconds
            )
        return counts

    def _pause(self, run: _Run, error: DeliveryError) -> None:
        """The CRM failed us: R26's tiers, counted anew from every page that succeeds. Returns to go on at once; else
        the error is raised again, and the run rests or has failed."""
        now, lease = self.clock.now(), run.lease
        run.counts[_SETBACKS] += 1
        attempts = run.counts[_SETBACKS]
        decision = retry.decide(error, attempts=attempts, since=lease.started_at, now=now, tiers=self.tiers)
        if isinstance(decision, GiveToPerson):
            self._end(run, decision.reason)
            raise error
        if decision.at <= now:
            return
        log.warning("the sync of %s rests until %s: %s", lease.crm, decision.at.isoformat(), error)
        with self.store.begin() as tx:
            sync_runs.rest(tx, lease, cursor=run.cursor, counts=dict(run.counts), until=decision.at)
        raise error

    def _end(self, run: _Run, error: str | None) -> None:
        if error is not None:
            log.error("sync run %d of %s has failed: %s", run.lease.run_id, run.lease.crm, error)
        with self.store.begin() as tx:
            sync_runs.finish(tx, run.lease, counts=dict(run.counts), now=self.clock.now(), error=error)
        run.done = True


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """A page is some fifty thousand small objects, hardly one of them in a cycle. At its own thresholds the garbage
    collector walks through them again and again, for a third of all the time a sync takes."""
    usual = gc.get_threshold()
    gc.set_threshold(_MANY_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _last(result: Result, delta: Delta) -> str:
    rows: list[Parked] = delta.unreadable.parked + result.parked
    return rows[-1].reason if rows else "earlier rows"


def _outcome(run: _Run, seconds: float) -> SyncOutcome:
    plain = ("seen", "unchanged", "new", "changed", "contacts", "merged", "opted_out", "parked")
    invalid = {name.partition(":")[2]: count for name, count in run.counts.items() if name.startswith("invalid:")}
    figures = {name: run.counts[name] for name in plain}
    return SyncOutcome(run.lease.run_id, run.lease.crm, run.lease.mode, **figures, invalid=invalid, seconds=seconds)
