"""The documents say what is there: the README's tables are held against the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
import typer.main
from fastapi import APIRouter

from config.describe import env_example, markdown_table
from syncer.cli.main import build
from syncer.web import api

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

#: Served beside the API's routers; see syncer/web/app.py, health.py and FastAPI's own document.
BESIDE_THE_API = {
    "GET /webhooks/whatsapp",
    "POST /webhooks/whatsapp",
    "POST /webhooks/hubspot",
    "POST /webhooks/salesforce/{word}",
    "POST /webhooks/zoho",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /api/v1/openapi.json",
}


def part(name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert found, f"README.md has no part {name}"
    return found[1]


def first_column(name: str) -> list[str]:
    """The code in the first column of the table in this part."""
    return re.findall(r"^\| `([^`]+)` \|", part(name), re.MULTILINE)


def test_the_environment_table_is_that_of_the_settings() -> None:
    """After a change: paste the output of `python -m config.describe --table`."""
    assert part("environment") == markdown_table()


def test_the_example_file_is_that_of_the_settings() -> None:
    """After a change: `python -m config.describe > .env.example`."""
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example()


def test_the_tree_has_a_line_for_every_folder_and_none_too_many() -> None:
    told = first_column("tree")
    assert [folder for folder in told if not (ROOT / folder).is_dir()] == []
    rooms = {
        f"{path.parent.relative_to(ROOT)}/"
        for top in ("syncer", "tasks", "config")
        for path in (ROOT / top).rglob("*.*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert rooms - set(told) - {"syncer/", "syncer/store/migrations/versions/"} == set()


def test_the_commands_are_those_of_the_command_line() -> None:
    assert sorted(first_column("commands")) == sorted(_commands(typer.main.get_command(build()), "syncer"))


def _commands(command: Any, name: str) -> Iterator[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name
        return
    for word, one in inner.items():
        yield from _commands(one, f"{name} {word}")


def test_the_addresses_are_those_of_the_web_process() -> None:
    assert sorted(first_column("http")) == sorted({*BESIDE_THE_API, *_routes()})


def _routes() -> Iterator[str]:
    modules = [import_module(f"{api.__name__}.{module.name}") for module in iter_modules(api.__path__)]
    for router in (getattr(module, "router", None) for module in modules):
        for route in router.routes if isinstance(router, APIRouter) else ():
            if route.path != "/docs/{name}":  # the page's own script and style
                yield from (f"{method} /api/v1{route.path}" for method in route.methods)


def test_the_processes_are_those_of_the_procfile() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    processes = [line.partition(":")[0] for line in lines if not line.startswith("#")]
    section = README.partition("## Processes and queues")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == processes


def test_every_dependency_has_its_line_of_reason() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    asked = setup["options"]["install_requires"] + setup["options.extras_require"]["dev"]
    wanted = [re.split(r"[><=;]", line)[0] for line in asked.split("\n") if line and not line.startswith("#")]
    told = re.findall(r"^\| ([\w\[\]-]+) \| ", (ROOT / "docs/dependencies.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(name for name in told if name != "package") == sorted(wanted)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`((?:syncer|tasks|config|tests|docs|benchmarks)/[\w./-]+)`", document.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets
