"""`syncer`: every noun's commands under one name, and the way out of the process."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from syncer.cli.output import exit_code, fail

#: Nouns with commands of their own, and commands that stand alone: the module that holds them.
NOUNS = {
    "db": "database",
    "contacts": "contacts",
    "messages": "messages",
    "campaigns": "campaigns",
    "templates": "templates",
    "consent": "consent",
    "numbers": "numbers",
    "failures": "failures",
    "alerts": "alerts",
    "keys": "keys",
    "webhooks": "webhooks",
    "report": "report",
    "simulate": "simulate",
    "accept": "accept",
}
COMMANDS = {"demo": "demo", "doctor": "doctor"}


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The application. Of the modules only the one that `arguments` ask for is imported (they are heavy, and operations
    scripts call many commands); all of them for help, or for a word that is none of ours."""
    app = typer.Typer(
        name="syncer",
        help="The sync engine between the WhatsApp Business Platform and a company's CRM.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    asked = next((word for word in arguments if not word.startswith("-")), None)
    chosen = [asked] if asked in {*NOUNS, *COMMANDS} else [*COMMANDS, *NOUNS]
    for name in chosen:
        if name in NOUNS:
            app.add_typer(import_module(f"syncer.cli.{NOUNS[name]}").app, name=name)
        else:
            app.command(name)(getattr(import_module(f"syncer.cli.{COMMANDS[name]}"), name))
    # A single command would take its name's place; the callback keeps `syncer doctor` two words.
    app.callback()(_whole)
    return app


def _whole() -> None:
    """The sync engine between the WhatsApp Business Platform and a company's CRM."""


def main() -> None:
    """The console script. Our own errors become one line and an exit code; a defect keeps its traceback."""
    try:
        build(sys.argv[1:])()
    except BaseException as error:
        code = exit_code(error)
        if code is None:
            raise
        fail(error, code)
        sys.exit(code)


if __name__ == "__main__":
    main()
