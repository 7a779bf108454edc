"""One sync of the HubSpot-shaped source in a process of its own, so that its memory and processor time are its own.

`python -m benchmarks.contact_runs WAY DATABASE_URL SOURCE_URL FOLDER` prints a `Run` as JSON. Ways: `ours` is the
engine's contact sync with its HubSpot adapter, `plain` is `dlt` merging the same pages by their id into a table - no
cleaning, no merging, no consent - and `read` only reads all pages. The clock starts when everything is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PAGE = 100
PATH = "/crm/objects/2026-09/contacts"


@dataclass(frozen=True, slots=True)
class Run:
    """What a sync came to: its rows, seconds, processor seconds of this process, its memory at the start and its peak
    (MB), and the seconds of each step: from one group of pages to the next."""

    rows: int
    seconds: float
    cpu: float
    start_mb: float
    peak_mb: float
    steps: list[float]


def run(way: str, database_url: str, source_url: str, folder: Path) -> Run:
    """In a process of its own."""
    command = [sys.executable, "-m", "benchmarks.contact_runs", way, database_url, source_url, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


class _Watch:
    """Times what a way does between `start` and `end`."""

    def __init__(self) -> None:
        self.steps: list[float] = []

    def start(self) -> None:
        self._memory = _memory("VmRSS")
        self._cpu, self._last = time.process_time(), time.perf_counter()
        self._started = self._last

    def step(self) -> None:
        now = time.perf_counter()
        self.steps.append(now - self._last)
        self._last = now

    def end(self, rows: int) -> Run:
        seconds, cpu = time.perf_counter() - self._started, time.process_time() - self._cpu
        return Run(rows, seconds, cpu, self._memory, _memory("VmHWM"), self.steps)


def _memory(what: str) -> float:
    """MB of this process. Not from `getrusage`, whose peak is inherited from whoever started the process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def _ours(database_url: str, source_url: str, folder: Path) -> Run:
    from config.files import load_object_mapping
    from config.settings import PACKAGED_FILES
    from syncer.clock import SystemClock
    from syncer.crm.hubspot.adapter import HubSpotCRM
    from syncer.flows.contacts.sync import ContactSync
    from syncer.store.session import Store, open_engine
    from syncer.store.workers import WorkerSession

    watch = _Watch()

    class Watched(HubSpotCRM):
        """The adapter itself; each group of pages that it hands on ends a step."""

        def pages(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            for page in super().pages(*args, **kwargs):
                yield page
                watch.step()

    store = Store(open_engine(database_url))
    worker = WorkerSession(store, "bench", SystemClock())
    mapping = load_object_mapping(PACKAGED_FILES, "hubspot")
    crm = Watched(mapping, "TW", base_url=source_url, version="2026-09", access_token=lambda: "bench")
    sync = ContactSync(store, {crm.name: crm}, SystemClock())
    watch.start()
    outcome = sync.run(crm.name, worker.number)
    done = watch.end(outcome.seen)
    worker.close()
    store.close()
    return done


def _plain(database_url: str, source_url: str, folder: Path) -> Run:
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "DLT_DATA_DIR": str(folder),
        "SCHEMA__MAX_TABLE_NESTING": "1",
    }
    import dlt
    from dlt.common.runtime import anon_tracker
    from dlt.destinations import postgres

    anon_tracker.get_anonymous_id = lambda: "bench"  # else it keeps one in the home, telemetry or not

    watch, rows = _Watch(), 0

    @dlt.resource(name="contacts", primary_key="id", write_disposition="merge")
    def contacts() -> Iterator[Any]:
        nonlocal rows
        for results in _pages(source_url):
            rows += len(results)
            yield results
            watch.step()

    # It insists on a password; the embedded server asks for none.
    address = database_url.replace("+psycopg2", "").replace("syncer@", "syncer:none@")
    pipeline = dlt.pipeline("bench", pipelines_dir=str(folder), destination=postgres(address), dataset_name="plain")
    watch.start()
    pipeline.run(contacts(), loader_file_format="csv")  # the fastest of the forms that it offers for PostgreSQL
    return watch.end(rows)


def _pages(source_url: str) -> Iterator[list[Any]]:
    import requests

    with requests.Session() as session:
        after: str | None = ""
        while after is not None:
            parameters = {"limit": str(PAGE), "archived": "false"} | ({"after": after} if after else {})
            told = session.get(source_url + PATH, params=parameters, timeout=30).json()
            yield told["results"]
            after = told.get("paging", {}).get("next", {}).get("after")


def _read(database_url: str, source_url: str, folder: Path) -> Run:
    address = urlsplit(source_url)
    connection = HTTPConnection(address.hostname or "", address.port)
    watch, rows, after = _Watch(), 0, b""
    watch.start()
    while after or not rows:
        connection.request("GET", f"{PATH}?limit={PAGE}" + (f"&after={after.decode()}" if after else ""))
        body = connection.getresponse().read()
        rows += PAGE
        after = body.rpartition(b'"after":"')[2].partition(b'"')[0] if b'"paging"' in body[-300:] else b""
        watch.step()
    return watch.end(rows)


def _main(arguments: Sequence[str]) -> None:
    way, database_url, source_url, folder = arguments
    done = {"ours": _ours, "plain": _plain, "read": _read}[way](database_url, source_url, Path(folder))
    print(json.dumps(asdict(done)))


if __name__ == "__main__":
    _main(sys.argv[1:])
