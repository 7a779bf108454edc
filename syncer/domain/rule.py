"""Conversation rules: which words of a customer lead to which reply, tag, handoff or consent (R30-R34)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from syncer.domain.consent import Word


class Match(StrEnum):
    """How keywords are looked for. `EXACT` compares the whole message, as a STOP must be."""

    WORD = "word"
    CONTAINS = "contains"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A higher `priority` speaks first; of several replies only the first is sent.

    `replies` holds the answer by language (BCP 47 with underscore, as templates use), with {name} and {company}.
    """

    id: str
    keywords: tuple[str, ...]
    match: Match = Match.CONTAINS
    priority: int = 0
    kinds: tuple[str, ...] = ()
    replies: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    handoff_reason: str | None = None
    handoff_priority: str = "high"
    marketing: Word | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message sets off. `reply` and `handoff` name the rule that decided."""

    reply: Rule | None = None
    handoff: Rule | None = None
    tags: tuple[str, ...] = ()
    marketing: Rule | None = None
