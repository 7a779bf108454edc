"""What the platform's reviewers decide about templates and display names, as planned by who plays the platform."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

TEMPLATE, DISPLAY_NAME = "template", "display_name"
_VERDICTS = {
    TEMPLATE: ("APPROVED", "REJECTED", "PENDING"),
    DISPLAY_NAME: ("APPROVED", "REJECTED", "DEFERRED", "PENDING"),
}


@dataclass(slots=True)
class Review:
    """One decision, for at most `count` submissions whose name `name` (a regular expression) is found in.

    `verdict` APPROVED, REJECTED, DEFERRED (display names) or PENDING (nothing is decided). `category`: the template
    comes back in this one. `seconds` until it is decided, None for `SimulatorConfig.template_review_seconds`.
    """

    of: str = TEMPLATE
    name: str = ""
    verdict: str = "APPROVED"
    reason: str | None = None
    recommendation: str | None = None
    category: str | None = None
    seconds: float | None = None
    count: int | None = None
    hits: int = 0


class ReviewPlan:
    """The decisions planned, in order; the first that fits is taken, APPROVED where none does."""

    def __init__(self) -> None:
        self._rules: list[Review] = []

    def add(self, spec: Mapping[str, Any]) -> Review:
        """Plan one more; raises `ValueError` naming what is wrong with it."""
        allowed = {item.name for item in fields(Review)} - {"hits"}
        if unknown := sorted(set(spec) - allowed):
            raise ValueError(f"a review has no {unknown[0]!r}; it has {', '.join(sorted(allowed))}")
        rule = Review(**spec)
        if rule.verdict not in _VERDICTS.get(rule.of, ()):
            raise ValueError(f"'of' is {' or '.join(_VERDICTS)}, 'verdict' one of {_VERDICTS.get(rule.of, ())}")
        re.compile(rule.name)
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Back to approving everything."""
        self._rules.clear()

    def rows(self) -> list[dict[str, Any]]:
        """Every decision planned, with how often it was taken."""
        return [asdict(rule) for rule in self._rules]

    def pick(self, of: str, name: str) -> Review:
        """The decision about `name`, counted."""
        for rule in self._rules:
            if rule.of == of and (rule.count is None or rule.hits < rule.count) and re.search(rule.name, name):
                rule.hits += 1
                return rule
        return Review(of=of)
