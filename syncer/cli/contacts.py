"""`syncer contacts`: customers, as the CRMs tell them and as the engine knows them."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from syncer.bootstrap import Runtime
from syncer.cli.clean import clean
from syncer.cli.output import Failed, Json, WrongUsage, facts, note, show, table
from syncer.cli.session import engine
from syncer.domain.errors import Refused
from syncer.store import consents, sync_runs
from syncer.store.workers import WorkerSession
from syncer.web import parts

app = typer.Typer(help="Customers.", no_args_is_help=True)
app.command()(clean)

_MESSAGES = 10
#: Numbers of contacts are shorter than any telephone number.
_LONGEST_CONTACT = 7
WORD = ("at", "tier", "word", "source", "proof")
SAID = ("occurred_at", "direction", "kind", "body", "status")


@app.command()
def sync(
    full: Annotated[bool, typer.Option("--full", help="Every row of the CRM (the default).")] = False,
    changed: Annotated[bool, typer.Option("--changed", help="Only what has changed since the last sync.")] = False,
    crm: Annotated[str | None, typer.Option("--crm", help="One CRM instead of all.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Do it here and now instead of ringing for a worker.")] = False,
    json: Json = False,
) -> None:
    """Read the customers of the CRMs; exit code 4 while another sync of the same CRM is running."""
    if full and changed:
        raise WrongUsage("--full and --changed exclude each other")
    mode = "changed" if changed else "full"
    with engine(rings=not wait) as runtime:
        names = _chosen(runtime, crm)
        outcomes = [_run(runtime, name, mode) if wait else _ring(runtime, name, mode) for name in names]
    show({"syncs": outcomes}, *(facts(f"contact sync, {item['crm']}", item.items()) for item in outcomes))


def _chosen(runtime: Runtime, crm: str | None) -> list[str]:
    names = list(runtime.settings.crm.names)
    if crm is not None and crm not in names:
        raise WrongUsage(f"there is no CRM '{crm}'; configured: {', '.join(names)}")
    return [crm] if crm else names


def _run(runtime: Runtime, crm: str, mode: str) -> dict[str, Any]:
    note(f"reading {crm} ({mode}) ...")
    session = WorkerSession(runtime.store, f"command line:{os.getpid()}", runtime.clock)
    try:
        return asdict(runtime.contact_sync.run(crm, session.number, mode))
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


@app.command("show")
def show_one(
    who: Annotated[str, typer.Argument(help="A contact's number here, or a phone number in any writing.")],
    json: Json = False,
) -> None:
    """What the engine knows of one customer: the golden record, where it comes from, consent, the last messages."""
    with engine() as runtime:
        found = _everything(runtime, _find(runtime, who))
    person, words, said = found["contact"], found["consents"], found["messages"]
    leads = ", ".join(f"{kind} {value}" for kind, value in found["identities"])
    show(
        found,
        facts(f"contact {person['id']}", [*person.items(), ("identities", leads)]),
        table("consent", WORD, [[word[name] for name in WORD] for word in words]),
        table("last messages", SAID, [[line[name] for name in SAID] for line in said]),
    )


def _find(runtime: Runtime, who: str) -> int:
    """Short numbers are contacts' own; anything longer is a telephone."""
    lookups = parts.lookups(runtime)
    if who.isdigit() and len(who) <= _LONGEST_CONTACT and lookups.contact(int(who)):
        return int(who)
    found = lookups.contact_by_phone(who)
    if not isinstance(found, int):
        raise Failed(f"nobody is known under {who}" + (f" ({found.value})" if found else ""))
    return found


def _everything(runtime: Runtime, contact_id: int) -> dict[str, Any]:
    lookups = parts.lookups(runtime)
    found = lookups.contact(contact_id)
    if found is None:
        raise Failed(f"there is no contact {contact_id}")
    with runtime.store.begin() as tx:
        words = consents.history(tx, contact_id)
    said = lookups.conversation(contact_id, limit=_MESSAGES) or []
    return {
        "contact": dict(found[0]._mapping),
        "identities": [tuple(row) for row in found[1]],
        "consents": [{name: getattr(word, name) for name in WORD} for word in words],
        "messages": [{name: getattr(line, name) for name in SAID} for line in said],
    }
