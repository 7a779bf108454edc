"""No promotional message without consent: random histories lived through the real flows and a real database, then a
campaign to everybody (R7). `tests.consent_histories` says who may get it; the same 10,000 times over, in memory, is
`tests/unit/test_consent_properties.py`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random

import pytest
from sqlalchemy import text

from syncer.domain.campaign import Recipient
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.errors import Refused
from syncer.domain.message import InboundMessage, Sender
from syncer.domain.notice import PreferenceChange
from syncer.domain.rule import Match, Rule
from syncer.domain.template import Template
from syncer.flows.admission import Admission
from syncer.flows.campaigns import Campaigns
from syncer.flows.consent import Consent
from syncer.flows.conversations import Conversations
from syncer.flows.numbers import Numbers
from syncer.flows.opt_in import OptIn, OptInAnswers
from syncer.flows.people import People
from syncer.flows.recipients import Recipients
from syncer.flows.template_book import TemplateBook
from syncer.flows.templates import Templates
from syncer.policies import consent
from syncer.policies.opt_in import CONFIRM, DECLINE, Answers, Patience
from syncer.policies.rules import RuleBook
from syncer.store import consents, contact_joins
from tests.consent_histories import ANSWER_WITHIN, ASK_AGAIN_AFTER, STEP, Customer, Event, Kind, events
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House
from tests.integration.contact_desk import Desk, open_desk

OFFER = Template("sale", "zh_TW", "marketing", "您好 {{1}}，週年慶開始了。", "Formosa Tea")
QUESTION = Template("opt_in_confirmation", "zh_TW", "utility", "您好 {{1}}，請確認。", "Formosa Tea")
#: Nothing is answered, so that the question stays the last thing that was said.
RULES = RuleBook(
    [
        Rule("stop", ("stop",), Match.EXACT, priority=100, marketing=Word.REVOKED),
        Rule("start", ("start",), Match.EXACT, priority=99, marketing=Word.GRANTED),
    ]
)
PATIENCE = Patience(ANSWER_WITHIN, ASK_AGAIN_AFTER)
HISTORIES, LENGTH = 40, 24


@dataclass
class Town:
    """The engine and its customers; events happen through the doors that they really come through."""

    house: House
    crm: Desk
    words: Consent
    questions: OptIn
    conversations: Conversations
    campaigns: Campaigns
    people: People = field(default_factory=lambda: People(("sql",)))
    heard: int = 0

    def live(self, history: bytes, phones: list[str]) -> tuple[list[int], list[Customer]]:
        """One history of two contacts, who have these phones."""
        ids, customers = [self.house.contact(phone) for phone in phones], [Customer(), Customer()]
        for event in events(history):
            self.house.clock.advance(seconds=STEP.total_seconds())
            who = event.who if len(ids) > 1 else 0
            if event.kind is Kind.WAIT:
                self.house.clock.advance(seconds=event.wait.total_seconds())
            elif event.kind is Kind.JOIN and len(ids) > 1:
                self.join(ids)
                customers[0].absorb(customers.pop())
            elif event.kind is not Kind.JOIN:
                self.happen(event, ids[who], phones[who], customers[who], phones[event.who])
        return ids, customers

    def join(self, ids: list[int]) -> None:
        with self.house.store.begin() as tx:
            contact_joins.take_turn(tx)
            contact_joins.join(tx, ids[0], ids.pop(), "test", self.house.clock.now())

    def happen(self, event: Event, person: int, phone: str, customer: Customer, row_phone: str) -> None:
        now = self.house.clock.now()
        said = min(now - event.lag, now)
        match event.kind:
            case Kind.FORM:
                self.enter(event, person, Tier.MARKETING)
                customer.says(event.word, said, in_whatsapp=False)
            case Kind.FORM_NOTICES:
                self.enter(event, person, Tier.TRANSACTIONAL)
                customer.says_of_notices(event.word, said)
            case Kind.KEYWORD:
                self.writes(phone, "START" if event.word is Word.GRANTED else "Stop!", event)
                customer.says(event.word, said, in_whatsapp=True)
            case Kind.PROVIDER:
                change = PreferenceChange(NUMBER, Sender(phone), now - event.lag, event.word, f"told at {now}")
                with self.house.store.begin() as tx:
                    self.people.apply(tx, [change], now)
                customer.says(event.word, said, in_whatsapp=True)
            case Kind.CRM | Kind.CRM_TOO:
                self.sync(f"{row_phone}{event.kind.name}", row_phone, event.offers, event.notices)
                customer.is_in_the_crm_as(f"{row_phone}{event.kind.name}", event.offers, event.notices)
            case Kind.ECHO:
                self.echo(person, customer)
            case Kind.ASK:
                self.ask(person, customer)
            case Kind.BUTTON:
                payload = CONFIRM if event.word is Word.GRANTED else DECLINE
                self.writes(phone, "pressed", payload=payload, reply_to=self.last_question(person))
                customer.answers(event.word, now, button=True)
            case Kind.BARE:
                self.writes(phone, "yes" if event.word is Word.GRANTED else "No!")
                customer.answers(event.word, now, button=False)
            case Kind.BLOCK:
                customer.blocked = event.word is Word.REVOKED
                with self.house.store.begin() as tx:
                    statement = text("update contacts set blocked = :blocked where id = :id")
                    tx.execute(statement, {"blocked": customer.blocked, "id": person})

    def enter(self, event: Event, person: int, tier: Tier) -> None:
        at = self.house.clock.now() - event.lag
        self.words.record(ConsentEntry(person, tier, event.word, at, "api:shop:form", "box", explicit=True))

    def writes(self, phone: str, said: str, event: Event | None = None, **more: str | None) -> None:
        self.heard += 1
        now = self.house.clock.now()
        at = now - event.lag if event else now
        message = InboundMessage(NUMBER, f"in{self.heard}", Sender(phone), at, "text", said, **more)  # type: ignore[arg-type]
        with self.house.store.begin() as tx:
            self.conversations.apply(tx, [message], now)

    def sync(self, row: str, phone: str, offers: bool | None, notices: bool | None) -> None:
        known = self.crm.crm.contacts.setdefault(row, {"full_name": "王", "phone": phone, "deleted": False})
        known |= {"marketing_consent": offers, "transactional_consent": notices, "updated_at": self.house.clock.now()}
        self.crm.sync("changed")

    def echo(self, person: int, customer: Customer) -> None:
        """Our words are in every row of the CRM."""
        with self.house.store.begin() as tx:
            holds = {tier: consents.current(tx, person, tier) for tier in Tier}
        told = {Word.GRANTED: True, Word.REVOKED: False, Word.UNKNOWN: None}
        for row in list(customer.rows):
            boxes = customer.boxes({tier: told[word] for tier, word in holds.items()}, row)
            customer.is_in_the_crm_as(row, *boxes)
            self.sync(row, self.crm.crm.contacts[row]["phone"], *boxes)

    def ask(self, person: int, customer: Customer) -> None:
        now = self.house.clock.now()
        may = customer.may_be_asked(now)
        try:
            self.questions.ask(person, Tier.MARKETING, "api:shop", "box")
        except Refused:
            assert not may
            return
        assert may
        customer.is_asked(now)
        self.house.sending.drain_live(self.house.worker)

    def last_question(self, person: int) -> str | None:
        query = "select wamid from outgoing where contact_id = :id and source = 'opt_in' order by id desc limit 1"
        found = self.house.rows(query, id=person)
        return found[0].wamid if found else None

    def court(self, people: list[int]) -> set[int]:
        """A campaign to everybody; returns whom it reached."""
        self.house.clock.advance(days=1)
        campaign = self.campaigns.plan("sale", "sale", "zh_TW", [Recipient(one, ("您",)) for one in people])
        for queue, batch in self.house.jobs.rung:
            if queue == "send" and batch is not None:
                self.house.sending.send_batch(self.house.worker, batch)
        query = "select contact_id, state from outgoing where campaign_id = :id"
        states = dict(self.house.rows(query, id=campaign))
        assert set(states.values()) == {"accepted", "skipped"}
        return {person for person, state in states.items() if state == "accepted"}


@pytest.mark.parametrize("double", [False, True], ids=["single", "double"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_campaign_reaches_exactly_those_who_want_it(house: House, seed: int, double: bool) -> None:
    random = Random(seed)
    starters = {("sale", "zh_TW"): OFFER, ("opt_in_confirmation", "zh_TW"): QUESTION}
    book = TemplateBook(Templates(), starters, "Formosa Tea", ("zh_TW",))
    admission = Admission(Templates(), Numbers(NUMBER), Recipients(), double_opt_in=double)
    house.sending = replace(house.sending, admission=admission)
    answers = OptInAnswers(Answers.of(["yes"], ["no"]), PATIENCE)
    with open_desk(house.store, house.clock) as desk:
        town = Town(
            house,
            desk,
            Consent(house.store, ("sql",), house.clock, house.jobs),
            OptIn(house.store, house.clock, house.jobs, book, NUMBER, "Formosa Tea", patience=PATIENCE),
            Conversations(RULES, ("sql",), "Formosa Tea", opt_in=answers),
            Campaigns(house.store, house.clock, house.jobs, book, NUMBER),
        )
        wanted: dict[int, bool] = {}
        for number in range(HISTORIES):
            phones = [f"+88691{side}{number:06d}" for side in range(2)]
            ids, customers = town.live(random.randbytes(LENGTH), phones)
            wanted |= {one: customer.may_be_courted(double) for one, customer in zip(ids, customers, strict=True)}
        reached = town.court(list(wanted))
    assert reached == {person for person, wants in wanted.items() if wants}
    assert reached
    for person in reached:
        with house.store.begin() as tx:
            ledger = consents.ledger(tx, person)
        proof = consent.decisive(ledger)[Tier.MARKETING]
        assert proof.word is Word.GRANTED
        assert proof.proof
