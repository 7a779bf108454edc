"""What the configuration files say, as the nouns of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from config.rules import Rule as FileRule
from config.rules import RuleBook as FileRules
from config.templates import Catalogue as FileTemplates
from config.templates import Template as FileTemplate
from config.tuning import Breaker
from syncer.domain import template
from syncer.domain.consent import Word
from syncer.domain.rule import Match, Rule
from syncer.domain.template import ButtonParameter, HeaderMedium, Template
from syncer.policies.breaker import Patience
from syncer.policies.opt_in import Answers
from syncer.policies.rules import RuleBook
from syncer.policies.variables import Sources

_CONSENT = {"stop": Word.REVOKED, "start": Word.GRANTED}
_LONG = "long_conversation_handoff"


@dataclass(frozen=True, slots=True)
class Filling:
    """What `Template.fill` takes: values in the body's order, or by name where variables have names."""

    parameters: tuple[str, ...] | Mapping[str, str]
    header: str | HeaderMedium | None = None
    buttons: tuple[ButtonParameter, ...] = ()


def rule_book(rules: FileRules) -> RuleBook:
    """The rules that look at one message; the one that counts messages is `long_rule`'s."""
    looking = [_rule(rule) for rule in rules.rules if rule.kind != _LONG]
    return RuleBook(looking, rules.fallback_language, [word for words in rules.courtesies.values() for word in words])


def answers(rules: FileRules) -> Answers:
    """What means yes and no to the question of a double opt-in (R7)."""
    yes, no = ([word for some in words.values() for word in some] for words in (rules.answers.yes, rules.answers.no))
    return Answers.of(yes, no)


def patience(breaker: Breaker) -> Patience:
    """When a CRM that does not serve is left in peace."""
    return Patience(
        failures=breaker.failures,
        first_pause=timedelta(seconds=breaker.first_pause_seconds),
        longest_pause=timedelta(seconds=breaker.longest_pause_seconds),
        tell_after=timedelta(seconds=breaker.tell_after_seconds),
    )


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
    """Every language of every template, by (name, language), with the company in the footer (R8) and what its quick
    replies bring back."""
    return {
        (item.name, language): _template(catalogue, item, language, company)
        for item in catalogue.templates
        for language in item.languages
    }


def _template(catalogue: FileTemplates, item: FileTemplate, language: str, company: str) -> Template:
    read = template.from_graph(catalogue.listed_payload(item.name, language, company))
    pairs = zip(read.buttons, item.buttons, strict=True)
    return replace(read, buttons=tuple(replace(button, payload=ours.payload or "") for button, ours in pairs))


def sources(catalogue: FileTemplates) -> dict[str, Sources]:
    """The contact fields behind each template's variables (R21), by the template's name."""
    return {item.name: _sources(catalogue, item) for item in catalogue.templates}


def _sources(catalogue: FileTemplates, item: FileTemplate) -> Sources:
    positions = [str(number) for number in range(1, len(item.parameters) + 1)]
    variables = item.parameters if item.parameter_format == "NAMED" else positions
    pairs = zip(variables, map(catalogue.source, item.parameters), strict=True)
    header = catalogue.source(item.header.parameter) if item.header and item.header.parameter else None
    return Sources({name: source for name, source in pairs if source}, header)


def examples(catalogue: FileTemplates, name: str, language: str) -> dict[str, str]:
    """An example of each value that the template needs, by the parameter's name. Raises `KeyError`."""
    return {value: catalogue.example(value, language) for value in catalogue.get(name).values}


def filled(item: FileTemplate, values: Mapping[str, str], medium: HeaderMedium | None = None) -> Filling:
    """How values by the parameters' names fill a template of the file. Raises `KeyError` for a missing one."""
    header = values[item.header.parameter] if item.header and item.header.parameter else medium
    kinds = {"URL": "url", "COPY_CODE": "copy_code"}
    buttons = tuple(
        ButtonParameter(index, kinds[button.kind], values[button.parameter])
        for index, button in enumerate(item.buttons)
        if button.parameter
    )
    named = {name: values[name] for name in item.parameters}
    return Filling(named if item.parameter_format == "NAMED" else tuple(named.values()), header, buttons)
