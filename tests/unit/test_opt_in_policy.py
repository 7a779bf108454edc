"""Double opt-in: whom to ask, and what is an answer (R7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.files import load_rules
from config.settings import PACKAGED_FILES
from syncer import catalogue
from syncer.domain.consent import ConsentEntry, Tier, Word
from syncer.policies import opt_in
from syncer.policies.opt_in import Answers, Heard, Objection, Patience, Question

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
YES, NO = Word.GRANTED, Word.REVOKED
PATIENCE = Patience(answer_within=timedelta(days=7), ask_again_after=timedelta(days=30))
QUESTION = Question(1, Tier.MARKETING, "wamid.Q", NOW)


def said(
    word: Word, *, ago: float = 1, explicit: bool = True, tier: Tier = Tier.MARKETING, source: str = "api:shop"
) -> ConsentEntry:
    return ConsentEntry(7, tier, word, NOW - timedelta(days=ago), source, "proof", explicit)


@pytest.mark.parametrize(
    ("ledger", "last", "reason"),
    [
        ([], None, None),
        ([said(YES)], None, None),
        ([said(YES, explicit=False)], None, None),
        ([said(NO, explicit=False)], None, None),
        ([said(NO)], None, Objection.REVOKED),
        ([said(NO), said(YES, explicit=False)], None, Objection.REVOKED),
        ([said(NO, source="keyword:stop"), said(YES, ago=0.5)], None, Objection.REVOKED),
        ([said(NO, source="keyword:stop"), said(YES, ago=0.5, source="keyword:start")], None, Objection.CONFIRMED),
        ([said(NO), said(YES, ago=0.5)], None, None),
        ([said(NO, tier=Tier.TRANSACTIONAL)], None, Objection.NO_NOTICES),
        ([said(YES, source="whatsapp:double_opt_in")], None, Objection.CONFIRMED),
        ([said(YES, source="keyword:start")], None, Objection.CONFIRMED),
        ([], NOW - timedelta(days=29), Objection.ASKED_LATELY),
        ([], NOW - timedelta(days=30), None),
    ],
)
def test_who_may_be_asked(ledger: list[ConsentEntry], last: datetime | None, reason: Objection | None) -> None:
    assert opt_in.objection(Tier.MARKETING, ledger, last, NOW, PATIENCE) is reason


def test_notices_need_no_second_step() -> None:
    assert opt_in.objection(Tier.TRANSACTIONAL, [], None, NOW, PATIENCE) is Objection.OTHER_TIER


@pytest.fixture(scope="module")
def answers() -> Answers:
    """The words that come with the engine."""
    return catalogue.answers(load_rules(PACKAGED_FILES))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("是", YES),
        ("好的！", YES),
        ("ＹＥＳ", YES),
        ("Yes 👍", YES),
        ("はい。", YES),
        ("네", YES),
        ("Sí", YES),
        ("不要", NO),
        ("No, thank you.", NO),
        ("no thank you", NO),
        ("ไม่", NO),
        ("yes, but only on Sundays", None),
        ("好的，請問幾點營業？", None),
        ("", None),
    ],
)
def test_an_answer_is_the_whole_message(answers: Answers, text: str, word: Word | None) -> None:
    assert answers.read(Heard(text, None, None, NOW)) is word


@pytest.mark.parametrize(("payload", "word"), [("OPT_IN", YES), ("OPT_OUT", NO), ("HAPPY", None)])
def test_a_button_speaks_by_its_payload_whatever_its_title(answers: Answers, payload: str, word: Word | None) -> None:
    assert answers.read(Heard("yes", payload, None, NOW)) is word


@pytest.mark.parametrize(
    ("heard", "question", "answers_it"),
    [
        pytest.param({}, {}, True, id="a bare word after the question"),
        pytest.param({}, {"overtaken": True}, False, id="a bare word after something else was said"),
        pytest.param({"reply_to": "wamid.Q"}, {"overtaken": True}, True, id="a quote names its question"),
        pytest.param({"reply_to": "wamid.other"}, {}, False, id="a quote of something else"),
        pytest.param({"payload": "OPT_IN", "reply_to": "wamid.Q"}, {"overtaken": True}, True, id="its button"),
        pytest.param({"payload": "OPT_IN", "reply_to": "wamid.Q"}, {"wamid": None}, True, id="before we know it left"),
        pytest.param({"payload": "OPT_IN", "reply_to": "wamid.old"}, {}, False, id="the button of another question"),
        pytest.param({}, {"wamid": None}, False, id="a bare word before we know it left"),
        pytest.param({"days": 6.9}, {}, True, id="late, but in time"),
        pytest.param({"days": 7.0}, {}, False, id="after it expired"),
        pytest.param({"days": 7.0, "payload": "OPT_IN", "reply_to": "wamid.Q"}, {}, False, id="its button then"),
        pytest.param({"days": -1.0}, {}, False, id="said before it was asked, and heard after it"),
    ],
)
def test_what_answers_a_question(heard: dict[str, object], question: dict[str, object], answers_it: bool) -> None:
    at = NOW + timedelta(days=float(str(heard.get("days", 0.1))))
    message = Heard("yes", heard.get("payload"), heard.get("reply_to"), at)  # type: ignore[arg-type]
    asked = Question(1, Tier.MARKETING, question.get("wamid", "wamid.Q"), NOW, bool(question.get("overtaken")))  # type: ignore[arg-type]
    assert opt_in.answered(message, [asked], PATIENCE) == (asked if answers_it else None)


def test_of_several_questions_the_last_one_is_answered_unless_another_is_quoted() -> None:
    later = Question(2, Tier.MARKETING, "wamid.R", NOW + timedelta(hours=1))
    at = NOW + timedelta(hours=2)
    assert opt_in.answered(Heard("yes", None, None, at), [later, QUESTION], PATIENCE) == later
    assert opt_in.answered(Heard("yes", None, "wamid.Q", at), [later, QUESTION], PATIENCE) == QUESTION
