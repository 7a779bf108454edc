"""A simulated HubSpot in a process of its own, and the two other ways of telling it of messages: one request for each
thing, and the fullest batches that it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from syncer.http import HttpClient
from syncer.simulators.hubspot.config import HubSpotConfig

TOKEN = HubSpotConfig().access_token
STATUSES = ("sent", "delivered", "read")
PLAIN, LIMIT, BATCH = 12, 1000, 100


class Portal:
    """The simulator at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = HttpClient(deadline=10)
        self._numbers = count(1)

    def requests(self) -> int:
        """How many there were."""
        with urllib.request.urlopen(f"{self.url}/_sim/stats", timeout=10) as answer:
            return int(sum(json.load(answer)["requests"].values()))

    def one_by_one(self) -> float:
        """Messages a minute, with a request for each message and each of its statuses."""
        started = time.perf_counter()
        for _ in range(PLAIN):
            made = self._call("POST", "communications", {"properties": self._properties()})
            for status in STATUSES:
                self._call("PATCH", f"communications/{made['id']}", {"properties": {"wa_status": status}})
        return PLAIN * 60 / (time.perf_counter() - started)

    def in_batches(self) -> float:
        """Messages a minute in full batches that hold the last status already, with nothing to think of."""
        started = time.perf_counter()
        for _ in range(LIMIT // BATCH):
            inputs = [{"properties": self._properties() | {"wa_status": "read"}} for _ in range(BATCH)]
            self._call("POST", "communications/batch/create", {"inputs": inputs})
        return LIMIT * 60 / (time.perf_counter() - started)

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    def _properties(self) -> dict[str, str]:
        number = next(self._numbers)
        return {
            "hs_communication_channel_type": "WHATS_APP",
            "hs_communication_logged_from": "CRM",
            "hs_communication_body": f"您的訂單 A{number} 已出貨",
            "hs_timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "wa_ref": f"plain-{time.time_ns():x}-{number}",
        }

    def _call(self, method: str, path: str, body: Any) -> Any:
        head = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.url}/crm/objects/2026-09/{path}"
        response = self._http.request(method, url, headers=head, json=body)
        assert response.status < 300, response.body
        return json.loads(response.body)


@contextmanager
def portal(folder: Path, contacts: int, latency: float) -> Iterator[Portal]:
    """One with so many contacts, that takes `latency` seconds for each answer and has HubSpot's rate limits."""
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"latency": latency}), encoding="utf-8")
    options = ["--contacts", str(contacts), "--settings", str(settings), "--seed", "1"]
    command = [sys.executable, "-m", "syncer.simulators.hubspot", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = Portal(process.stdout.readline().rpartition(" ")[2].strip())
        try:
            yield found
        finally:
            found.close()
            process.terminate()
