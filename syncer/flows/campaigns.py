"""Campaigns: one template to many, planned once and for all; sending happens elsewhere, batch by batch (movement 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain import frozen
from syncer.domain.campaign import CampaignState, Recipient
from syncer.domain.contact import GoldenRecord
from syncer.domain.errors import Refused
from syncer.domain.message import Lane
from syncer.domain.template import Template, TemplateMismatch
from syncer.domain.work import SendState
from syncer.flows import template_effects
from syncer.flows.messages_out import KeyReused
from syncer.flows.template_book import TemplateBook
from syncer.policies import variables
from syncer.policies.batching import MOST_RECIPIENTS, cut
from syncer.policies.variables import Missing, Sources
from syncer.ports import Clock, Jobs
from syncer.store import campaigns, contacts, outgoing, templates
from syncer.store.session import Store

#: A message's frozen content and what its customer will read.
Filled = tuple[dict[str, Any], str]


@dataclass(frozen=True)
class Campaigns:
    """Plans campaigns and steers them. `book` says which template really goes, `sources` (by a template's name) which
    contact fields fill its variables where nobody gives a value."""

    store: Store
    clock: Clock
    jobs: Jobs
    book: TemplateBook
    phone_number_id: str
    batch_size: int = MOST_RECIPIENTS
    sources: Mapping[str, Sources] = field(default_factory=dict)

    def plan(
        self, name: str, template: str, language: str, recipients: Sequence[Recipient], *, key: str | None = None
    ) -> int:
        """Freeze everything and ring for each batch; returns the campaign's number. The same `key` plans nothing new;
        `KeyReused` when it belongs to a campaign with other contents.

        Where the template cannot be sent in `language`, the nearest language that can goes, and is recorded. Raises
        `Refused` for a template that is unknown, may not be sent now or does not name its sender, and
        `TemplateMismatch` when any recipient's parameters do not fit: a campaign with a hole in it is not planned.
        Whoever lacks nothing but a value that their contact should have given is skipped, with the reason.
        """
        fingerprint = _fingerprint(name, template, language, recipients)
        with self.store.begin() as tx:
            known = self._known(tx, key, fingerprint)
            if known is not None:
                return known
            chosen = self.book.choose(tx, template, language)
            people = self._completed(tx, chosen, recipients)
        filled = {key: _filled(chosen, person) for key, person in people.items() if not isinstance(person, Missing)}
        left_out = {key: str(person) for key, person in people.items() if isinstance(person, Missing)}
        if left_out and not filled:
            raise TemplateMismatch(f"{chosen.name}: nobody can get it; {next(iter(left_out.values()))}")
        with self.store.begin() as tx:
            campaign = self._campaign(name, chosen, language) | {"idempotency_key": key, "fingerprint": fingerprint}
            campaign_id, created = campaigns.create(tx, campaign)
            if not created:
                self._known(tx, key, fingerprint)
            parts = cut(list(filled), self.batch_size) if created else []
            batches = [
                self._batch(tx, campaign_id, position, chosen, {person: filled[person] for person in part})
                for position, part in enumerate(parts)
            ]
            if created:
                outgoing.plan(tx, [self._skipped(campaign_id, *person, chosen) for person in left_out.items()])
        template_effects.ring(self.jobs, batches)
        return campaign_id

    def pause(self, campaign_id: int) -> bool:
        """Nothing more leaves after the set that is leaving now; false when it is neither running nor held."""
        with self.store.begin() as tx:
            return any(
                campaigns.change_state(tx, campaign_id, before, CampaignState.PAUSED)
                for before in (CampaignState.RUNNING, CampaignState.HELD)
            )

    def resume(self, campaign_id: int) -> bool:
        """Go on where it was paused, or be held if its template may not be sent now; false when it is neither paused
        nor held.

        A held campaign is tried again, against our own stop of its template. Raises `Refused` when the platform's word
        on the template still stands against it.
        """
        with self.store.begin() as tx:
            # In the order of everybody who changes templates and then their campaigns.
            templates.lock(tx)
            row = campaigns.by_id(tx, campaign_id)
            if row is None or row.state not in (CampaignState.PAUSED, CampaignState.HELD):
                return False
            obstacle = self._try_again(tx, row.template, row.language)
            if obstacle is None:
                campaigns.change_state(tx, campaign_id, CampaignState.PAUSED, CampaignState.RUNNING)
                campaigns.change_state(tx, campaign_id, CampaignState.HELD, CampaignState.RUNNING)
            elif row.state == CampaignState.PAUSED:
                campaigns.hold(tx, row.template, row.language, obstacle, campaign_id=campaign_id)
            batches = campaigns.batches_of(tx, [campaign_id]) if obstacle is None else []
        if obstacle is not None and row.state == CampaignState.HELD:
            raise Refused(f"campaign {campaign_id} waits: {obstacle}")
        template_effects.ring(self.jobs, batches)
        return True

    def progress(self, campaign_id: int) -> dict[str, Any] | None:
        """How far it has come: messages by send state and by status; None when there is no such campaign."""
        with self.store.begin() as tx:
            return campaigns.progress(tx, campaign_id)

    def _try_again(self, tx: Connection, template: str, language: str) -> str | None:
        obstacle = self.book.templates.resume(tx, template, language, self.clock.now())
        return f"its template {template} in {language} {obstacle}" if obstacle else None

    def _completed(
        self, tx: Connection, template: Template, recipients: Sequence[Recipient]
    ) -> dict[int, Recipient | Missing]:
        sources = self.sources.get(template.name)
        if sources is None:
            return {person.contact_id: person for person in recipients}
        known = contacts.by_ids(tx, [person.contact_id for person in recipients])
        return {
            person.contact_id: variables.completed(template, person, sources, _as_golden(known.get(person.contact_id)))
            for person in recipients
        }

    def _known(self, tx: Connection, key: str | None, fingerprint: bytes) -> int | None:
        row = campaigns.by_key(tx, key) if key is not None else None
        if row is None:
            return None
        if row.fingerprint not in (None, fingerprint):
            raise KeyReused("this idempotency key was used for a different campaign")
        return int(row.id)

    def _campaign(self, name: str, template: Template, asked: str) -> dict[str, Any]:
        return {
            "name": name,
            "template": template.name,
            "language": template.language,
            "asked_language": None if asked == template.language else asked,
            "category": template.category,
            "phone_number_id": self.phone_number_id,
            "created_at": self.clock.now(),
        }

    def _batch(
        self, tx: Connection, campaign_id: int, position: int, template: Template, people: Mapping[int, Filled]
    ) -> int:
        batch_id = campaigns.add_batch(tx, campaign_id, position, len(people))
        rows = [self._message(campaign_id, batch_id, person, template, *filled) for person, filled in people.items()]
        outgoing.plan(tx, rows)
        return batch_id

    def _message(
        self,
        campaign_id: int,
        batch_id: int | None,
        contact_id: int,
        template: Template,
        content: dict[str, Any],
        body: str,
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
            "content": content,
            "body": body,
            "planned_at": self.clock.now(),
        }

    def _skipped(self, campaign_id: int, contact_id: int, reason: str, template: Template) -> dict[str, Any]:
        content = {"name": template.name, "language": template.language}
        row = self._message(campaign_id, None, contact_id, template, content, template.body)
        return {**row, "state": SendState.SKIPPED, "reason": reason, "settled_at": self.clock.now()}


def _fingerprint(name: str, template: str, language: str, recipients: Sequence[Recipient]) -> bytes:
    found = sha256(repr((name, template, language)).encode())
    for person in recipients:
        found.update(repr(person).encode("utf-8", "surrogatepass"))
    return found.digest()


def _as_golden(row: Row[Any] | None) -> GoldenRecord:
    if row is None:
        return GoldenRecord()
    return GoldenRecord(row.full_name, row.phone, email=row.email, language=row.language, attributes=row.attributes)


def _filled(template: Template, person: Recipient) -> Filled:
    content = template.fill(person.parameters, header=person.header, buttons=person.buttons)
    return frozen.freeze(content), template.render(content.parameters, content.header)
