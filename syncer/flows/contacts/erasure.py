"""Erasing a person: everything held about them goes, and a proof of it stays (GDPR Art. 17).

    turn of the sync -> locks -> nothing in flight -> every table, the proof -> commit -> files

The rows go in one transaction. Files follow its commit, since a file cannot be rolled back; which are left is written
with the proof, and whoever calls `finish` next removes them. What dies on the way is done again, to the same end.

Nothing is told to the CRMs: their rows are the company's own records. A row that comes in again is taken for what it
is - somebody who wanted to be forgotten (`flows.contacts.returning`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from syncer.domain.errors import Refused
from syncer.flows.media import place
from syncer.policies.erasure import fingerprint
from syncer.ports import Clock
from syncer.store import campaigns, claims, contact_joins, erasures, personal_data, traces
from syncer.store.erasures import Proof
from syncer.store.media import MEDIA
from syncer.store.session import Store
from syncer.store.traces import Traces

log = logging.getLogger(__name__)

#: What a worker is doing, for the person who has to wait for it.
_DOING = {
    "outgoing": "a message to them is being sent",
    "inbox": "something from them is being handled",
    "crm_writes": "a CRM is being told of them",
    "crm_notices": "what a CRM told of them is being looked at",
    "media": "a file of theirs is being fetched",
    "hook_deliveries": "a subscriber is being told of them",
}


class InFlight(Refused):
    """A worker is at something of this person's; it takes seconds."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: the number of its proof, how many rows of each table it deleted or emptied, how many files
    it had to remove, and of how many (of this and earlier erasures) that is still to be done."""

    erasure_id: int
    contact_id: int
    erased_at: datetime
    counts: Mapping[str, int]
    files: int
    files_left: int = 0


@dataclass(frozen=True)
class Erasure:
    """`keys` seal what is kept of the identifiers, the first of them for new ones; `folder` holds customers' files."""

    store: Store
    clock: Clock
    keys: Sequence[bytes]
    folder: Path

    def preview(self, contact_id: int) -> dict[str, int]:
        """How many rows would go, by table. Raises `LookupError` for an unknown contact."""
        with self.store.begin() as tx:
            return personal_data.counts(tx, traces.of(tx, contact_id))

    def erase(self, contact_id: int, erased_by: str, reason: str) -> Erased:
        """Erase a person. Raises `LookupError` for an unknown contact, `InFlight` while a worker is at something of
        theirs; nothing has changed then."""
        found = self.store.run(lambda tx: self._erase(tx, contact_id, erased_by, reason))
        return replace(found, files_left=self.finish())

    def _erase(self, tx: Connection, contact_id: int, erased_by: str, reason: str) -> Erased:
        now = self.clock.now()
        contact_joins.take_turn(tx)
        traces.lock(tx, contact_id)
        person = traces.of(tx, contact_id, locked=True)
        _refuse_in_flight(tx, person)
        batches = traces.open_batches(tx, person)
        files = _names(traces.files(tx, person))
        counts = personal_data.erase(tx, person)
        campaigns.close_finished(tx, now, batches)
        proof = Proof(contact_id, now, erased_by, reason, counts, files)
        prints = {fingerprint(self.keys[0], pair) for pair in person.identifiers()}
        return Erased(erasures.record(tx, proof, prints), contact_id, now, counts, len(files))

    def finish(self) -> int:
        """Remove the files of everybody who was erased, as far as nobody else has sent the same; returns how many are
        left for the next time, because a file is just being fetched that may be one of them."""
        with self.store.begin() as tx:
            # While no fetch is under way and none can begin, no file can come of which the table does not know.
            claims.take_turn(tx, MEDIA)
            waiting = erasures.unfinished(tx)
            if waiting and erasures.being_fetched(tx):
                return sum(len(row.files) for row in waiting)
            shared = erasures.hashes_in_use(tx, [Path(name).name for row in waiting for name in row.files])
            left = {row.id: [name for name in row.files if not self._remove(name, shared)] for row in waiting}
            for erasure_id, names in left.items():
                erasures.files_left(tx, erasure_id, names)
        return sum(map(len, left.values()))

    def _remove(self, name: str, shared: Collection[str]) -> bool:
        """Whether nothing of it is left that is only theirs."""
        try:
            for path in () if Path(name).name in shared else list(self.folder.glob(name)):
                path.unlink(missing_ok=True)
        except OSError as error:
            log.error("a file of somebody who was erased cannot be removed: %s", error)
            return False
        return True


def _refuse_in_flight(tx: Connection, person: Traces) -> None:
    busy = Counter(traces.in_flight(tx, person))
    if busy:
        raise InFlight(f"{', '.join(_DOING[name] for name in busy)}; try again in a moment")


def _names(found: Sequence[tuple[int, str | None]]) -> list[str]:
    """Below the media folder: the files, and what a fetch that died may have left of them."""
    kept = {str(place(Path(), sha256)) for _, sha256 in found if sha256}
    return sorted(kept) + [f"coming/{media_id}.*" for media_id, _ in found]
