"""`syncer db`: the engine's own database."""

from __future__ import annotations

import typer

from syncer.cli.output import Failed, Json, show
from syncer.cli.session import engine
from syncer.store import schema

app = typer.Typer(help="The engine's own database.", no_args_is_help=True)


@app.command()
def upgrade(json: Json = False) -> None:
    """Bring the schema up to this version; does nothing when it is."""
    with engine() as runtime:
        before = schema.missing(runtime.store)
        schema.upgrade(runtime.store)
    show(
        {"upgraded": before is not None}, "the schema was brought up to date" if before else "the schema is up to date"
    )


@app.command()
def check(json: Json = False) -> None:
    """Whether the database answers and its schema is this version's (exit code 1 if not)."""
    with engine() as runtime:
        missing = schema.missing(runtime.store)
    if missing:
        raise Failed(missing)
    show({"current": True}, "the database answers and its schema is up to date")
