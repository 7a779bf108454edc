"""Lists for programs that ask instead of being told: the newest first, in the shapes of the events
(`flows.hooks.events`), each with an id that another change makes another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncer.domain.hook import HookEvent
from syncer.flows.hooks import reading
from syncer.flows.hooks.events import Body
from syncer.store import hook_contacts
from syncer.store.session import Store


@dataclass(frozen=True)
class Polling:
    """`files_at` is the address below which the files of messages are fetched."""

    store: Store
    files_at: str = ""

    def newest(self, event: HookEvent, limit: int) -> Sequence[Body]:
        """What such events would tell of, the newest first."""
        with self.store.begin() as tx:
            return reading.newest(tx, event, limit, self.files_at)

    def changed_contacts(self, since: datetime | None, limit: int) -> Sequence[Body]:
        """Contacts that are new or have changed (after `since`), the latest change first."""
        with self.store.begin() as tx:
            ids = hook_contacts.changed(tx, since, limit)
            found = reading.about_contacts(tx, HookEvent.CONTACT_UPDATED, ids)
        return [found[key] for key in ids if key in found]
