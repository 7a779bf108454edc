"""The house keeps its arrows: every import points down, and foreign libraries live in the rooms named for them."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent

#: From the door down to the cellar. A room may import rooms of lower floors; on its own floor only where said below.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"syncer.web", "syncer.cli", "tasks"}),
    frozenset({"syncer.acceptance"}),
    frozenset({"syncer.bootstrap", "syncer.parts", "syncer.outside", "syncer.services"}),
    frozenset(
        {
            "syncer.catalogue",
            "syncer.flows",
            "syncer.whatsapp",
            "syncer.crm",
            "syncer.throttle",
            "syncer.monitoring",
            "syncer.simulators",
        }
    ),
    frozenset({"syncer.policies", "syncer.store", "syncer.ports", "syncer.http", "syncer.connections", "syncer.clock"}),
    frozenset({"syncer.domain", "syncer.embedded", "config", "celeryconfig"}),
)
LEVEL = {room: len(FLOORS) - number for number, floor in enumerate(FLOORS) for room in floor}

#: Arrows between rooms of one floor, each with its reason.
LEVEL_ARROWS = {
    ("syncer.web", "tasks"): "tasks.queueing rings the bell",
    ("syncer.cli", "tasks"): "tasks.queueing rings the bell",
    ("syncer.cli", "syncer.web"): "the demo and doctor name its addresses",
    ("syncer.store", "syncer.ports"): "the clock",
    ("syncer.parts", "syncer.bootstrap"): "what few doors use, joined from the runtime's parts",
    ("syncer.bootstrap", "syncer.outside"): "the joining place joins what it finds there",
    ("syncer.bootstrap", "syncer.services"): "the joining place hands them on",
    ("syncer.outside", "syncer.services"): "where the servers are",
    ("syncer.http", "syncer.connections"): "its sockets",
}

#: Libraries that belong to a few rooms. sqlalchemy in crm.sql talks to somebody else's database.
HOMES = {
    "sqlalchemy": ("syncer.store", "syncer.crm.sql", "syncer.flows", "syncer.acceptance"),
    "psycopg2": ("syncer.store", "syncer.crm.sql"),
    "requests": ("syncer.http", "syncer.connections"),
    "celery": ("tasks",),
    "kombu": ("tasks", "celeryconfig"),
    "redis": ("syncer.throttle", "tasks", "syncer.cli"),
    "aiohttp": ("syncer.simulators",),
    "fastapi": ("syncer.web",),
    "starlette": ("syncer.web",),
    "typer": ("syncer.cli",),
}
NAMELESS = {"utils", "util", "helpers", "common", "misc", "manager"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("syncer", "tasks", "config", include_external_packages=True, cache_dir=None)


def room_of(module: str) -> str | None:
    return next((room for room in LEVEL if module == room or module.startswith(f"{room}.")), None)


def arrows(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    return [(m, i) for m in graph.modules for i in graph.find_modules_directly_imported_by(m)]


def test_every_module_has_a_room(graph: grimp.ImportGraph) -> None:
    ours = {m for m in graph.modules if m.split(".")[0] in {"syncer", "tasks", "config"}}
    assert {m for m in ours if room_of(m) is None} == {"syncer"}


def test_every_arrow_points_down(graph: grimp.ImportGraph) -> None:
    wrong = []
    for importer, imported in arrows(graph):
        above, below = room_of(importer), room_of(imported)
        if above is None or below is None or above == below:
            continue
        if LEVEL[above] <= LEVEL[below] and (above, below) not in LEVEL_ARROWS:
            wrong.append(f"{importer} -> {imported}")
    assert wrong == []


def test_the_domain_knows_only_the_standard_library_and_phonenumbers(graph: grimp.ImportGraph) -> None:
    outside = {i for m, i in arrows(graph) if m.startswith("syncer.domain") and room_of(i) not in {"syncer.domain"}}
    allowed = {"phonenumbers", "__future__", "collections", "dataclasses", "datetime", "enum", "functools", "re"}
    assert outside - allowed <= {"json", "types", "typing", "unicodedata"}


def test_policies_know_only_the_domain(graph: grimp.ImportGraph) -> None:
    rooms = {room_of(i) for m, i in arrows(graph) if m.startswith("syncer.policies")} - {None}
    assert rooms <= {"syncer.policies", "syncer.domain"}


def test_flows_know_no_adapter(graph: grimp.ImportGraph) -> None:
    rooms = {room_of(i) for m, i in arrows(graph) if m.startswith("syncer.flows")} - {None}
    assert rooms <= {"syncer.flows", "syncer.ports", "syncer.policies", "syncer.domain", "syncer.store"}


def test_adapters_know_nothing_of_each_other(graph: grimp.ImportGraph) -> None:
    adapters = {"syncer.whatsapp", "syncer.crm", "syncer.throttle", "syncer.simulators", "syncer.flows"}
    crossing = [
        f"{m} -> {i}"
        for m, i in arrows(graph)
        if room_of(m) in adapters and room_of(i) in adapters and room_of(m) != room_of(i)
    ]
    assert crossing == []


def test_no_crm_knows_another(graph: grimp.ImportGraph) -> None:
    folders = {p.name for p in (ROOT / "syncer/crm").iterdir() if p.is_dir() and p.name != "__pycache__"}
    crossing = [
        f"{m} -> {i}"
        for m, i in arrows(graph)
        for name in folders
        if m.startswith(f"syncer.crm.{name}")
        for other in folders - {name}
        if i.startswith(f"syncer.crm.{other}")
    ]
    assert crossing == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_lives_in_its_room(graph: grimp.ImportGraph, library: str) -> None:
    strangers = [
        m
        for m, i in arrows(graph)
        if i.split(".")[0] == library and not any(m == home or m.startswith(f"{home}.") for home in HOMES[library])
    ]
    assert strangers == []


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in ("syncer", "tasks", "config")
        for path in (ROOT / folder).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    # The others only hand an environment on to the processes that they start.
    starters = {f"syncer/embedded/{name}.py" for name in ("servers", "postgres", "processes")}
    assert readers <= {"config/variables.py", "config/settings.py", "syncer/acceptance/processes.py"} | starters


def test_no_room_without_a_name() -> None:
    nameless = [
        path.relative_to(ROOT).as_posix()
        for folder in ("syncer", "tasks", "config", "tests", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.stem in NAMELESS
    ]
    assert nameless == []


def test_a_package_says_what_it_is_and_nothing_else() -> None:
    for folder in ("syncer", "tasks", "config"):
        for path in (ROOT / folder).rglob("__init__.py"):
            lines = path.read_text().strip()
            assert lines.startswith('"""'), path
            assert lines.endswith('"""'), path


def test_modules_stay_small_enough_to_feel_at_home_in() -> None:
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for folder in ("syncer", "tasks", "config")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations/versions" not in path.as_posix()
    }
    assert {name: size for name, size in sizes.items() if size > 300} == {}
