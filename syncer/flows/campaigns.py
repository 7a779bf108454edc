"""Campaigns: one template to many, planned once and for all; sending happens elsewhere, batch by batch (movement 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from syncer.domain.campaign import Recipient
from syncer.domain.errors import Refused
from syncer.domain.message import Lane
from syncer.domain.template import Template
from syncer.policies.batching import MOST_RECIPIENTS, cut
from syncer.ports import Clock, Jobs
from syncer.store import campaigns, outgoing
from syncer.store.session import Store


@dataclass(frozen=True)
class Campaigns:
    """Plans campaigns and steers them. `templates` is the catalogue by (name, language)."""

    store: Store
    clock: Clock
    jobs: Jobs
    templates: Mapping[tuple[str, str], Template]
    phone_number_id: str
    batch_size: int = MOST_RECIPIENTS

    def plan(
        self, name: str, template: str, language: str, recipients: Sequence[Recipient], *, key: str | None = None
    ) -> int:
        """Freeze everything and ring for each batch; returns the campaign's number. The same `key` plans nothing new.

        Raises `Refused` for an unknown template and `TemplateMismatch` when any recipient's parameters do not fit: a
        campaign with a hole in it is not planned at all.
        """
        chosen = self._template(template, language)
        contents = {r.contact_id: (chosen.fill(r.parameters), chosen.render(r.parameters)) for r in recipients}
        unique = list(contents)
        with self.store.begin() as tx:
            campaign_id, created = campaigns.create(tx, self._campaign(name, chosen, key))
            batches = []
            if created:
                for position, part in enumerate(cut(unique, self.batch_size)):
                    batches.append(self._batch(tx, campaign_id, position, part, chosen, contents))
        for batch_id in batches:
            self.jobs.ring("send", batch_id)
        return campaign_id

    def pause(self, campaign_id: int) -> bool:
        """Nothing more leaves after the set that is leaving now; false when it is not running."""
        with self.store.begin() as tx:
            return campaigns.change_state(tx, campaign_id, "running", "paused")

    def resume(self, campaign_id: int) -> bool:
        """Go on where it was paused; false when it is not paused."""
        with self.store.begin() as tx:
            resumed = campaigns.change_state(tx, campaign_id, "paused", "running")
            waiting = campaigns.batches_of(tx, campaign_id) if resumed else []
        for batch_id in waiting:
            self.jobs.ring("send", batch_id)
        return resumed

    def progress(self, campaign_id: int) -> dict[str, Any] | None:
        """How far it has come: messages by send state and by status; None when there is no such campaign."""
        with self.store.begin() as tx:
            return campaigns.progress(tx, campaign_id)

    def _template(self, name: str, language: str) -> Template:
        if (name, language) not in self.templates:
            raise Refused(f"there is no template {name!r} in {language}")
        return self.templates[name, language]

    def _campaign(self, name: str, template: Template, key: str | None) -> dict[str, Any]:
        return {
            "name": name,
            "template": template.name,
            "language": template.language,
            "category": template.category,
            "phone_number_id": self.phone_number_id,
            "idempotency_key": key,
            "created_at": self.clock.now(),
        }

    def _batch(
        self,
        tx: Connection,
        campaign_id: int,
        position: int,
        people: Sequence[int],
        template: Template,
        contents: Mapping[int, tuple[Any, str]],
    ) -> int:
        batch_id = campaigns.add_batch(tx, campaign_id, position, len(people))
        rows = [self._message(campaign_id, batch_id, person, template, *contents[person]) for person in people]
        outgoing.plan(tx, rows)
        return batch_id

    def _message(
        self, campaign_id: int, batch_id: int, contact_id: int, template: Template, content: Any, body: str
    ) -> dict[str, Any]:
        return {
            "idempotency_key": f"campaign:{campaign_id}:{contact_id}",
            "lane": Lane.BULK,
            "source": "campaign",
            "category": template.category,
            "phone_number_id": self.phone_number_id,
            "contact_id": contact_id,
            "batch_id": batch_id,
            "campaign_id": campaign_id,
            "kind": "template",
            "content": {"name": content.name, "language": content.language, "parameters": list(content.parameters)},
            "body": body,
            "planned_at": self.clock.now(),
        }
