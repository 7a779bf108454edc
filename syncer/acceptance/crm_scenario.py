"""The same end-to-end scenario for every CRM: contacts both ways, conversations with statuses and handoffs, an outage
of the CRM in the middle, its people's replies - and in the end nothing lost and nothing doubled (R15, R22 to R24,
R26)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from syncer.acceptance import crm_contacts, crm_figures, crm_script, crm_traffic, crm_vendors, readiness
from syncer.acceptance import stage as scenery
from syncer.acceptance.crm_company import CompanyDatabase
from syncer.acceptance.crm_figures import Figures
from syncer.acceptance.crm_hooks import OutsideProgram
from syncer.acceptance.crm_world import World
from syncer.acceptance.engine_api import EngineApi, new_key
from syncer.acceptance.kpis import Check
from syncer.acceptance.narrator import Broken, Narrator, StepFailed
from syncer.acceptance.stage import Doors, Play, Stage, Variables
from syncer.embedded.servers import Servers

WORLDS: Mapping[str, Callable[[], World]] = {
    "hubspot": crm_vendors.hubspot,
    "salesforce": crm_vendors.salesforce,
    "zoho": crm_vendors.zoho,
    "sql": CompanyDatabase,
    "hooks": OutsideProgram,
}
#: As the tour's, and beat; nobody looks at pages.
#: One of each: everything shares two cores with the simulators, and here nobody is killed.
_ENGINE = {**scenery.FIRST, "realtime": 1, "beat": 1}


@dataclass(frozen=True)
class Size:
    """How much of it: contacts both ways together, customer messages, seconds of the outage."""

    contacts: int = 10_000
    messages: int = 500
    outage: float = 60.0


def run(home: Path, doors: Doors, console: Console, names: Sequence[str], size: Size) -> list[Check]:
    """Play it for each of these CRMs, one after the other, and print the table that compares them. Raises `Refused`
    when it is being played in this home already."""
    narrator = Narrator(console)
    found: list[Figures] = []
    with ExitStack() as stack:
        play = _play(lambda ports, crm_url: {})
        share = scenery.open_servers(home, stack, play)
        for name in names:
            console.print(f"\n[bold]{name}[/]")
            found.append(_play_one(home, share, doors, narrator, name, size))
    console.print()
    console.print(crm_figures.comparison(found))
    checks = [check for one in found for check in crm_figures.checks(one)]
    failed = enumerate(step for step in narrator.steps if not step.ok)
    checks += [Check(f"step.{n}", step.title, None, ok=False, detail=step.outcome) for n, step in failed]
    _keep(home, console, found, checks)
    return checks


def _play(variables: Variables) -> Play:
    return Play("accept", 2, "accept/logs", variables)


def _play_one(home: Path, share: Servers, doors: Doors, narrator: Narrator, name: str, size: Size) -> Figures:
    world, figures = WORLDS[name](), Figures(name)
    key, entry = new_key()
    with ExitStack() as stack:
        stack.callback(world.close)
        try:
            play = _play(lambda ports, crm_url: {"SYNCER_API_KEYS": entry, **world.variables(ports, crm_url)})
            stage, api = _set_up(home, share, doors, narrator, stack, play, key, world, size)
            _act(stage, world, api, narrator, figures, size)
        except Broken:
            narrator.console.print(f"[red]{name} ends here.[/] Logs: {home / play.logs}")
    return figures


def _set_up(
    home: Path,
    share: Servers,
    doors: Doors,
    narrator: Narrator,
    stack: ExitStack,
    play: Play,
    key: str,
    world: World,
    size: Size,
) -> tuple[Stage, EngineApi]:
    with narrator.step("Everything started", needed=True) as view:
        stage = scenery.open_stage(home, share, doors, stack, play)
        scenery.migrate(stage)
        scenery.start_platform(stage)
        world.open(stage, size.contacts // 2)
        scenery.start_engine(stage, _ENGINE)
        readiness.wait_until_ready(stage, view.say)
        api = EngineApi(stage.url(stage.ports.web, ""), key)
        stack.callback(api.close)
        world.begin(stage, api)
        view.conclude(", ".join(sorted(stage.supervisor.names().values())))
    return stage, api


def _act(stage: Stage, world: World, api: EngineApi, narrator: Narrator, figures: Figures, size: Size) -> None:
    planned = _contacts(stage, world, api, narrator, figures, size)
    lines = crm_script.write(size.messages)
    with narrator.step(f"{size.messages} messages, {size.outage:.0f} s without CRM", needed=True) as view:
        traffic = crm_traffic.play(stage, world, lines, size.outage, view)
        view.conclude(_told(traffic))
    with narrator.step("Every side beside the others") as view:
        _compare(stage, world, figures, planned, traffic)
        failed = [check for check in crm_figures.checks(figures) if not check.ok]
        view.conclude(f"{figures.lost} lost, {figures.doubled} doubled")
        _nothing_wrong(f"{check.name}: {check.value} {check.detail}" for check in failed)
    with narrator.step("Nobody died") as view:
        view.conclude(f"{len(stage.cast)} processes")
        _nothing_wrong(f"{death.name} ended with {death.status}" for death in stage.supervisor.deaths)


def _contacts(
    stage: Stage, world: World, api: EngineApi, narrator: Narrator, figures: Figures, size: Size
) -> crm_contacts.Plan:
    with narrator.step("The CRM's contacts to us", needed=True) as view:
        seen, seconds = world.bring(stage, view)
        figures.read_per_second = seen / seconds
        view.conclude(f"{seen:,} rows in {seconds:.1f} s")
    planned = crm_contacts.plan(stage, world, size.contacts - size.contacts // 2)
    with narrator.step("Contacts to the CRM", needed=True) as view:
        seconds = crm_contacts.say_here(stage, world, api, planned, view)
        figures.written_per_second = len(planned.said_here) / seconds
        view.conclude(f"{len(planned.new):,} new, {len(planned.ours):,} changed in {seconds:.1f} s")
    with narrator.step("Changes in the CRM to us") as view:
        seconds = crm_contacts.say_there(stage, world, planned, view)
        view.conclude(f"{len(planned.theirs):,} in {seconds:.1f} s")
    return planned


def _compare(
    stage: Stage, world: World, figures: Figures, planned: crm_contacts.Plan, traffic: crm_traffic.Traffic
) -> None:
    figures.contacts = crm_contacts.compare(stage, world, planned)
    strangers = {said.person.phone or "" for said in traffic.spoken if said.person.contact_id is None}
    figures.contacts_doubled = crm_contacts.doubled(world.people(), {*planned.new, *strangers})
    sends = stage.platform.sends()
    written_at = crm_traffic.recorded_at(stage, world, [said.wamid for said in traffic.spoken])
    store = stage.runtime.store
    crm_figures.judge(figures, traffic, world.messages(), world.handoffs(), sends, written_at, store)


def _told(traffic: crm_traffic.Traffic) -> str:
    caught_up = traffic.caught_up_at - traffic.back_at
    replies = (
        f"{len(traffic.replies)} replies" if not traffic.replies_absent else f"no replies: {traffic.replies_absent}"
    )
    return f"caught up {caught_up:.1f} s after the CRM was back; {replies}"


def _nothing_wrong(wrong: Iterable[str]) -> None:
    said = list(wrong)
    if said:
        raise StepFailed(f"{len(said)} wrong: {'; '.join(said[:4])}{' ...' if len(said) > 4 else ''}")


def _keep(home: Path, console: Console, found: Sequence[Figures], checks: Sequence[Check]) -> None:
    folder = home / "reports"
    folder.mkdir(exist_ok=True)
    path = folder / f"crms-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    rows = [check.row() for check in checks]
    report = {"checks": rows, "ok": bool(rows) and all(row["ok"] for row in rows)}
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with path.with_suffix(".txt").open("w", encoding="utf-8") as file:
        Console(file=file, width=160).print(crm_figures.comparison(found))
    console.print(f"\nKept in {path} and .txt", soft_wrap=True)
