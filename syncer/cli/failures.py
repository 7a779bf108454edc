"""`syncer failures`: what the engine could not settle by itself and gave to a person (R26, X7)."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.cli.output import Failed, Json, facts, show, table
from syncer.cli.session import engine
from syncer.store import dead_letters

app = typer.Typer(help="What waits for a person's decision.", no_args_is_help=True)


@app.command("list")
def listing(limit: Annotated[int, typer.Option("--limit", min=1)] = 100, json: Json = False) -> None:
    """Open dead letters, the nearest deadline first."""
    with engine() as runtime:
        letters = [dict(row._mapping) for row in parts.lookups(runtime).failures(limit)]
    columns = ("id", "subject", "subject_id", "error_code", "reason", "created_at", "deadline_at")
    rows = [[letter[column] for column in columns] for letter in letters]
    show({"failures": letters}, table(f"{len(letters)} wait for a person", columns, rows))


@app.command("show")
def show_one(letter: int, json: Json = False) -> None:
    """One dead letter, open or decided on."""
    with engine() as runtime:
        found = _letter(runtime, letter)
    show(found, facts(f"dead letter {letter}", found.items()))


@app.command()
def replay(letter: int, json: Json = False) -> None:
    """Try it once more; it keeps its key, so nothing happens twice. Exit code 4 when it was decided on already."""
    with engine(rings=True) as runtime:
        _letter(runtime, letter)
        parts.failures(runtime).replay(letter)
    show({"id": letter, "resolution": "replayed"}, f"dead letter {letter} is tried once more")


@app.command()
def discard(letter: int, json: Json = False) -> None:
    """Never try it again. Exit code 4 when it was decided on already."""
    with engine() as runtime:
        _letter(runtime, letter)
        parts.failures(runtime).discard(letter)
    show({"id": letter, "resolution": "discarded"}, f"dead letter {letter} is discarded")


def _letter(runtime: Runtime, letter: int) -> dict[str, Any]:
    with runtime.store.begin() as tx:
        found = dead_letters.find(tx, letter)
    if found is None:
        raise Failed(f"there is no dead letter {letter}")
    return dict(found._mapping)
