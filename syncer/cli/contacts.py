"""`syncer contacts`: customers, as the CRMs tell them and as the engine knows them. A module for each kind of verb."""

from __future__ import annotations

import typer

from syncer.cli.clean import clean
from syncer.cli.contact_conflicts import conflicts
from syncer.cli.contact_erasure import erase
from syncer.cli.contact_merges import merge, suggestions, unmerge
from syncer.cli.contact_sync import sync
from syncer.cli.contact_view import export, show_one

app = typer.Typer(help="Customers.", no_args_is_help=True)
for _command in (sync, clean, export, erase, conflicts, merge, unmerge, suggestions):
    app.command()(_command)
app.command("show")(show_one)
