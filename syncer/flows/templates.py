"""Templates: what the platform tells and refuses of them, and what follows for campaigns and people (R13).

Between two readings of the catalogue these keep the table true. What an older word says never undoes a newer one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.errors import DeliveryError
from syncer.domain.notice import TemplateNotice
from syncer.flows import template_effects
from syncer.policies import template_standing
from syncer.store import template_pulls, templates
from syncer.store.templates import Key


@dataclass(frozen=True, slots=True)
class Sendability:
    """Whether a template may leave now: `obstacle` says why not. `category` in small letters as the platform has it
    now, None where it never told us."""

    obstacle: str | None
    category: str | None


@dataclass(frozen=True)
class Templates:
    """Keeps the account's templates between two readings of the catalogue (`template_watch`)."""

    hears: tuple[type, ...] = field(default=(TemplateNotice,))

    # Notices

    def apply(self, tx: Connection, notices: Sequence[TemplateNotice], now: datetime) -> set[str]:
        """Take in what the platform told; the caller's transaction decides. A template that was unknown is known from
        now on. Batches that may go on are found by the send workers' own sweepers, twice a second, so no queue is
        named. A repeat changes nothing."""
        templates.lock(tx)
        for notice in sorted(notices, key=lambda notice: notice.at):
            self._hear(tx, notice, now)
        return set()

    def _hear(self, tx: Connection, notice: TemplateNotice, now: datetime) -> None:
        keys = _meant(tx, notice)
        before = templates.by_keys(tx, keys)
        templates.take_words(tx, [_word(key, before.get(key), notice, now) for key in keys])
        state = template_standing.state_after(notice.event, "")
        if notice.components_changed or len(before) < max(1, len(keys)) or (notice.event and not state):
            template_pulls.want(tx, now)
        if state:
            rows = templates.by_keys(tx, keys).values()
            told = [(r.name, r.language) for r in rows if r.suspended_reason and r.suspended_at <= min(notice.at, now)]
            templates.lift(tx, told, forgive=True)
        if state or notice.event or notice.detail:
            said = ", ".join(filter(None, (notice.event, notice.reason, notice.detail)))
            template_effects.remark(tx, keys, None if state else said, now)
        template_effects.draw(tx, before, templates.by_keys(tx, keys), now)

    # Refusals

    def refused(self, tx: Connection, name: str, language: str, error: DeliveryError, now: datetime) -> None:
        """The platform refused a send because of its template, in this language: its campaigns wait, a person is told,
        and the catalogue is read again at once. If that says nothing new they go on, once; if it happens again before
        any message was accepted, until the template changes or a person resumes them."""
        templates.lock(tx)
        template_pulls.want(tx, now)
        key = (name, language)
        row = templates.by_keys(tx, [key]).get(key)
        if row is not None and row.suspended_reason is not None:
            return
        strikes = row.strikes if row is not None else 0
        if strikes and row is not None and templates.accepted_since(tx, key, row.suspended_at):
            strikes = 0
        template_effects.suspend(tx, key, str(error), now, strikes + 1)

    def resume(self, tx: Connection, name: str, language: str, now: datetime) -> str | None:
        """A person wants it tried again: our own stop is forgotten. Returns what still stands against it."""
        templates.lock(tx)
        before = templates.by_keys(tx, [(name, language)])
        templates.lift(tx, [(name, language)], forgive=True)
        template_effects.draw(tx, before, templates.by_keys(tx, [(name, language)]), now)
        return self.sendable(tx, [(name, language)])[name, language].obstacle

    # At the moment of sending

    def sendable(self, tx: Connection, keys: Collection[Key]) -> dict[Key, Sendability]:
        """Which of these templates may leave now, as the table has it at this moment (law 10)."""
        if not keys:
            return {}
        rows, known = templates.by_keys(tx, keys), template_pulls.known(tx)
        return {key: _sendability(rows.get(key), known=known) for key in keys}

    def withhold(self, tx: Connection, obstacles: Mapping[Key, str], now: datetime) -> None:
        """Let running campaigns wait whose template was found unsendable only when their messages were to leave."""
        for key, obstacle in sorted(obstacles.items()):
            template_effects.withhold(tx, key, obstacle, now)


def _sendability(row: Row[Any] | None, *, known: bool) -> Sendability:
    standing = template_effects.standing(row) if row is not None else None
    category = row.category if row is not None and row.category else None
    return Sendability(template_standing.obstacle(standing, catalogue_known=known), category)


def _meant(tx: Connection, notice: TemplateNotice) -> list[Key]:
    """The templates that a notice is about: the one it names, else the one with its id, else every language."""
    if notice.name and notice.language:
        return [(notice.name, notice.language)]
    return templates.keys_of(tx, notice.template_id) or list(templates.by_names(tx, [notice.name]))


def _word(key: Key, row: Row[Any] | None, notice: TemplateNotice, now: datetime) -> dict[str, Any]:
    status = template_standing.state_after(notice.event, row.status if row is not None else "")
    return {
        "name": key[0],
        "language": key[1],
        "template_id": notice.template_id,
        # A notice from the future would silence everything until then.
        "at": min(notice.at, now).isoformat(),
        "status": status if notice.event is not None and status else None,
        "reason": notice.reason,
        "detail": notice.detail,
        "quality": notice.quality,
        "category": notice.category.lower() if notice.category else None,
    }
