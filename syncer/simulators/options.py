"""The command line of a simulator: the options that every one has, and how they become a configuration."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from syncer.simulators.faults import fault_from

Config = TypeVar("Config")


class Changeable(Protocol):
    """What `POST /_sim/settings` changes."""

    def change(self, changes: Mapping[str, Any]) -> None:
        """Set values by name; raises `ValueError` for what there is not."""


def parser(vendor: str, plays: str) -> argparse.ArgumentParser:
    """The options that every simulator has; its people are what `plays` says."""
    epilog = f"The control API under /_sim/ plays {plays}; see docs/simulators.md."
    # Without allow_abbrev=False a mistyped option would be taken for another one.
    found = argparse.ArgumentParser(prog=f"syncer simulate {vendor}", epilog=epilog, allow_abbrev=False)
    found.add_argument("--port", type=int, help="0 takes a free one, which is printed (0)")
    found.add_argument("--host", help="address to listen on (127.0.0.1)")
    found.add_argument("--settings", type=json_file, metavar="FILE.json", help="as `POST /_sim/settings` takes them")
    found.add_argument("--faults", type=json_file, metavar="FILE.json", help="list of faults in force from the start")
    found.add_argument("--seed", type=int, help="makes chance repeatable")
    return found


def of_a_crm(vendor: str, plays: str) -> argparse.ArgumentParser:
    """As `parser`, and those that every CRM's simulator has."""
    found = parser(vendor, plays)
    found.add_argument("--contacts", type=int, help="contacts made up at the start (0)")
    found.add_argument("--no-limits", action="store_true", default=None, help="no limits of calls")
    return found


def given(found: argparse.ArgumentParser, arguments: Sequence[str] | None) -> dict[str, Any]:
    """What the command line says and nothing else, its faults looked at."""
    told = {name: value for name, value in vars(found.parse_args(arguments)).items() if value is not None}
    try:
        for fault in told.get("faults", ()):
            fault_from(fault)
    except (ValueError, TypeError, AttributeError) as error:
        found.error(str(error))
    return told


def configured(
    found: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    make: Callable[..., Config],
    behaviour: Changeable,
    no_limits: Mapping[str, Any],
) -> Config:
    """The configuration that the command line asks for; `no_limits` are the settings that `--no-limits` stands for."""
    told = given(found, arguments)
    try:
        behaviour.change(told.pop("settings", {}))
        if told.pop("no_limits", False):
            behaviour.change(no_limits)
        return make(**told, behaviour=behaviour)
    except (ValueError, TypeError, AttributeError) as error:
        found.error(str(error))


def text_file(name: str) -> str:
    """The text of a file; what is wrong with it is told as an option's error."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None


def json_file(name: str) -> Any:
    """The JSON in a file; as `text_file`."""
    try:
        return json.loads(text_file(name))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from None
