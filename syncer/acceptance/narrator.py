"""How the tour looks: one line per step, alive while it runs, settled when it is over; plain lines without a terminal.

A step that fails is remembered and the tour goes on; a step that everything else needs raises `Broken`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from config.errors import ConfigurationError
from syncer.acceptance.kpis import Check, Value
from syncer.domain.errors import Refused, SyncerError
from syncer.embedded.errors import EmbeddedError

_TITLE_WIDTH = 34


class StepFailed(Exception):
    """What a step found is not what it should have been."""


class Broken(SyncerError):
    """A step failed without which the tour cannot go on."""


@dataclass
class Step:
    """One step: what it came to. `seconds` is how long it took."""

    title: str
    ok: bool = False
    outcome: str = ""
    seconds: float = 0.0


@dataclass
class View:
    """What a running step may show of itself."""

    step: Step
    _progress: Progress | None = None
    _task: TaskID | None = None

    def say(self, text: str) -> None:
        """What is being done now; gone when the step is over."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, note=escape(text))

    def count(self, done: int, of: int) -> None:
        """How far it has come."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=done, total=of)

    def conclude(self, outcome: str) -> None:
        """The line that stays."""
        self.step.outcome = outcome


@dataclass
class Narrator:
    """Tells the tour to a person."""

    console: Console
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, title: str, *, needed: bool = False) -> Iterator[View]:
        """Run a step. `needed`: its failure ends the tour (`Broken`). What the caller has to hear of - our own rules'
        refusal, a mistake in the settings, servers that cannot be had - goes on to the caller."""
        step = Step(title)
        self.steps.append(step)
        began = time.monotonic()
        try:
            with self._shown(step) as view:
                yield view
            step.ok = True
        except (Refused, ConfigurationError, EmbeddedError):
            raise
        except StepFailed as failure:
            step.outcome = str(failure)
        except (SyncerError, OSError, ValueError) as error:
            step.outcome = f"{type(error).__name__}: {error}"
        step.seconds = time.monotonic() - began
        self._settle(step)
        if needed and not step.ok:
            raise Broken(f"{title}: {step.outcome}")

    @contextmanager
    def _shown(self, step: Step) -> Iterator[View]:
        if not self.console.is_terminal:
            yield View(step)
            return
        columns = (
            SpinnerColumn("dots", style="cyan"),
            TextColumn(f"{step.title:<{_TITLE_WIDTH}}"),
            _Bar(bar_width=24),
            _Count(),
            TextColumn("[dim]{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            yield View(step, progress, progress.add_task(step.title, total=None, note=""))

    def _settle(self, step: Step) -> None:
        mark, style = ("[bold green]✓[/]", "default") if step.ok else ("[bold red]✗[/]", "red")
        outcome = f"[{style}]{escape(step.outcome)}[/] [dim]{step.seconds:.1f} s[/]"
        self.console.print(f"{mark} {step.title:<{_TITLE_WIDTH}} {outcome}", soft_wrap=True, highlight=False)

    @property
    def all_held(self) -> bool:
        """Whether every step so far did."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    def table(self, title: str, checks: Sequence[Check]) -> None:
        """Measured figures beside what is asked of them."""
        self.console.print()
        self.console.print(kpi_table(title, checks))

    def beside(self, title: str, rows: Sequence[tuple[str, Value, Value]]) -> None:
        """What was found beside the truth."""
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("")
        for name in ("found", "truth"):
            table.add_column(name, justify="right")
        for name, found, truth in rows:
            style = "" if found == truth else "red"
            table.add_row(name, f"{found:,}" if isinstance(found, int) else str(found), _figure(truth), style=style)
        self.console.print(table)

    def addresses(self, addresses: Mapping[str, str]) -> None:
        """Where to look."""
        self.console.print()
        for name, address in addresses.items():
            self.console.print(f"  [bold]{name:<22}[/] {escape(address)}", soft_wrap=True, highlight=False)


def kpi_table(title: str, checks: Sequence[Check]) -> Table:
    """The KPI table of R38: a tick for the standard, a star for the best figure known."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("", width=2)
    table.add_column("figure")
    for name in ("measured", "standard", "best"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("detail", style="dim")
    for check in checks:
        mark = "[green]★[/]" if check.ok and check.is_best else "[green]✓[/]" if check.ok else "[bold red]✗[/]"
        standard, best = (_asked(check, value) for value in (check.standard, check.best))
        measured = f"{_figure(check.value)} {check.unit}".strip()
        table.add_row(mark, escape(check.name), measured, standard, best, escape(check.detail))
    return table


def _asked(check: Check, value: Value) -> str:
    return "" if value is None else f"{check.relation} {_figure(value)} {check.unit}".strip()


def _figure(value: Value) -> str:
    return "-" if value is None else str(value) if isinstance(value, str) else f"{value:,.5g}"


class _Bar(BarColumn):
    """Only where something is counted."""

    def render(self, task):  # type: ignore[no-untyped-def]  # rich's own types change between releases
        """The bar, or nothing."""
        return super().render(task) if task.total is not None else ""


class _Count(MofNCompleteColumn):
    """Only where something is counted."""

    def render(self, task):  # type: ignore[no-untyped-def]
        """The count, or nothing."""
        return super().render(task) if task.total is not None else ""
