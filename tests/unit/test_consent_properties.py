"""No promotional message without consent, in 10,000 random histories of a ledger in memory (R7).

What decides is the engine's own: the policies that enter words, weigh them, read imports and answers, and admit. What
judges is `tests.consent_histories`, which shares nothing with them. The same against the database and the real road out
is in `tests/integration/test_consent_histories.py`.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.contact import SourceRecord
from syncer.domain.message import Category
from syncer.policies import consent, consent_import, opt_in
from syncer.policies.admission import Standing, refusal
from syncer.policies.opt_in import Answers, Heard, Patience, Question
from tests.consent_histories import ANSWER_WITHIN, ASK_AGAIN_AFTER, STEP, Customer, Event, Kind, events

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PATIENCE = Patience(ANSWER_WITHIN, ASK_AGAIN_AFTER)
ANSWERS = Answers.of(["yes"], ["no"])
SOURCES = {Kind.KEYWORD: "keyword:start", Kind.PROVIDER: "whatsapp:user_preferences"}
PHONE = "+886912345678"


class Contact:
    """One contact's ledger, kept by the policies as the flows keep it in the database."""

    def __init__(self) -> None:
        self.entries: list[ConsentEntry] = []
        self.rows: dict[str, SourceRecord] = {}
        self.questions: list[Question] = []
        self.asked: datetime | None = None
        self.blocked = False

    def enter(self, tier: Tier, word: Word, at: datetime, source: str, now: datetime) -> None:
        self.entries += consent.entered(ConsentEntry(1, tier, word, at, source, "proof", explicit=True), now)

    def sync(self, row: str, offers: bool | None, notices: bool | None, now: datetime) -> None:
        boxes = {"marketing_consent": offers, "transactional_consent": notices}
        before = consent_import.said(list(self.rows.values()))
        self.rows[row] = SourceRecord("sql", row, b"", boxes, PHONE, None)
        self.compare(before, now)

    def compare(self, before: dict[Tier, consent_import.Said], now: datetime) -> None:
        said = consent_import.said(list(self.rows.values()))
        imported = consent.current(entry for entry in self.entries if not entry.explicit)
        own = {t: e.word for t, e in consent.decisive(e for e in self.entries if e.explicit).items()}
        self.entries += consent_import.news(1, said, imported, "sql", now, explicit=own, before=before)

    def ask(self, now: datetime) -> bool:
        refused = opt_in.objection(Tier.MARKETING, self.entries, self.asked, now, PATIENCE) or self.blocked
        if not refused:
            self.questions.append(Question(len(self.questions), Tier.MARKETING, f"q{now}", now))
            self.asked = now
        return not refused

    def answer(self, heard: Heard, now: datetime) -> None:
        word = ANSWERS.read(heard)
        assert word is not None
        question = opt_in.answered(heard, self.questions, PATIENCE)
        if question is not None:
            self.questions.remove(question)
            self.enter(Tier.MARKETING, word, heard.at, "whatsapp:double_opt_in", now)
        elif heard.payload == opt_in.DECLINE:
            self.enter(Tier.MARKETING, word, heard.at, "button:opt_out", now)

    def absorb(self, other: Contact, now: datetime) -> None:
        before = consent_import.said(list(self.rows.values()))
        self.entries += other.entries
        self.rows |= other.rows
        self.questions += other.questions
        self.asked = max((at for at in (self.asked, other.asked) if at), default=None)
        self.blocked |= other.blocked
        self.compare(before, now)

    def admitted(self, double: bool, now: datetime) -> bool:
        """Whether a promotional message would leave."""
        words = consent.current(self.entries)
        standing = Standing(
            address=PHONE,
            blocked=self.blocked,
            unreachable=False,
            marketing=words[Tier.MARKETING],
            transactional=words[Tier.TRANSACTIONAL],
            window_until=None,
            confirmed=not double or consent.confirmed(self.entries)[Tier.MARKETING] is Word.GRANTED,
        )
        return refusal(Category.MARKETING, standing, now) is None

    def is_proven(self, double: bool) -> bool:
        """Whether some line of the ledger is a yes that no line takes back."""
        offers = [entry for entry in self.entries if entry.tier is Tier.MARKETING]
        noes = [entry for entry in offers if entry.word is Word.REVOKED]
        yeses = [entry for entry in offers if entry.word is Word.GRANTED]
        if double:
            yeses = [entry for entry in yeses if entry.explicit and entry.source.startswith(("whatsapp:", "keyword:"))]
        return any(
            all((no.at < yes.at) if no.explicit == yes.explicit else yes.explicit for no in noes) for yes in yeses
        )


def live(history: bytes) -> tuple[Contact, Customer, datetime, Counter[Kind]]:
    """Both sides of one history: what the engine keeps, and what is true."""
    contacts, customers = [Contact(), Contact()], [Customer(), Customer()]
    now, seen = START, Counter[Kind]()
    for event in events(history):
        now += STEP
        seen[event.kind] += 1
        who = event.who if len(contacts) > 1 else 0
        if event.kind is Kind.WAIT:
            now += event.wait
        elif event.kind is Kind.JOIN:
            if len(contacts) > 1:
                contacts[0].absorb(contacts.pop(), now)
                customers[0].absorb(customers.pop())
        else:
            happen(event, contacts[who], customers[who], f"{event.who}", now)
    return contacts[0], customers[0], now, seen


def happen(event: Event, contact: Contact, customer: Customer, rows: str, now: datetime) -> None:
    at = now - event.lag
    said = min(at, now)
    match event.kind:
        case Kind.FORM:
            contact.enter(Tier.MARKETING, event.word, at, "api:shop", now)
            customer.says(event.word, said, in_whatsapp=False)
        case Kind.FORM_NOTICES:
            contact.enter(Tier.TRANSACTIONAL, event.word, at, "api:shop", now)
            customer.says_of_notices(event.word, said)
        case Kind.KEYWORD | Kind.PROVIDER:
            contact.enter(Tier.MARKETING, event.word, at, SOURCES[event.kind], now)
            customer.says(event.word, said, in_whatsapp=True)
        case Kind.CRM | Kind.CRM_TOO:
            row = f"{rows}{event.kind.name}"
            contact.sync(row, event.offers, event.notices, now)
            customer.is_in_the_crm_as(row, event.offers, event.notices)
        case Kind.ECHO:
            echo(contact, customer, now)
        case Kind.ASK:
            asked = contact.ask(now)
            assert asked == customer.may_be_asked(now)
            if asked:
                customer.is_asked(now)
        case Kind.BUTTON:
            payload = opt_in.CONFIRM if event.word is Word.GRANTED else opt_in.DECLINE
            contact.answer(Heard("pressed", payload, f"q{contact.asked}", now), now)
            customer.answers(event.word, now, button=True)
        case Kind.BARE:
            contact.answer(Heard("yes" if event.word is Word.GRANTED else "No!", None, None, now), now)
            customer.answers(event.word, now, button=False)
        case Kind.BLOCK:
            contact.blocked = customer.blocked = event.word is Word.REVOKED


def echo(contact: Contact, customer: Customer, now: datetime) -> None:
    """Our words are written to every row of the CRM and read back: the ledger learns nothing of its own words."""
    words = consent.current(contact.entries)
    told = {Word.GRANTED: True, Word.REVOKED: False, Word.UNKNOWN: None}
    own = {entry.tier for entry in contact.entries if entry.explicit}
    before = [entry for entry in contact.entries if entry.tier in own]
    for row in list(contact.rows):
        customer.is_in_the_crm_as(row, *customer.boxes({tier: told[word] for tier, word in words.items()}, row))
        contact.sync(row, *customer.rows[row], now)
    assert [entry for entry in contact.entries if entry.tier in own] == before


@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(history=st.binary(min_size=2, max_size=60), double=st.booleans())
def test_no_promotional_message_without_consent_and_none_is_held_back_for_nothing(history: bytes, double: bool) -> None:
    contact, customer, now, _ = live(history)
    admitted = contact.admitted(double, now)
    assert admitted == customer.may_be_courted(double)
    assert not admitted or contact.is_proven(double)


def test_the_histories_hold_everything_that_can_happen() -> None:
    """A generator that never joins or never asks would prove nothing."""
    seen, outcomes = Counter[Kind](), Counter[tuple[bool, bool]]()
    for number in range(4000):
        history = bytes((number * 7919 + place * place * 104729 + place * 31) % 251 for place in range(40))
        contact, _, now, kinds = live(history)
        seen += kinds
        outcomes += Counter((double, contact.admitted(double, now)) for double in (False, True))
    assert set(seen) == set(Kind)
    assert all(count > 200 for count in outcomes.values())
    assert len(outcomes) == 4
