"""`syncer templates`: the message templates of the file and of the account (R13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from config import files
from config.templates import Catalogue
from syncer import catalogue as nouns
from syncer.bootstrap import Runtime
from syncer.cli.output import ExitCode, Failed, Json, WrongUsage, facts, show, table
from syncer.cli.session import engine
from syncer.cli.template_changes import register
from syncer.cli.template_view import Side, named_values, side_by_side
from syncer.domain.template import HeaderMedium, Template, TemplateContent, TemplateMismatch
from syncer.domain.template_preview import preview as shown

app = typer.Typer(help="The message templates of the file and of the account.", no_args_is_help=True)
register(app)

Language = Annotated[str, typer.Option("--language", "-l")]


@app.command()
def pull(json: Json = False) -> None:
    """Read the account's catalogue, page by page."""
    with engine(rings=True) as runtime:
        pulled = runtime.template_watch.pull()
    show(asdict(pulled), facts("templates of the account", asdict(pulled).items()))


@app.command("list")
def listing(json: Json = False) -> None:
    """Every template, with the state that the account has of each language."""
    with engine() as runtime:
        found = side_by_side(runtime)
        file = files.load_templates(runtime.settings.config_dir)
    rows = [_summary(name, [side for side in found if side.name == name], file) for name in _names(found)]
    columns = ("name", "category", "account", "parameters", "purpose")
    cells = [
        [row["name"], row["category"], _states(row["account"]), ", ".join(row["parameters"]), row["purpose"]]
        for row in rows
    ]
    show({"templates": rows}, table(f"{len(rows)} templates", columns, cells))


def _names(found: Sequence[Side]) -> list[str]:
    return list(dict.fromkeys(side.name for side in found))


def _summary(name: str, sides: Sequence[Side], file: Catalogue) -> dict[str, Any]:
    item = {template.name: template for template in file.templates}.get(name)
    first = sides[0].template
    return {
        "name": name,
        "category": item.category if item else first.category.upper() if first else "",
        "languages": [side.language for side in sides],
        "parameters": list(item.parameters if item else first.variables if first else ()),
        "purpose": item.purpose if item else "",
        "in_file": item is not None,
        "account": {side.language: side.state for side in sides},
    }


def _states(account: dict[str, dict[str, Any] | None]) -> str:
    return ", ".join(f"{language} {state['status'] if state else '-'}" for language, state in account.items())


@app.command()
def check(json: Json = False) -> None:
    """Compare the file with the rules and with the account as last read; exit code 1 if anything is wrong."""
    with engine() as runtime:
        found = side_by_side(runtime)
    rows = [{"name": side.name, "language": side.language, "problems": side.problems} for side in found]
    wrong = [row for row in rows if row["problems"]]
    cells = [[row["name"], row["language"], "; ".join(row["problems"])] for row in wrong]
    title = f"{len(wrong)} of {len(rows)} templates need a look" if wrong else f"{len(rows)} templates are in order"
    show({"templates": rows, "ok": not wrong}, table(title, ("name", "language", "problem"), cells))
    if wrong:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def preview(
    name: str,
    language: Language = "zh_TW",
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="The body's, in order, or NAME=VALUE; examples for what is left out."),
    ] = None,
    header: Annotated[str | None, typer.Option("--header", help="Link or id of the medium above the body.")] = None,
    json: Json = False,
) -> None:
    """What the customer sees."""
    with engine() as runtime:
        template = _template(runtime, name, language)
        file = files.load_templates(runtime.settings.config_dir)
    try:
        content = _filled(template, file, parameters or [], header)
    except TemplateMismatch as error:
        raise Failed(str(error)) from error
    seen = shown(template, content)
    document = {"name": name, "language": language, "parameters": list(content.parameters), "text": seen.text}
    show({**document, **asdict(seen)}, seen.drawn)


def _template(runtime: Runtime, name: str, language: str) -> Template:
    with runtime.store.begin() as tx:
        found = runtime.template_book.named(tx, name).get((name, language))
    if found is None:
        raise WrongUsage(f"there is no template '{name}' in {language}; see syncer templates list")
    return found


def _filled(template: Template, file: Catalogue, given: Sequence[str], header: str | None) -> TemplateContent:
    medium = HeaderMedium(template.header_format.lower(), link=header or "https://example.com/sample")
    wants_medium = template.header_format in ("IMAGE", "VIDEO", "DOCUMENT")
    item = next((one for one in file.templates if one.name == template.name), None)
    if item is None or template.language not in item.languages:
        values = named_values(template.variables, given) if given else dict.fromkeys(template.variables, "…")
        text = header if template.header_variable else None
        return template.fill(values, header=medium if wants_medium else text)
    examples = nouns.examples(file, template.name, template.language)
    values = named_values(item.parameters, given) if given else {}
    filling = nouns.filled(item, examples | values, medium if wants_medium else None)
    return template.fill(filling.parameters, header=filling.header, buttons=filling.buttons)
