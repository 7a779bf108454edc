"""`syncer report`: what the engine has done and how fast."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from syncer.acceptance import kpis
from syncer.acceptance.kpis import Check, at_least, at_most
from syncer.acceptance.narrator import kpi_table
from syncer.bootstrap import Runtime
from syncer.cli.output import Json, show
from syncer.cli.session import engine

app = typer.Typer(help="Reports.", no_args_is_help=True)


@app.callback()
def reports() -> None:
    """What the engine has done and how fast."""


@app.command()
def live(
    minutes: Annotated[int, typer.Option("--minutes", min=1, help="Look back so far.")] = 60,
    json: Json = False,
) -> None:
    """Delays, statuses written back, the busiest moment and what waits now, from the engine's own database."""
    with engine() as runtime:
        checks = _figures(runtime, minutes)
    show(kpis.document(checks), kpi_table(f"The last {minutes} minutes", checks))


def _figures(runtime: Runtime, minutes: int) -> list[Check]:
    since = runtime.clock.now() - timedelta(minutes=minutes)
    reports = runtime.reports
    inbound, replies, handoffs = (
        reports.inbound_delays(since),
        reports.reply_delays(since),
        reports.handoff_delays(since),
    )
    written, with_status = reports.statuses_written(since)
    in_crm = kpis.share(written, with_status) if with_status else 100.0
    waiting = reports.waiting()
    return [
        _delay("R22", "customer message to CRM, p99", inbound.p99, inbound.count, 5, 0.8),
        _delay("R31", "customer message to reply, p99", replies.p99, replies.count, 5, None),
        _delay("R32", "complaint to a person's task, p99", handoffs.p99, handoffs.count, 20, None),
        at_least("R23", "statuses in the CRM", in_crm, "%", standard=100).saying(f"{with_status} messages"),
        Check("R38.peak", "busiest 5 s", reports.busiest(since), "/min"),
        *(Check(f"waiting.{name}", f"waiting: {name}", rows, "rows") for name, rows in waiting.items()),
    ]


def _delay(check_id: str, name: str, seconds: float | None, cases: int, standard: float, best: float | None) -> Check:
    """No case is no failure."""
    if seconds is None:
        return Check(check_id, name, None, "s", standard, best, ok=True, relation="<=", detail="no cases")
    return at_most(check_id, name, seconds, "s", standard=standard, best=best).saying(f"n {cases}")
