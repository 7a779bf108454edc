"""The manual (docs/simulators.md) tells everything that there is, and its recipes work; options are checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests

from syncer.simulators.faults import CALLBACK_KINDS, REQUEST_KINDS
from syncer.simulators.whatsapp.__main__ import _parser, config_from
from syncer.simulators.whatsapp.business_number import SETTABLE
from syncer.simulators.whatsapp.config import Behaviour
from syncer.simulators.whatsapp.control import _COMMANDS
from tests.fakes.whatsapp_bench import Bench

MANUAL = (Path(__file__).parents[3] / "docs" / "simulators.md").read_text(encoding="utf-8").partition("\n# HubSpot")[0]
RECIPES = re.findall(r"^sim (GET|POST|DELETE) (\S+)(?: '(.*)')?$", MANUAL, re.MULTILINE)


def test_the_manual_lists_every_control_command():
    told = set(re.findall(r"`(GET|POST|DELETE) /_sim/([\w/]*)`", MANUAL))
    assert told == set(_COMMANDS)


def test_the_manual_lists_every_setting_fault_option_and_field_of_a_number():
    behaviour = Behaviour()
    settings = {item.name for section in fields(behaviour) for item in fields(getattr(behaviour, section.name))}
    words = set(re.findall(r"`([\w-]+)[` ]", MANUAL))
    assert settings | {section.name for section in fields(behaviour)} <= words
    assert REQUEST_KINDS | CALLBACK_KINDS | set(SETTABLE) <= words
    options = {option for action in _parser()._actions for option in action.option_strings} - {"-h", "--help"}
    assert options <= words


def test_every_recipe_of_the_manual_works(bench_with: Callable[..., Bench]):
    bench = bench_with(access_token="T")
    assert len(RECIPES) > 20
    for method, command, body in RECIPES:
        answer = requests.request(method, f"{bench.url}/_sim/{command}", data=body.encode() or None, timeout=5)
        assert answer.status_code == 200, (command, answer.text)


def written(folder: Path, value: Any) -> str:
    path = folder / "file.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def test_options_make_a_configuration(tmp_path: Path):
    settings = {"account": {"verified": False}, "limits": {"throughput": 5, "pair_burst": 3}}
    wanted = ["--settings", written(tmp_path, settings), "--throughput", "7", "--phone-number-id", "1"]
    config = config_from(
        [*wanted, "--phone-number-id", "2", "--not-subscribed", "--allowed-recipient", "+886912345678"]
    )
    assert config.phone_number_ids == ("1", "2")
    assert (config.subscribed, config.allowed_recipients) == (False, {"886912345678"})
    behaviour = config.behaviour
    assert (behaviour.limits.throughput, behaviour.limits.pair_burst, behaviour.account.verified) == (7, 3, False)
    faults = [{"route": "messages", "kind": "cut"}]
    assert config_from(["--faults", written(tmp_path, faults)]).faults == faults


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--settings", {"limits": {"speed": 1}}),
        ("--settings", []),
        ("--faults", [{"route": "messages", "kind": "fire"}]),
        ("--faults", {"route": "messages"}),
        ("--templates", None),
        ("--dead-pattern", "("),
    ],
)
def test_a_wrong_option_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: Any):
    given = value if option == "--dead-pattern" else written(tmp_path, value) if value is not None else "no-such-file"
    with pytest.raises(SystemExit) as ended:
        config_from([option, given])
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
