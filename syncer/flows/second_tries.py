"""Second tries: recipients of a campaign whom the first did not reach, once more, when a person asks (law 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.campaign import CampaignState
from syncer.domain.work import Subject
from syncer.flows import template_effects
from syncer.policies.batching import MOST_RECIPIENTS, cut
from syncer.policies.second_try import Failed, Verdict, judge
from syncer.ports import Clock, Jobs
from syncer.store import campaigns, dead_letters, retries, second_tries
from syncer.store.session import Store


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of it, in recipients: `planned` once more; failed for good (`never`); to be asked for again `later`,
    since the platform wants time to pass; and of `unknown` outcome, which is not failed."""

    planned: int = 0
    never: int = 0
    later: int = 0
    unknown: int = 0


@dataclass(frozen=True)
class SecondTries:
    """`pause` says how long a message that failed with a code of the platform's has to rest before it may be sent
    anew; None: no time heals it."""

    store: Store
    clock: Clock
    jobs: Jobs
    pause: Callable[[str], timedelta | None]
    batch_size: int = MOST_RECIPIENTS

    def retry_failed(self, campaign_id: int) -> Retried:
        """Plan those once more for whom a second try makes sense; consent and the rest are asked when it leaves. Asked
        twice, or cut off in the middle and asked again, it plans nobody twice. Raises `LookupError`."""
        retried, batches = self.store.run(lambda tx: self._retry(tx, campaign_id))
        template_effects.ring(self.jobs, batches)
        return retried

    def _retry(self, tx: Connection, campaign_id: int) -> tuple[Retried, list[int]]:
        # Locked: of two who ask at once, one waits and then finds what the other has planned.
        if campaigns.by_id(tx, campaign_id) is None:
            raise LookupError(campaign_id)
        judged: dict[int, tuple[Row[Any], Verdict]] = {}
        for row in second_tries.failed(tx, campaign_id):
            judged.setdefault(row.contact_id, (row, self._judge(row)))
        again = [row for row, verdict in judged.values() if verdict is Verdict.AGAIN]
        batches = self._reopen(tx, [row.id for row in again if not row.taken])
        batches += self._repeat(tx, campaign_id, [row.id for row in again if row.taken])
        if batches:
            campaigns.change_state(tx, campaign_id, CampaignState.DONE, CampaignState.RUNNING)
        counts = Counter(verdict for _, verdict in judged.values())
        unknown = second_tries.unknown(tx, campaign_id)
        return Retried(len(again), counts[Verdict.NEVER], counts[Verdict.LATER], unknown), batches

    def _judge(self, row: Row[Any]) -> Verdict:
        return judge(Failed(row.failed_at, row.taken, row.letter, self.pause(row.code)), self.clock.now())

    def _reopen(self, tx: Connection, ids: Sequence[int]) -> list[int]:
        if not ids:
            return []
        now = self.clock.now()
        batches = second_tries.reopen(tx, ids, now)
        campaigns.reopen_batches(tx, batches)
        retries.cancel(tx, Subject.OUTGOING, ids)
        dead_letters.resolve_for(tx, Subject.OUTGOING, ids, "replayed", now)
        return batches

    def _repeat(self, tx: Connection, campaign_id: int, ids: Sequence[int]) -> list[int]:
        batches = []
        first = second_tries.next_position(tx, campaign_id) if ids else 0
        for position, part in enumerate(cut(list(ids), self.batch_size), first):
            batches.append(campaigns.add_batch(tx, campaign_id, position, len(part)))
            second_tries.repeat(tx, part, batches[-1], self.clock.now())
        return batches
