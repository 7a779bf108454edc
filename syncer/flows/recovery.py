"""Recovery: what every worker looks after, without beat and without Redis (law 2) - claims of the dead, appointments
that have come, echoes that came first, alarms that are due."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from syncer.domain.work import SendState, Subject, WorkState
from syncer.flows.outcomes import Outcomes
from syncer.flows.setbacks import Setbacks
from syncer.flows.statuses import Statuses
from syncer.ports import Clock
from syncer.store import claims, dead_letters, outgoing, retries, sweeps, sync_runs
from syncer.store.claims import Claimable
from syncer.store.crm_notices import NOTICES
from syncer.store.crm_writes import WRITES
from syncer.store.dead_letters import Burial
from syncer.store.hook_deliveries import DELIVERIES
from syncer.store.inbox import INBOX
from syncer.store.media import MEDIA
from syncer.store.outgoing import BULK, ON_THE_WAY
from syncer.store.session import Store

log = logging.getLogger(__name__)

#: Rows whose claim is an attempt; sends have their own ways (law 6).
_CLAIMED: dict[Subject, Claimable] = {
    Subject.INBOX: INBOX,
    Subject.CRM_WRITE: WRITES,
    Subject.CRM_NOTICE: NOTICES,
    Subject.MEDIA: MEDIA,
    Subject.HOOK_DELIVERY: DELIVERIES,
}


@dataclass(frozen=True)
class Recovery:
    """One sweep of the whole house, at most one `every` so often. `poison_after` claims without an end make a row a
    person's business: it may be what kills its workers."""

    store: Store
    statuses: Statuses
    outcomes: Outcomes
    setbacks: Setbacks
    clock: Clock
    crms: tuple[str, ...] = ()
    sync_interval: timedelta = timedelta(seconds=600)
    poison_after: int = 5
    every: timedelta = timedelta(0)
    queues: dict[Subject, str] = field(
        default_factory=lambda: {
            Subject.INBOX: "realtime",
            Subject.CRM_WRITE: "crm",
            Subject.CRM_NOTICE: "notices",
            Subject.OUTGOING: "send",
            Subject.MEDIA: "realtime",
            Subject.HOOK_DELIVERY: "hooks",
        }
    )

    def sweep(self) -> set[str]:
        """Everything that is due, once; returns the queues for which something became ready. One worker sweeps at a
        time; the others return at once."""
        with self.store.begin() as tx:
            now = self.clock.now()
            if not sweeps.begin(tx, now, now - self.every):
                return set()
            ready = self._free_the_dead(tx, now) | self._keep_appointments(tx, now)
            self.statuses.reunite(tx, now)
            self._sound_alarms(tx, now)
            return ready

    def overdue_syncs(self) -> list[str]:
        """CRMs whose sync was interrupted, or whose full one is late although nobody rang (no beat); for the sync
        worker."""
        now = self.clock.now()
        late = now - self.sync_interval * 1.5
        with self.store.begin() as tx:
            orphans = sync_runs.interrupted(tx, now)
            full = {crm: sync_runs.last(tx, crm, mode="full") for crm in self.crms}
        stale = [crm for crm, last in full.items() if last and last.started_at < late]
        return sorted({*orphans, *stale} & set(self.crms))

    def _free_the_dead(self, tx: Connection, now: datetime) -> set[str]:
        ready = set()
        for subject, rows in _CLAIMED.items():
            if freed := claims.abandoned(tx, rows, now, becomes=rows.ready):
                log.warning("%d abandoned %s rows are ready again", len(freed), subject)
                self._isolate_poison(tx, subject, rows, freed)
                ready.add(self.queues[subject])
        if claims.abandoned(tx, BULK, now, becomes=SendState.PLANNED):
            ready |= {"send", "realtime"}
        if doubtful := claims.abandoned(tx, ON_THE_WAY, now, becomes=SendState.UNKNOWN):
            log.warning("%d sends were cut off by a dead worker; listening for their echoes", len(doubtful))
            self.outcomes.listen(tx, doubtful, now)
        return ready

    def _isolate_poison(self, tx: Connection, subject: Subject, rows: Claimable, freed: list[int]) -> None:
        reason = f"its worker died or overstayed {self.poison_after} times"
        poison = claims.condemn(tx, rows, freed, self.poison_after, WorkState.DEAD, reason)
        self.setbacks.bury(tx, subject, [Burial(key, reason, "poison") for key in poison])

    def _keep_appointments(self, tx: Connection, now: datetime) -> set[str]:
        ready = set()
        for subject, rows in _CLAIMED.items():
            if retries.wake(tx, rows, retries.take_due(tx, subject, now)):
                ready.add(self.queues[subject])
        due = retries.take_due(tx, Subject.OUTGOING, now)
        if due:
            woken = retries.wake(tx, BULK, due)
            again = self.outcomes.judge(tx, due, now)
            if woken or again:
                outgoing.disturb_batches(tx, due)
                ready |= {"send", "realtime"}
        return ready

    def _sound_alarms(self, tx: Connection, now: datetime) -> None:
        for letter in dead_letters.take_alarms(tx, now):
            log.error(
                "dead letter %d (%s %d) still waits for a person; its deadline is %s: %s",
                letter.id,
                letter.subject,
                letter.subject_id,
                letter.deadline_at.isoformat(),
                letter.reason,
            )
