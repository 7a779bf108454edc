"""Keeping what a CRM tells us: in the database before it is acknowledged, then the bell (law 1, law 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from syncer.domain.change_notice import Changed, Kind
from syncer.ports import Clock, Jobs
from syncer.store import crm_notices
from syncer.store.session import Store

#: Who looks at which kind: an agent's message is live, a customer's record is not (law 11).
BELLS = {Kind.CONTACT: "notices", Kind.REPLY: "agents"}


@dataclass(frozen=True)
class NoticeKeeping:
    """The way in for what CRMs tell. It needs no CRM: nothing is asked while one waits for its answer."""

    store: Store
    clock: Clock
    jobs: Jobs

    def keep(self, crm: str, changed: Sequence[Changed]) -> int:
        """Note what is to be looked at again and ring; returns how many records. Raises `Unreachable` and `TryAgain`,
        and has then kept nothing."""
        if not changed:
            return 0
        with self.store.begin() as tx:
            told = crm_notices.tell(tx, crm, changed, self.clock.now())
        for kind in sorted({one.kind for one in changed}):
            self.jobs.ring(BELLS[kind])
        return told
