"""`python -m syncer.simulators.hubspot`: the simulated portal as a process of its own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from syncer.simulators.faults import fault_from
from syncer.simulators.hubspot.app import serve
from syncer.simulators.hubspot.config import Behaviour, HubSpotConfig

_EPILOG = "The control API under /_sim/ plays the portal's people and plans faults; see docs/simulators.md."


def config_from(arguments: Sequence[str] | None = None) -> HubSpotConfig:
    """The configuration that the command line asks for; what is not given keeps `HubSpotConfig`'s default."""
    parser = _parser()
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    try:
        for fault in given.get("faults", ()):
            fault_from(fault)
        behaviour = Behaviour()
        behaviour.change(given.pop("settings", {}))
        if given.pop("no_limits", False):
            behaviour.change({"limits": {"burst": 0, "daily": 0, "searches": 0}})
        return HubSpotConfig(**given, behaviour=behaviour)
    except (ValueError, TypeError, AttributeError) as error:
        parser.error(str(error))


def _parser() -> argparse.ArgumentParser:
    # Without allow_abbrev=False a mistyped option would be taken for another one.
    parser = argparse.ArgumentParser(prog="syncer simulate hubspot", epilog=_EPILOG, allow_abbrev=False)
    parser.add_argument("--port", type=int, help="0 takes a free one, which is printed (0)")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--access-token", help="the token that requests must carry")
    parser.add_argument("--contacts", type=int, help="contacts made up at the start (0)")
    parser.add_argument("--stamp-step-ms", type=int, help="between their last changes; 0 for one moment (1000)")
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
