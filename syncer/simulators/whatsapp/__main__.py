"""`python -m syncer.simulators.whatsapp`: the simulator as a process of its own."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from syncer.simulators import options
from syncer.simulators.whatsapp.app import serve
from syncer.simulators.whatsapp.config import Behaviour, SimulatorConfig


def config_from(arguments: Sequence[str] | None = None) -> SimulatorConfig:
    """The configuration that the command line asks for; what is not given keeps `SimulatorConfig`'s default."""
    parser = _parser()
    given = options.given(parser, arguments)
    for name in ("phone_number_ids", "display_phone_numbers"):
        if name in given:
            given[name] = tuple(given[name])
    if "allowed_recipients" in given:
        given["allowed_recipients"] = frozenset(one.lstrip("+") for one in given["allowed_recipients"])
    try:
        behaviour = _behaviour(given)
        return SimulatorConfig(**given, behaviour=behaviour)
    except (ValueError, TypeError, AttributeError, re.error) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = options.parser("whatsapp", "customers, reviewers and faults")
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
        "--templates", type=options.json_file, metavar="FILE.json", help="list of templates instead of the seeds"
    )
    parser.add_argument("--review-seconds", type=float, dest="template_review_seconds", help="a review takes (1)")
    parser.add_argument("--not-subscribed", action="store_false", dest="subscribed", default=None)
    parser.add_argument("--dead-pattern", metavar="REGEX", help="numbers that are not on WhatsApp")
    parser.add_argument("--allowed-recipient", action="append", dest="allowed_recipients", metavar="DIGITS")
    parser.add_argument("--throughput", type=float, help="messages per second and number; 0 for no limit (80)")
    parser.add_argument("--log-limit", type=int, help="rows kept of each log (1,000,000)")
    return parser


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
