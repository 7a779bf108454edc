"""`syncer templates`: the starter catalogue of message templates (R13)."""

from __future__ import annotations

from typing import Annotated

import typer

from config import files
from syncer.cli.output import Failed, Json, WrongUsage, show, table
from syncer.cli.session import engine, settings
from syncer.domain.template import TemplateMismatch

app = typer.Typer(help="The catalogue of message templates.", no_args_is_help=True)


@app.command("list")
def listing(json: Json = False) -> None:
    """Every template of the starter catalogue, with its languages and parameters."""
    catalogue = files.load_templates(settings().config_dir)
    rows = [
        {
            "name": item.name,
            "category": item.category,
            "languages": list(item.languages),
            "parameters": list(item.parameters),
            "purpose": item.purpose,
        }
        for item in catalogue.templates
    ]
    columns = ("name", "category", "languages", "parameters", "purpose")
    cells = [[", ".join(v) if isinstance(v := row[name], list) else v for name in columns] for row in rows]
    show({"templates": rows}, table(f"{len(rows)} templates", columns, cells))


@app.command()
def preview(
    name: str,
    language: Annotated[str, typer.Option("--language", "-l")] = "zh_TW",
    parameters: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="In order; examples if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """What the customer reads."""
    with engine() as runtime:
        template = runtime.templates.get((name, language))
        if template is None:
            raise WrongUsage(f"there is no template '{name}' in {language}; see syncer templates list")
        catalogue = files.load_templates(runtime.settings.config_dir)
    given = parameters or [catalogue.parameters[key].example[language] for key in catalogue.get(name).parameters]
    try:
        template.fill(given)
    except TemplateMismatch as error:
        raise Failed(str(error)) from error
    text = template.render(given)
    show({"name": name, "language": language, "parameters": given, "text": text}, text)
