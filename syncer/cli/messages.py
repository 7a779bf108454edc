"""`syncer messages`: one message to one customer."""

from __future__ import annotations

import uuid
from json import loads
from typing import Annotated

import typer

from syncer import parts
from syncer.cli.output import Failed, Json, WrongUsage, facts, show
from syncer.cli.session import engine
from syncer.domain.content import TextContent
from syncer.domain.template import TemplateMismatch
from syncer.flows.messages_out import Draft, TemplateDraft
from syncer.web.api.messages import Order

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
    content: Annotated[
        str | None,
        typer.Option("--content", help='Any other kind as the API takes it: \'{"location": {"latitude": 25, ...}}\'.'),
    ] = None,
    reply_to: Annotated[str | None, typer.Option("--reply-to", help="Wamid of the message to quote.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Idempotency key: the same one sends nothing new.")] = None,
    json: Json = False,
) -> None:
    """Plan a message; a worker sends it at once. Exit code 4 when our own rules refuse it."""
    if sum(given is not None for given in (text, template, content)) != 1:
        raise WrongUsage("give one of --text, --template and --content")
    draft = _draft(text, template, content, language, tuple(parameters or ()))
    addressee = int(to) if to.isdigit() and len(to) <= _LONGEST_CONTACT else to
    with engine(rings=True) as runtime:
        try:
            asked = f"cli:{key or uuid.uuid4()}"
            planned = parts.messages_out(runtime).plan(asked, addressee, draft, reply_to=reply_to)
        except TemplateMismatch as error:
            raise Failed(str(error)) from error
    found = {name: getattr(planned, name) for name in _SHOWN}
    show(found, facts(f"message {planned.id}", found.items()))


def _draft(
    text: str | None, template: str | None, content: str | None, language: str, values: tuple[str, ...]
) -> Draft:
    if text is not None:
        return TextContent(text)
    if template is not None:
        return TemplateDraft(template, language, values)
    try:
        return Order.model_validate({"to": {"contact_id": 1}, **loads(content or "")}).draft()
    except (ValueError, TypeError) as error:  # pydantic's errors are ValueErrors
        raise WrongUsage(f"--content: {error}") from error
