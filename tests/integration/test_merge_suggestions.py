"""Near-matches are found in a whole table, decided about by a person, and never asked about again (R5)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from sqlalchemy import create_engine, text

from syncer.acceptance import customers
from syncer.cli import contact_merges
from syncer.cli.output import exit_code, fail
from syncer.flows.contacts.merging import Merging
from syncer.flows.contacts.suggestions import Suggestions
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.commands import Result, Syncer
from tests.integration.contact_desk import A, B, Desk, open_desk


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


@pytest.fixture
def flow(desk: Desk) -> Suggestions:
    merging = Merging(desk.store, ("sql",), desk.clock, RecordingJobs())
    return Suggestions(desk.store, desk.clock, merging)


def fill(desk: Desk) -> dict[str, list[int]]:
    """Pairs of rows that look like one person, by what makes them look so, and many that do not."""
    pairs = {
        "digit": [{"full_name": "王小明", "phone": "0912345678"}, {"full_name": "王 小明", "phone": "0912345679"}],
        "swap": [{"full_name": "李大同", "phone": "0923456789"}, {"full_name": "李大同先生", "phone": "0923465789"}],
        "middle": [
            {"full_name": "Wang Ming", "phone": "0934567890"},
            {"full_name": "Ming Wang", "phone": "0943567890"},
        ],
        "birthday": [
            {"full_name": "张伟", "phone": "0911000001", "birthday": "1990-05-05"},
            {"full_name": "張偉", "phone": "0955000002", "birthday": "1990-05-05"},
        ],
        "company": [
            {"full_name": "吳美美", "phone": "0911000003", "company": "Formosa Tea"},
            {"full_name": "吳美美", "phone": "", "company": "formosa tea"},
        ],
        "email": [
            {"full_name": "A", "phone": "0911000005", "email": "a@example.com"},
            {"full_name": "B", "phone": "0955000006", "email": "a@example.com"},
        ],
    }
    rows = {kind: [desk.crm.add(**fields) for fields in two] for kind, two in pairs.items()}
    for n in range(30):
        desk.crm.add(full_name="陳怡君", phone=f"09770000{n:02d}", email="info@example.com", company="Same")
    desk.sync()
    return {kind: sorted(desk.contact_of(crm_id).id for crm_id in two) for kind, two in rows.items()}


def test_each_kind_of_near_match_is_found_once_and_nothing_else(desk: Desk, flow: Suggestions) -> None:
    expected = fill(desk)
    assert flow.find() == len(expected)
    assert sorted([row.one_id, row.other_id] for row in flow.waiting()) == sorted(expected.values())
    before = desk.rows("select id, one_id, other_id from merge_suggestions order by id")
    desk.clock.advance(days=1)
    flow.find()
    assert desk.rows("select id, one_id, other_id from merge_suggestions order by id") == before


def test_who_is_one_is_merged_and_who_is_not_is_never_suggested_again(desk: Desk, flow: Suggestions) -> None:
    pairs = fill(desk)
    flow.find()
    by_pair = {(row.one_id, row.other_id): row.id for row in flow.waiting()}
    kept, join_id = flow.accept(by_pair[*pairs["digit"]], "alice")
    flow.reject(by_pair[*pairs["swap"]], "alice")
    assert kept in pairs["digit"]
    assert desk.value("select count(*) from contacts where id = any(:ids)", ids=pairs["digit"]) == 1
    decided = desk.rows("select decision, decided_by from merge_suggestions where decided_at is not null order by 1")
    assert decided == [("merged", "alice"), ("rejected", "alice")]
    assert flow.find() == len(pairs) - 2
    flow.merging.unmerge_join(join_id, "alice")
    assert flow.find() == len(pairs) - 2
    with pytest.raises(LookupError):
        flow.reject(by_pair[*pairs["swap"]], "bob")


def test_what_is_gone_or_no_longer_alike_falls_out(desk: Desk, flow: Suggestions) -> None:
    pairs = fill(desk)
    flow.find()
    desk.crm.contacts["000001"] |= {"phone": "0966666666", "updated_at": desk.clock.advance(minutes=1)}
    desk.sync()
    with desk.store.begin() as tx:
        for table in ("identities", "consents", "contact_sources"):
            tx.execute(text(f"delete from {table} where contact_id = :i"), {"i": pairs["swap"][0]})
        tx.execute(text("delete from contacts where id = :i"), {"i": pairs["swap"][0]})
    desk.clock.advance(minutes=1)
    assert flow.find() == len(pairs) - 2
    assert desk.value("select count(*) from merge_suggestions") == len(pairs) - 2


def test_two_with_conversations_whom_a_crm_names_as_one_are_suggested(desk: Desk, flow: Suggestions) -> None:
    people = [desk.hear_from(A), desk.hear_from(B)]
    desk.crm.add(full_name="Ana", phone=A)
    desk.other.add(full_name="Ana Lin", phone=B, same_as="sql:000001")
    desk.sync()
    desk.sync(crm="hubspot")
    assert flow.find() == 1
    assert [(row.one_id, row.other_id, row.reasons) for row in flow.waiting()] == [(*people, ["named by the CRM"])]


# Command line


@pytest.fixture
def syncer(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    postgres_url: str,
    capsys: pytest.CaptureFixture[str],
) -> Syncer:
    """The three commands, as the console script runs them."""
    monkeypatch.chdir(tmp_path)
    customers.rebuild(create_engine(postgres_url), rows=200)
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CRM_DATABASE_URL": postgres_url,
        "SYNCER_HOME": str(tmp_path / "home"),
        "COMPANY_NAME": "Formosa Tea Co.",
    }.items():
        monkeypatch.setenv(name, value)
    app = typer.Typer(pretty_exceptions_enable=False)
    for command in (contact_merges.merge, contact_merges.unmerge, contact_merges.suggestions):
        app.command()(command)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["syncer", *arguments])
        capsys.readouterr()
        code = 0
        try:
            app()
        except SystemExit as end:
            code = int(end.code or 0)
        except Exception as error:
            found = exit_code(error)
            if found is None:
                raise
            fail(error, found)
            code = int(found)
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return run


def test_the_commands_merge_list_and_take_apart(desk: Desk, syncer: Syncer) -> None:
    rows = [desk.crm.add(full_name=name, phone=phone) for name, phone in (("One", A), ("Two", B), ("Again", A))]
    desk.sync()
    one, two = str(desk.contact_of(rows[0]).id), str(desk.contact_of(rows[1]).id)
    shown = syncer("merge", one, two)
    assert (shown.code, "--yes" in shown.err, "Two" in shown.err) == (2, True, True)
    done = syncer("merge", one, B, "--yes", "--why", "the same shop", "--json")
    assert (done.code, done.document.get("contact")) == (0, int(one))
    listed = syncer("unmerge", one, "--json")
    assert listed.code == 1
    assert [row["crm_id"] for row in listed.document["rows"]] == [rows[2]]
    assert [join["join_id"] for join in listed.document["joins"]] == [done.document["join"]]
    assert syncer("unmerge", one, "--join", str(done.document["join"]), "--json").document["apart"] == [int(two)]
    apart = syncer("unmerge", one, "--row", f"sql:{rows[2]}", "--json")
    assert (apart.code, apart.document["apart"]) == (0, [desk.contact_of(rows[2]).id])
    assert syncer("unmerge", one, "--all", "--json").document["apart"] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("merge", "1", "1", "--yes"), 4),
        (("merge", "1", "999", "--yes"), 1),
        (("unmerge", "1", "--row", "sql"), 2),
        (("unmerge", "1", "--row", "sql:nobody"), 1),
        (("unmerge", "1", "--row", "sql:000001"), 4),
        (("unmerge", "1", "--join", "9"), 1),
        (("unmerge", "1", "--join", "9", "--all"), 2),
        (("suggestions", "--accept", "9"), 1),
        (("suggestions", "--accept", "9", "--reject", "9"), 2),
    ],
)
def test_what_cannot_be_done_is_said_by_the_exit_code(
    desk: Desk, syncer: Syncer, arguments: tuple[str, ...], code: int
) -> None:
    desk.crm.add(full_name="One", phone=A)
    desk.sync()
    contact_id = str(desk.contact_of("000001").id)
    given = [contact_id if word == "1" else word for word in arguments]
    result = syncer(*given, "--json")
    assert (result.code, result.document["exit_code"]) == (code, code)


def test_suggestions_are_found_listed_and_decided_about(desk: Desk, syncer: Syncer) -> None:
    pairs = fill(desk)
    found = syncer("suggestions", "--find", "--json").document
    assert found["found"] == len(found["suggestions"]) == len(pairs)
    first, second = (one["id"] for one in found["suggestions"][:2])
    assert syncer("suggestions", "--accept", str(first), "--json").code == 0
    assert syncer("suggestions", "--reject", str(second)).code == 0
    left = syncer("suggestions", "--json").document["suggestions"]
    assert {one["id"] for one in left} == {one["id"] for one in found["suggestions"][2:]}
    assert "王小明" in syncer("suggestions").out or len(left) < len(pairs)
