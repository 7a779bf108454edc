"""`syncer contacts`, as operations scripts and officers for data protection see it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, text

from syncer.acceptance import customers
from syncer.cli.main import main
from syncer.store import conflicts as store_conflicts
from syncer.store.base import metadata
from syncer.store.conflicts import Conflict
from syncer.store.session import Store
from tests.integration.commands import Result, Syncer
from tests.integration.conftest import House
from tests.integration.one_person import Person, live, run

ROWS = 200


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, database_url: str, redis_url: str, postgres_url: str
) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CRM_DATABASE_URL": postgres_url,
        "SYNCER_HOME": str(tmp_path / "home"),
        "SYNCER_SECRET_KEY": Fernet.generate_key().decode(),
        "COMPANY_NAME": "Formosa Tea Co.",
        "WHATSAPP_PHONE_NUMBER_ID": "100",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def syncer(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Syncer:
    """Run the console script in this process."""

    def run(*arguments: str) -> Result:
        environment.setattr(sys, "argv", ["syncer", *arguments])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def company(postgres_url: str) -> customers.Expected:
    """The company's CRM database, filled."""
    engine = create_engine(postgres_url)
    made = customers.rebuild(engine, rows=ROWS)
    engine.dispose()
    return made


@pytest.fixture
def ming(house: House, tmp_path: Path) -> Person:
    return live(house, tmp_path / "home" / "media", "xiaoming", "912345678")


# contacts conflicts


@pytest.fixture
def disputed(house: House) -> tuple[int, int]:
    """(contact, conflict) of somebody whose name two sides have changed."""
    contact_id = house.contact()
    words = {"base": "王", "ours": "王小明", "theirs": "王大明", "kept": "theirs"}
    one = Conflict(contact_id, "sql", "17", "full_name", **words)
    run(house, lambda tx: store_conflicts.note(tx, [one], house.clock.now()))
    return contact_id, house.value("select id from contact_conflicts")


def test_conflicts_are_listed_and_shown_with_their_contact(syncer: Syncer, disputed: tuple[int, int]) -> None:
    contact_id, number = disputed
    (one,) = syncer("contacts", "conflicts", "--json").document["conflicts"]
    assert (one["id"], one["contact_id"], one["ours"], one["theirs"]) == (number, contact_id, "王小明", "王大明")
    assert syncer("contacts", "show", str(contact_id), "--json").document["conflicts"][0]["id"] == number
    assert "王大明" in syncer("contacts", "show", str(contact_id)).out
    assert syncer("contacts", "conflicts", "--contact", str(contact_id), "--json").document["conflicts"] == [one]
    assert syncer("contacts", "conflicts", "--contact", "4711").code == 1


@pytest.mark.parametrize(
    ("how", "kept", "name"),
    [
        (("--keep", "ours"), "ours", "王小明"),
        (("--keep", "theirs"), "theirs", "王大明"),
        (("--value", "王中明"), None, "王中明"),
    ],
)
def test_a_conflict_is_settled_once(
    syncer: Syncer,
    company: customers.Expected,
    disputed: tuple[int, int],
    how: tuple[str, str],
    kept: str | None,
    name: str,
) -> None:
    contact_id, number = disputed
    options = ("contacts", "conflicts", "--settle", str(number), *how)
    assert syncer(*options, "--json").document == {"id": number, "kept": kept, "value": name}
    assert syncer("contacts", "show", str(contact_id), "--json").document["contact"]["full_name"] == name
    assert syncer("contacts", "conflicts", "--json").document == {"conflicts": []}
    assert syncer(*options).code == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--settle", "1"],
        ["--keep", "ours"],
        ["--value", "x"],
        ["--settle", "1", "--keep", "both"],
        ["--settle", "1", "--keep", "ours", "--value", "x"],
    ],
)
def test_what_is_to_be_settled_how_has_to_be_said(syncer: Syncer, options: list[str]) -> None:
    assert syncer("contacts", "conflicts", *options).code == 2


# contacts sync --dry-run


def test_a_dry_run_says_what_a_sync_would_change_and_changes_nothing(
    syncer: Syncer, company: customers.Expected, store: Store
) -> None:
    shown = syncer("contacts", "sync", "--dry-run", "--json")
    assert shown.code == 0
    document = shown.document
    (outcome,) = document["syncs"]
    assert (document["dry_run"], outcome["crm"], outcome["seen"], outcome["new"]) == (True, "sql", ROWS, ROWS)
    assert document["difference"]["contacts"]["new"]["count"] == outcome["contacts"] > 50
    assert len(document["difference"]["contacts"]["new"]["samples"]) == 5
    with store.begin() as tx:
        counts = {
            t.name: tx.execute(text(f"select count(*) from {t.name}")).scalar_one() for t in metadata.sorted_tables
        }
    assert {name: count for name, count in counts.items() if count} == {}
    real = syncer("contacts", "sync", "--wait", "--json").document["syncs"][0]
    assert {name: real[name] for name in outcome if name != "seconds"} == {
        name: value for name, value in outcome.items() if name != "seconds"
    }


def test_its_telephone_numbers_are_masked_unless_they_are_asked_for(
    syncer: Syncer, company: customers.Expected
) -> None:
    masked = syncer("contacts", "sync", "--dry-run", "--samples", "50", "--json")
    assert not any(phone in masked.out for phone in company.reachable)
    assert "***" in masked.out
    revealed = syncer("contacts", "sync", "--dry-run", "--samples", "50", "--reveal", "--json")
    assert any(phone in revealed.out for phone in company.reachable)


def test_a_change_in_the_crm_is_shown_field_by_field(
    syncer: Syncer, company: customers.Expected, postgres_url: str
) -> None:
    syncer("contacts", "sync", "--wait")
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        chosen = "customer_id = (select min(customer_id) from customers)"
        changed = f"update customers set name = 'Ada', updated_at = now() where {chosen}"
        connection.execute(text(changed))
    engine.dispose()
    for mode in ("--full", "--changed"):
        fields = syncer("contacts", "sync", mode, "--dry-run", "--json").document["difference"]["fields"]
        assert list(fields) == ["full_name"]
        assert (fields["full_name"]["count"], fields["full_name"]["samples"][0]["new"]) == (1, "Ada")
    drawn = syncer("contacts", "sync", "--dry-run")
    assert "Ada" in drawn.out
    assert "Nothing was changed" in drawn.out


def test_deletions_are_accepted_by_a_person_who_is_there(syncer: Syncer, company: customers.Expected) -> None:
    assert syncer("contacts", "sync", "--accept-deletions").code == 2
    assert syncer("contacts", "sync", "--accept-deletions", "--changed", "--wait").code == 2
    assert syncer("contacts", "sync", "--accept-deletions", "--dry-run").code == 0


def test_a_dry_run_of_a_crm_that_is_not_configured_is_wrong_usage(syncer: Syncer) -> None:
    assert syncer("contacts", "sync", "--dry-run", "--crm", "nonsense").code == 2


# contacts show, export


def test_a_contact_is_shown_with_who_says_what(syncer: Syncer, ming: Person) -> None:
    shown = syncer("contacts", "show", ming.phone, "--json").document
    assert shown["contact"]["id"] == ming.contact_id
    assert shown["origins"]["email"] == [f"sql {ming.crm_id}"]
    assert shown["origins"]["phone"] == ["conversation"]
    drawn = syncer("contacts", "show", str(ming.contact_id))
    assert drawn.code == 0
    assert f"sql {ming.crm_id}" in drawn.out


def test_an_export_is_one_document_on_stdout(syncer: Syncer, ming: Person) -> None:
    found = syncer("contacts", "export", ming.phone).document
    assert found == syncer("contacts", "export", ming.phone, "--json").document | {"exported_at": found["exported_at"]}
    assert found["contact_id"] == ming.contact_id
    assert found["held"]["contacts"][0]["email"] == ming.email
    assert len(found["held"]["messages"]) >= 3


def test_an_export_to_a_folder_is_for_its_owners_eyes_and_never_written_over(
    syncer: Syncer, ming: Person, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = syncer("contacts", "export", ming.phone, "--out", str(out), "--json")
    assert (done.code, done.document["files"], done.document["rows"]["contacts"]) == (0, 1, 1)
    written = out / "person.json"
    assert written.stat().st_mode & 0o077 == 0
    assert json.loads(written.read_text(encoding="utf-8"))["held"]["contacts"][0]["id"] == ming.contact_id
    assert [path.read_bytes() for path in out.iterdir() if path != written] == [b"file of xiaoming"]
    assert syncer("contacts", "export", ming.phone, "--out", str(out)).code == 1


def test_nobody_is_exported(syncer: Syncer) -> None:
    assert syncer("contacts", "export", "4711").code == 1
    assert syncer("contacts", "export", "0955555555").code == 1


# contacts erase


def test_without_yes_it_says_what_would_go_and_nothing_goes(syncer: Syncer, ming: Person, house: House) -> None:
    asked = syncer("contacts", "erase", ming.phone, "--json")
    assert asked.code == 2
    assert "of messages" in asked.document["error"]
    assert "--yes" in asked.document["error"]
    assert house.value("select count(*) from contacts") > 0


def test_erased_is_erased_and_the_officer_is_told_what_stays(
    syncer: Syncer, ming: Person, house: House, tmp_path: Path
) -> None:
    done = syncer("contacts", "erase", ming.phone, "--yes", "--reason", "letter", "--by", "officer", "--json")
    assert done.code == 0
    assert done.document["contact_id"] == ming.contact_id
    assert done.document["counts"]["contacts"] == 1
    assert "CRMs were not told" in done.document["note"]
    assert not ming.file.exists()
    assert house.rows("select erased_by, reason from erasures") == [("officer", "letter")]
    for who in (ming.phone, str(ming.contact_id)):
        again = syncer("contacts", "erase", who, "--yes", "--json")
        assert again.code == 1
    assert "was erased on" in again.document["error"]
    assert syncer("contacts", "show", str(ming.contact_id)).code == 1


def test_while_something_of_theirs_is_being_sent_it_is_refused(syncer: Syncer, ming: Person, house: House) -> None:
    run(house, lambda tx: tx.execute(text("update outgoing set state = 'sending' where state = 'planned'")))
    refused = syncer("contacts", "erase", ming.phone, "--yes", "--json")
    assert (refused.code, refused.document["exit_code"]) == (4, 4)
    assert "being sent" in refused.document["error"]


def test_without_a_key_nothing_can_be_sealed_and_nothing_is_erased(
    syncer: Syncer, ming: Person, environment: pytest.MonkeyPatch
) -> None:
    environment.delenv("SYNCER_SECRET_KEY")
    refused = syncer("contacts", "erase", ming.phone, "--yes")
    assert refused.code == 2
    assert refused.err.startswith("SYNCER_SECRET_KEY")
