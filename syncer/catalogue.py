"""What the configuration files say, as the nouns of the domain."""

from __future__ import annotations

from config.rules import Rule as FileRule
from config.rules import RuleBook as FileRules
from config.templates import Catalogue as FileTemplates
from syncer.domain import template
from syncer.domain.consent import Word
from syncer.domain.rule import Match, Rule
from syncer.domain.template import Template
from syncer.policies.rules import RuleBook

_CONSENT = {"stop": Word.REVOKED, "start": Word.GRANTED}
_LONG = "long_conversation_handoff"


def rule_book(rules: FileRules) -> RuleBook:
    """The rules that look at one message; the one that counts messages is `long_rule`'s."""
    return RuleBook([_rule(rule) for rule in rules.rules if rule.kind != _LONG], rules.fallback_language)


def long_rule(rules: FileRules) -> Rule | None:
    """The rule that hands a long conversation to a person (R33), if there is one."""
    return next((_rule(rule) for rule in rules.rules if rule.kind == _LONG), None)


def _rule(rule: FileRule) -> Rule:
    return Rule(
        id=rule.id,
        keywords=rule.all_keywords,
        match=Match(rule.match),
        priority=rule.priority,
        kinds=tuple(rule.message_types),
        replies=dict(rule.reply),
        tags=rule.tags,
        handoff_reason=rule.handoff.reason if rule.handoff else None,
        handoff_priority=rule.handoff.priority if rule.handoff else "normal",
        marketing=_CONSENT.get(rule.kind),
    )


def templates(catalogue: FileTemplates, company: str) -> dict[tuple[str, str], Template]:
    """Every language of every template, by (name, language), with the company in the footer (R8)."""
    return {
        (item.name, language): template.from_graph(catalogue.graph_payload(item.name, language, company))
        for item in catalogue.templates
        for language in item.languages
    }
