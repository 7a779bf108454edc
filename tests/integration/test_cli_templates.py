"""`syncer templates` and a campaign's columns, as operations scripts see them, against the simulated platform."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from syncer.cli.main import main
from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import SimulatorConfig
from tests.fakes.whatsapp_bench import until
from tests.integration.commands import Result, Syncer

COMPANY = "Formosa Tea Co."


@pytest.fixture
def simulator() -> Iterator[RunningServer]:
    with start(SimulatorConfig(templates=(), template_review_seconds=0)) as running:
        yield running


@pytest.fixture
def syncer(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    simulator: RunningServer,
    capsys: pytest.CaptureFixture[str],
) -> Syncer:
    """Run the console script in this process."""
    config = SimulatorConfig()
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SYNCER_HOME": str(tmp_path / "home"),
        "COMPANY_NAME": COMPANY,
        "WHATSAPP_API_URL": simulator.url,
        "WHATSAPP_ACCESS_TOKEN": config.access_token,
        "WHATSAPP_BUSINESS_ACCOUNT_ID": config.waba_id,
        "WHATSAPP_PHONE_NUMBER_ID": config.phone_number_ids[0],
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["syncer", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Result(code, *capsys.readouterr())

    return run


def account(simulator: RunningServer, name: str, body: str, footer: str = COMPANY, **more: Any) -> None:
    """A template that somebody made at the platform."""
    components = [{"type": "BODY", "text": body}, {"type": "FOOTER", "text": footer}, *more.pop("extra", ())]
    made = {"name": name, "language": "en_US", "category": "UTILITY", "components": components, **more}
    requests.post(f"{simulator.url}/_sim/templates", json={"templates": [made]}, timeout=5).raise_for_status()


def listed(syncer: Syncer, name: str) -> dict[str, Any]:
    rows = syncer("templates", "list", "--json").document["templates"]
    return next(row for row in rows if row["name"] == name)


def test_what_the_account_lacks_is_shown_and_only_created_when_told_so(syncer: Syncer) -> None:
    planned = syncer("templates", "create", "order_confirmation", "--json")
    assert planned.code == 0
    assert not planned.document["taken"]
    assert [step["outcome"] for step in planned.document["steps"]] == ["planned"] * 3
    assert syncer("templates", "pull", "--json").document["total"] == 0
    created = syncer("templates", "create", "order_confirmation", "-l", "zh_TW", "--yes", "--json")
    assert (created.code, [step["outcome"] for step in created.document["steps"]]) == (0, ["done"])
    until(lambda: syncer("templates", "pull").code == 0 and _state(syncer) == "APPROVED")
    left = syncer("templates", "create", "order_confirmation", "--json").document["steps"]
    assert [step["language"] for step in left] == ["en_US", "zh_CN"]


def _state(syncer: Syncer) -> str:
    return str(listed(syncer, "order_confirmation")["account"]["zh_TW"]["status"])


def test_the_list_shows_the_file_and_the_account_side_by_side(syncer: Syncer, simulator: RunningServer) -> None:
    account(simulator, "order_confirmation", "Hi {{1}} {{2}} {{3}} you.", status="PAUSED", quality_score="YELLOW")
    account(simulator, "news", "Hello {{1}}, here is news.")
    syncer("templates", "pull")
    ours = listed(syncer, "order_confirmation")
    assert ours["account"]["zh_TW"] is None
    told = {name: ours["account"]["en_US"][name] for name in ("status", "quality", "category")}
    assert told == {"status": "PAUSED", "quality": "YELLOW", "category": "utility"}
    theirs = listed(syncer, "news")
    assert (theirs["in_file"], theirs["languages"], theirs["parameters"]) == (False, ["en_US"], ["1"])
    assert "en_US PAUSED" in syncer("templates", "list").out


def test_a_check_names_every_problem_and_fails(syncer: Syncer, simulator: RunningServer) -> None:
    before = syncer("templates", "check", "--json")
    assert before.code == 1
    assert {tuple(row["problems"]) for row in before.document["templates"]} == {
        ("the account's catalogue was never read",)
    }
    account(simulator, "order_confirmation", "Hi {{1}} {{2}} {{3}} you.", category="MARKETING")
    account(simulator, "anonymous", "Hello.", footer="Thank you")
    syncer("templates", "pull")
    checked = syncer("templates", "check", "--json")
    assert (checked.code, checked.document["ok"]) == (1, False)
    problems = {(row["name"], row["language"]): row["problems"] for row in checked.document["templates"]}
    assert problems["order_confirmation", "zh_TW"] == ["is not in the account's catalogue"]
    assert problems["order_confirmation", "en_US"] == [
        "the file and the account differ in the body",
        "the file and the account differ in the buttons",
        "the account's category is marketing, the file's utility",
    ]
    assert problems["anonymous", "en_US"] == [f"the template anonymous in en_US does not name the sender, {COMPANY}"]


def test_a_check_of_an_account_that_has_everything_is_well(syncer: Syncer) -> None:
    created = syncer("templates", "create", "--yes", "--header-handle", "invoice_document=4::sample", "--json")
    assert created.code == 0
    until(lambda: syncer("templates", "pull").code == 0 and syncer("templates", "check", "--json").document["ok"])
    assert syncer("templates", "check").code == 0
    assert syncer("templates", "edit", "--json").document["steps"] == []


def test_a_preview_shows_what_the_account_has_with_header_and_buttons(syncer: Syncer, simulator: RunningServer) -> None:
    ours = syncer("templates", "preview", "parcel_tracking", "-l", "en_US", "--json").document
    assert ours["header"] == "Order A20261123-018"
    assert ours["buttons"] == [
        {"kind": "URL", "text": "Track parcel", "value": "https://www.example.com/parcels/90765432"}
    ]
    button = {"type": "BUTTONS", "buttons": [{"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+886255501000"}]}
    account(simulator, "parcel_tracking", "Dear {{1}}, parcel {{2}} left.", extra=[button])
    syncer("templates", "pull")
    values = ("-p", "Ana", "-p", "A1")
    assert syncer("templates", "preview", "parcel_tracking", "-l", "en_US", *values).code == 1
    account(simulator, "news", "Dear {{1}}, parcel {{2}} left.", extra=[button])
    syncer("templates", "pull")
    theirs = syncer("templates", "preview", "news", "-l", "en_US", *values, "--json").document
    assert theirs["text"] == f"Dear Ana, parcel A1 left.\n{COMPANY}"
    assert theirs["buttons"] == [{"kind": "PHONE_NUMBER", "text": "Call", "value": "+886255501000"}]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("preview", "nothing"), 2),
        (("preview", "order_confirmation", "-l", "xx"), 2),
        (("preview", "service_visit", "-p", "place=Taipei"), 0),
        (("preview", "service_visit", "-p", "Taipei"), 1),
        (("preview", "invoice_document", "--header", "ftp://x"), 1),
        (("preview", "login_code", "-p", "1234567890123456"), 1),
        (("create", "nothing"), 2),
        (("create", "--header-handle", "invoice_document"), 2),
        (("create", "invoice_document", "--yes"), 1),
        (("delete", "nothing"), 2),
    ],
)
def test_exit_codes(syncer: Syncer, arguments: tuple[str, ...], code: int) -> None:
    assert syncer("templates", *arguments).code == code


def test_an_edit_and_a_deletion_wait_for_the_word(syncer: Syncer, simulator: RunningServer) -> None:
    account(simulator, "order_confirmation", "Hi {{1}} {{2}} {{3}} you.")
    syncer("templates", "pull")
    planned = syncer("templates", "edit", "--json").document
    assert [(step["name"], step["detail"], step["outcome"]) for step in planned["steps"]] == [
        ("order_confirmation", "other body, buttons", "planned")
    ]
    assert syncer("templates", "edit", "--yes", "--json").code == 0
    assert syncer("templates", "edit", "--json").document["steps"] == []
    assert syncer("templates", "delete", "order_confirmation", "--json").document["taken"] is False
    assert listed(syncer, "order_confirmation")["account"]["en_US"] is not None
    assert syncer("templates", "delete", "order_confirmation", "--yes").code == 0


def test_a_platform_that_does_not_answer_is_exit_code_3(syncer: Syncer, simulator: RunningServer) -> None:
    simulator.stop()
    assert syncer("templates", "pull").code == 3


def test_a_campaigns_columns_are_the_templates_values(syncer: Syncer, simulator: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "phone,order_number,customer_name,tracking_path\n0912345678,A1,Ana,P1\n", encoding="utf-8"
    )
    refused = syncer("campaigns", "create", "parcel_tracking", "-l", "en_US", "-r", "people.csv")
    assert (refused.code, "line 2 (0912345678)" in refused.err) == (1, True), "nobody by that number yet"
    (tmp_path / "few.csv").write_text("phone,customer_name\n0912345678,Ana\n", encoding="utf-8")
    few = syncer("campaigns", "create", "parcel_tracking", "-r", "few.csv")
    assert (few.code, "order_number, tracking_path" in few.err) == (2, True)
    assert syncer("campaigns", "create", "invoice_document", "-r", "few.csv").code == 2
    assert syncer("campaigns", "create", "nothing", "-r", "few.csv").code == 2


def test_a_campaign_with_header_and_button_is_planned_for_each_person(
    syncer: Syncer, tmp_path: Path, store: Any
) -> None:
    told = ("messages", "send", "0912345678", "--template", "order_confirmation", *("-p", "x") * 3)
    assert syncer(*told).code == 0
    (tmp_path / "people.csv").write_text(
        "phone,order_number,customer_name,tracking_path\n0912345678,A1,Ana,P1\n", encoding="utf-8"
    )
    planned = syncer("campaigns", "create", "parcel_tracking", "-l", "en_GB", "-r", "people.csv", "--json")
    assert (planned.code, planned.document["language"], planned.document["asked_language"]) == (0, "en_US", "en_GB")
    with store.begin() as tx:
        content = tx.exec_driver_sql("select content from outgoing where campaign_id is not null").scalar_one()
    assert content == {
        "name": "parcel_tracking",
        "language": "en_US",
        "parameters": ["Ana", "A1"],
        "header": "A1",
        "buttons": [{"index": 0, "kind": "url", "value": "P1"}],
    }
