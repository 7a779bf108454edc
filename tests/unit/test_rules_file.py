"""`rules.toml`: what ships covers the requirements, and a wrong rule is told by its id."""

from __future__ import annotations

import pytest

from config.errors import ConfigurationError
from config.files import load_rules, load_tuning
from config.settings import PACKAGED_FILES


def test_the_shipped_rules_cover_what_is_required():
    book = load_rules(PACKAGED_FILES)
    replies = {rule.id for rule in book.of_kind("keyword_reply")}
    subjects = [
        "opening_hours",
        "price",
        "order_status",
        "shipping",
        "invoice",
        "return_exchange",
        "location",
        "thanks",
    ]
    assert set(subjects) <= replies
    (complaint,) = book.of_kind("complaint_handoff")
    assert len(complaint.all_keywords) > 200
    assert complaint.handoff.priority == "urgent"
    (long,) = book.of_kind("long_conversation_handoff")
    assert long.after_messages == load_tuning(PACKAGED_FILES).conversations.long_after_messages
    assert [rule.message_types for rule in book.of_kind("type_reply") if rule.id == "order_received"] == [("order",)]
    assert len(book.of_kind("tag")) >= 5


def test_rules_come_with_the_highest_priority_first():
    rules = load_rules(PACKAGED_FILES).rules
    assert [rule.priority for rule in rules] == sorted((rule.priority for rule in rules), reverse=True)
    assert rules[0].kind == "stop"


@pytest.mark.parametrize(
    "word", ["停止", "退訂", "退订", "stop", "unsubscribe", "baja", "sair", "配信停止", "수신거부"]
)
def test_stop_is_understood_in_many_languages(word):
    assert word in load_rules(PACKAGED_FILES).words_of("stop")


def test_no_rule_names_a_keyword_twice_and_no_chinese_keyword_of_a_sentence_is_a_single_character():
    for rule in load_rules(PACKAGED_FILES).rules:
        for words in rule.keywords.values():
            assert len({word.casefold() for word in words}) == len(words), rule.id
        if rule.match != "exact":
            lone = [word for word in rule.all_keywords if len(word) == 1 and word != "嗨"]
            assert not lone, rule.id


def test_every_reply_is_written_in_three_languages():
    for rule in load_rules(PACKAGED_FILES).rules:
        assert not rule.reply or set(rule.reply) == {"zh_TW", "zh_CN", "en"}, rule.id


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'keywords.zh_TW = ["發票"',
            'keywrds.zh_TW = ["發票"',
            "rules[invoice]: has an unknown key 'keywrds'; did you",
        ),
        ('id = "thanks"', 'id = "greeting"', "has two rules with the id 'greeting'"),
        ('message_types = ["order"]', 'message_types = ["ordr"]', "rules[order_received].message_types[0]: must be"),
        ('message_types = ["order"]', "", "rules[order_received]: has no message_types, which a type_reply rule needs"),
        ("after_messages = 6", "", "rules[long_conversation]: has no after_messages"),
        ("隨時傳訊息給 {company}", "隨時傳訊息給 {firma}", "rules[thanks].reply: has an unknown placeholder '{firma}'"),
        ("隨時傳訊息給 {company}", "隨時傳訊息給 {company", "rules[thanks].reply: has a brace without its partner"),
        ("隨時傳訊息給 {company}", "隨時給 {name:>99999999}", "has an unknown placeholder"),
        ('fallback_language = "zh_TW"', 'fallback_language = "ja"', "has no reply in the fallback language ja"),
        ('"start", "unstop"', '"stop", "unstop"', "'stop' means both stop and start"),
        ('en = ["yes", ', 'en = ["no", ', "answers: 'no' means both yes and no"),
        ('en = ["yes", ', 'en = ["stop", ', "'stop' means stop, so it is no yes"),
        ('priority = 100\nmatch = "exact"', 'priority = 100\nmatch = "contains"', 'must have match = "exact"'),
        ('priority = "urgent"', 'priority = "yesterday"', "rules[complaint].handoff.priority: must be 'low', 'normal'"),
        ('kind = "tag"', 'kind = "tagg"', "rules[tag_product].kind: must be"),
        ('tags = ["product"]', "", "rules[tag_product]: has no tags"),
        ('["謝謝", ', '["", ', "rules[thanks].keywords.zh_TW[0]:"),
    ],
)
def test_a_wrong_rule_is_told_by_its_id(spoilt, old, new, problem):
    text = spoilt("rules.toml", old, new)
    assert text.startswith("config/rules.toml")
    assert problem in text
    assert "\n" not in text


def test_a_rule_without_keywords_is_refused(folder):
    (folder / "rules.toml").write_text(
        'fallback_language = "en"\n[[rules]]\nid = "empty"\nkind = "keyword_reply"\npriority = 1\nreply.en = "Hello"\n'
        "keywords.en = []\n"
    )
    with pytest.raises(ConfigurationError, match=r"rules\[empty\]: has no keywords, which a keyword_reply rule needs"):
        load_rules(folder)
