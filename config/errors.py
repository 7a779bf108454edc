"""The one error of this package, and the hint it gives for a mistyped word."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ConfigurationError(Exception):
    """A setting is missing or malformed; the process must not start.

    `str()` is always one line: the name (a variable, or a file with its key path), the problem, and an example
    where one helps. Commands print it and leave with exit code 2. Values are never part of it: they may be secret.
    """

    def __init__(self, name: str, problem: str, example: str | None = None) -> None:
        self.name = name
        self.problem = " ".join(problem.split())
        self.example = example
        super().__init__(f"{name}: {self.problem}" + (f" (example: {example})" if example else ""))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Say what `word` may have been meant to be: the nearest known name, else all of them."""
    choices = sorted(known)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(choices)}"


def problem_of(error: dict[str, object]) -> str:
    """Turn one entry of a pydantic `ValidationError.errors()` into words, without the offending value."""
    context = error.get("ctx")
    if isinstance(context, dict) and isinstance(context.get("error"), ValueError):
        return str(context["error"])
    if error.get("type") == "missing":
        return "is missing"
    return str(error["msg"]).replace("Input should be", "must be")
