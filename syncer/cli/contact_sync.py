"""`syncer contacts sync`: hearing from the CRMs, or only what that would change."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from rich.table import Table

from config.masking import Mask
from syncer.bootstrap import Runtime
from syncer.cli.output import Json, WrongUsage, facts, note, show, table
from syncer.cli.session import engine
from syncer.domain.errors import Refused
from syncer.flows.contacts.rehearsal import Rehearsal
from syncer.flows.contacts.sync import SyncOutcome
from syncer.store import sync_runs
from syncer.store.rehearsal_differences import Difference
from syncer.store.workers import WorkerSession

_FULL = typer.Option("--full", help="Every row of the CRM (the default).")
_CHANGED = typer.Option("--changed", help="Only what has changed since the last sync.")
_CRM = typer.Option("--crm", help="One CRM instead of all.")
_WAIT = typer.Option("--wait", help="Do it here and now instead of ringing for a worker.")
_DRY = typer.Option("--dry-run", help="Show what would change, and change nothing.")
_ACCEPT = typer.Option("--accept-deletions", help="However many rows are gone from the CRM, they may go here too.")
_SAMPLES = typer.Option("--samples", min=0, help="With --dry-run: so many examples of each change.")
_REVEAL = typer.Option("--reveal", help="With --dry-run: telephone numbers in full.")


def sync(
    full: Annotated[bool, _FULL] = False,
    changed: Annotated[bool, _CHANGED] = False,
    crm: Annotated[str | None, _CRM] = None,
    wait: Annotated[bool, _WAIT] = False,
    dry_run: Annotated[bool, _DRY] = False,
    accept_deletions: Annotated[bool, _ACCEPT] = False,
    samples: Annotated[int, _SAMPLES] = 5,
    reveal: Annotated[bool, _REVEAL] = False,
    json: Json = False,
) -> None:
    """Read the customers of the CRMs; exit code 4 while another sync of the same CRM is running."""
    if full and changed:
        raise WrongUsage("--full and --changed exclude each other")
    if accept_deletions and (changed or not (wait or dry_run)):
        raise WrongUsage("--accept-deletions is a person's word: it goes with a full sync and --wait or --dry-run")
    mode = "changed" if changed else "full"
    with engine(rings=not wait and not dry_run) as runtime:
        names = _chosen(runtime, crm)
        if dry_run:
            outcomes, difference = _rehearse(runtime, names, mode, samples, accept_deletions)
            _show_difference(mode, outcomes, difference, Mask() if not reveal else None)
            return
        done = [_run(runtime, name, mode, accept_deletions) if wait else _ring(runtime, name, mode) for name in names]
    show({"syncs": done}, *(facts(f"contact sync, {item['crm']}", item.items()) for item in done))


def _chosen(runtime: Runtime, crm: str | None) -> list[str]:
    names = list(runtime.settings.crm.names)
    if crm is not None and crm not in names:
        raise WrongUsage(f"there is no CRM '{crm}'; configured: {', '.join(names)}")
    return [crm] if crm else names


def _run(runtime: Runtime, crm: str, mode: str, accept: bool) -> dict[str, Any]:
    note(f"reading {crm} ({mode}) ...")
    session = WorkerSession(runtime.store, f"command line:{os.getpid()}", runtime.clock)
    try:
        return asdict(runtime.contact_sync.run(crm, session.number, mode, accept_deletions=accept))
    finally:
        session.close()


def _ring(runtime: Runtime, crm: str, mode: str) -> dict[str, Any]:
    with runtime.store.begin() as tx:
        run = sync_runs.last(tx, crm)
        orphans = sync_runs.interrupted(tx, runtime.clock.now())
    if run is not None and run.state == "running" and crm not in orphans:
        raise Refused(f"a sync of {crm} is running already (run {run.id})")
    runtime.jobs.ring("sync", (crm, mode))  # type: ignore[arg-type]
    return {"crm": crm, "mode": mode, "state": "rung for"}


def _rehearse(
    runtime: Runtime, crms: list[str], mode: str, samples: int, accept: bool
) -> tuple[list[SyncOutcome], Difference]:
    note(f"rehearsing a {mode} sync of {', '.join(crms)} on a copy ...")
    rehearsal = Rehearsal(runtime.store, lambda store: replace(runtime.contact_sync, store=store))
    return rehearsal.run(crms, mode, samples, accept_deletions=accept)


def _show_difference(mode: str, outcomes: list[SyncOutcome], found: Difference, mask: Mask | None) -> None:
    """One document, or a table for each kind of change of which there is any."""
    syncs = [{name: value for name, value in asdict(one).items() if name != "run_id"} for one in outcomes]
    document = {"dry_run": True, "syncs": syncs, "difference": _as_document(found)}
    shown = _masked(document, mask) if mask else document
    show(shown, *_tables(shown), f"Nothing was changed. `syncer contacts sync --{mode} --wait` does it.")


def _as_document(found: Difference) -> dict[str, Any]:
    words = [
        {"tier": tier, "word": word, "source": source, "count": count}
        for (tier, word, source), count in found.words.items()
    ]
    moving = {name: dict(zip(("before", "after", "written"), rows, strict=True)) for name, rows in found.tables.items()}
    return {
        "contacts": {"new": asdict(found.new), "changed": found.changed, "removed": asdict(found.removed)},
        "fields": {name: asdict(change) for name, change in found.fields.items()},
        "merged": asdict(found.merged),
        "parted": found.parted,
        "gone": asdict(found.gone),
        "consent": words,
        "crm_writes": dict(found.writes),
        "conflicts": asdict(found.conflicts),
        "alerts": list(found.alerts),
        "parked": [dict(one) for one in found.parked],
        "tables": moving,
    }


def _masked(value: Any, mask: Mask) -> Any:
    """The same with every telephone number shortened to its last three digits, wherever it stands."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {name: _masked(item, mask) for name, item in value.items()}
    return [_masked(item, mask) for item in value] if isinstance(value, list | tuple) else value


def _tables(shown: dict[str, Any]) -> list[Table]:
    difference = shown["difference"]
    contacts, fields = difference["contacts"], difference["fields"]
    counts = [
        ("new contacts", contacts["new"]["count"]),
        ("changed contacts", contacts["changed"]),
        ("removed contacts", contacts["removed"]["count"]),
        ("rows merged", difference["merged"]["count"]),
        ("rows parted again", difference["parted"]),
        ("rows gone from their CRM", difference["gone"]["count"]),
        ("conflicts for a person", difference["conflicts"]["count"]),
        *((f"told to {crm}", count) for crm, count in difference["crm_writes"].items()),
        *(("alert", message) for message in difference["alerts"]),
        *((f"consent: {w['tier']} {w['word']} ({w['source']})", w["count"]) for w in difference["consent"]),
    ]
    changes = [
        (name, change["count"] if not n else "", one["contact_id"], one["old"], one["new"])
        for name, change in fields.items()
        for n, one in enumerate(change["samples"] or [{"contact_id": "", "old": "", "new": ""}])
    ]
    return [
        *(facts(f"dry run of a sync, {one['crm']}", one.items()) for one in shown["syncs"]),
        facts("what would change", counts),
        *([table("field by field", ("field", "contacts", "contact", "now", "then"), changes)] if changes else []),
        *_samples("new contacts", contacts["new"]),
        *_samples("removed contacts", contacts["removed"]),
        *_samples("merged rows", difference["merged"]),
        *_samples("rows gone from their CRM", difference["gone"]),
        *_samples("conflicts", difference["conflicts"]),
        *_samples("rows left out", {"samples": difference["parked"]}),
    ]


def _samples(title: str, found: dict[str, Any]) -> list[Table]:
    rows = found["samples"]
    return [table(f"{title}, for example", tuple(rows[0]), [tuple(row.values()) for row in rows])] if rows else []
