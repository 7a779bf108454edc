"""Making the account's templates those of our file: submitted, edited, deleted, each step by a person's word (R13).

A step that was cut off is found done or open by the next look at the account, so everything here may be repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from syncer.domain.errors import AskPerson, DeliveryError, FixCredentials, TryAgain, TryLater
from syncer.domain.template import Template
from syncer.flows.template_book import account_templates
from syncer.flows.template_watch import TemplateWatch
from syncer.policies.template_comparison import EDITABLE, differences
from syncer.store import templates
from syncer.store.templates import Key

log = logging.getLogger(__name__)

_MEDIA = ("IMAGE", "VIDEO", "DOCUMENT")
#: What would meet every further step too.
_FOR_ALL = (FixCredentials, AskPerson, TryLater, TryAgain)


@dataclass(frozen=True, slots=True)
class Step:
    """One change at the platform. `action` is create, edit or delete; `obstacle` says why it cannot be taken; `detail`
    is for a person."""

    action: str
    name: str
    language: str
    detail: str = ""
    obstacle: str | None = None
    payload: Mapping[str, Any] | None = None
    template_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A step and what came of it; `error` None: done."""

    step: Step
    error: DeliveryError | None = None
    skipped: bool = False


@dataclass(frozen=True)
class TemplateDesk:
    """Plans steps from the file's templates (`starters` as nouns, by name and language) and takes them. Every plan
    reads the account's catalogue first and raises as `TemplateWatch.pull`."""

    watch: TemplateWatch
    starters: Mapping[Key, Template]

    def missing(self, payloads: Mapping[Key, Mapping[str, Any]]) -> list[Step]:
        """Submit those of `payloads` that the account does not have."""
        rows = self._account()
        there = {key for key, row in rows.items() if row.listed}
        return [_creation(key, payload) for key, payload in sorted(payloads.items()) if key not in there]

    def differing(self, payloads: Mapping[Key, Mapping[str, Any]]) -> list[Step]:
        """Replace the texts of those that the account has otherwise."""
        rows = self._account()
        theirs = account_templates(rows, self.starters)
        both = [key for key in sorted(payloads) if key in theirs and key in self.starters and rows[key].listed]
        parts = {key: differences(self.starters[key], theirs[key]) for key in both}
        return [_edit(key, rows[key], payloads[key], parts[key]) for key in both if parts[key]]

    def deletion(self, name: str, language: str | None) -> list[Step]:
        """Delete one language of a template, or all."""
        rows = self._account()
        found = {key: row for key, row in rows.items() if key[0] == name and row.listed}
        return [
            Step("delete", *key, f"is {row.status}", template_id=row.template_id)
            for key, row in sorted(found.items())
            if language in (None, key[1])
        ]

    def take(self, steps: Sequence[Step]) -> list[Taken]:
        """Take the steps one after the other, then look at the account; stops at what would meet the others too."""
        taken = list(self._take_all(steps))
        try:
            self.watch.pull()
        except DeliveryError as error:
            log.warning("the account was not looked at after these changes: %s; a worker will", error)
        return taken

    def _take_all(self, steps: Sequence[Step]) -> Iterator[Taken]:
        stopped = False
        for step in steps:
            error = None if stopped or step.obstacle else self._take(step)
            yield Taken(step, error, skipped=stopped or step.obstacle is not None)
            stopped = stopped or isinstance(error, _FOR_ALL)

    def _take(self, step: Step) -> DeliveryError | None:
        platform = self.watch.catalogue
        try:
            match step.action:
                case "create":
                    platform.create_template(step.payload or {})
                case "edit":
                    platform.edit_template(step.template_id or "", step.payload or {})
                case _:
                    platform.delete_template(step.name, step.template_id)
        except DeliveryError as error:
            return error
        return None

    def _account(self) -> dict[Key, Row[Any]]:
        self.watch.pull()
        with self.watch.store.begin() as tx:
            return templates.everything(tx)


def _creation(key: Key, payload: Mapping[str, Any]) -> Step:
    return Step("create", *key, f"as {payload['category']}", _lacking(payload), payload)


def _edit(key: Key, row: Row[Any], payload: Mapping[str, Any], parts: Collection[str]) -> Step:
    obstacle = _lacking(payload) if row.status in EDITABLE else f"is {row.status} and cannot be edited now"
    changes = {"components": payload["components"]}
    # The category of an approved template cannot be changed.
    if row.status != "APPROVED":
        changes["category"] = payload["category"]
    return Step("edit", *key, f"other {', '.join(parts)}", obstacle, changes, row.template_id)


def _lacking(payload: Mapping[str, Any]) -> str | None:
    """A medium above the body is submitted with the handle of an uploaded sample."""
    lacks = any(part.get("format") in _MEDIA and "example" not in part for part in payload["components"])
    return "needs a sample of its medium: --header-handle" if lacks else None
