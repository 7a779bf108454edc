"""`syncer simulate`: the vendors' platforms as real HTTP servers on this machine."""

from __future__ import annotations

import typer

from syncer.simulators.whatsapp import app as simulator
from syncer.simulators.whatsapp.__main__ import config_from

app = typer.Typer(help="The vendors' platforms, simulated over real HTTP.", no_args_is_help=True)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def whatsapp(context: typer.Context) -> None:
    """The WhatsApp Business Platform until Ctrl-C; `--help` lists its options, docs/simulators.md its control API."""
    config = config_from(context.args)
    try:
        simulator.serve(config)
    except OSError as error:
        typer.echo(f"{config.host}:{config.port}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
