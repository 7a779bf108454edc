"""`syncer contacts clean`: what is wrong with a customer table, and the table cleaned, before anything is connected."""

from __future__ import annotations

import codecs
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from phonenumbers import SUPPORTED_REGIONS
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from syncer.cli.output import ExitCode, Failed, Json, WrongUsage, facts, note, show, table
from syncer.crm import words
from syncer.flows.contacts.cleaning import Cleaning, Refusal
from syncer.policies.cleaning import USUAL_BAD_PERCENT, Report
from syncer.policies.cleaning_columns import NoSuchColumn

_EXPLAINED = {
    "not_a_number": "text, or a letter among the digits",
    "masked": "digits hidden by the export; ask for the table without its masks",
    "lost_digits": "rounded by a spreadsheet (8.86912E+11); export again, the column formatted as text",
    "too_short": "digits are missing",
    "too_long": "too many digits for one number",
    "impossible": "no such number in its country",
    "not_mobile": "valid, but a landline, a freephone number ...",
    "row_too_short": "the row ends before the column",
}


def clean(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The table, as CSV.")],
    region: Annotated[str, typer.Option("--region", help="Country of numbers that name none (ISO).")] = "TW",
    out: Annotated[Path | None, typer.Option("--out", dir_okay=False, help="Write the cleaned table there.")] = None,
    phone: Annotated[str | None, typer.Option("--phone", help="The column: its name, or its number from 1.")] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="Instead of the one recognised.")] = None,
    json: Json = False,
) -> None:
    """Report invalid, duplicate, dead and refusing rows of a customer table; needs neither settings nor a database."""
    home = _known(region, encoding, out)
    with _interruptible(), _bar() as progress:
        try:
            report = Cleaning(home, words.answer, words.refuses, progress).run(
                file, out, phone=phone, encoding=encoding
            )
        except (NoSuchColumn, Refusal) as error:
            raise WrongUsage(str(error)) from None
        except OSError as error:
            raise Failed(f"{error.filename or file}: {error.strerror or error}") from None
    show(asdict(report) | {"bad": report.bad, "shares": report.shares()}, *_drawn(report))
    if not report.mobile:
        note(f"no row of column '{report.phone_column}' has a number that can receive")
        raise typer.Exit(ExitCode.FAILED)


def _known(region: str, encoding: str | None, out: Path | None) -> str:
    """The region's code; raises `WrongUsage` for what can be seen to be wrong beforehand."""
    if region.upper() not in SUPPORTED_REGIONS:
        raise WrongUsage(f"--region {region} is no country; an example is TW")
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        raise WrongUsage(f"--encoding {encoding} is not known; examples are utf-8, big5, gb18030") from None
    if out is not None and not out.parent.is_dir():
        raise WrongUsage(f"--out {out}: there is no folder {out.parent}")
    return region.upper()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, and the signal that supervisors send, both leave by way of every `finally`."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None]]:
    """How far it is, on stderr; silent where nobody looks."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<12}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def told(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=total)
            bar.update(tasks[step], completed=done)

        yield told


def _drawn(report: Report) -> list[Table | str]:
    """The report for a person."""
    drawn: list[Table | str] = [
        facts(report.file, _how_read(report)),
        table("rows", ("", "rows", "%"), _shares(report)),
    ]
    if report.samples:
        drawn.append(table("no number to send to", ("reason", "what it means", "row: value"), _samples(report)))
    if report.most_shared:
        drawn.append(table("numbers that most rows share", ("number", "rows"), report.most_shared))
    if report.out is not None:
        drawn.append(f"cleaned table: {report.out}; rows without a reason in phone_reason are fit for use")
    return drawn


def _how_read(report: Report) -> Iterator[tuple[str, object]]:
    signs = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
    header = "with a header" if report.header else "no header"
    yield "read as", f"{report.encoding}, parted by {signs.get(report.delimiter, report.delimiter)}, {header}"
    yield "telephone column", f"{report.phone_column} (found by {report.phone_column_found_by}), region {report.region}"
    yield "columns about consent and state", ", ".join(report.telling_columns) or "none found"
    for name, count in report.oddities.items():
        yield name.replace("_", " "), f"{count:,}"


def _shares(report: Report) -> Iterator[tuple[str, str, str]]:
    def line(name: str, rows: int) -> tuple[str, str, str]:
        return name, f"{rows:,}", f"{report.percent(rows):.1f}"

    yield line("rows", report.rows)
    yield line("valid, can receive", report.mobile)
    yield line("valid, not mobile", report.not_mobile)
    yield line("invalid", sum(report.invalid.values()))
    for reason, rows in report.invalid.items():
        yield line(f"invalid: {reason}", rows)
    yield line(f"duplicates (of {report.duplicated_numbers:,} numbers)", report.duplicates)
    yield line("opted out", report.opted_out)
    yield line("opted out by another row of theirs", report.opted_out_elsewhere)
    yield line("dead, by a column's word", report.dead)
    yield line("bad, each row once", report.bad)
    yield f"usual for a raw customer table (R4): about {USUAL_BAD_PERCENT} %", "", ""
    yield line("fit for use", report.usable)


def _samples(report: Report) -> Iterator[tuple[str, str, str]]:
    for reason, found in report.samples.items():
        if found:
            values = " · ".join(f"{number}: {' '.join(value.split())}" for number, value in found)
            yield reason, _EXPLAINED.get(reason, ""), values
