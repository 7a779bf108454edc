"""`syncer alerts`: troubles that last (R41)."""

from __future__ import annotations

from typing import Annotated

import typer

from syncer import parts
from syncer.cli.output import Failed, Json, show, table
from syncer.cli.session import engine
from syncer.store import alerts

app = typer.Typer(help="Troubles that last and that a person should know of.", no_args_is_help=True)

_SHOWN = ("key", "level", "message", "count", "raised_at")


@app.command("list")
def listing(json: Json = False) -> None:
    """Open alerts, the gravest first."""
    with engine() as runtime:
        found = parts.lookups(runtime).alerts()
    rows = [{name: getattr(alert, name) for name in _SHOWN} for alert in found]
    show({"alerts": rows}, table(f"{len(rows)} alerts", _SHOWN, [list(row.values()) for row in rows]))


@app.command("end")
def end(key: Annotated[str, typer.Argument(help="The alert's key.")], json: Json = False) -> None:
    """Close an alert by hand: somebody knows. It comes again if its trouble is noticed anew."""
    with engine() as runtime:
        ended = runtime.store.run(lambda tx: alerts.end(tx, key, runtime.clock.now()))
    if not ended:
        raise Failed(f"no alert {key!r} is open")
    show({"key": key, "ended": True}, f"alert {key} is closed")
