"""`syncer accept`: what the engine promises, played from end to end on this machine alone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from syncer.acceptance import crm_scenario, kpis
from syncer.acceptance.crm_scenario import WORLDS, Size
from syncer.cli import output, playing
from syncer.cli.output import ExitCode, Json, WrongUsage
from syncer.cli.session import settings

app = typer.Typer(help="Play what is promised, from end to end, on embedded servers.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Play what is promised, from end to end, on embedded servers."""


@app.command()
def crms(
    crm: Annotated[list[str] | None, typer.Option("--crm", help=f"One of {', '.join(WORLDS)}; several times.")] = None,
    contacts: Annotated[int, typer.Option(min=400, help="Contacts, both ways together.")] = Size.contacts,
    messages: Annotated[int, typer.Option(min=20, help="Customer messages.")] = Size.messages,
    outage: Annotated[float, typer.Option(min=1, help="Seconds that the CRM is away in the middle.")] = Size.outage,
    json: Json = False,
) -> None:
    """The same scenario for every CRM: contacts both ways, conversations, handoffs, an outage, agents' replies. 0 only
    if nothing was lost, nothing doubled, and every figure is within what is asked."""
    playing.end_as_by_ctrl_c()
    names = crm or list(WORLDS)
    if unknown := [name for name in names if name not in WORLDS]:
        raise WrongUsage(f"there is no scenario of '{unknown[0]}'; there are {', '.join(WORLDS)}")
    console = output.progress() if json else output.terminal()
    size = Size(contacts, messages, outage)
    told = kpis.document(crm_scenario.run(settings().home, playing.doors(), console, names, size))
    if json:
        output.document(told)
    sys.exit(ExitCode.DONE if told["ok"] else ExitCode.FAILED)
