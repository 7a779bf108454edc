"""`syncer numbers`: the business numbers - into service, how they do, and which of them sends (R11, R12)."""

from __future__ import annotations

import getpass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from syncer.bootstrap import Runtime
from syncer.cli.output import Json, facts, note, show, table
from syncer.cli.person import AtTerminal
from syncer.cli.session import engine
from syncer.domain.errors import Refused
from syncer.flows.numbers import health_of
from syncer.flows.registration import NotRegistered, Registration
from syncer.policies import failover
from syncer.policies.failover import Leave, SendsBy
from syncer.store import numbers, recipients

app = typer.Typer(help="The business numbers that messages leave by.", no_args_is_help=True)

LISTED = ("role", "phone_number_id", "display_phone_number", "verified_name", "status", "quality")
SHOWN = (
    *LISTED[:-1],
    "name_status",
    "quality",
    "throughput",
    "messaging_limit",
    "can_send",
    "held",
    "checked_at",
)


class Method(StrEnum):
    """How a verification code comes."""

    SMS = "sms"
    VOICE = "voice"


Number = Annotated[str | None, typer.Option("--number", help="Id of the number; the primary if left out.")]


@app.command("list")
def listing(json: Json = False) -> None:
    """The numbers as they were last seen, without asking the platform."""
    with engine() as runtime:
        rows = list(_known(runtime)["numbers"])
    show({"numbers": rows}, table(f"{len(rows)} numbers", LISTED, [[row[name] for name in LISTED] for row in rows]))


@app.command()
def status(json: Json = False) -> None:
    """How the numbers do, asked of the platform now: state, quality, limits, pauses, and which of them sends."""
    with engine() as runtime:
        fresh = runtime.number_watch.check()
        known = {"fresh": fresh, **_known(runtime)}
    if not fresh:
        note("the platform did not answer; this is what was last known")
    drawn = table(
        f"{len(known['numbers'])} numbers", SHOWN, [[row[name] for name in SHOWN] for row in known["numbers"]]
    )
    show(known, drawn, facts("sending", _sending(known)))


def _sending(known: dict[str, Any]) -> list[tuple[str, Any]]:
    sends, limit = known["templates"], known["messaging_limit"]
    return [
        ("templates go by", sends["by"] or "none for now"),
        ("because", sends["reason"] or "it is well"),
        ("order of a person", f"{sends['order']}" + (f" ({sends['ordered_by']})" if sends["ordered_by"] else "")),
        ("account", known["stopped"] or "not stopped"),
        ("people reached in 24 h", f"{known['reached']} of {'any number' if limit is None else limit}"),
    ]


@app.command()
def register(
    number: Number = None,
    method: Annotated[Method, typer.Option("--method", help="How the code comes first; then the other.")] = Method.SMS,
    code: Annotated[str | None, typer.Option("--code", help="A code that was asked for already.")] = None,
    pin: Annotated[str | None, typer.Option("--pin", help="The two-step PIN; asked for if left out.")] = None,
    language: Annotated[str, typer.Option("--language", help="Of the code's text or voice.")] = "en_US",
    json: Json = False,
) -> None:
    """Verify a number with a code (60 s to enter it, SMS first, then voice) and put it into service with the PIN.

    Without a terminal the PIN and the code are read from stdin, one a line. Exit code 1 when it is not in service then,
    4 when the platform takes no more tries for now.
    """
    with engine() as runtime:
        chosen, person = _one(runtime, number), AtTerminal(pin)
        steps = Registration(runtime.platform, runtime.clock, person)
        done = steps.run(chosen, method=method.upper(), language=language, code=code)
        runtime.number_watch.check()
    state = done.state
    if state.status != "CONNECTED":
        raise NotRegistered(f"the platform took the PIN, but the number is {state.status or 'in an unknown state'}")
    name = f"{state.verified_name} ({state.name_status or 'state unknown'})"
    result = {
        "phone_number_id": state.id,
        "status": state.status,
        "verified_by": done.verified_by,
        "registered": done.fresh,
        "verified_name": state.verified_name,
        "name_status": state.name_status,
    }
    pairs = [("state", state.status), ("verified by", done.verified_by), ("display name", name)]
    show(result, facts(f"number {state.id}" + ("" if done.fresh else " was in service already"), pairs))


@app.command("failover")
def fail_over(
    to: Annotated[SendsBy, typer.Option("--to", help="backup or primary: that number and no other; auto: the engine.")],
    json: Json = False,
) -> None:
    """Order by which number templates go. Replies stay with the number that the customer wrote to."""
    with engine() as runtime:
        if to is SendsBy.BACKUP:
            runtime.settings.require("WHATSAPP_BACKUP_PHONE_NUMBER_ID")
        with runtime.store.begin() as tx:
            runtime.numbers.direct(tx, to, _who(), runtime.clock.now())
        known = _known(runtime)["templates"]
    show(known, f"templates go by {known['by'] or 'no number for now'} ({known['reason'] or 'it is well'})")


@app.command()
def resume(
    number: Annotated[str | None, typer.Option("--number", help="One number; all if left out.")] = None,
    json: Json = False,
) -> None:
    """Send again at once after a pause or a stop whose cause is removed; exit code 4 when nothing was held."""
    with engine() as runtime, runtime.store.begin() as tx:
        held = runtime.numbers.resume(tx, runtime.clock.now(), number)
    if not held:
        raise Refused("nothing was paused or stopped")
    show({"resumed": number or "all"}, f"{number or 'every number'} sends again")


@app.command()
def rename(name: str, number: Number = None, json: Json = False) -> None:
    """Ask for another display name; the platform reviews it, and customers see the old one until it is approved."""
    with engine() as runtime:
        chosen = _one(runtime, number)
        runtime.platform.rename(chosen, name)
        runtime.number_watch.check()
    show({"phone_number_id": chosen, "requested": name}, f"{name} is being reviewed for number {chosen}")


def _one(runtime: Runtime, number: str | None) -> str:
    runtime.settings.require("WHATSAPP_PHONE_NUMBER_ID")
    return number or runtime.numbers.primary


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "somebody at the command line"


def _known(runtime: Runtime) -> dict[str, Any]:
    now = runtime.clock.now()
    with runtime.store.begin() as tx:
        rows = numbers.all_of_them(tx)
        account, limit = numbers.the_account(tx), numbers.lowest_limit(tx)
        way = failover.present_way(runtime.numbers.line(tx), now)
        reached = recipients.count(tx, now - timedelta(hours=24))
    stopped = (
        account is not None
        and account.stopped_reason
        and (account.stopped_until is None or account.stopped_until > now)
    )
    return {
        "numbers": [_row(runtime, row, now) for row in rows.values()],
        "templates": {
            "by": way.by if isinstance(way, Leave) else None,
            "reason": way.reason,
            "order": account.sends_by if account else SendsBy.AUTO,
            "ordered_by": account.sends_by_who if account else None,
            "ordered_at": account.sends_by_at if account else None,
        },
        "stopped": account.stopped_reason if stopped and account else None,
        "messaging_limit": limit,
        "reached": reached,
    }


def _row(runtime: Runtime, row: Any, now: datetime) -> dict[str, Any]:
    roles = {runtime.numbers.primary: "primary", runtime.numbers.backup: "backup"}
    held = [
        f"paused until {row.paused_until:%H:%M} ({row.paused_reason})"
        if row.paused_until and row.paused_until > now
        else "",
        f"used up until {row.exhausted_until:%H:%M}" if row.exhausted_until and row.exhausted_until > now else "",
    ]
    return {
        "role": roles.get(row.phone_number_id, ""),
        **row._mapping,
        "well": health_of(row).well,
        "held": "; ".join(filter(None, held)),
    }
