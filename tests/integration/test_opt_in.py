"""Double opt-in over WhatsApp: the question, its answer, and what may leave meanwhile (R7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from config.files import load_rules, load_templates
from config.settings import PACKAGED_FILES
from syncer import catalogue
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.domain.errors import OutcomeUnknown, Refused, TryAgain
from syncer.domain.message import InboundMessage, Sender, SendRequest
from syncer.domain.template import ButtonParameter, TemplateContent
from syncer.flows.admission import Admission
from syncer.flows.consent import Consent, Standing
from syncer.flows.conversations import Conversations
from syncer.flows.numbers import Numbers
from syncer.flows.opt_in import OptIn, OptInAnswers
from syncer.flows.recipients import Recipients
from syncer.flows.template_book import TemplateBook
from syncer.flows.templates import Templates
from syncer.store import contact_joins, contact_separation, contacts
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House

PHONE = "+886912345678"


@dataclass
class Desk:
    """An engine with double opt-in, and somebody who asks and answers."""

    house: House
    questions: OptIn
    words: Consent
    conversations: Conversations
    heard: int = 0

    def ask(self, person: int, by: str = "api:shop", proof: str = "box 1") -> str:
        """The question leaves; returns its wamid."""
        self.questions.ask(person, Tier.MARKETING, by, proof)
        self.send()
        return str(self.house.value("select wamid from outgoing where source = 'opt_in' order by id desc limit 1"))

    def send(self) -> None:
        self.house.sending.drain_live(self.house.worker)

    def says(self, text: str, at: datetime | None = None, **more: Any) -> None:
        """A message of the customer's, handled."""
        self.heard += 1
        at = at or self.house.clock.advance(seconds=5)
        message = InboundMessage(NUMBER, f"in{self.heard}", Sender(phone=PHONE), at, "text", text, **more)
        with self.house.store.begin() as tx:
            self.conversations.apply(tx, [message], self.house.clock.now())

    def presses(self, payload: str, question: str | None, text: str = "確認接收") -> None:
        self.says(text, payload=payload, reply_to=question)

    def grants(self, person: int, source: str = "api:shop", explicit: bool = True) -> None:
        now = self.house.clock.now()
        self.words.record(ConsentEntry(person, Tier.MARKETING, Word.GRANTED, now, source, "box 1", explicit))

    def standing(self, person: int) -> Standing:
        return self.words.dossier(person).standings[Tier.MARKETING]

    def offer(self, person: int) -> tuple[str, str | None]:
        """What becomes of a promotional message now."""
        self.house.clock.advance(minutes=5)
        key = f"offer {self.house.clock.now()}"
        planned = self.house.plan(person, key, category="marketing")
        self.send()
        return self.house.send_state(planned)


@pytest.fixture
def desk(house: House) -> Desk:
    admission = Admission(Templates(), Numbers(NUMBER), Recipients(), double_opt_in=True)
    house.sending = replace(house.sending, admission=admission)
    starters = catalogue.templates(load_templates(PACKAGED_FILES), "Formosa Tea")
    book = TemplateBook(Templates(), starters, "Formosa Tea", ("zh_TW", "en_US"))
    questions = OptIn(house.store, house.clock, house.jobs, book, NUMBER, "Formosa Tea")
    rules = load_rules(PACKAGED_FILES)
    talk = Conversations(
        catalogue.rule_book(rules), ("sql",), "Formosa Tea", opt_in=OptInAnswers(catalogue.answers(rules))
    )
    words = Consent(house.store, ("sql",), house.clock, house.jobs, questions)
    return Desk(house, questions, words, talk)


CONFIRMED = ("accepted", None)
UNCONFIRMED = ("skipped", "marketing_unconfirmed")
REFUSED = ("skipped", "no_marketing_consent")


def test_a_ticked_box_asks_and_the_button_confirms(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.grants(person)
    assert desk.offer(person) == UNCONFIRMED
    assert desk.standing(person) is Standing.ASKED
    wamid, request = next(iter(desk.house.messenger.accepted.items()))
    assert isinstance(request.content, TemplateContent)
    assert (request.content.name, request.content.parameters) == ("opt_in_confirmation", ("王小明",))
    assert request.content.buttons == (
        ButtonParameter(0, "quick_reply", "OPT_IN"),
        ButtonParameter(1, "quick_reply", "OPT_OUT"),
    )
    desk.presses("OPT_IN", wamid)
    assert desk.standing(person) is Standing.GRANTED
    assert desk.offer(person) == CONFIRMED
    entry = desk.house.rows("select * from consents order by id desc limit 1")[0]
    assert (entry.word, entry.explicit, entry.source) == ("granted", True, "whatsapp:double_opt_in")
    assert entry.proof == f"in1: 確認接收 (answers {wamid}; first step api:shop: box 1)"
    question = desk.house.rows("select * from opt_ins")[0]
    assert (question.state, question.answer) == ("confirmed", "in1")
    assert desk.house.value("select tags from contacts") == ["opted_in"]
    assert "Formosa Tea" in desk.house.value("select body from outgoing where source = 'rule:start'")


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("是", Standing.GRANTED),
        ("YES!", Standing.GRANTED),
        ("好的，謝謝", Standing.UNCONFIRMED),
        ("不要", Standing.REVOKED),
        ("停止", Standing.REVOKED),
        ("訂閱", Standing.GRANTED),
        ("好的，那我的訂單呢？", Standing.ASKED),
        ("營業時間", Standing.ASKED),
    ],
)
def test_words_answer_too_if_they_are_the_whole_message(desk: Desk, text: str, standing: Standing) -> None:
    person = desk.house.contact(PHONE)
    desk.grants(person)
    desk.send()
    desk.says(text)
    expected = Standing.ASKED if standing is Standing.UNCONFIRMED else standing
    assert desk.standing(person) is expected


def test_a_yes_to_something_else_is_no_answer(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    question = desk.ask(person)
    desk.says("營業時間")
    desk.house.clock.advance(minutes=1)
    desk.send()
    desk.says("好")
    assert desk.house.value("select count(*) from consents") == 0
    desk.says("好", reply_to=question)
    assert desk.house.value("select word from consents") == "granted"


def test_no_revokes_and_is_confirmed_to_them(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    question = desk.ask(person)
    desk.presses("OPT_OUT", question, "不要接收")
    assert desk.offer(person) == REFUSED
    assert desk.house.value("select state from opt_ins") == "declined"
    desk.presses("OPT_IN", question)
    assert desk.standing(person) is Standing.REVOKED


def test_silence_expires_and_changes_nothing(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.grants(person)
    desk.send()
    question = desk.house.value("select wamid from outgoing")
    desk.house.clock.advance(days=8)
    assert desk.standing(person) is Standing.UNCONFIRMED
    desk.presses("OPT_IN", question)
    desk.says("yes")
    assert desk.offer(person) == UNCONFIRMED
    desk.presses("OPT_OUT", question, "不要接收")
    assert desk.standing(person) is Standing.REVOKED


def test_the_stop_button_below_any_template_stops(desk: Desk) -> None:
    person = desk.house.contact(PHONE, marketing="granted")
    desk.presses("OPT_OUT", "wamid.some.offer", "Nicht mehr zusenden")
    assert desk.standing(person) is Standing.REVOKED
    assert desk.house.value("select source from consents") == "button:opt_out"


def test_an_answer_counts_once_however_often_it_is_delivered(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    question = desk.ask(person)
    at = desk.house.clock.advance(minutes=1)
    for _ in range(2):
        desk.heard = 0
        desk.says("確認接收", at, payload="OPT_IN", reply_to=question)
    assert desk.house.value("select count(*) from consents") == 1


def test_nobody_is_asked_twice_in_a_while_nor_at_the_same_time(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.ask(person)
    with pytest.raises(Refused, match="asked lately"):
        desk.questions.ask(person, Tier.MARKETING, "api:shop", "box 2")
    desk.grants(person)
    assert desk.house.value("select count(*) from opt_ins") == 1
    desk.house.clock.advance(days=31)
    desk.grants(person)
    assert desk.house.value("select count(*) from opt_ins") == 2


def test_whoever_has_said_no_is_not_asked_by_a_ticked_box(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.says("STOP")
    desk.house.clock.advance(days=1)
    desk.grants(person)
    assert desk.house.value("select count(*) from opt_ins") == 0
    assert desk.offer(person) == UNCONFIRMED
    with pytest.raises(Refused, match="said no themselves"):
        desk.questions.ask(person, Tier.MARKETING, "api:shop", "box")


@pytest.mark.parametrize("column", ["blocked", "unreachable"])
def test_whoever_cannot_be_written_to_is_not_asked(desk: Desk, column: str) -> None:
    person = desk.house.contact(PHONE, **{column: True})
    with pytest.raises(Refused, match="cannot be written to"):
        desk.questions.ask(person, Tier.MARKETING, "api:shop", "box")
    with pytest.raises(LookupError):
        desk.questions.ask(10**9, Tier.MARKETING, "api:shop", "box")


def test_a_question_that_never_left_may_be_asked_again(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.questions.ask(person, Tier.MARKETING, "api:shop", "box")
    with desk.house.store.begin() as tx:
        contacts.mark_unreachable(tx, [person], desk.house.clock.now())
    desk.send()
    assert desk.house.value("select state from outgoing") == "skipped"
    with desk.house.store.begin() as tx:
        contacts.mark_reachable(tx, [person], desk.house.clock.now())
    assert desk.ask(person).startswith("wamid")


def test_an_import_or_a_form_alone_is_not_enough_and_their_own_start_is(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.grants(person, "crm:sql", explicit=False)
    assert (desk.standing(person), desk.offer(person)) == (Standing.UNCONFIRMED, UNCONFIRMED)
    assert desk.questions.unconfirmed(10) == [person]
    desk.says("START")
    assert (desk.standing(person), desk.offer(person)) == (Standing.GRANTED, CONFIRMED)
    assert desk.questions.unconfirmed(10) == []


def raising(error: Exception) -> Callable[[SendRequest], None]:
    def fail(request: SendRequest) -> None:
        raise error

    return fail


def test_a_press_is_understood_though_nobody_told_us_that_the_question_arrived(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.house.messenger.on_send = raising(OutcomeUnknown("read timed out"))
    desk.questions.ask(person, Tier.MARKETING, "api:shop", "box")
    desk.send()
    assert desk.house.value("select state from outgoing") == "unknown"
    desk.says("yes")
    assert desk.house.value("select count(*) from consents") == 0
    desk.presses("OPT_IN", "wamid.unheard")
    assert desk.standing(person) is Standing.GRANTED
    assert "answers wamid.unheard" in desk.house.value("select proof from consents")


def test_the_question_waits_like_any_other_message_when_the_platform_is_away(desk: Desk) -> None:
    person = desk.house.contact(PHONE)
    desk.house.messenger.on_send = raising(TryAgain("connection refused"))
    desk.questions.ask(person, Tier.MARKETING, "api:shop", "box")
    desk.send()
    desk.house.messenger.on_send = lambda request: None
    desk.house.clock.advance(seconds=1)
    desk.house.recovery.sweep()
    desk.send()
    desk.says("是")
    assert desk.standing(person) is Standing.GRANTED


def test_the_question_follows_its_customer_through_a_join_and_back(desk: Desk) -> None:
    other, person = desk.house.contact("+886987654321"), desk.house.contact(PHONE)
    question = desk.ask(person)
    with desk.house.store.begin() as tx:
        contact_joins.take_turn(tx)
        number = contact_joins.join(tx, other, person, "test", desk.house.clock.now())
    assert [row.state for row in desk.words.dossier(person).questions] == ["asked"]
    with pytest.raises(Refused, match="asked lately"):
        desk.questions.ask(other, Tier.MARKETING, "api:shop", "box")
    with desk.house.store.begin() as tx:
        contact_separation.separate(tx, number, desk.house.clock.now())
    desk.presses("OPT_IN", question)
    assert desk.standing(person) is Standing.GRANTED
    assert desk.standing(other) is Standing.UNKNOWN


def test_a_late_answer_counts_from_when_it_was_given(desk: Desk) -> None:
    """Pressed in time and delivered after a week's outage; a stop in between was said later."""
    person = desk.house.contact(PHONE)
    question = desk.ask(person)
    pressed = desk.house.clock.advance(days=1)
    desk.house.clock.advance(days=10)
    desk.says("STOP", pressed + timedelta(hours=1))
    desk.says("確認接收", pressed, payload="OPT_IN", reply_to=question)
    assert desk.house.value("select state from opt_ins") == "confirmed"
    assert desk.standing(person) is Standing.REVOKED
