"""Conversations: customers' messages become contacts, records, replies, tags, consent words and handoffs (movement
2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.consent import ConsentEntry, Tier
from syncer.domain.message import Category, Direction, InboundMessage, Lane, Sender
from syncer.domain.rule import Rule, Verdict
from syncer.flows.opt_in import OptInAnswers, Spoken
from syncer.policies import identification, window
from syncer.policies.rules import RuleBook
from syncer.store import consents, contacts, conversations, crm_writes, media, messages, outgoing, recognition
from syncer.store.conversations import Heard
from syncer.store.crm_writes import HOOKS, Topic, Want


@dataclass(frozen=True, slots=True)
class Turn:
    """One new customer message with everything needed to answer it; `spoken` is what it says about our marketing."""

    message: InboundMessage
    message_id: int
    contact: Row[Any]
    conversation: Row[Any]
    verdict: Verdict
    spoken: Spoken | None = None


@dataclass(frozen=True)
class Conversations:
    """What a customer's message sets in motion. `long_after` is R33's 6; `loop_limit` bounds automatic replies to one
    person in five minutes, so that two robots do not talk for ever; `hold` is how long a message whose place a
    fallback has taken waits for the customer's answer (X6)."""

    rules: RuleBook
    crms: tuple[str, ...]
    company: str
    long_rule: Rule | None = None
    long_after: int = 6
    loop_limit: int = 20
    hold: timedelta = timedelta(days=7)
    opt_in: OptInAnswers = field(default=OptInAnswers())

    hears = (InboundMessage,)

    def apply(self, tx: Connection, events: Sequence[InboundMessage], now: datetime) -> set[str]:
        """Messages in their order."""
        people = recognition.resolve(tx, [message.sender for message in events], now)
        turns = self._understand(tx, self._record(tx, events, people, now), now)
        media.note(tx, [_with_medium(turn) for turn in turns if turn.message.medium], now)
        contacts.mark_reachable(tx, [turn.contact.id for turn in turns], now)
        self._tag(tx, turns, now)
        self._consent(tx, turns, now)
        replies = self._reply(tx, turns, now)
        handed = self._hand_over(tx, turns, now)
        crm_writes.request(tx, self.crms, self._wants(tx, turns, handed), now)
        heard = [(turn.contact.id, turn.message.phone_number_id) for turn in turns]
        released = outgoing.release_held(tx, heard, now - self.hold, now)
        return {"crm", "realtime"} if replies or released or any(turn.message.medium for turn in turns) else {"crm"}

    def _record(
        self, tx: Connection, heard: Sequence[InboundMessage], people: Mapping[Sender, int], now: datetime
    ) -> list[Turn]:
        opened = conversations.hear(
            tx,
            [Heard(people[m.sender], m.phone_number_id, m.at, window.until(m.at, now)) for m in heard],
        )
        rows = [_as_row(m, people[m.sender], opened[people[m.sender], m.phone_number_id].id, now) for m in heard]
        new = messages.add(tx, rows)
        known = contacts.by_ids(tx, people.values())
        return [
            Turn(
                message=m,
                message_id=new[messages.inbound_ref(m.wamid)],
                contact=known[people[m.sender]],
                conversation=opened[people[m.sender], m.phone_number_id],
                verdict=self.rules.judge(m.text, m.kind),
            )
            for m in heard
            if messages.inbound_ref(m.wamid) in new
        ]

    def _understand(self, tx: Connection, turns: Sequence[Turn], now: datetime) -> list[Turn]:
        """What each says about our marketing. An answer to a question of ours is no keyword: it sets off what the word
        itself does."""
        answers = self.opt_in.hear(tx, [(turn.contact.id, turn.message) for turn in turns], now)
        return [
            replace(turn, spoken=answer, verdict=self.rules.meaning(answer.word))
            if (answer := answers.get(turn.message.wamid))
            else replace(turn, spoken=_by_keyword(turn))
            for turn in turns
        ]

    def _tag(self, tx: Connection, turns: Sequence[Turn], now: datetime) -> None:
        for turn in turns:
            if turn.verdict.tags:
                contacts.add_tags(tx, turn.contact.id, turn.verdict.tags, now)

    def _consent(self, tx: Connection, turns: Sequence[Turn], now: datetime) -> None:
        """In the order of contacts, as all who lock several of them."""
        speaking = [(turn.contact.id, turn.message.at, said) for turn in turns if (said := turn.spoken)]
        for who, at, said in sorted(speaking, key=lambda one: one[0]):
            entry = ConsentEntry(who, Tier.MARKETING, said.word, at, said.source, said.proof, explicit=True)
            consents.record(tx, entry, now)

    def _reply(self, tx: Connection, turns: Sequence[Turn], now: datetime) -> list[int]:
        answering = [turn for turn in turns if turn.verdict.reply]
        if not answering:
            return []
        recent = outgoing.replies_since(tx, [turn.contact.id for turn in answering], now - timedelta(minutes=5))
        rows = []
        for turn in answering:
            if recent.get(turn.contact.id, 0) < self.loop_limit:
                recent[turn.contact.id] = recent.get(turn.contact.id, 0) + 1
                rows.append(self._reply_row(turn, now))
        return outgoing.plan(tx, rows)

    def _reply_row(self, turn: Turn, now: datetime) -> dict[str, Any]:
        rule = turn.verdict.reply
        assert rule is not None
        wording = self.rules.wording(rule.replies, turn.contact.language)
        name = turn.contact.full_name or turn.message.sender.name or ""
        filled = wording.replace("{name}", name).replace("{company}", self.company)
        body = identification.signed(filled, self.company)
        return {
            "idempotency_key": f"reply:{turn.message.wamid}:{rule.id}",
            "lane": Lane.LIVE,
            "source": f"rule:{rule.id}",
            "category": Category.SERVICE,
            "phone_number_id": turn.message.phone_number_id,
            "contact_id": turn.contact.id,
            "kind": "text",
            "content": {"body": body},
            "body": body,
            "planned_at": now,
            "answers_message_id": turn.message_id,
        }

    def _hand_over(self, tx: Connection, turns: Sequence[Turn], now: datetime) -> list[Want]:
        wants = []
        unattended = _unattended(turns)
        for turn in turns:
            unattended[turn.conversation.id] += 1
            grown_long = unattended[turn.conversation.id] > self.long_after
            rule = turn.verdict.handoff or (self.long_rule if grown_long else None)
            if rule is None:
                continue
            unattended[turn.conversation.id] = 0
            handoff = conversations.hand_over(
                tx,
                conversation_id=turn.conversation.id,
                contact_id=turn.contact.id,
                message_id=turn.message_id,
                rule=rule.id,
                reason=rule.handoff_reason,
                priority=rule.handoff_priority,
                created_at=now,
            )
            if handoff is not None:
                wants.append(Want(Topic.HANDOFF, handoff, turn.contact.id))
        return wants

    def _wants(self, tx: Connection, turns: Sequence[Turn], handed: Sequence[Want]) -> list[Want]:
        """The contact first where the CRM does not have it or it changed, then its messages, then the handoffs."""
        ids = [turn.contact.id for turn in turns]
        crms = [crm for crm in self.crms if crm != HOOKS]
        known = set.intersection(*(set(contacts.crm_ids(tx, crm, ids)) for crm in crms)) if crms else set()
        changed = {t.contact.id for t in turns if _changes(t) or t.contact.id not in known}
        wants = [Want(Topic.CONTACT, contact_id, contact_id) for contact_id in sorted(changed)]
        return wants + [Want(Topic.MESSAGE, turn.message_id, turn.contact.id) for turn in turns] + list(handed)


def _changes(turn: Turn) -> bool:
    """Whether the contact is another after this message than before."""
    return bool(turn.spoken or set(turn.verdict.tags) - set(turn.contact.tags))


def _by_keyword(turn: Turn) -> Spoken | None:
    rule = turn.verdict.marketing
    if rule is None or rule.marketing is None:
        return None
    return Spoken(rule.marketing, f"keyword:{rule.id}", f"{turn.message.wamid}: {turn.message.text}")


def _unattended(turns: Sequence[Turn]) -> Counter[int]:
    """How many messages of each conversation nobody had attended to before these."""
    before = Counter({turn.conversation.id: turn.conversation.unattended for turn in turns})
    before.subtract(turn.conversation.id for turn in turns)
    return before


def _with_medium(turn: Turn) -> media.Noted:
    medium = turn.message.medium
    assert medium is not None
    return media.Noted(turn.message_id, turn.contact.id, turn.message.phone_number_id, medium)


def _as_row(message: InboundMessage, contact_id: int, conversation_id: int, now: datetime) -> dict[str, Any]:
    return {
        "ref": messages.inbound_ref(message.wamid),
        "conversation_id": conversation_id,
        "contact_id": contact_id,
        "direction": Direction.IN,
        "phone_number_id": message.phone_number_id,
        "wamid": message.wamid,
        "kind": message.kind,
        "body": message.text,
        "payload": message.raw,
        "reply_to": message.reply_to,
        "occurred_at": message.at,
        "recorded_at": now,
    }
