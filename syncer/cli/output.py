"""What every command shares: one JSON document or a table on stdout, everything else on stderr, and the exit codes.

The exit codes of CONTRACT.md are given here and nowhere else: commands raise, `exit_code` decides.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.errors import ConfigurationError
from syncer.domain.errors import DeliveryError, FixCredentials, Refused, SyncerError, TryAgain, TryLater, Unreachable
from syncer.embedded.errors import EmbeddedError


class ExitCode(IntEnum):
    """Done, failed, wrong usage or configuration, a needed service is away, refused by our own rules."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    INTERRUPTED = 130


class Failed(SyncerError):
    """The check or the job did not come to a good end; the text is for the operator."""


class WrongUsage(SyncerError):
    """What was asked for makes no sense, such as a file without the columns it needs."""


_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (ConfigurationError, ExitCode.USAGE),
    (WrongUsage, ExitCode.USAGE),
    (Unreachable, ExitCode.UNREACHABLE),
    (EmbeddedError, ExitCode.UNREACHABLE),
    (TryAgain, ExitCode.UNREACHABLE),
    (TryLater, ExitCode.UNREACHABLE),
    (FixCredentials, ExitCode.USAGE),
    (Refused, ExitCode.REFUSED),
    (DeliveryError, ExitCode.FAILED),
    (SyncerError, ExitCode.FAILED),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)

_out = Console() if sys.stdout.isatty() else Console(width=160, soft_wrap=True)
_err = Console(stderr=True)
_json = False


def _wants_json(wanted: bool) -> bool:
    global _json
    _json = wanted
    return wanted


Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.", callback=_wants_json)]


def exit_code(error: BaseException) -> ExitCode | None:
    """What the process ends with for this error; None for a defect, which keeps its traceback."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


def fail(error: BaseException, code: ExitCode) -> None:
    """Say what is wrong in one line on stderr; with --json, stdout has its document all the same."""
    text = " ".join(str(error).split()) or type(error).__name__
    _err.print(f"[red]{escape(text)}[/]", soft_wrap=True, highlight=False)
    if _json:
        document({"error": text, "exit_code": int(code)})


def document(value: Any) -> None:
    """The one JSON document."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case set() | frozenset():
            return sorted(value)
    return str(value)


def note(text: str) -> None:
    """Progress, for a person; never on stdout."""
    _err.print(f"[dim]{escape(text)}[/]", soft_wrap=True, highlight=False)


def show(value: Any, *tables: Table | str) -> None:
    """The result: `value` with --json, else the tables or lines."""
    if _json:
        document(value)
        return
    for table in tables:
        _out.print(table if isinstance(table, Table) else escape(table), soft_wrap=True, highlight=False)


def terminal() -> Console:
    """Where a person looks, for commands that draw for themselves."""
    return _out


def progress() -> Console:
    """Where such commands draw when stdout is for a program."""
    return _err


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Rows of plain values."""
    drawn = Table(title=title, title_justify="left", title_style="bold")
    for name in columns:
        drawn.add_column(name)
    for row in rows:
        drawn.add_row(*("" if cell is None else escape(_cell(cell)) for cell in row))
    return drawn


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return " ".join(str(value).split())


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one under the other."""
    return table(title, ("", ""), pairs)
