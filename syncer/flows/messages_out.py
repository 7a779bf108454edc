"""Single messages on request: planned under the asker's key, sent like a reply (R22, law 6)."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain import content as kinds
from syncer.domain.content import FreeForm
from syncer.domain.errors import Refused
from syncer.domain.frozen import freeze
from syncer.domain.message import Category, Lane, Sender
from syncer.domain.phone import Phone, parse
from syncer.domain.template import ButtonParameter, HeaderMedium, one_line
from syncer.domain.text import storable
from syncer.flows.template_book import TemplateBook
from syncer.policies import composing, identification
from syncer.ports import Clock, Jobs
from syncer.store import contacts, outgoing, recognition
from syncer.store.session import Store

log = logging.getLogger(__name__)

_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
#: A fallback's second parameter, so that its body stays within bounds whatever surrounds it.
_LONGEST_EXCERPT = 600


class KeyReused(Refused):
    """The idempotency key belongs to another message."""


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template with its values, in order or by name; `header` and `buttons` as in `domain.template`."""

    name: str
    language: str
    parameters: tuple[str, ...] | Mapping[str, str] = ()
    header: str | HeaderMedium | None = None
    buttons: tuple[ButtonParameter, ...] = ()


Draft = FreeForm | TemplateDraft


@dataclass(frozen=True)
class MessagesOut:
    """Plans single messages. `region` is the country of numbers without a code (R3), `company` the sender's name (R8).

    `fallback` is the template that goes instead of free-form content when the window has closed by the time it leaves
    (X6): its first value is the customer's name, a second one the message, and the message itself follows when the
    customer answers. Empty: such a message is then skipped, with the reason.
    """

    store: Store
    clock: Clock
    jobs: Jobs
    book: TemplateBook
    phone_number_id: str
    company: str
    region: str
    fallback: str = ""
    source: str = "api"

    def plan(
        self,
        key: str,
        to: int | str,
        draft: Draft,
        *,
        reply_to: str | None = None,
        fallback: TemplateDraft | None = None,
    ) -> Row[Any]:
        """The planned message, on its way at once. `to` is a contact's number, a phone in any writing or a
        business-scoped user id; a stranger becomes a contact. `reply_to` is the wamid to quote, `fallback` replaces the
        configured one. The same `key` always means the same message, which is then returned as it stands.

        Raises `KeyReused` when the key belongs to a different message, `TemplateMismatch` and `Refused` when this one
        cannot be: no such contact, no such template, not a phone number, content the platform would refuse.
        """
        with self.store.begin() as tx:
            planned, created = self.plan_within(tx, key, to, draft, reply_to=reply_to, fallback=fallback)
        if created:
            self.jobs.ring("realtime")
        return planned

    def plan_within(
        self,
        tx: Connection,
        key: str,
        to: int | str,
        draft: Draft,
        *,
        reply_to: str | None = None,
        fallback: TemplateDraft | None = None,
    ) -> tuple[Row[Any], bool]:
        """`plan` as a part of the caller's transaction: the message, and whether it is new. The caller rings `realtime`
        once that is committed."""
        contact_id = self._contact(tx, to)
        wanted = self._frozen(tx, draft) | {"contact_id": contact_id, "reply_to": reply_to}
        if not isinstance(draft, TemplateDraft):
            wanted["fallback"] = self._instead(tx, contact_id, wanted["body"], fallback)
        created = outgoing.plan(tx, [self._row(key, wanted)])
        planned = outgoing.by_key(tx, key)
        assert planned is not None
        if not _same(planned, wanted):
            raise KeyReused("this idempotency key was used for a different message")
        return planned, bool(created)

    def _contact(self, tx: Connection, to: int | str) -> int:
        if isinstance(to, int):
            if not contacts.by_ids(tx, [to]):
                raise Refused(f"there is no contact {to}")
            return to
        sender = self._sender(to)
        return recognition.resolve(tx, [sender], self.clock.now())[sender]

    def _sender(self, to: str) -> Sender:
        if _USER_ID.fullmatch(to):
            return Sender(user_id=to)
        phone = parse(to, self.region)
        if not isinstance(phone, Phone):
            raise Refused(f"not a phone number that can be written to: {phone}")
        return Sender(phone=phone.e164)

    def _frozen(self, tx: Connection, draft: Draft) -> dict[str, Any]:
        return self._template(tx, draft) if isinstance(draft, TemplateDraft) else self._free(draft)

    def _free(self, draft: FreeForm) -> dict[str, Any]:
        signed = identification.signed_content(draft, self.company)
        if (objection := composing.objection(draft) or composing.objection(signed)) is not None:
            raise Refused(f"{objection}, the sender's name included")
        return {
            "kind": kinds.kind_of(signed),
            "category": Category.SERVICE,
            "content": _storable(freeze(signed)),
            "body": storable(kinds.readable(signed)),
        }

    def _template(self, tx: Connection, draft: TemplateDraft) -> dict[str, Any]:
        template = self.book.choose(tx, draft.name, draft.language)
        values = draft.parameters
        filled = template.fill(
            {name: storable(value) for name, value in values.items()}
            if isinstance(values, Mapping)
            else [storable(value) for value in values],
            header=draft.header,
            buttons=draft.buttons,
        )
        return {
            "kind": "template",
            "category": template.category,
            "content": _storable(freeze(filled)),
            "body": template.render(filled.parameters, draft.header),
        }

    def _instead(
        self, tx: Connection, contact_id: int, body: str, asked: TemplateDraft | None
    ) -> dict[str, Any] | None:
        """What is sent if the window has closed by then; None when the message is to be skipped."""
        if asked is None and not self.fallback:
            return None
        if asked is None:
            try:
                draft = self._standard(tx, contact_id, body)
            except Refused as refusal:
                # The message itself is fine, and its window may well be open.
                log.warning("a message is planned without a fallback: %s", refusal)
                return None
        frozen = self._template(tx, asked or draft)
        return {name: frozen[name] for name in ("content", "body", "category")} | {"holds": asked is None}

    def _standard(self, tx: Connection, contact_id: int, body: str) -> TemplateDraft:
        contact = contacts.by_ids(tx, [contact_id])[contact_id]
        template = self.book.choose(tx, self.fallback, contact.language or "")
        name = one_line(contact.full_name) or one_line(contact.phone or self.company)
        values = (name, one_line(body, _LONGEST_EXCERPT))
        return TemplateDraft(template.name, template.language, values[: template.parameter_count])

    def _row(self, key: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "fallback": None,
            **wanted,
            "idempotency_key": key,
            "lane": Lane.LIVE,
            "source": self.source,
            "phone_number_id": self.phone_number_id,
            "planned_at": self.clock.now(),
        }


def _same(planned: Row[Any], wanted: Mapping[str, Any]) -> bool:
    """Whether what was planned under the key is what is asked for now; a fallback may have taken its place since."""
    before = planned.replaced or {"kind": planned.kind, "content": planned.content}
    now = {name: wanted[name] for name in ("kind", "content")}
    return {name: before[name] for name in now} == now and all(
        getattr(planned, name) == wanted[name] for name in ("contact_id", "reply_to")
    )


def _storable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _storable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    return storable(value) if isinstance(value, str) else value
