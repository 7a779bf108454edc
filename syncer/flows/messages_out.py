"""Single messages on request: planned under the asker's key, sent like a reply (R22, law 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import Refused
from syncer.domain.message import Category, Lane, Sender
from syncer.domain.phone import Phone, parse
from syncer.domain.template import Template
from syncer.domain.text import storable
from syncer.policies import identification
from syncer.ports import Clock, Jobs
from syncer.store import contacts, outgoing
from syncer.store.session import Store

#: The platform's bound on a text, counted in characters (send message API, `text.body`).
LONGEST_TEXT = 4096


class KeyReused(Refused):
    """The idempotency key belongs to another message."""


@dataclass(frozen=True, slots=True)
class TextDraft:
    """A free text; leaves only inside the customer service window."""

    body: str


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template with its parameters."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class MessagesOut:
    """Plans single messages. `templates` is the catalogue by (name, language), `region` the country of numbers without
    a code (R3), `company` the sender's name (R8)."""

    store: Store
    clock: Clock
    jobs: Jobs
    templates: Mapping[tuple[str, str], Template]
    phone_number_id: str
    company: str
    region: str
    source: str = "api"

    def plan(self, key: str, to: int | str, draft: TextDraft | TemplateDraft) -> Row[Any]:
        """The planned message, on its way at once; `to` is a contact's number or a phone in any writing, a stranger's
        phone becomes a contact. The same `key` always means the same message, which is then returned as it stands.

        Raises `KeyReused` when the key belongs to a different message, `TemplateMismatch` and `Refused` when this one
        cannot be: no such contact, no such template, not a phone number, a text too long.
        """
        frozen = self._text(draft) if isinstance(draft, TextDraft) else self._template(draft)
        with self.store.begin() as tx:
            wanted = frozen | {"contact_id": self._contact(tx, to)}
            created = outgoing.plan(tx, [self._row(key, wanted)])
            planned = outgoing.by_key(tx, key)
        assert planned is not None
        if any(getattr(planned, name) != wanted[name] for name in ("contact_id", "kind", "content")):
            raise KeyReused("this idempotency key was used for a different message")
        if created:
            self.jobs.ring("realtime")
        return planned

    def _contact(self, tx: Connection, to: int | str) -> int:
        if isinstance(to, int):
            if not contacts.by_ids(tx, [to]):
                raise Refused(f"there is no contact {to}")
            return to
        phone = parse(to, self.region)
        if not isinstance(phone, Phone):
            raise Refused(f"not a phone number that can be written to: {phone}")
        sender = Sender(phone=phone.e164)
        return contacts.resolve(tx, [sender], self.clock.now())[sender]

    def _text(self, draft: TextDraft) -> dict[str, Any]:
        body = identification.signed(storable(draft.body), self.company)
        if not draft.body.strip() or len(body) > LONGEST_TEXT:
            raise Refused(f"a text has 1 to {LONGEST_TEXT} characters, the sender's name included")
        return {"kind": "text", "category": Category.SERVICE, "content": {"body": body}, "body": body}

    def _template(self, draft: TemplateDraft) -> dict[str, Any]:
        template = self.templates.get((draft.name, draft.language))
        if template is None:
            raise Refused(f"there is no template {draft.name!r} in {draft.language!r}")
        filled = template.fill([storable(value) for value in draft.parameters])
        content = {"name": filled.name, "language": filled.language, "parameters": list(filled.parameters)}
        body = template.render(filled.parameters)
        return {"kind": "template", "category": template.category, "content": content, "body": body}

    def _row(self, key: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **wanted,
            "idempotency_key": key,
            "lane": Lane.LIVE,
            "source": self.source,
            "phone_number_id": self.phone_number_id,
            "planned_at": self.clock.now(),
        }
