"""What a full run has not met: each such row is asked for by id, and only the CRM's own word lets it go.

    not seen -> asked for -> there: taken in like any row, so that a missed page heals itself
                          -> part of another row: its person is that row's person
                          -> gone: it leaves its contact

A page that was not read is no deletion: nothing is concluded from a run that has lost a page, or the memory of what it
has seen. And what would take away a good part of all rows at once is not believed until a person says so.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from syncer.domain.crm_record import Fate, RawRow
from syncer.domain.errors import DeliveryError
from syncer.flows.contacts.leaving import Terms, follow, leave
from syncer.flows.contacts.pages import Comparison, Group
from syncer.flows.contacts.runs import Run
from syncer.ports import CRM
from syncer.store import alerts, contact_joins, sync_seen
from syncer.store import departures as journal

log = logging.getLogger(__name__)

#: So many may always go: a small table has no share to speak of.
ALWAYS_BELIEVED = 100
#: Ids in one question to the adapter, and rows that leave in one transaction.
BATCH = 500


def alert_key(crm: str) -> str:
    """Under which a CRM's held deletions are an alert."""
    return f"deletions:{crm}"


class _Silence(Exception):
    """The CRM has stopped answering; these rows are `answered`, and those of them are `absent`."""

    def __init__(self, answered: Sequence[str], absent: list[Fate]) -> None:
        super().__init__(f"{len(answered)} answers")
        self.answered, self.absent = answered, absent


@dataclass(frozen=True)
class Departures:
    """The end of one full run. More rows than `share` of those we know only a person lets go; `terms` as in the
    sync."""

    run: Run
    crm: CRM
    comparison: Comparison
    share: float
    terms: Terms

    def conclude(self, *, accepted: bool) -> None:
        """Ask for every row that was not met, and believe the answers. Rows of which the CRM says nothing stay until
        the next full run."""
        found = self._missing()
        if found is None:
            return
        missing, known = found
        limit = missing if accepted else max(ALWAYS_BELIEVED, int(self.share * known))
        try:
            if missing > limit and self._are_mostly_absent(missing, limit):
                self._hold(missing, known)
                return
            absent = self._ask(self._ids()) if missing else []
        except _Silence as silence:
            self.run.learn({"unanswered": missing - len(silence.answered)})
            absent = silence.absent
        if len(absent) > limit:
            self._hold(len(absent), known)
            return
        self._follow_merged([fate for fate in absent if fate.into])
        self._let_go([fate for fate in absent if not fate.into])
        if not self.run.counts["unanswered"]:
            with self.run.store.begin() as tx:
                alerts.end(tx, alert_key(self.crm.name), self.run.clock.now())

    def _missing(self) -> tuple[int, int] | None:
        """How many known rows were not met, and how many are known; None where that proves nothing."""
        run_id, crm = self.run.lease.run_id, self.crm.name
        with self.run.store.begin() as tx:
            if not sync_seen.is_whole(tx, run_id, self.run.counts["seen"]):
                log.warning("sync run %d of %s has lost its memory: it lets no row go", run_id, crm)
                return None
            missing = sync_seen.unseen(tx, run_id, crm)
            return missing, journal.known(tx, crm) if missing else 0

    def _ids(self, sample: int | None = None) -> list[str]:
        with self.run.store.begin() as tx:
            return sync_seen.unseen_ids(tx, self.run.lease.run_id, self.crm.name, sample=sample)

    def _are_mostly_absent(self, missing: int, limit: int) -> bool:
        """Whether a sample says that more than `limit` are gone. Else it was our reading that missed them, and it is
        worth asking for each."""
        sample = self._ids(BATCH)
        absent = self._ask(sample)
        return len(absent) * missing > limit * len(sample)

    def _ask(self, crm_ids: Sequence[str]) -> list[Fate]:
        """Those that are not there any more; the others are taken in. Raises `_Silence` with the answers so far."""
        absent: list[Fate] = []
        for start in range(0, len(crm_ids), BATCH):
            try:
                fates = self.crm.look_up(crm_ids[start : start + BATCH])
            except DeliveryError as error:
                log.warning("%s does not say what became of %d rows: %s", self.crm.name, len(crm_ids) - start, error)
                raise _Silence(crm_ids[:start], absent) from error
            self._take_in([fate.row for fate in fates if fate.row is not None])
            absent += [fate for fate in fates if fate.row is None]
        return absent

    def _take_in(self, rows: Sequence[RawRow]) -> None:
        """What is there is taken in like any other row. Also without any, the run shows that it lives."""
        self.run.settle_found(self.comparison.delta(Group(None, None, 1, list(rows))))

    def _hold(self, absent: int, known: int) -> None:
        message = (
            f"{absent:,} of the {known:,} customers known from {self.crm.name} are gone there at once; that is not "
            "believed until somebody says so (syncer contacts sync --full --wait --accept-deletions)"
        )
        self.run.learn({"held_deletions": absent})
        with self.run.store.begin() as tx:
            alerts.sound(tx, alert_key(self.crm.name), message, self.run.clock.now())

    def _let_go(self, gone: Sequence[Fate]) -> None:
        for start in range(0, len(gone), BATCH):
            fates = {fate.crm_id: "gone" for fate in gone[start : start + BATCH]}
            self.run.learn(self.run.store.run(partial(self._depart, fates=fates)))

    def _depart(self, tx: Connection, fates: Mapping[str, str]) -> Counter[str]:
        contact_joins.take_turn(tx)
        left = leave(tx, self.crm.name, fates, self.run.clock.now(), self.terms)
        news = Counter(departed=left)
        self.run.record(tx, news)
        return news

    def _follow_merged(self, merged: Sequence[Fate]) -> None:
        """Rows that are part of others now; those others are taken in first where we do not know them yet. One that is
        part of a row which is gone is gone."""
        for start in range(0, len(merged), BATCH):
            part = {fate.crm_id: fate.into for fate in merged[start : start + BATCH] if fate.into}
            with self.run.store.begin() as tx:
                known = journal.homes(tx, self.crm.name, part.values())
            gone: set[str] = set()
            with suppress(_Silence):
                absent = self._ask(sorted(set(part.values()) - known.keys()))
                gone = {fate.crm_id for fate in absent if not fate.into}
            for crm_id, into in part.items():
                if into not in gone:
                    self.run.learn(self.run.store.run(partial(self._join, crm_id=crm_id, into=into)))
            self._let_go([Fate(crm_id) for crm_id, into in part.items() if into in gone])

    def _join(self, tx: Connection, crm_id: str, into: str) -> Counter[str]:
        """One row's person becomes that of the row it is part of."""
        contact_joins.take_turn(tx)
        news = follow(tx, self.crm.name, crm_id, into, self.run.clock.now(), self.terms)
        self.run.record(tx, news)
        return news
