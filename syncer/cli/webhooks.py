"""`syncer webhooks`: where the platform and the CRMs are to tell us of changes."""

from __future__ import annotations

import sys

import typer

from config.errors import ConfigurationError
from syncer import parts
from syncer.bootstrap import Runtime
from syncer.cli.output import ExitCode, Json, show, table
from syncer.cli.session import engine
from syncer.store import crm_notices

app = typer.Typer(help="Where the platform and the CRMs tell us of changes.", no_args_is_help=True)

_SHOWN = ("who", "address", "last_told_at")


@app.command("list")
def listing(json: Json = False) -> None:
    """The address to enter at each (a secret in it is the lock: give it to nobody else), and when it was used last;
    exit code 1 if one lacks a setting."""
    with engine() as runtime:
        rows = [_whatsapp(runtime), *_crms(runtime)]
    show(
        {"webhooks": rows},
        table("webhooks", _SHOWN, [[row[name] or row["problem"] for name in _SHOWN] for row in rows]),
    )
    if any(row["problem"] for row in rows):
        sys.exit(ExitCode.FAILED)


@app.command()
def renew(json: Json = False) -> None:
    """Ask the CRMs that tell for a limited time only (Zoho) to begin, or to go on; the beat does it too. Exit code 1 if
    one refuses: `syncer alerts list` says why."""
    with engine() as runtime:
        found = parts.notice_channels(runtime).renew()
    rows = [[name, until.isoformat() if until else "refused"] for name, until in found.items()]
    show({"channels": found}, table(f"{len(rows)} CRMs", ("crm", "tells until"), rows))
    if None in found.values():
        sys.exit(ExitCode.FAILED)


def _whatsapp(runtime: Runtime) -> dict[str, object]:
    public = runtime.settings.public_url
    problem = "" if public else "SYNCER_PUBLIC_URL is not set"
    address = f"{public}/webhooks/whatsapp" if public else ""
    return {"who": "whatsapp", "address": address, "last_told_at": None, "problem": problem}


def _crms(runtime: Runtime) -> list[dict[str, object]]:
    found = parts.notice_addresses(runtime)
    with runtime.store.begin() as tx:
        told = {name: crm_notices.last_told(tx, name) for name in found}
    return [
        {
            "who": name,
            "address": "" if isinstance(address, ConfigurationError) else address,
            "last_told_at": told[name],
            "problem": str(address) if isinstance(address, ConfigurationError) else "",
        }
        for name, address in found.items()
    ]
