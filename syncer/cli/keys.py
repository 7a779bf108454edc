"""`syncer keys`: API keys of programs, made and revoked while everything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from config.errors import did_you_mean
from syncer import parts
from syncer.cli.output import Failed, Json, WrongUsage, note, show, table
from syncer.cli.session import engine
from syncer.web.auth import ALL_SCOPES

app = typer.Typer(help="API keys of other programs.", no_args_is_help=True)

Scopes = Annotated[
    list[str],
    typer.Option(
        "--scope",
        "-s",
        help="What it may do: a noun (messages, contacts ...), NOUN.read for reading only, * for everything; repeat it "
        "for several.",
    ),
]


@app.command()
def create(name: str, scope: Scopes, json: Json = False) -> None:
    """Make a key and print it, this one time: only its hash is stored (exit code 4 when the name has one)."""
    scopes = _known(scope)
    with engine() as runtime:
        token = parts.api_keys(runtime).create(name, scopes)
    note("keep it now: it is not shown again")
    show({"name": name, "scopes": scopes, "key": token}, token)


@app.command("list")
def listing(json: Json = False) -> None:
    """Every key: those of SYNCER_API_KEYS, and those made here with when they were made, last used and revoked."""
    with engine() as runtime:
        made = [dict(row._mapping) for row in parts.api_keys(runtime).listing()]
        given = [{"name": key.name, "scopes": sorted(key.scopes)} for key in runtime.settings.api_keys]
    columns = ("name", "scopes", "created_at", "last_used_at", "revoked_at")
    keys = [{"from": "SYNCER_API_KEYS", **dict.fromkeys(columns), **key} for key in given]
    keys += [{"from": "database", **{column: key[column] for column in columns}} for key in made]
    rows = [[key["from"], *(_cell(key[column]) for column in columns)] for key in keys]
    show({"keys": keys}, table(f"{len(keys)} keys", ("from", *columns), rows))


@app.command()
def revoke(name: str, json: Json = False) -> None:
    """Let a key open nothing any more; every web process knows within a few seconds."""
    with engine() as runtime:
        try:
            parts.api_keys(runtime).revoke(name)
        except LookupError:
            raise Failed(f"there is no key {name} that opens anything") from None
    show({"name": name, "revoked": True}, f"the key {name} is revoked")


def _known(scopes: Sequence[str]) -> list[str]:
    for scope in scopes:
        if scope not in ALL_SCOPES:
            raise WrongUsage(f"there is no scope '{scope}'; {did_you_mean(scope, ALL_SCOPES)}")
    return sorted(set(scopes))


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value
