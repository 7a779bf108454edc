"""A contact sync rehearsed: what it would change, and nothing is changed (X8).

The flow is the one that syncs, statement by statement; only the session it works in is another (`store.rehearsals`).
Whatever a CRM is to be told is written down in that session's copies, where nobody takes it up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncer.flows.contacts.sync import ContactSync, SyncOutcome
from syncer.store.rehearsal_differences import Difference, difference
from syncer.store.rehearsals import stage
from syncer.store.session import Store

#: Nobody's: the claims of a rehearsal are seen by itself alone.
_WORKER = 0


@dataclass(frozen=True)
class Rehearsal:
    """`sync_on` makes the sync on the store that it is given."""

    store: Store
    sync_on: Callable[[Store], ContactSync]

    def run(
        self, crms: Sequence[str], mode: str, samples: int = 5, *, accept_deletions: bool = False
    ) -> tuple[list[SyncOutcome], Difference]:
        """What syncs of these CRMs, one after the other, would come to and change, with up to `samples` examples of
        each kind of change. Raises what `ContactSync.run` does, also when a real sync of one of them is running."""
        with stage(self.store) as copies:
            sync = self.sync_on(copies.store)
            outcomes = [sync.run(crm, _WORKER, mode, accept_deletions=accept_deletions) for crm in crms]
            return outcomes, difference(copies, samples)
