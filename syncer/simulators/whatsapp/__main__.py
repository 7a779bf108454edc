"""`python -m syncer.simulators.whatsapp`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syncer.simulators.faults import fault_from
from syncer.simulators.whatsapp.app import serve
from syncer.simulators.whatsapp.config import Behaviour, SimulatorConfig

_EPILOG = "The control API under /_sim/ plays customers, reviewers and faults; see docs/simulators.md."


def config_from(arguments: Sequence[str] | None = None) -> SimulatorConfig:
    """The configuration that the command line asks for; what is not given keeps `SimulatorConfig`'s default."""
    parser = _parser()
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    for name in ("phone_number_ids", "display_phone_numbers"):
        if name in given:
            given[name] = tuple(given[name])
    if "allowed_recipients" in given:
        given["allowed_recipients"] = frozenset(one.lstrip("+") for one in given["allowed_recipients"])
    try:
        for fault in given.get("faults", ()):
            fault_from(fault)
        behaviour = _behaviour(given)
        return SimulatorConfig(**given, behaviour=behaviour)
    except (ValueError, TypeError, AttributeError, re.error) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    # Without allow_abbrev=False a mistyped option would be taken for another one.
    parser = argparse.ArgumentParser(prog="syncer simulate whatsapp", epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, which is printed")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--callback-url", help="the webhook; without one nothing is told")
    parser.add_argument("--verify-token", help="for the handshake of `POST /_sim/handshake`")
    parser.add_argument("--app-secret", help="signs the webhooks")
    parser.add_argument("--access-token", help="the token that requests must carry")
    parser.add_argument("--app-id")
    parser.add_argument("--waba-id", help="id of the WhatsApp Business Account")
    parser.add_argument("--phone-number-id", action="append", dest="phone_number_ids", metavar="ID")
    parser.add_argument("--display-phone-number", action="append", dest="display_phone_numbers", metavar="DIGITS")
    parser.add_argument("--verified-name", help="the display name of every number")
    parser.add_argument(
        "--templates", type=_json_file, metavar="FILE.json", help="list of templates instead of the seeds"
    )
    parser.add_argument("--review-seconds", type=float, dest="template_review_seconds", help="a review takes (1)")
    parser.add_argument("--not-subscribed", action="store_false", dest="subscribed", default=None)
    parser.add_argument("--dead-pattern", metavar="REGEX", help="numbers that are not on WhatsApp")
    parser.add_argument("--allowed-recipient", action="append", dest="allowed_recipients", metavar="DIGITS")
    parser.add_argument("--throughput", type=float, help="messages per second and number; 0 for no limit (80)")
    parser.add_argument("--settings", type=_json_file, metavar="FILE.json", help="as `POST /_sim/settings` takes them")
    parser.add_argument("--faults", type=_json_file, metavar="FILE.json", help="list of faults in force from the start")
    parser.add_argument("--seed", type=int, help="makes chance repeatable")
    parser.add_argument("--log-limit", type=int, help="rows kept of each log (1,000,000)")
    return parser


def _json_file(name: str) -> Any:
    """The JSON in a file; what is wrong with it is told as an option's error."""
    try:
        return json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


def _behaviour(given: dict[str, Any]) -> Behaviour:
    """The settings of the file and of `--throughput`, taken out of `given`."""
    behaviour = Behaviour()
    if "settings" in given:
        behaviour.change(given.pop("settings"))
    if "throughput" in given:
        behaviour.change({"limits": {"throughput": given.pop("throughput")}})
    return behaviour


if __name__ == "__main__":
    serve(config_from())
