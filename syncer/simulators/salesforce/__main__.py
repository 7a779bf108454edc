"""`python -m syncer.simulators.salesforce`: the simulated org as a process of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syncer.simulators.faults import fault_from
from syncer.simulators.salesforce.app import serve
from syncer.simulators.salesforce.config import Behaviour, SalesforceConfig

_EPILOG = "The control API under /_sim/ plays the org's people and plans faults; see docs/simulators.md."


def config_from(arguments: Sequence[str] | None = None) -> SalesforceConfig:
    """The configuration that the command line asks for; what is not given keeps `SalesforceConfig`'s default."""
    parser = _parser()
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    try:
        for fault in given.get("faults", ()):
            fault_from(fault)
        behaviour = Behaviour()
        behaviour.change(given.pop("settings", {}))
        if given.pop("no_limits", False):
            behaviour.change({"calls_most": 0})
        return SalesforceConfig(**given, behaviour=behaviour)
    except (ValueError, TypeError, AttributeError) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    # Without allow_abbrev=False a mistyped option would be taken for another one.
    parser = argparse.ArgumentParser(prog="syncer simulate salesforce", epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("--port", type=int, help="0 takes a free one, which is printed (0)")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--client-id", help="the app's consumer key")
    parser.add_argument("--client-secret", help="the app's consumer secret")
    parser.add_argument("--public-key", type=_text_file, metavar="FILE.pem", help="checks signed requests for tokens")
    parser.add_argument("--contacts", type=int, help="contacts made up at the start (0)")
    parser.add_argument("--stamp-step-ms", type=int, help="between their last changes; 0 for one moment (1000)")
    parser.add_argument("--message-object", action="store_true", default=None, help="the org has WA_Message__c")
    parser.add_argument("--no-limits", action="store_true", default=None, help="no limit of calls")
    parser.add_argument("--settings", type=_json_file, metavar="FILE.json", help="as `POST /_sim/settings` takes them")
    parser.add_argument("--faults", type=_json_file, metavar="FILE.json", help="list of faults in force from the start")
    parser.add_argument("--seed", type=int, help="makes chance repeatable")
    return parser


def _text_file(name: str) -> str:
    """The text of a file; what is wrong with it is told as an option's error."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


def _json_file(name: str) -> Any:
    """The JSON in a file; as `_text_file`."""
    try:
        return json.loads(_text_file(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


if __name__ == "__main__":
    serve(config_from())
