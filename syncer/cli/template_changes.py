"""`syncer templates create|edit|delete`: the account becomes what the file says, each time by a person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from config import files
from syncer.bootstrap import Runtime
from syncer.cli.output import ExitCode, Json, WrongUsage, show, table
from syncer.cli.session import engine
from syncer.flows.template_desk import Step, Taken, TemplateDesk
from syncer.store.templates import Key

Names = Annotated[list[str] | None, typer.Argument(help="Templates by name; all of the file if left out.")]
Language = Annotated[str | None, typer.Option("--language", "-l", help="This language only.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it the steps are only shown.")]
Handles = Annotated[
    list[str] | None,
    typer.Option("--header-handle", help="NAME=HANDLE: the uploaded sample of a medium, from Meta's upload API."),
]


def register(app: typer.Typer) -> None:
    """Add the commands that change the account."""
    for command in (create, edit, delete):
        app.command()(command)


def create(
    names: Names = None, language: Language = None, handles: Handles = None, yes: Yes = False, json: Json = False
) -> None:
    """Submit what the file has and the account lacks. It is reviewed there and sent only once it is approved."""
    with engine(rings=True) as runtime:
        desk = _desk(runtime)
        _finish(desk, desk.missing(_payloads(runtime, names, language, handles)), yes=yes)


def edit(
    names: Names = None, language: Language = None, handles: Handles = None, yes: Yes = False, json: Json = False
) -> None:
    """Replace texts that the account has otherwise; they are reviewed again, and not sent meanwhile."""
    with engine(rings=True) as runtime:
        desk = _desk(runtime)
        _finish(desk, desk.differing(_payloads(runtime, names, language, handles)), yes=yes)


def delete(name: str, language: Language = None, yes: Yes = False, json: Json = False) -> None:
    """Delete a template at the platform, in all languages or one; its name cannot be used again for 30 days."""
    with engine(rings=True) as runtime:
        desk = _desk(runtime)
        steps = desk.deletion(name, language)
        if not steps:
            raise WrongUsage(f"the account has no template '{name}'" + (f" in {language}" if language else ""))
        _finish(desk, steps, yes=yes)


def _desk(runtime: Runtime) -> TemplateDesk:
    return TemplateDesk(runtime.template_watch, runtime.templates)


def _payloads(
    runtime: Runtime, names: Sequence[str] | None, language: str | None, handles: Sequence[str] | None
) -> Mapping[Key, dict[str, Any]]:
    file = files.load_templates(runtime.settings.config_dir)
    samples = dict(_handle(text) for text in handles or ())
    unknown = {*(names or ()), *samples} - {template.name for template in file.templates}
    if unknown:
        raise WrongUsage(f"templates.toml has no template '{min(unknown)}'")
    return {
        (template.name, spoken): file.graph_payload(
            template.name, spoken, runtime.company, header_handle=samples.get(template.name)
        )
        for template in file.templates
        for spoken in template.languages
        if (not names or template.name in names) and language in (None, spoken)
    }


def _handle(text: str) -> tuple[str, str]:
    name, mark, handle = text.partition("=")
    if not (name and mark and handle):
        raise WrongUsage(f"--header-handle is NAME=HANDLE, not '{text}'")
    return name, handle


def _finish(desk: TemplateDesk, steps: Sequence[Step], *, yes: bool) -> None:
    taken = desk.take(steps) if yes else [Taken(step, skipped=True) for step in steps]
    rows = [_row(one, yes=yes) for one in taken]
    columns = ("action", "name", "language", "detail", "outcome")
    title = f"{len(rows)} steps" if yes else f"{len(rows)} steps to take; --yes takes them"
    cells = [[row[column] for column in columns] for row in rows]
    show({"steps": rows, "taken": yes}, table(title if rows else "nothing to do", columns, cells))
    if yes and any(row["outcome"] != "done" for row in rows):
        raise typer.Exit(ExitCode.FAILED)


def _row(one: Taken, *, yes: bool) -> dict[str, Any]:
    step = one.step
    if step.obstacle or one.error:
        outcome = step.obstacle or str(one.error)
    else:
        outcome = "done" if not one.skipped else "not taken: an earlier step was refused" if yes else "planned"
    named = {"action": step.action, "name": step.name, "language": step.language}
    return {**named, "detail": step.detail, "outcome": outcome}
