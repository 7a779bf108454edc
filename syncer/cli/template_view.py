"""The templates of the file and of the account, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.bootstrap import Runtime
from syncer.domain.template import Template, TemplateMismatch
from syncer.flows import template_effects
from syncer.flows.template_book import account_templates
from syncer.policies.template_comparison import problems
from syncer.store import template_pulls, templates

#: What is shown of the account's word on a template.
_STATE = ("status", "quality", "category", "previous_category", "reason", "detail", "suspended_reason", "template_id")


@dataclass(frozen=True, slots=True)
class Side:
    """One language of a template. `template` is what would be sent, `state` the account's word, None where it has
    none."""

    name: str
    language: str
    template: Template | None
    state: dict[str, Any] | None
    problems: list[str]


def side_by_side(runtime: Runtime) -> list[Side]:
    """Everything that the file or the account has, the file's order first."""
    with runtime.store.begin() as tx:
        rows, known = templates.everything(tx), template_pulls.known(tx)
    ours = runtime.templates
    theirs = account_templates({key: row for key, row in rows.items() if row.listed}, ours)
    keys = dict.fromkeys([*ours, *(key for key in sorted(rows) if rows[key].listed)])
    return [_side(key, ours, theirs, rows.get(key), runtime.company, known=known) for key in keys]


def _side(
    key: tuple[str, str],
    ours: Mapping[tuple[str, str], Template],
    theirs: Mapping[tuple[str, str], Template],
    row: Any,
    company: str,
    *,
    known: bool,
) -> Side:
    standing = template_effects.standing(row) if row is not None else None
    found = problems(ours.get(key), theirs.get(key), standing, company, catalogue_known=known)
    state = {name: getattr(row, name) for name in _STATE} if row is not None and row.listed else None
    return Side(*key, theirs.get(key) or ours.get(key), state, found)


def named_values(names: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Values by name: NAME=VALUE where every one is written so, else in the order of `names`. Raises
    `TemplateMismatch` when there are too few or too many."""
    pairs = [value.partition("=") for value in given]
    if pairs and all(mark and name in names for name, mark, _ in pairs):
        return {name: value for name, _, value in pairs}
    if len(given) != len(names):
        raise TemplateMismatch(f"it takes {len(names)} parameters ({', '.join(names)}), got {len(given)}")
    return dict(zip(names, given, strict=True))
