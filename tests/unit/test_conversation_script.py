"""The tour's script: its labels, made by hand, agree with what the shipped rules do."""

from __future__ import annotations

from collections import Counter

import pytest

from config.files import load_rules
from config.settings import PACKAGED_FILES
from syncer import catalogue
from syncer.acceptance import conversation_script
from syncer.acceptance.conversation_script import Cast, Line
from syncer.policies.rules import RuleBook

LINES = conversation_script.write()


@pytest.fixture(scope="module")
def rules() -> RuleBook:
    return catalogue.rule_book(load_rules(PACKAGED_FILES))


def test_there_are_300_messages_of_every_sort() -> None:
    kinds = Counter(line.kind for line in LINES)
    assert len(LINES) == 300
    assert {"text", "image", "audio", "document", "location", "button", "interactive", "order"} <= set(kinds)
    assert {line.part.cast for line in LINES} == set(Cast)


def test_the_same_seed_writes_the_same_script_and_another_one_another() -> None:
    assert conversation_script.write() == LINES
    assert conversation_script.write(seed=1) != LINES


@pytest.mark.parametrize("line", list(dict.fromkeys((li.kind, li.body) for li in LINES)), ids=lambda pair: pair[1][:40])
def test_the_rules_do_what_a_person_expects_of_them(rules: RuleBook, line: tuple[str, str]) -> None:
    written = next(one for one in LINES if (one.kind, one.body) == line)
    verdict = rules.judge(written.body, written.kind)
    handoff = verdict.handoff.id if verdict.handoff else None
    consent = verdict.marketing.marketing if verdict.marketing else None
    expected = written.handoff if written.handoff != "long_conversation" else None
    assert (verdict.reply is not None, handoff, consent) == (written.answered, expected, written.consent)


def test_what_one_person_says_keeps_its_order() -> None:
    long = [line for line in LINES if sum(other.part == line.part for other in LINES) > 6]
    by_part: dict[int, list[Line]] = {}
    for line in long:
        by_part.setdefault(line.part.number, []).append(line)
    assert len(by_part) == 2
    for lines in by_part.values():
        assert [line.handoff for line in lines] == [None] * 6 + ["long_conversation", None]


def test_each_complaint_can_be_told_from_every_other_message() -> None:
    bodies = Counter(line.body for line in LINES)
    assert {bodies[line.body] for line in LINES if line.handoff} == {1}


def test_whoever_withdraws_consent_has_given_it_before() -> None:
    assert {line.part.cast for line in LINES if line.consent == "revoked"} == {Cast.PROMOTABLE}
