"""The frame of `make bench`: which benches there are, how each is repeated, and the shape of their results.

A bench is a function `bench(full: bool) -> Result`. It measures three things on this machine, one after the other and
several times over (`rounds`), so that all three meet the same weather:

- ours: the engine's own code, as it runs in production;
- plain: what a straightforward program would do instead (one row at a time, one commit per item ...);
- limit: what the machine itself allows (the bare INSERT, the bare HTTP server ...), which nobody can beat.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

#: Bench id -> module and function, imported when it is asked for.
BENCHES: Mapping[str, str] = {
    "webhook_ack": "benchmarks.webhook:webhook_ack",
    "webhook_items": "benchmarks.webhook:webhook_items",
    "simulator_sends": "benchmarks.simulator:simulator_sends",
    "contacts_first": "benchmarks.contacts:contacts_first",
    "contacts_again": "benchmarks.contacts:contacts_again",
    "contacts_memory": "benchmarks.contacts:contacts_memory",
    "crm_writes": "benchmarks.crm_writes:tell_crm",
    "growth": "benchmarks.contacts:growth",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One bench. `ours`, `plain` and `limit` are medians over the rounds, in `unit`; percentiles, where a single item
    has a duration, are milliseconds. `lower_is_better` is for units of time. `more`: further figures by name, which the
    JSON tells and the table does not."""

    what: str
    unit: str
    ours: float
    plain: float
    limit: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    lower_is_better: bool = False
    more: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times better than the plain way."""
        better, worse = (self.plain, self.ours) if self.lower_is_better else (self.ours, self.plain)
        return better / worse if worse else math.inf


def rounds(measures: Mapping[str, Callable[[], float]], times: int) -> dict[str, float]:
    """The median of each measure over `times` rounds; a round measures all of them, in turn."""
    seen: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(times):
        for name, measure in measures.items():
            seen[name].append(measure())
    return {name: median(values) for name, values in seen.items()}


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest-rank percentile; `share` from 0 to 1. There must be values."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def run(ids: Sequence[str], *, full: bool, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Run the benches, in order, and return their rows as CONTRACT.md has them. `say` hears of each start."""
    rows = []
    for bench_id in ids:
        say(f"{bench_id} ...")
        started = time.perf_counter()
        result = _bench(bench_id)(full)
        rows.append(row(bench_id, result))
        say(f"{bench_id}: {result.ours:,.4g} {result.unit}, {time.perf_counter() - started:.0f} s")
    return rows


def _bench(bench_id: str) -> Callable[[bool], Result]:
    module, _, function = BENCHES[bench_id].partition(":")
    bench: Callable[[bool], Result] = getattr(import_module(module), function)
    return bench


def row(bench_id: str, result: Result) -> dict[str, Any]:
    """One result as JSON."""
    values = asdict(result) | {"ratio": result.ratio, **result.more}
    del values["lower_is_better"], values["more"]
    return {"id": bench_id, **{name: _rounded(value) for name, value in values.items()}}


def _rounded(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else None


def circumstances() -> dict[str, Any]:
    """When, on what machine and at which commit: a figure without these is hearsay."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "load": [round(load, 2) for load in os.getloadavg()],
        },
    }


def record(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep the results with their circumstances, as evidence (X10)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {**circumstances(), "benches": list(rows)}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def warn(text: str) -> None:
    """A line for the person in front of the screen; stdout belongs to the results."""
    print(text, file=sys.stderr, flush=True)
