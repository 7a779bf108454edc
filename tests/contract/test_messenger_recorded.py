"""The real client over recorded exchanges: what it asks must be what was written down, to the letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.simulators.whatsapp.config import SimulatorConfig
from tests.contract.exchanges import FILES, Playback, file_of
from tests.contract.messenger_suite import MessengerSuite


class TestRecordedPlatform(MessengerSuite):
    @pytest.fixture
    def place(self, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Playback]:
        config = SimulatorConfig()
        steps = json.loads(file_of(request.node.name).read_text(encoding="utf-8"))
        playback = Playback(steps, config.phone_number_ids[0], config.waba_id, tmp_path)
        with playback.playing():
            yield playback
        playback.assert_over()


def test_no_exchange_is_kept_for_nothing(request: pytest.FixtureRequest) -> None:
    played = {file_of(item.name) for item in request.session.items if item.cls is TestRecordedPlatform}
    if len(played) < 50:
        pytest.skip("only some of the exchanges are played")
    assert set(FILES.glob("*.json")) == played
