"""The frame of `make bench`: ratios, rounds and the shape of the results."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import frame
from benchmarks.frame import Result


def test_the_ratio_says_how_many_times_better_ours_is() -> None:
    assert Result("rate", "rows/s", ours=500, plain=100).ratio == 5
    assert Result("time", "ms", ours=2, plain=10, lower_is_better=True).ratio == 5
    assert math.isinf(Result("rate", "rows/s", ours=1, plain=0).ratio)


def test_a_round_measures_everything_in_turn_and_the_median_counts() -> None:
    seen: list[str] = []
    values = iter([1.0, 10.0, 3.0, 30.0, 2.0, 20.0])

    def measure(name: str) -> float:
        seen.append(name)
        return next(values)

    found = frame.rounds({"ours": lambda: measure("ours"), "plain": lambda: measure("plain")}, 3)
    assert seen == ["ours", "plain"] * 3
    assert found == {"ours": 2.0, "plain": 20.0}


def test_a_row_has_the_agreed_keys() -> None:
    row = frame.row("webhook_ack", Result("what", "/s", ours=1234.5678, plain=100, p99_ms=1.23456))
    assert set(row) == {"id", "what", "ours", "plain", "limit", "unit", "ratio", "p50_ms", "p99_ms"}
    assert (row["ours"], row["limit"], row["ratio"], row["p99_ms"]) == (1235.0, None, 12.35, 1.235)
    assert (
        frame.row("webhook_ack", Result("what", "/s", ours=1, plain=1, more={"of_limit": 0.66666}))["of_limit"]
        == 0.6667
    )


def test_every_bench_of_the_list_is_there() -> None:
    for bench_id in frame.BENCHES:
        assert callable(frame._bench(bench_id))


def test_results_are_one_document_on_stdout_and_kept_with_their_circumstances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame, "_bench", lambda bench_id: lambda full: Result("what", "/s", ours=2, plain=1))
    kept = tmp_path / "evidence" / "bench.json"
    assert command.main(["--json", "--only", "webhook_ack", "--record", str(kept)]) == 0
    (row,) = json.loads(capsys.readouterr().out)["benches"]
    assert (row["id"], row["ratio"]) == ("webhook_ack", 2)
    record = json.loads(kept.read_text(encoding="utf-8"))
    assert record["benches"] == [row]
    assert {"date", "commit", "machine"} <= set(record)


def test_an_unknown_bench_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "nonsense"]) == 2
    assert "webhook_ack" in capsys.readouterr().err
