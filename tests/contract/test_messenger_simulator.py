"""The real client over real HTTP against the simulator.

`RECORD_EXCHANGES=1` writes what was said into tests/data/whatsapp/exchanges; compare it with the platform's pages
before it is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from syncer.http import HttpClient
from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.whatsapp.client import WhatsAppMessenger
from tests.contract.exchanges import Recorder, file_of
from tests.contract.messenger_suite import MessengerSuite

#: Shorter than R17's so that silence is noticed quickly.
DEADLINE = 1.0
#: Commands whose answers the exchanges build upon.
_TOLD = frozenset({"inbound", "customers", "codes", "media"})
RECORDING = bool(os.environ.get("RECORD_EXCHANGES"))


class SimulatedPlatform:
    """Implements `messenger_suite.Place` on a running simulator."""

    def __init__(self, simulator: RunningServer, config: SimulatorConfig, folder: Path) -> None:
        self.url, self.number, self.folder = simulator.url, config.phone_number_ids[0], folder
        self.token = config.access_token
        options = {"deadline": DEADLINE}
        self.http = Recorder(simulator.url, **options) if RECORDING else HttpClient(**options)
        self.messenger = WhatsAppMessenger(
            self.http,
            base_url=simulator.url,
            version="v25.0",
            access_token=lambda: self.token,
            business_account_id=config.waba_id,
        )

    def control(self, method: str, command: str, body: Any = None) -> Any:
        """Set the scene."""
        answer = requests.request(method, f"{self.url}/_sim/{command}", json=body, timeout=5)
        assert answer.status_code == 200, answer.text
        if isinstance(self.http, Recorder):
            told = answer.json() if command in _TOLD else None
            self.http.steps.append({"control": f"{method} {command}", "body": body, "answer": told})
        return answer.json()


class TestSimulatedPlatform(MessengerSuite):
    @pytest.fixture
    def place(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SimulatedPlatform]:
        config = SimulatorConfig(seed=1)
        with start(config) as simulator:
            place = SimulatedPlatform(simulator, config, tmp_path)
            yield place
            place.http.close()
        if isinstance(place.http, Recorder):
            steps = ",\n".join(json.dumps(step, ensure_ascii=False) for step in place.http.steps)
            file_of(request.node.name).write_text(f"[\n{steps}\n]\n", encoding="utf-8")
