"""Reading the account's catalogue of templates, page by page, on the beat and whenever something is unclear (R13).

A reading is taken whole or not at all. It also looks for templates that fail for everyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import DeliveryError, TryAgain, TryLater
from syncer.domain.template import CataloguedTemplate
from syncer.flows import template_effects
from syncer.policies.template_standing import FAILS_FOR_EVERYONE, MOST_STRIKES, TEMPLATE_ERRORS
from syncer.ports import Catalogue, Clock, Jobs
from syncer.store import alerts, template_pulls, templates
from syncer.store.session import Store
from syncer.store.templates import Key

#: One alert while the catalogue cannot be read, or is not to be believed.
CATALOGUE = "templates:catalogue"
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Pulled:
    """One reading: how many templates there are, and how many are new to us, changed, or gone since the last one."""

    total: int
    new: int
    changed: int
    gone: int


@dataclass(frozen=True)
class TemplateWatch:
    """Keeps the table of templates true. `interval` is between two readings, `gap` the least time between two attempts,
    `look` how far back failures are counted."""

    store: Store
    catalogue: Catalogue
    clock: Clock
    jobs: Jobs
    interval: timedelta = timedelta(minutes=10)
    gap: timedelta = timedelta(seconds=30)
    look: timedelta = timedelta(hours=1)

    def keep(self) -> Pulled | None:
        """Read the catalogue if that is due - never done, asked for, or late - and look for templates that fail for
        everyone. For every worker's sweeper; one of them does it. Raises as `pull`."""
        now = self.clock.now()
        with self.store.begin() as tx:
            due = template_pulls.begin(tx, now, every=self.interval * 1.5, gap=self.gap)
            judges = template_pulls.begin_judging(tx, now, self.gap)
        if judges:
            self.judge()
        return self.pull() if due else None

    def pull(self) -> Pulled:
        """Read the whole catalogue, page by page, and draw the conclusions; may be repeated at will.

        Raises what the platform's refusal is, having changed nothing.
        """
        asked = self.clock.now()
        try:
            listed = self.catalogue.templates()
        except DeliveryError as error:
            self._note_failure(error)
            raise
        pulled, batches = self.store.run(lambda tx: self._take(tx, listed, asked))
        template_effects.ring(self.jobs, batches)
        return pulled

    def _note_failure(self, error: DeliveryError) -> None:
        now = self.clock.now()
        with self.store.begin() as tx:
            template_pulls.failed(tx, str(error), now)
            if not isinstance(error, TryAgain | TryLater):
                alerts.sound(tx, CATALOGUE, f"the account's templates cannot be read: {error}", now)

    def _take(self, tx: Connection, listed: Sequence[CataloguedTemplate], asked: datetime) -> tuple[Pulled, list[int]]:
        now = self.clock.now()
        templates.lock(tx)
        before = templates.everything(tx)
        items = {(item.template.name, item.template.language): _listed(item) for item in listed}
        # The platform's notices tell whole seconds: only of a second that was over when we asked do we know better.
        word_at = asked.replace(microsecond=0) - _SECOND
        templates.take_catalogue(tx, list(items.values()), word_at, now)
        if items or not any(row.listed and row.pulled_at for row in before.values()):
            templates.unlist(tx, list(items), word_at)
            alerts.end(tx, CATALOGUE, now)
        else:
            alerts.sound(tx, CATALOGUE, "the account's catalogue came back empty; it is not believed", now)
        template_pulls.done(tx, asked)
        after = templates.everything(tx)
        _lift(tx, before, {key: after[key] for key in items}, asked)
        after = templates.everything(tx)
        batches = template_effects.draw(tx, before, after, now)
        return _counted(before, after, items), batches + template_effects.reconcile(tx, after, now)

    def judge(self) -> list[Key]:
        """Stop templates of which the last sends all failed for the template's own sake; returns which."""
        now = self.clock.now()
        with self.store.begin() as tx:
            found = templates.failing(tx, now - self.look, TEMPLATE_ERRORS, FAILS_FOR_EVERYONE)
            if not found:
                return []
            templates.lock(tx)
            rows = templates.by_keys(tx, found)
            new = [key for key in found if self._fails_still(tx, key, rows.get(key))]
            for key in new:
                reason = f"the last {FAILS_FOR_EVERYONE} sends of it failed: {found[key][1] or found[key][0]}"
                template_effects.suspend(tx, key, reason, now, MOST_STRIKES)
            return new

    def _fails_still(self, tx: Connection, key: Key, row: Row[Any] | None) -> bool:
        """Whether the failures came after the last stop, which has answered the earlier ones."""
        if row is None or row.suspended_at is None:
            return True
        later = templates.failing(tx, row.suspended_at, TEMPLATE_ERRORS, FAILS_FOR_EVERYONE)
        return row.suspended_reason is None and key in later


def _listed(item: CataloguedTemplate) -> dict[str, Any]:
    return {
        "name": item.template.name,
        "language": item.template.language,
        "template_id": item.id,
        "category": item.template.category,
        "previous_category": item.previous_category.lower() if item.previous_category else None,
        "status": item.status,
        "quality": item.quality,
        "parameter_format": item.parameter_format,
        "components": list(item.components),
        "reason": item.rejected_reason,
    }


def _lift(tx: Connection, before: Mapping[Key, Row[Any]], after: Mapping[Key, Row[Any]], at: datetime) -> None:
    """End our own stop where a catalogue asked for later shows a change or, for the first time, no trouble."""
    stopped = [key for key, row in after.items() if row.suspended_reason is not None and row.suspended_at <= at]
    changed = [key for key in stopped if _essence(before.get(key)) != _essence(after[key])]
    first = [key for key in stopped if key not in changed and after[key].strikes < MOST_STRIKES]
    templates.lift(tx, changed, forgive=True)
    templates.lift(tx, first, forgive=False)


def _essence(row: Row[Any] | None) -> tuple[Any, ...] | None:
    return None if row is None else (row.status, row.listed, row.template_id, row.parameter_format, row.components)


def _counted(before: Mapping[Key, Row[Any]], after: Mapping[Key, Row[Any]], listed: Iterable[Key]) -> Pulled:
    keys = list(listed)
    gone = sum(row.listed and not after[key].listed for key, row in before.items())
    told = [key for key in keys if key in before]
    changed = sum(_told(before[key]) != _told(after[key]) for key in told)
    return Pulled(len(keys), len(keys) - len(told), changed, gone)


def _told(row: Row[Any]) -> tuple[Any, ...]:
    return (*(_essence(row) or ()), row.category, row.quality, row.reason)
