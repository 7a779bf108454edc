"""`rules.toml`: what the engine answers, tags, hands to a person or takes as consent, as plain data (R30-R35).

Matching is a decision and lives with the policies; this module only says what a valid rule is.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from config.toml import FileModel

MessageType = Literal[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "button",
    "interactive",
    "reaction",
    "order",
    "system",
    "unsupported",
]
"""Type of an inbound message, as the platform's messages webhook names them."""

PLACEHOLDERS = frozenset({"name", "company"})
"""What a reply may contain in braces: the customer's name and COMPANY_NAME."""

Kind = Literal[
    "keyword_reply",
    "type_reply",
    "complaint_handoff",
    "person_handoff",
    "long_conversation_handoff",
    "tag",
    "stop",
    "start",
]
"""keyword_reply answers words; type_reply answers a type of message (R30); complaint_handoff (R32) and person_handoff
give the conversation to a person; long_conversation_handoff does so by length (R33); tag only labels (R34); stop and
start withdraw and give consent to promotional messages (X4)."""

Match = Literal["word", "contains", "exact"]
"""word: the keyword as a word of its own, in scripts without spaces anywhere in the text; contains: anywhere in the
text; exact: the keyword is the whole message. Always without regard to case, width, outer spaces and punctuation."""

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Keyword = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S(.*\S)?$")]

BY_KEYWORD = frozenset({"keyword_reply", "complaint_handoff", "person_handoff", "tag", "stop", "start"})
BY_HANDOFF = frozenset({"complaint_handoff", "person_handoff", "long_conversation_handoff"})


class Handoff(FileModel):
    """Why a person is asked, and how urgently; both are written into the CRM's task."""

    reason: Annotated[str, Field(min_length=1, max_length=80)]
    priority: Literal["low", "normal", "high", "urgent"]


class Rule(FileModel):
    """One rule: what it looks for, and what it does."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    kind: Kind
    priority: Annotated[int, Field(ge=0, le=100)]
    """The highest that matches acts, and gives its tags; the tag rules that match give theirs besides."""
    match: Match = "word"
    keywords: dict[Language, tuple[Keyword, ...]] = {}
    message_types: tuple[MessageType, ...] = ()
    """Types the rule is limited to; empty means every type that carries words."""
    after_messages: Annotated[int, Field(ge=1)] | None = None
    """For long_conversation_handoff: applies once the customer has sent more than this many."""
    reply: dict[Language, Text] = {}
    tags: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...] = ()
    handoff: Handoff | None = None

    @property
    def all_keywords(self) -> tuple[str, ...]:
        """The keywords of all languages: a customer is understood whatever language the contact is set to."""
        return tuple(word for words in self.keywords.values() for word in words)

    @field_validator("reply")
    @classmethod
    def _placeholders_exist(cls, reply: Mapping[str, str]) -> Mapping[str, str]:
        for language, text in reply.items():
            unknown = sorted(_placeholders(text, language) - PLACEHOLDERS)
            if unknown:
                raise ValueError(
                    f"has an unknown placeholder '{{{unknown[0]}}}' in {language}; known: {{name}}, {{company}}"
                )
        return reply

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Rule:
        needs = {
            "keywords": (self.kind in BY_KEYWORD, bool(self.all_keywords)),
            "message_types": (self.kind == "type_reply", bool(self.message_types)),
            "after_messages": (self.kind == "long_conversation_handoff", self.after_messages is not None),
            "reply": (self.kind in ("keyword_reply", "type_reply"), bool(self.reply)),
            "tags": (self.kind == "tag", bool(self.tags)),
            "handoff": (self.kind in BY_HANDOFF, self.handoff is not None),
        }
        for key, (needed, given) in needs.items():
            if needed and not given:
                raise ValueError(f"has no {key}, which a {self.kind} rule needs")
        if self.kind in ("stop", "start") and self.match != "exact":
            raise ValueError('must have match = "exact": a word inside a sentence is no declaration of consent')
        return self


def _placeholders(text: str, language: str) -> set[str]:
    """The names in braces; a format or conversion stays part of the name, so that it counts as unknown."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise ValueError(f"has a brace without its partner in {language}") from None
    return {f"{name}{conversion or ''}{form}" for _, name, form, conversion in parts if name is not None}


def _all(words: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(word.casefold() for some in words.values() for word in some)


class Answers(FileModel):
    """What means yes and no as the whole answer to the question of a double opt-in (R7)."""

    yes: dict[Language, tuple[Keyword, ...]] = {}
    no: dict[Language, tuple[Keyword, ...]] = {}

    @model_validator(mode="after")
    def _are_apart(self) -> Answers:
        both = _all(self.yes) & _all(self.no)
        if both:
            raise ValueError(f"'{min(both)}' means both yes and no")
        return self


class RuleBook(FileModel):
    """All of `rules.toml`; `rules` comes sorted, the highest priority first."""

    fallback_language: Language
    """Language of a reply when the customer's own has none."""
    courtesies: dict[Language, tuple[Keyword, ...]] = {}
    """Said before or after an `exact` word out of politeness; without them the message means the same."""
    answers: Answers = Answers()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]

    @field_validator("rules")
    @classmethod
    def _sorted(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return tuple(sorted(rules, key=lambda rule: -rule.priority))

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> RuleBook:
        ids = [rule.id for rule in self.rules]
        twice = [name for name in ids if ids.count(name) > 1]
        if twice:
            raise ValueError(f"has two rules with the id '{twice[0]}'")
        for rule in self.rules:
            if rule.reply and self.fallback_language not in rule.reply:
                raise ValueError(f"rule '{rule.id}' has no reply in the fallback language {self.fallback_language}")
        both = self.words_of("stop") & self.words_of("start")
        if both:
            raise ValueError(f"'{min(both)}' means both stop and start")
        misread = self.words_of("stop") & _all(self.answers.yes)
        if misread:
            raise ValueError(f"'{min(misread)}' means stop, so it is no yes")
        return self

    def of_kind(self, *kinds: Kind) -> tuple[Rule, ...]:
        """The rules of these kinds, the highest priority first."""
        return tuple(rule for rule in self.rules if rule.kind in kinds)

    def words_of(self, kind: Kind) -> frozenset[str]:
        """Every keyword of the rules of `kind`, case-folded."""
        return frozenset(word.casefold() for rule in self.of_kind(kind) for word in rule.all_keywords)
