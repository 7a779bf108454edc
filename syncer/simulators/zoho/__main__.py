"""`python -m syncer.simulators.zoho`: the simulated organisation as a process of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syncer.simulators.faults import fault_from
from syncer.simulators.zoho.app import serve
from syncer.simulators.zoho.config import Behaviour, ZohoConfig

_EPILOG = "The control API under /_sim/ plays the organisation's people and plans faults; see docs/simulators.md."
_NO_LIMITS = {"tokens": 0, "credits": 0, "concurrent": 0}


def config_from(arguments: Sequence[str] | None = None) -> ZohoConfig:
    """The configuration that the command line asks for; what is not given keeps `ZohoConfig`'s default."""
    parser = _parser()
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    try:
        for fault in given.get("faults", ()):
            fault_from(fault)
        behaviour = Behaviour()
        behaviour.change(given.pop("settings", {}))
        if given.pop("no_limits", False):
            behaviour.change({"limits": _NO_LIMITS})
        return ZohoConfig(**given, behaviour=behaviour)
    except (ValueError, TypeError, AttributeError) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    # Without allow_abbrev=False a mistyped option would be taken for another one.
    parser = argparse.ArgumentParser(prog="syncer simulate zoho", epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("--port", type=int, help="0 takes a free one, which is printed (0)")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--client-id", help="the client that may ask for tokens")
    parser.add_argument("--client-secret", help="its secret")
    parser.add_argument("--refresh-token", help="its refresh token")
    parser.add_argument("--contacts", type=int, help="contacts made up at the start (0)")
    parser.add_argument("--stamp-step", type=int, help="seconds between their last changes; 0 for one moment (1)")
    parser.add_argument("--no-limits", action="store_true", default=None, help="no rate limits")
    parser.add_argument("--settings", type=_json_file, metavar="FILE.json", help="as `POST /_sim/settings` takes them")
    parser.add_argument("--faults", type=_json_file, metavar="FILE.json", help="list of faults in force from the start")
    parser.add_argument("--seed", type=int, help="makes chance repeatable")
    return parser


def _json_file(name: str) -> Any:
    """The JSON in a file; what is wrong with it is told as an option's error."""
    try:
        return json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


if __name__ == "__main__":
    serve(config_from())
