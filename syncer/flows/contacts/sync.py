"""The contact sync: every customer of a CRM, cleaned, merged and kept (movement 1; R3-R7, R25).

    lease -> groups of pages -> known rows dropped -> one transaction per group: contacts + cursor + counts
          -> what was lost, once more -> rows that a full run has not met (`departures`) -> done

One run at a time per CRM. A run that is cut off, wherever, goes on from its last committed page under the next worker;
the epoch of the lease keeps a worker that was only thought dead from writing any more.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice

from sqlalchemy import Connection

from syncer.domain.contact import SourceRecord
from syncer.domain.errors import DeliveryError, Refused, Unreachable
from syncer.flows.contacts.departures import Departures
from syncer.flows.contacts.leaving import Terms
from syncer.flows.contacts.page import Result, take_in
from syncer.flows.contacts.pages import Comparison, Group, gathered
from syncer.flows.contacts.read_ahead import read_ahead
from syncer.flows.contacts.runs import SETBACKS, Bounds, Run
from syncer.flows.contacts.runs import SyncOutcome as SyncOutcome
from syncer.flows.contacts.runs import TooManyParked as TooManyParked
from syncer.flows.crm_contacts import law_of
from syncer.policies import retry
from syncer.policies.retry import GiveToPerson, Tiers
from syncer.ports import CRM, Clock
from syncer.store import sync_runs
from syncer.store.session import Store
from syncer.store.sync_runs import LOST, MISSING, PAGES, LostLease

log = logging.getLogger(__name__)

MODES = ("full", "changed")

_MANY_OBJECTS = 200_000
#: So many times its interval a full run may be late before whoever notices begins it.
_UNHEARD = 1.25


@dataclass(frozen=True)
class ContactSync:
    """Hearing from the CRMs. Pages are gathered into groups of `page_size` rows; `heartbeat_seconds` bounds how long
    unchanged ones may go unrecorded. A number in more than `shared_above` rows is nobody's own; `by_email` lets a row
    without a usable number join the one person of its address. More than `most_parked` rows or `most_lost` pages left
    out end the run. When more than `most_deleted_share` of a CRM's rows are gone at once, a person has to accept it.
    People whose erasure is sealed with one of `sealing_keys` come in again as refusing offers.
    """

    store: Store
    crms: Mapping[str, CRM]
    clock: Clock
    page_size: int = 4000
    lease_seconds: float = 60.0
    heartbeat_seconds: float = 15.0
    shared_above: int = 20
    by_email: bool = False
    most_parked: int = 1000
    most_lost: int = 100
    most_deleted_share: float = 0.10
    tiers: Tiers = field(default_factory=Tiers)
    sealing_keys: tuple[bytes, ...] = ()

    def run(self, crm: str, worker: int, mode: str = "full", *, accept_deletions: bool = False) -> SyncOutcome:
        """Sync one CRM, `full` or what has `changed` since the last run that ended well; a run that was cut off is
        finished instead, in its own mode - but a full one does not wait for changes. `accept_deletions` is a person's
        word that rows which are gone from the CRM may go here too, however many.

        Raises `Refused` when a living worker is on it (or has taken it over), and whatever ended the run otherwise.
        After a `DeliveryError` the run may be resting: once its time has come, the next call goes on from its cursor.
        """
        started_at = self.clock.now()
        run = self._begin(crm, worker, mode, started_at)
        try:
            with _collecting_seldom():
                self._follow_to_the_end(run, accept_deletions)
        except LostLease as error:
            raise Refused(f"{error}; this worker stops") from error
        except (Unreachable, DeliveryError):
            raise
        except Exception as error:
            run.end(f"{type(error).__name__}: {error}")
            raise
        return run.outcome((self.clock.now() - started_at).total_seconds())

    def due(self, crm: str, changed_every_seconds: float, full_every_seconds: float) -> str | None:
        """The mode of the run that is due now, between the full ones: `changed`; `full` where the ring for one was not
        heard; None while a run is under way or about to begin, and before any has ended well. 0 seconds: never."""
        with self.store.begin() as tx:
            last = sync_runs.last(tx, crm)
            full = sync_runs.last(tx, crm, mode="full")
            done = sync_runs.last(tx, crm, state="done")
        if not changed_every_seconds or not (last and full and done) or last.state == "running":
            return None
        now = self.clock.now()
        waited = (now - full.started_at).total_seconds()
        if waited >= full_every_seconds:
            return "full" if waited >= _UNHEARD * full_every_seconds else None
        # A ring that comes a little early would else leave out a whole round.
        return "changed" if (now - last.started_at).total_seconds() >= 0.9 * changed_every_seconds else None

    def _begin(self, crm: str, worker: int, mode: str, now: datetime) -> Run:
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
        bounds = Bounds(self.lease_seconds, self.heartbeat_seconds, self.most_parked, self.most_lost)
        return Run(self.store, self.clock, lease, self._take_in, bounds)

    def _take_in(self, tx: Connection, crm: str, records: Sequence[SourceRecord], now: datetime) -> Result:
        terms = self._terms
        return take_in(
            tx,
            crm,
            records,
            now,
            shared_above=terms.shared_above,
            by_email=terms.by_email,
            law=terms.law,
            sealing_keys=self.sealing_keys,
        )

    @cached_property
    def _terms(self) -> Terms:
        return Terms(self.shared_above, self.by_email, law_of(self.crms))

    def _follow_to_the_end(self, run: Run, accept_deletions: bool) -> None:
        while not run.done:
            try:
                self._follow(run, accept_deletions)
            except DeliveryError as error:
                self._pause(run, error)

    def _follow(self, run: Run, accept_deletions: bool) -> None:
        """All that is left to do, whatever was done before."""
        crm = self.crms[run.lease.crm]
        comparison = Comparison(self.store, crm, run.lease.run_id, run.batches)
        since = self._since(run)
        if run.stage == PAGES:
            self._read(run, crm, comparison, since)
        if run.stage == LOST:
            self._read_again(run, crm, comparison, since)
        if run.stage == MISSING and run.lease.mode == "full":
            departures = Departures(run, crm, comparison, self.most_deleted_share, self._terms)
            departures.conclude(accepted=accept_deletions)
        run.end()

    def _since(self, run: Run) -> datetime | None:
        if run.lease.mode != "changed":
            return None
        with self.store.begin() as tx:
            last = sync_runs.last(tx, run.lease.crm, state="done")
        return last.started_at if last else None

    def _read(self, run: Run, crm: CRM, comparison: Comparison, since: datetime | None) -> None:
        """Read and write group after group, from the cursor to the end."""
        pages = crm.pages(run.cursor, page_size=self.page_size, changed_since=since)
        within = timedelta(seconds=self.heartbeat_seconds)
        groups = gathered(pages, run.cursor, self.page_size, self.clock, within)
        with read_ahead(comparison.deltas(groups)) as stream:
            for delta in stream:
                run.settle(delta)

    def _read_again(self, run: Run, crm: CRM, comparison: Comparison, since: datetime | None) -> None:
        """Lost pages, once more, each from its own cursor. What is lost for good is read by the next run; but nothing
        can be concluded from what this one has not seen."""
        for entry in [pages for pages in run.lost if not pages.again]:
            group = Group(entry.after)
            for page in islice(crm.pages(entry.after, page_size=self.page_size, changed_since=since), entry.pages):
                group.add(page)
            run.settle_again(comparison.delta(group), entry)
        if not run.lost:
            run.to_missing()

    def _pause(self, run: Run, error: DeliveryError) -> None:
        """The CRM failed us: R26's tiers, counted anew from every page that succeeds. Returns to go on at once; else
        the error is raised again, and the run rests or has failed."""
        now, lease = self.clock.now(), run.lease
        run.learn({SETBACKS: 1})
        attempts = run.counts[SETBACKS]
        decision = retry.decide(error, attempts=attempts, since=lease.started_at, now=now, tiers=self.tiers)
        if isinstance(decision, GiveToPerson):
            run.end(decision.reason)
            raise error
        if decision.at <= now:
            return
        log.warning("the sync of %s rests until %s: %s", lease.crm, decision.at.isoformat(), error)
        run.rest(decision.at)
        raise error


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
