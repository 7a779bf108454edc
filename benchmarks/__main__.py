"""`python -m benchmarks [--json] [--full] [--only ID,ID] [--record FILE]`; see `frame`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import frame


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; the exit code is 0, or 2 for a bench that does not exist."""
    given = _parser().parse_args(arguments)
    wanted = given.only.split(",") if given.only else list(frame.BENCHES)
    if unknown := [bench_id for bench_id in wanted if bench_id not in frame.BENCHES]:
        frame.warn(f"there is no bench {unknown[0]!r}; there are: {', '.join(frame.BENCHES)}")
        return 2
    rows = frame.run(wanted, full=given.full, say=frame.warn)
    if given.record:
        frame.record(given.record, rows)
    if given.json:
        print(json.dumps({"benches": rows}, ensure_ascii=False))
    else:
        _console().print(_table(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout instead of a table")
    parser.add_argument("--full", action="store_true", help="the long runs, with more rounds and more items")
    parser.add_argument("--only", metavar="ID,ID", help=f"some of: {', '.join(frame.BENCHES)}")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep results, machine, commit and date in FILE")
    return parser


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=140)


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="ours, the plain way and the machine's limit")
    for name in ("bench", "what", "ours", "plain", "limit", "unit", "ours / plain", "p50 ms", "p99 ms"):
        table.add_column(name, justify="left" if name in ("bench", "what", "unit") else "right")
    for row in rows:
        figures = [_figure(row[name]) for name in ("ours", "plain", "limit")]
        times = [_figure(row[name]) for name in ("p50_ms", "p99_ms")]
        table.add_row(row["id"], row["what"], *figures, row["unit"], f"{_figure(row['ratio'])} x", *times)
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
