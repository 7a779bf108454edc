"""The command line as operations scripts see it: one document on stdout, everything else on stderr, and the exit
codes."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text

from syncer.acceptance import customers
from syncer.cli.main import main
from syncer.clock import SystemClock
from syncer.domain.work import Subject
from syncer.store import alerts, dead_letters, sync_runs
from syncer.store.dead_letters import Burial
from syncer.store.session import Store
from syncer.store.workers import WorkerSession
from tests.integration.commands import Result, Syncer

ROWS = 400
DAY = timedelta(days=1)
NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:9/nothing"


@pytest.fixture
def company(postgres_url: str) -> customers.Expected:
    """The company's CRM database, filled."""
    engine = create_engine(postgres_url)
    made = customers.rebuild(engine, rows=ROWS)
    engine.dispose()
    return made


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str, postgres_url: str
) -> pytest.MonkeyPatch:
    """A configured engine with nothing running."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CRM_DATABASE_URL": postgres_url,
        "SYNCER_HOME": str(tmp_path / "home"),
        "COMPANY_NAME": "Formosa Tea Co.",
        "WHATSAPP_PHONE_NUMBER_ID": "100",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def syncer(environment: pytest.MonkeyPatch, company: customers.Expected, capsys: pytest.CaptureFixture[str]) -> Syncer:
    """Run the console script in this process."""

    def run(*arguments: str) -> Result:
        environment.setattr(sys, "argv", ["syncer", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


# Usage, configuration, services that are away


def test_a_word_that_is_no_command_is_wrong_usage(syncer: Syncer) -> None:
    result = syncer("nonsense")
    assert (result.code, result.out) == (2, "")
    assert "nonsense" in result.err


def test_help_lists_every_noun(syncer: Syncer) -> None:
    listed = syncer("--help")
    assert listed.code == 0
    for noun in ("demo", "doctor", "db", "contacts", "messages", "campaigns", "templates", "failures", "report"):
        assert noun in listed.out


def test_a_missing_setting_is_one_line_that_names_it_and_exit_code_2(
    syncer: Syncer, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("COMPANY_NAME")
    result = syncer("templates", "preview", "order_confirmation")
    assert result.code == 2
    assert result.err.startswith("COMPANY_NAME: is not set")
    assert len(result.err.strip().splitlines()) == 1


def test_a_database_that_does_not_answer_is_exit_code_3(syncer: Syncer, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", NOWHERE)
    result = syncer("db", "check", "--json")
    assert result.code == 3
    assert result.document["exit_code"] == 3
    assert result.document["error"]


def test_an_error_leaves_stdout_to_the_document(syncer: Syncer) -> None:
    result = syncer("contacts", "show", "4711", "--json")
    assert result.code == 1
    assert "4711" in result.document["error"]
    assert "4711" in result.err


# The engine's database


def test_an_empty_database_is_upgraded_once(syncer: Syncer, environment: pytest.MonkeyPatch, postgres_url: str) -> None:
    environment.setenv("DATABASE_URL", postgres_url)
    before = syncer("db", "check")
    assert before.code == 1
    assert "syncer db upgrade" in before.err
    assert "syncer db upgrade" in syncer("campaigns", "list", "--json").document["error"]
    assert "syncer db upgrade" in syncer("doctor").out
    assert syncer("db", "upgrade", "--json").document == {"upgraded": True}
    assert syncer("db", "upgrade", "--json").document == {"upgraded": False}
    assert syncer("db", "check", "--json").document == {"current": True}


# Contacts


def test_a_sync_that_is_waited_for_reports_what_it_did(syncer: Syncer, company: customers.Expected) -> None:
    first = syncer("contacts", "sync", "--full", "--wait", "--json")
    assert first.code == 0
    (run,) = first.document["syncs"]
    assert (run["crm"], run["mode"], run["seen"], run["new"]) == ("sql", "full", ROWS, ROWS)
    assert run["merged"] == company.valid - company.unique_phones
    assert first.err
    again = syncer("contacts", "sync", "--changed", "--wait", "--json").document["syncs"][0]
    assert (again["mode"], again["new"], again["changed"]) == ("changed", 0, 0)


def test_without_waiting_a_worker_is_rung_for(syncer: Syncer, redis_url: str) -> None:
    assert syncer("contacts", "sync", "--changed", "--json").document["syncs"][0]["state"] == "rung for"
    with redis.Redis.from_url(redis_url) as broker:
        (message,) = broker.lrange("syncer:sync", 0, -1)
    assert json.loads(message)["headers"]["argsrepr"] == "['sql', 'changed']"


@pytest.mark.parametrize("options", [["--wait"], []])
def test_a_second_sync_beside_a_running_one_is_refused(syncer: Syncer, store: Store, options: list[str]) -> None:
    session = WorkerSession(store, "somebody", SystemClock())
    with store.begin() as tx:
        assert sync_runs.start(tx, "sql", "full", session.number, datetime.now(UTC), 60)
    result = syncer("contacts", "sync", *options, "--json")
    session.close()
    assert result.code == 4
    assert "running already" in result.document["error"]


def test_full_and_changed_exclude_each_other(syncer: Syncer) -> None:
    assert syncer("contacts", "sync", "--full", "--changed").code == 2


def test_a_contact_is_shown_by_number_and_by_phone_in_any_writing(
    syncer: Syncer, company: customers.Expected, store: Store
) -> None:
    syncer("contacts", "sync", "--wait")
    phone = next(phone for phone in company.reachable if phone.startswith("+886"))
    shown = syncer("contacts", "show", f"0{phone[4:7]}-{phone[7:10]}-{phone[10:]}", "--json").document
    assert shown["contact"]["phone"] == phone
    assert ["phone", phone] in shown["identities"]
    assert syncer("contacts", "show", str(shown["contact"]["id"]), "--json").document == shown
    assert phone in syncer("contacts", "show", phone).out


# Templates


def test_the_starter_catalogue_has_at_least_twenty_templates(syncer: Syncer) -> None:
    listed = syncer("templates", "list", "--json").document["templates"]
    assert len({template["name"] for template in listed}) >= 20


def test_a_preview_shows_what_the_customer_reads_with_the_senders_name(syncer: Syncer) -> None:
    given = ("-p", "王小明", "-p", "A1", "-p", "NT$ 480")
    shown = syncer("templates", "preview", "order_confirmation", *given, "--json").document
    assert "王小明" in shown["text"]
    assert "Formosa Tea Co." in shown["text"]


def test_a_preview_with_too_few_parameters_fails(syncer: Syncer) -> None:
    assert syncer("templates", "preview", "order_confirmation", "-p", "王小明").code == 1


# Campaigns and messages


def recipients(tmp_path: Path, phones: list[str]) -> Path:
    """A file as an operator would have it."""
    lines = [f"{phone},王小明,A{number},NT$ 480" for number, phone in enumerate(phones)]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(["phone,customer_name,order_number,amount", *lines]), encoding="utf-8")
    return path


def test_a_campaign_is_planned_from_a_file_and_rung_for_batch_by_batch(
    syncer: Syncer, company: customers.Expected, tmp_path: Path, redis_url: str
) -> None:
    syncer("contacts", "sync", "--wait")
    file = recipients(tmp_path, list(company.reachable[:150]))
    options = ("order_confirmation", "--recipients", str(file), "--key", "orders-1", "--json")
    planned = syncer("campaigns", "create", *options).document
    assert (planned["state"], planned["sends"], planned["left_out"]) == ("running", {"planned": 150}, 0)
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen("syncer:send") == 2
    assert syncer("campaigns", "create", *options).document["id"] == planned["id"]
    assert [row["total"] for row in syncer("campaigns", "list", "--json").document["campaigns"]] == [150]


def test_a_campaign_to_somebody_unknown_is_not_planned_unless_told_so(
    syncer: Syncer, company: customers.Expected, tmp_path: Path
) -> None:
    syncer("contacts", "sync", "--wait")
    file = recipients(tmp_path, [company.reachable[0], "+886900000000"])
    refused = syncer("campaigns", "create", "order_confirmation", "-r", str(file), "--json")
    assert refused.code == 1
    assert "line 3 (+886900000000)" in refused.document["error"]
    planned = syncer("campaigns", "create", "order_confirmation", "-r", str(file), "--skip-unknown", "--json")
    assert (planned.document["sends"], planned.document["left_out"]) == ({"planned": 1}, 1)


def test_a_file_without_the_templates_columns_is_wrong_usage(syncer: Syncer, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("phone,name\n0912345678,x\n", encoding="utf-8")
    result = syncer("campaigns", "create", "order_confirmation", "-r", str(tmp_path / "bad.csv"))
    assert result.code == 2
    assert "customer_name, order_number, amount" in result.err


def test_a_campaign_is_paused_and_resumed_and_refuses_it_twice(
    syncer: Syncer, company: customers.Expected, tmp_path: Path
) -> None:
    syncer("contacts", "sync", "--wait")
    file = recipients(tmp_path, list(company.reachable[:3]))
    number = str(syncer("campaigns", "create", "order_confirmation", "-r", str(file), "--json").document["id"])
    assert syncer("campaigns", "pause", number, "--json").document["state"] == "paused"
    assert syncer("campaigns", "pause", number).code == 4
    assert syncer("campaigns", "resume", number, "--json").document["state"] == "running"
    assert syncer("campaigns", "resume", number).code == 4
    assert syncer("campaigns", "show", "999").code == 1


def test_a_message_with_the_same_key_is_planned_once(syncer: Syncer) -> None:
    options = ("messages", "send", "0912-345-678", "--template", "order_confirmation", "--key", "k1", "--json")
    parameters = ("-p", "王小明", "-p", "A1", "-p", "NT$ 480")
    planned = syncer(*options, *parameters).document
    assert planned["state"] == "planned"
    assert syncer(*options, *parameters).document["id"] == planned["id"]
    assert syncer(*options, "-p", "林", "-p", "A1", "-p", "NT$ 480").code == 4
    assert syncer("messages", "send", "0912345678").code == 2
    assert syncer("messages", "send", "02-2345-6789", "--text", "hello").code == 4


# Failures, reports, doctor


def test_a_dead_letter_is_listed_and_discarded_once(syncer: Syncer, store: Store) -> None:
    planned = syncer("messages", "send", "0912345678", "--template", "order_confirmation", *("-p", "x") * 3, "--json")
    number, now = planned.document["id"], datetime.now(UTC)
    with store.begin() as tx:
        tx.execute(text("update outgoing set state = 'unknown' where id = :id"), {"id": number})
        dead_letters.bury(tx, Subject.OUTGOING, [Burial(number, "no word of it")], now, deadline=DAY, alarm=DAY)
    (letter,) = syncer("failures", "list", "--json").document["failures"]
    assert (letter["subject"], letter["reason"]) == ("outgoing", "no word of it")
    assert syncer("failures", "discard", str(letter["id"]), "--json").code == 0
    assert syncer("failures", "discard", str(letter["id"])).code == 4
    assert syncer("failures", "show", str(letter["id"]), "--json").document["resolution"] == "discarded"
    assert syncer("failures", "show", "999").code == 1


def test_a_live_report_of_an_idle_engine_is_well(syncer: Syncer) -> None:
    report = syncer("report", "live", "--json")
    assert report.code == 0
    assert report.document["ok"]


def test_the_doctor_finds_what_is_missing_and_says_what_to_do(syncer: Syncer) -> None:
    examined = syncer("doctor", "--json")
    assert examined.code == 1
    assert not examined.document["ok"]
    checks = {check["id"]: check for check in examined.document["checks"]}
    assert {"id", "name", "value", "unit", "standard", "best", "ok"} <= set(checks["database"])
    for healthy in ("settings", "database", "database.schema", "broker", "disk", "R1"):
        assert checks[healthy]["ok"], healthy
    assert "WHATSAPP_ACCESS_TOKEN" in checks["settings.needed"]["detail"]
    assert "no worker runs" in checks["queue.realtime"]["detail"]
    assert "syncer contacts sync" in checks["R25"]["detail"]


def test_the_doctor_looks_at_everything_else_when_the_database_is_away(
    syncer: Syncer, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_URL", NOWHERE)
    examined = syncer("doctor", "--json")
    checks = {check["id"]: check["ok"] for check in examined.document["checks"]}
    assert examined.code == 1
    assert not checks["database"]
    assert checks["broker"]
    assert checks["disk"]


def test_the_simulator_takes_its_own_options(syncer: Syncer) -> None:
    helped = syncer("simulate", "whatsapp", "--help")
    assert helped.code == 0
    assert "--callback-url" in helped.out


def test_an_alert_is_listed_and_closed_by_hand(syncer: Syncer, store: Store) -> None:
    with store.begin() as tx:
        alerts.sound(tx, "template:order:zh_TW", "it is paused", datetime.now(UTC))
        alerts.sound(tx, "template:order:zh_TW", "it is paused", datetime.now(UTC))
    listed = syncer("alerts", "list", "--json").document["alerts"]
    assert [(alert["key"], alert["count"]) for alert in listed] == [("template:order:zh_TW", 2)]
    assert syncer("alerts", "end", "template:order:zh_TW").code == 0
    assert syncer("alerts", "list", "--json").document == {"alerts": []}
    assert syncer("alerts", "end", "template:order:zh_TW").code == 1
