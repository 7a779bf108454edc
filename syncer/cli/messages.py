"""`syncer messages`: one message to one customer."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from syncer.cli.output import Failed, Json, WrongUsage, facts, show
from syncer.cli.session import engine
from syncer.domain.template import TemplateMismatch
from syncer.flows.messages_out import TemplateDraft, TextDraft
from syncer.web import parts

app = typer.Typer(help="Single messages.", no_args_is_help=True)

#: Numbers of contacts are shorter than any telephone number.
_LONGEST_CONTACT = 7
_SHOWN = ("id", "contact_id", "kind", "category", "body", "state", "reason", "planned_at", "accepted_at", "wamid")


@app.callback()
def single() -> None:
    """Single messages."""


@app.command()
def send(
    to: Annotated[str, typer.Argument(help="A phone number in any writing, or a contact's number here.")],
    text: Annotated[str | None, typer.Option("--text", "-t", help="Free text; needs an open service window.")] = None,
    template: Annotated[str | None, typer.Option("--template", help="A template instead of a text.")] = None,
    language: Annotated[str, typer.Option("--language", "-l")] = "zh_TW",
    parameters: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="Template parameters, in order.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency key: the same one sends nothing new.")] = None,
    json: Json = False,
) -> None:
    """Plan a message; a worker sends it at once. Exit code 4 when our own rules refuse it."""
    if (text is None) == (template is None):
        raise WrongUsage("give either --text or --template")
    draft = TextDraft(text) if text is not None else TemplateDraft(template or "", language, tuple(parameters or ()))
    addressee = int(to) if to.isdigit() and len(to) <= _LONGEST_CONTACT else to
    with engine(rings=True) as runtime:
        try:
            planned = parts.messages_out(runtime).plan(f"cli:{key or uuid.uuid4()}", addressee, draft)
        except TemplateMismatch as error:
            raise Failed(str(error)) from error
    found = {name: getattr(planned, name) for name in _SHOWN}
    show(found, facts(f"message {planned.id}", found.items()))
