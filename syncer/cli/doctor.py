"""`syncer doctor`: is everything there that the engine needs, and does it answer (R1, R9)."""

from __future__ import annotations

import sys

from syncer.acceptance import kpis
from syncer.acceptance.narrator import kpi_table
from syncer.cli import examination
from syncer.cli.output import ExitCode, Json, show
from syncer.cli.session import engine


def doctor(json: Json = False) -> None:
    """Examine settings, servers, workers, WhatsApp and CRMs; exit code 1 if anything is not as it should be."""
    with engine() as runtime:
        checks = examination.examine(runtime)
    report = kpis.document(checks)
    show(report, kpi_table("syncer doctor", checks))
    if not report["ok"]:
        sys.exit(ExitCode.FAILED)
