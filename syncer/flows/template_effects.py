"""What follows when a template's standing changes: its campaigns wait or go on, and a person is told (R13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.policies import template_standing
from syncer.policies.template_standing import About, Standing
from syncer.ports import Jobs
from syncer.store import alerts, campaigns, template_pulls, templates
from syncer.store.templates import Key


def standing(row: Row[Any]) -> Standing:
    """A row of the templates table as the policy takes it."""
    return Standing(
        status=row.status,
        quality=row.quality,
        category=row.category,
        listed=row.listed,
        suspended=row.suspended_reason,
        reason=row.reason,
        detail=row.detail,
    )


def alert_key(key: Key, about: About) -> str:
    """The key of a template's alert."""
    return f"template:{key[0]}:{key[1]}{about}"


def _hold(tx: Connection, key: Key, obstacle: str) -> list[int]:
    return campaigns.hold(tx, *key, f"its template {key[0]} in {key[1]} {obstacle}")


def remark(tx: Connection, keys: Iterable[Key], remark: str | None, now: datetime) -> None:
    """Tell a person what the platform says of these templates beside their state; None: there is newer word of that."""
    for key in keys:
        name = alert_key(key, About.NOTICE)
        if remark is None:
            alerts.end(tx, name, now)
        else:
            alerts.sound(tx, name, f"template {key[0]} ({key[1]}): the platform says {remark}", now)


def withhold(tx: Connection, key: Key, obstacle: str, now: datetime) -> None:
    """Let the template's running campaigns wait, and tell a person if there were any."""
    if _hold(tx, key, obstacle):
        alerts.sound(tx, alert_key(key, About.STATE), f"template {key[0]} ({key[1]}): it {obstacle}", now)


def reconcile(tx: Connection, rows: Mapping[Key, Row[Any]], now: datetime) -> list[int]:
    """Compare every campaign that is not done with the whole catalogue just read; returns the batches that may go
    on."""
    released: list[int] = []
    for key in sorted(campaigns.templates_in_use(tx)):
        found = standing(rows[key]) if key in rows else None
        obstacle = template_standing.obstacle(found, catalogue_known=True)
        if obstacle is None:
            released += campaigns.release(tx, *key)
        else:
            withhold(tx, key, obstacle, now)
    return campaigns.batches_of(tx, released) if released else []


def suspend(tx: Connection, key: Key, reason: str, now: datetime, strikes: int) -> None:
    """Our own stop of a template, and what follows from it."""
    before = templates.by_keys(tx, [key])
    templates.suspend(tx, key, reason, now, strikes=strikes)
    draw(tx, before, templates.by_keys(tx, [key]), now, used=True)


def draw(
    tx: Connection,
    before: Mapping[Key, Row[Any]],
    after: Mapping[Key, Row[Any]],
    now: datetime,
    *,
    used: bool = False,
) -> list[int]:
    """The consequences of every change from `before` to `after`; returns the batches that may go on. `used` templates
    are in use, whatever the campaigns say."""
    changed = {key: row for key, row in after.items() if key not in before or standing(before[key]) != standing(row)}
    if not changed:
        return []
    in_use, known = campaigns.templates_in_use(tx), template_pulls.known(tx)
    released: list[int] = []
    for key, row in sorted(changed.items()):
        old = standing(before[key]) if key in before else None
        found = template_standing.consequences(old, standing(row), in_use=used or key in in_use, catalogue_known=known)
        if found.hold is not None:
            _hold(tx, key, found.hold)
        else:
            released += campaigns.release(tx, *key)
        for alert in found.alerts:
            name = alert_key(key, alert.about)
            if alert.message is None:
                alerts.end(tx, name, now)
            else:
                alerts.sound(tx, name, f"template {key[0]} ({key[1]}): {alert.message}", now, level=alert.level)
    return campaigns.batches_of(tx, released) if released else []


def ring(jobs: Jobs, batches: Iterable[int]) -> None:
    """Tell the send workers, after the commit, which batches may go on."""
    for batch_id in batches:
        jobs.ring("send", batch_id)
