"""The tour of the main job (`make demo`): everything really started, really sent, really killed, and held against its
witnesses."""

from __future__ import annotations

import json
import platform as machine
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from syncer.acceptance import cleaning, conversation_script, customers, evidence, kpis, movements, readiness
from syncer.acceptance import stage as scenery
from syncer.acceptance.evidence import Found
from syncer.acceptance.kpis import Check, Measured
from syncer.acceptance.movements import Campaign, Storm, Synced
from syncer.acceptance.narrator import Broken, Narrator, StepFailed, kpi_table
from syncer.acceptance.stage import Doors, Stage

DOCTOR_SECONDS = 30.0


@dataclass
class Findings:
    """What the tour has learned so far."""

    truth: customers.Expected | None = None
    first: Synced | None = None
    second: Synced | None = None
    campaign: Campaign | None = None
    storm: Storm | None = None
    checks: list[Check] = field(default_factory=list)


def run(home: Path, doors: Doors, console: Console, *, once: bool) -> bool:
    """Play the tour in `home`; whether every step held. `once` stops everything at its end, else Ctrl-C does."""
    narrator = Narrator(console)
    began = time.monotonic()
    with ExitStack() as stack:
        try:
            _play(home, doors, narrator, stack)
        except Broken:
            console.print(f"\n[red]The tour ends here.[/] Logs: {home / 'logs'}")
            return False
        _farewell(narrator, time.monotonic() - began)
        if not once:
            console.print(
                f"\nEverything stays up; Ctrl-C stops it. To look at it from another terminal:\n{_look_around(home)}"
            )
            _wait_for_interrupt()
    return narrator.all_held


def _play(home: Path, doors: Doors, narrator: Narrator, stack: ExitStack) -> Stage:
    found = Findings()
    stage = _set_up(home, doors, narrator, stack, found)
    _contacts(stage, narrator, found)
    _campaign(stage, narrator, found)
    _conversations(stage, narrator, found)
    _doctor(stage, narrator)
    narrator.table("Key figures (R38) and promises", found.checks)
    with narrator.step("Key figures within their standards") as view:
        view.conclude(f"{sum(check.ok for check in found.checks)} of {len(found.checks)}")
        _nothing_wrong([check.name for check in found.checks if not check.ok])
    _keep(home, narrator, found)
    narrator.addresses(stage.addresses)
    return stage


def _set_up(home: Path, doors: Doors, narrator: Narrator, stack: ExitStack, found: Findings) -> Stage:
    with narrator.step("PostgreSQL and Redis", needed=True) as view:
        share = scenery.open_servers(home, stack)
        stage = scenery.open_stage(home, share, doors, stack)
        scenery.migrate(stage)
        view.conclude(f"fresh databases, schema up to date; {'; '.join(stage.ports.moved) or 'usual ports'}")
    with narrator.step("Company CRM, simulated WhatsApp", needed=True) as view:
        scenery.start_platform(stage)
        scenery.start_engine(stage, scenery.FIRST)
        found.truth = customers.rebuild(stage.crm)
        view.conclude(f"{found.truth.rows:,} customers, {found.truth.share_bad:.0%} of them bad")
    with narrator.step("Engine: workers and web", needed=True) as view:
        readiness.wait_until_ready(stage, view.say)
        scenery.start_engine(stage, scenery.AFTERWARDS)
        readiness.wait_until_ready(stage, view.say)
        view.conclude(f"{', '.join(sorted(stage.supervisor.names().values()))}")
    return stage


def _contacts(stage: Stage, narrator: Narrator, found: Findings) -> None:
    with narrator.step("First sync of all contacts", needed=True) as view:
        found.first = movements.sync_contacts(stage, view)
        view.conclude(f"{found.first.counts.get('seen', 0):,} rows in {found.first.seconds:.2f} s")
    with narrator.step("Cleaning, beside the truth") as view:
        assert found.truth is not None
        assert found.first is not None
        rows = cleaning.beside(stage.runtime.store, found.first.counts, found.truth)
        narrator.beside("What the cleaning found in the raw table (R3-R6)", rows)
        view.conclude(f"{len(rows)} figures agree")
        _nothing_wrong([name for name, mine, truth in rows if mine != truth])
    with narrator.step("Second sync, nothing changed") as view:
        found.second = movements.sync_contacts(stage, view)
        view.conclude(f"{found.second.seconds:.2f} s")


def _campaign(stage: Stage, narrator: Narrator, found: Findings) -> None:
    with narrator.step("Order confirmation to 250 customers", needed=True) as view:
        found.campaign = movements.send_campaign(stage, view)
        sends = [send for send in stage.platform.sends() if send["kind"] == "template"]
        climbed = Counter(evidence.last_status(send) for send in sends)
        view.conclude(f"3 batches: {', '.join(f'{n} {status}' for status, n in sorted(climbed.items(), reverse=True))}")
    with narrator.step("One for each of them") as view:
        gone = found.campaign.gone
        view.conclude(f"{len(found.campaign.addresses)}; failed honestly: the {len(gone)} who have left WhatsApp")
        times = Counter(send["to"] for send in sends)
        wrong = [address for address in found.campaign.addresses if times[address] != 1]
        wrong += [send["to"] for send in sends if (send["to"] in gone) != (evidence.last_status(send) == "failed")]
        _nothing_wrong(map(evidence.mask, wrong))


def _conversations(stage: Stage, narrator: Narrator, found: Findings) -> None:
    lines = conversation_script.write()
    with narrator.step(f"{len(lines)} customer messages", needed=True) as view:
        found.storm = movements.converse(stage, lines, view)
        kill = found.storm.kill
        view.conclude(f"{movements.RATE:.0f} a second; {kill.name} killed with {movements.in_hands(kill)}")
    with narrator.step("Until nothing moves any more") as view:
        movements.settle(stage, view)
        view.conclude(_recovered(stage, found.storm))
    _verify(stage, narrator, found)


def _recovered(stage: Stage, storm: Storm) -> str:
    seconds, doubt = movements.recovery(stage, storm.kill)
    death = next((death for death in stage.supervisor.deaths if death.name == storm.kill.name), None)
    back = f", process back after {death.revived_at - storm.kill.at:.2f} s" if death and death.revived_at else ""
    doubtful = f", its replies settled after {doubt:.2f} s" if doubt else ""
    return (
        f"its messages handled {seconds:.2f} s after the kill{doubtful}{back}"
        if seconds
        else "no message came after it"
    )


def _verify(stage: Stage, narrator: Narrator, found: Findings) -> None:
    assert found.storm is not None
    spoken, sends = found.storm.spoken, stage.platform.sends()
    rows = evidence.crm_messages(stage.crm)
    comparisons = {
        "recorded": ("In the CRM, whole and once", evidence.recorded(spoken, rows)),
        "answered": ("Answered exactly once", evidence.answered(spoken, sends)),
        "handed": ("Handed to a person, once", evidence.handed_over(spoken, evidence.crm_tasks(stage.crm))),
        "stops": ("STOPs in ledger and CRM", evidence.withdrawn(spoken, stage.runtime.store, stage.crm)),
        "statuses": ("Statuses as the platform's last", evidence.statuses(sends, rows)),
    }
    for title, verdict in comparisons.values():
        with narrator.step(title) as view:
            view.conclude(f"{verdict.right} of {verdict.of}")
            _nothing_wrong(verdict.wrong)
    found.checks = kpis.table(
        _measure(stage, found, {name: verdict for name, (_, verdict) in comparisons.items()}, sends)
    )


def _measure(stage: Stage, found: Findings, verdicts: dict[str, Found], sends: list[dict[str, object]]) -> Measured:
    assert found.storm is not None
    assert found.campaign is not None
    spoken = found.storm.spoken
    delays = evidence.delays(spoken, sends, stage.runtime.store)
    templates = [send for send in sends if send["kind"] == "template"]
    living = [send for send in templates if send["to"] not in found.campaign.gone]
    recorded, answered, handed = (verdicts[name] for name in ("recorded", "answered", "handed"))
    missing = (recorded.of - recorded.right) + (answered.of - answered.right)
    replies = sum(send["kind"] == "text" for send in sends)
    return Measured(
        delivered=sum(evidence.last_status(send) in ("delivered", "read") for send in living),
        taken_for_living=len(living),
        to_crm=list(delays.to_crm.values()),
        to_reply=delays.to_reply,
        to_person=delays.to_person,
        recorded=recorded.right,
        said=recorded.of,
        per_minute=kpis.busiest_per_minute(evidence.carried(spoken, delays, sends)),
        recovery=movements.recovery(stage, found.storm.kill)[0],
        lost=missing + len(set(found.campaign.addresses) - {str(send["to"]) for send in templates}),
        doubled=len(evidence.doubled(sends)) + max(0, replies - answered.right),
        acknowledged=[attempt["milliseconds"] for attempt in stage.platform.deliveries()],
        statuses_right=verdicts["statuses"].right,
        statuses=verdicts["statuses"].of,
        answered=answered.right,
        to_answer=answered.of,
        handed_over=handed.right,
        to_hand_over=handed.of,
        withdrawn=verdicts["stops"].right,
        to_withdraw=verdicts["stops"].of,
        first_sync=found.first.seconds if found.first else None,
        second_sync=found.second.seconds if found.second else None,
    )


def _doctor(stage: Stage, narrator: Narrator) -> None:
    with narrator.step("syncer doctor --json") as view:
        command = [str(Path(sys.executable).parent / "syncer"), "doctor", "--json"]
        done = subprocess.run(
            command,
            env=stage.environment,
            cwd=scenery.ROOT,
            capture_output=True,
            text=True,
            timeout=DOCTOR_SECONDS,
            check=False,
        )
        try:
            checks = json.loads(done.stdout)["checks"]
        except (ValueError, KeyError):
            raise StepFailed(f"exit code {done.returncode}: {done.stderr.strip()[-300:]}") from None
        view.conclude(f"{sum(check['ok'] for check in checks)} of {len(checks)} ok")
        _nothing_wrong([f"{c['name']}: {c['value']} {c['detail']}".strip() for c in checks if not c["ok"]])


def _keep(home: Path, narrator: Narrator, found: Findings) -> None:
    """The report as JSON and as text, under the home."""
    folder = home / "reports"
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    steps = [
        {"title": step.title, "ok": step.ok, "outcome": step.outcome, "seconds": round(step.seconds, 2)}
        for step in narrator.steps
    ]
    report = {
        "made_at": now.isoformat(timespec="seconds"),
        "machine": f"{machine.machine()}, Python {machine.python_version()}",
        "steps": steps,
        **kpis.document(found.checks),
    }
    path = folder / f"demo-{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with path.with_suffix(".txt").open("w", encoding="utf-8") as file:
        text = Console(file=file, width=140)
        for step in narrator.steps:
            text.print(
                f"{'ok    ' if step.ok else 'FAILED'} {step.title}: {step.outcome} ({step.seconds:.1f} s)",
                soft_wrap=True,
            )
        text.print(kpi_table("Key figures", found.checks))
    narrator.console.print(f"\nKept in {path} and .txt", soft_wrap=True)


def _farewell(narrator: Narrator, seconds: float) -> None:
    failed = [step.title for step in narrator.steps if not step.ok]
    verdict = (
        f"[bold red]{len(failed)} steps failed:[/] {', '.join(failed)}" if failed else "[bold green]Every step held.[/]"
    )
    narrator.console.print(f"\n{verdict} {seconds:.0f} s in all.")


def _look_around(home: Path) -> str:
    environment = scenery.environment_file(home)
    return f"  set -a; . {environment}; set +a; {Path(sys.executable).parent / 'syncer'} doctor"


def _wait_for_interrupt() -> None:
    while True:
        time.sleep(3600)


def _nothing_wrong(wrong: Iterable[str]) -> None:
    said = list(wrong)
    if said:
        raise StepFailed(f"{len(said)} wrong: {'; '.join(said[:3])}{' ...' if len(said) > 3 else ''}")
