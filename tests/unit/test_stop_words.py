"""STOP and START as customers write them, and what is no such word though it holds one (X4)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from config.files import load_rules
from config.settings import PACKAGED_FILES
from syncer import catalogue
from syncer.domain.consent import Word
from syncer.domain.rule import Match, Rule
from syncer.policies.rules import RuleBook, level, without

WORDS = tomllib.loads((Path(__file__).parents[1] / "data/rules/consent_words.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def shipped() -> RuleBook:
    """The rules that come with the engine."""
    return catalogue.rule_book(load_rules(PACKAGED_FILES))


def heard(book: RuleBook, text: str, kind: str = "text") -> Word | None:
    rule = book.judge(text, kind).marketing
    return rule.marketing if rule else None


@pytest.mark.parametrize("text", WORDS["stop"])
def test_a_stop_is_understood_as_people_write_it(shipped: RuleBook, text: str) -> None:
    assert heard(shipped, text) is Word.REVOKED


@pytest.mark.parametrize("text", WORDS["neither"])
def test_a_word_inside_a_sentence_is_no_declaration(shipped: RuleBook, text: str) -> None:
    assert heard(shipped, text) is None


@pytest.mark.parametrize("text", WORDS["start"])
def test_a_start_is_understood(shipped: RuleBook, text: str) -> None:
    assert heard(shipped, text) is Word.GRANTED


@pytest.mark.parametrize(
    "text", ["yes", "好", "ok", "是的", "alta", "reprendre", "begin", "開始", "restart my order", "start", "start!"]
)
def test_consent_is_never_taken_from_a_word_that_may_mean_something_else(shipped: RuleBook, text: str) -> None:
    assert heard(shipped, text) is (Word.GRANTED if level(text) == "start" else None)


@pytest.mark.parametrize("kind", ["text", "button", "interactive"])
def test_a_stop_counts_whether_it_is_typed_or_pressed(shipped: RuleBook, kind: str) -> None:
    assert heard(shipped, "停止接收", kind) is Word.REVOKED


def test_no_word_means_both_and_none_is_shorter_than_it_can_be_certain(shipped: RuleBook) -> None:
    stop, start = (next(rule for rule in shipped.rules if rule.id == name) for name in ("stop", "start"))
    assert not {level(word) for word in stop.keywords} & {level(word) for word in start.keywords}
    assert {word for word in stop.keywords if len(level(word)) == 1} == {"停", "T"}
    assert min(len(level(word)) for word in start.keywords) >= 2
    assert len(load_rules(PACKAGED_FILES).of_kind("stop")[0].keywords) >= 20


# Courtesies


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("stop please", "stop"),
        ("please, please stop. thanks", "stop"),
        ("pleased", "pleased"),
        ("please", "please"),
        ("請停止謝謝", "停止"),
        ("stop謝謝", "stop"),
        ("謝謝stop", "stop"),
        ("stopplease", "stopplease"),
        ("", ""),
    ],
)
def test_courtesies_at_the_edges_mean_nothing(text: str, bare: str) -> None:
    assert without(("thanks", "please", "謝謝", "請"), level(text)) == bare


def test_only_whole_messages_are_freed_of_courtesies() -> None:
    book = RuleBook(
        [Rule("r", ("stop",), Match.EXACT, tags=("t",)), Rule("w", ("please",), tags=("w",))], "en", ["please"]
    )
    assert book.judge("please stop").tags == ("t", "w")
    assert RuleBook([Rule("r", ("stop",), Match.EXACT, tags=("t",))]).judge("please stop").tags == ()


def test_a_word_that_came_by_a_button_sets_off_what_its_rule_does(shipped: RuleBook) -> None:
    yes, no = shipped.meaning(Word.GRANTED), shipped.meaning(Word.REVOKED)
    assert (yes.tags, no.tags) == (("opted_in",), ("opted_out",))
    assert yes.reply is not None
    assert no.reply is not None
    assert RuleBook([]).meaning(Word.GRANTED).marketing is None
