"""A simulator and a webhook for each test, started in a few milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import SimulatorConfig
from tests.fakes.whatsapp_bench import AT_ONCE, Bench, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def bench_with(receiver: Receiver) -> Iterator[Callable[..., Bench]]:
    """Start a simulator with the given configuration beside the defaults of these tests."""
    running: list[tuple[RunningServer, Bench]] = []

    def begin(**config: Any) -> Bench:
        config = {"callback_url": receiver.url, "verify_token": "verify-me", "behaviour": AT_ONCE, "seed": 1, **config}
        wanted = SimulatorConfig(**config)
        simulator = start(wanted)
        running.append((simulator, Bench(receiver, simulator, wanted)))
        return running[-1][1]

    yield begin
    for simulator, bench in running:
        bench.close()
        simulator.stop()


@pytest.fixture
def bench(bench_with: Callable[..., Bench]) -> Bench:
    return bench_with()
