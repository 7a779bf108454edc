"""`syncer simulate`: the vendors' platforms as real HTTP servers on this machine."""

from __future__ import annotations

from collections.abc import Callable

import typer

from syncer.simulators.hubspot import app as hubspot_simulator
from syncer.simulators.hubspot.__main__ import config_from as hubspot_config
from syncer.simulators.salesforce import app as salesforce_simulator
from syncer.simulators.salesforce.__main__ import config_from as salesforce_config
from syncer.simulators.whatsapp import app as whatsapp_simulator
from syncer.simulators.whatsapp.__main__ import config_from as whatsapp_config
from syncer.simulators.zoho import app as zoho_simulator
from syncer.simulators.zoho.__main__ import config_from as zoho_config

app = typer.Typer(help="The vendors' platforms, simulated over real HTTP.", no_args_is_help=True)


_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command(context_settings=_PASSED_ON)
def whatsapp(context: typer.Context) -> None:
    """The WhatsApp Business Platform until Ctrl-C; `--help` lists its options, docs/simulators.md its control API."""
    config = whatsapp_config(context.args)
    _serve(config.host, config.port, lambda: whatsapp_simulator.serve(config))


@app.command(context_settings=_PASSED_ON)
def hubspot(context: typer.Context) -> None:
    """HubSpot's CRM API until Ctrl-C, in the same way."""
    config = hubspot_config(context.args)
    _serve(config.host, config.port, lambda: hubspot_simulator.serve(config))


@app.command(context_settings=_PASSED_ON)
def salesforce(context: typer.Context) -> None:
    """Salesforce's REST and Bulk APIs until Ctrl-C, in the same way."""
    config = salesforce_config(context.args)
    _serve(config.host, config.port, lambda: salesforce_simulator.serve(config))


@app.command(context_settings=_PASSED_ON)
def zoho(context: typer.Context) -> None:
    """Zoho's accounts server and CRM API until Ctrl-C, in the same way."""
    config = zoho_config(context.args)
    _serve(config.host, config.port, lambda: zoho_simulator.serve(config))


def _serve(host: str, port: int, serve: Callable[[], None]) -> None:
    try:
        serve()
    except OSError as error:
        typer.echo(f"{host}:{port}: {error.strerror or error}", err=True)
        raise typer.Exit(1) from None
