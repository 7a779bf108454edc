"""Double opt-in over WhatsApp: the question after somebody ticked a box, and its answer (R7).

ticked ─▶ asked ─▶ a template with two buttons ─▶ confirmed ─▶ a word in the ledger, proven by question and answer
                                               ├▶ declined ─▶ likewise
                                               └▶ silence: nothing has changed
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain import frozen
from syncer.domain.consent import Tier, Word
from syncer.domain.errors import Refused
from syncer.domain.message import InboundMessage, Lane
from syncer.domain.template import Template, TemplateMismatch, one_line
from syncer.domain.text import storable
from syncer.flows.template_book import TemplateBook
from syncer.policies import consent, opt_in
from syncer.policies.opt_in import Answers, Heard, Objection, Patience, Question, QuestionState
from syncer.ports import Clock, Jobs
from syncer.store import consents, contacts, opt_ins, outgoing
from syncer.store.contact_joins import survivors
from syncer.store.opt_ins import Asking
from syncer.store.session import Store

#: Where a confirmed word came from, in the ledger.
CONFIRMED = "whatsapp:double_opt_in"
_BUTTON = "button:opt_out"


@dataclass(frozen=True)
class OptIn:
    """Asks. `template` names the question; its first value is the customer's name, or else `company`."""

    store: Store
    clock: Clock
    jobs: Jobs
    book: TemplateBook
    phone_number_id: str
    company: str
    template: str = "opt_in_confirmation"
    patience: Patience = field(default=Patience())

    def ask(self, contact_id: int, tier: Tier, by: str, proof: str) -> int:
        """Plan the question, on its way at once by the usual road (admission, limits); returns its number. `by` says
        who tells that the customer ticked a box, and `proof` where that can be seen.

        Raises `LookupError` when there is no such contact, and `Refused` with the reason when they must not be asked,
        or the template cannot be sent now.
        """
        asked = self.store.run(lambda tx: self.ask_in(tx, contact_id, tier, by, proof))
        self.jobs.ring("realtime")
        return asked

    def ask_in(self, tx: Connection, contact_id: int, tier: Tier, by: str, proof: str) -> int:
        """The same in the caller's transaction, who rings `realtime` after it."""
        person = held(tx, contact_id)
        now = self.clock.now()
        last = opt_ins.last_asked(tx, person.id, tier)
        if reason := opt_in.objection(tier, consents.ledger(tx, person.id), last, now, self.patience):
            raise Refused(f"contact {person.id} is not asked: {reason}")
        if person.blocked or person.unreachable:
            raise Refused(f"contact {person.id} is not asked: {Objection.UNREACHABLE}")
        template = self.book.choose(tx, self.template, person.language or "")
        (planned,) = outgoing.plan(tx, [self._message(person, template, tier, now)])
        return opt_ins.add(tx, Asking(planned, tier, storable(by), storable(proof), now))

    def unconfirmed(self, limit: int) -> list[int]:
        """Contacts whose consent waits for a second step and who were never asked."""
        with self.store.begin() as tx:
            return opt_ins.unconfirmed(tx, consent.BY_OWN_HAND, limit)

    def _message(self, person: Row[Any], template: Template, tier: Tier, now: datetime) -> dict[str, Any]:
        name = one_line(person.full_name) or one_line(person.phone or self.company)
        try:
            filled = template.fill((name,)[: template.parameter_count])
        except TemplateMismatch as error:
            raise Refused(f"the question cannot be asked with this template: {error}") from error
        return {
            # Nobody is asked twice because the contact is locked; the key has nothing to recognise.
            "idempotency_key": f"opt_in:{tier}:{uuid.uuid4()}",
            "lane": Lane.LIVE,
            "source": "opt_in",
            "category": template.category,
            "phone_number_id": self.phone_number_id,
            "contact_id": person.id,
            "kind": "template",
            "content": frozen.freeze(filled),
            "body": template.render(filled.parameters),
            "planned_at": now,
        }


def held(tx: Connection, contact_id: int) -> Row[Any]:
    """A contact whose ledger nobody else writes until the transaction ends, or whoever they are part of by now. Raises
    `LookupError`."""
    if not consents.lock(tx, contact_id):
        contact_id = survivors(tx, [contact_id])[contact_id]
        consents.lock(tx, contact_id)
    return contacts.by_ids(tx, [contact_id])[contact_id]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A word about promotional messages that a customer's message says, and how the ledger puts it."""

    word: Word
    source: str
    proof: str


@dataclass(frozen=True)
class OptInAnswers:
    """Hears the answers. Part of what a conversation makes of a message, in its transaction."""

    answers: Answers = field(default=Answers({}))
    patience: Patience = field(default=Patience())

    def hear(self, tx: Connection, said: Sequence[tuple[int, InboundMessage]], now: datetime) -> Mapping[str, Spoken]:
        """What messages, each with its contact, say to our questions: by wamid. The stop button below other templates
        says no without having been asked."""
        read = [(who, message, word) for who, message in said if (word := self.answers.read(_heard(message)))]
        asked = _questions(tx, {who for who, _, _ in read}) if read else {}
        spoken = {}
        for who, message, word in sorted(read, key=lambda one: one[1].at):
            question = opt_in.answered(_heard(message), [q for q, _ in asked.get(who, [])], self.patience)
            if question is not None:
                ((_, row),) = [pair for pair in asked[who] if pair[0] is question]
                asked[who].remove((question, row))
                opt_ins.settle(tx, question.id, _STATES[word], message.wamid, min(message.at, now))
                spoken[message.wamid] = Spoken(word, CONFIRMED, _proof(row, message))
            elif message.payload == opt_in.DECLINE:
                spoken[message.wamid] = Spoken(word, _BUTTON, f"{message.wamid}: {message.text}")
        return spoken


_STATES = {Word.GRANTED: QuestionState.CONFIRMED, Word.REVOKED: QuestionState.DECLINED}


def _questions(tx: Connection, contact_ids: Collection[int]) -> dict[int, list[tuple[Question, Row[Any]]]]:
    found: dict[int, list[tuple[Question, Row[Any]]]] = {}
    for row in opt_ins.waiting(tx, contact_ids):
        question = Question(row.id, Tier(row.tier), row.wamid, row.since, row.overtaken)
        found.setdefault(row.contact_id, []).append((question, row))
    return found


def _heard(message: InboundMessage) -> Heard:
    return Heard(message.text, message.payload, message.reply_to, message.at)


def _proof(row: Row[Any], message: InboundMessage) -> str:
    """Both steps, each by what can be looked up: whose word the first one was, and the two messages."""
    asked = row.wamid or message.reply_to or f"question {row.id}"
    return f"{message.wamid}: {message.text} (answers {asked}; first step {row.asked_by}: {row.proof})"
