"""`python -m syncer.simulators.whatsapp`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from syncer.simulators.whatsapp.app import serve
from syncer.simulators.whatsapp.config import Behaviour, Limits, SimulatorConfig


def config_from(arguments: Sequence[str] | None = None) -> SimulatorConfig:
    """The configuration that the command line asks for; what is not given keeps `SimulatorConfig`'s default."""
    parser = argparse.ArgumentParser(prog="python -m syncer.simulators.whatsapp", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, which is printed")
    for name in (
        "--host",
        "--callback-url",
        "--app-secret",
        "--access-token",
        "--verify-token",
        "--waba-id",
        "--dead-pattern",
    ):
        parser.add_argument(name)
    parser.add_argument("--phone-number-id", action="append", dest="phone_number_ids", metavar="ID")
    parser.add_argument("--templates", type=Path, metavar="FILE.json", help="list of templates instead of the seeds")
    parser.add_argument("--throughput", type=float, help="messages per second and number; 0 for no limit (80)")
    parser.add_argument("--seed", type=int, help="makes chance repeatable")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    if "phone_number_ids" in given:
        given["phone_number_ids"] = tuple(given["phone_number_ids"])
    if "templates" in given:
        given["templates"] = json.loads(given["templates"].read_text(encoding="utf-8"))
    if "throughput" in given:
        given["behaviour"] = Behaviour(limits=Limits(throughput=given.pop("throughput")))
    return SimulatorConfig(**given)


if __name__ == "__main__":
    serve(config_from())
