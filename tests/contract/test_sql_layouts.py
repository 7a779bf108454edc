"""Databases that differ from the shipped mapping: other names, keys and types, and ones that do not serve."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from config.errors import ConfigurationError
from config.settings import load
from syncer.crm import registry
from syncer.crm.sql.adapter import SqlCRM
from syncer.domain.errors import FixCredentials, Never, TryAgain
from tests.contract.crm_suite import NOON, errors, message, person, task
from tests.contract.sql_rooms import mapped

PLAIN = """
[contacts]
table = "people"
key = "id"
fields = [{ crm = "phone", contact = "phone", transform = "phone" }, { crm = "name", contact = "full_name" }]
"""
MESSAGES = """
[messages]
table = "said"
wamid = "wamid"
customer = "person"
direction = "direction"
body = "body"
status = "status"
"""
SAID = "create table said (wamid varchar(64) unique, person integer, direction text, body varchar(20), status text)"

Open = Callable[..., SqlCRM]


@pytest.fixture(params=["postgres", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/crm.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def company(url: str) -> Iterator[Engine]:
    """The company's own access to its database."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def connect() -> Iterator[Open]:
    """`connect(url, mapping text)` gives an adapter."""
    opened: list[SqlCRM] = []

    def open_crm(url: str, mapping: str = PLAIN) -> SqlCRM:
        opened.append(SqlCRM(url, mapped(mapping), "TW"))
        return opened[-1]

    yield open_crm
    for crm in opened:
        crm.close()


def run(engine: Engine, *statements: str, **values: Any) -> None:
    with engine.begin() as tx:
        for statement in statements:
            tx.execute(text(statement), values)


def names(crm: SqlCRM, page_size: int = 2) -> dict[str, str | None]:
    rows = [row for page in crm.pages(None, page_size=page_size) for row in page.rows]
    return {told.crm_id: told.fields.get("full_name") for told in crm.translate(rows)}


def found(crm: SqlCRM) -> dict[str, bool]:
    return {check.name: check.ok for check in crm.check()}


def test_a_layout_of_other_names_needs_a_mapping_and_no_code(company: Engine, url: str, connect: Open) -> None:
    run(
        company, 'create table "客戶 檔" ("編 號" varchar(40) primary key, "電話%(1)" text, "姓名:x" text, "標籤" text)'
    )
    run(company, """insert into "客戶 檔" values ('A-1', '0912-345-678', '王小明', 'VIP')""")
    crm = connect(
        url,
        """
        [contacts]
        table = "客戶 檔"
        key = "編 號"
        fields = [
            { crm = "電話%(1)", contact = "phone" },
            { crm = "姓名:x", contact = "full_name" },
            { crm = "標籤", contact = "tags", transform = "tags" },
        ]
        """,
    )
    assert names(crm) == {"A-1": "王小明"}
    changed, created = crm.write_contacts(
        [person("A-1", full_name="王大明", tags=["新"]), person(ref="contact-2", phone="+886922222222", full_name="李")]
    )
    assert (changed.error, created.error) == (None, None)
    assert names(crm) == {"A-1": "王大明", created.crm_id: "李"}
    assert not errors(crm.write_messages([message("A-1")]) + crm.write_tasks([task("A-1")]))


@pytest.mark.parametrize("kind", ["integer", "bigint", "varchar(40)", "char(40)", "text", "numeric(12)", "uuid"])
def test_a_key_of_any_usual_type_reads_in_pages_and_takes_writes(
    company: Engine, url: str, connect: Open, kind: str
) -> None:
    if kind == "uuid" and url.startswith("sqlite"):
        kind = "char(36)"
    keys = [str(uuid.UUID(int=number)) if kind in ("uuid", "char(36)") else str(number) for number in (9, 10, 100)]
    run(company, f"create table people (id {kind} primary key, phone text, name text)")
    for number, key in enumerate(keys):
        run(company, "insert into people values (:key, :phone, 'x')", key=key, phone=f"0912-000-00{number}")
    crm = connect(url)
    read = names(crm)
    assert [key.strip() for key in read] == sorted(
        keys, key=int if kind in ("integer", "bigint", "numeric(12)") else str
    )
    results = crm.write_contacts([person(key, f"contact-{key}", full_name=f"new {key}") for key in read])
    assert not errors(results)
    assert names(crm) == {key: f"new {key}" for key in read}


def test_rows_of_equal_text_keys_but_for_their_case_are_all_read(company: Engine, url: str, connect: Open) -> None:
    keys = ["b", "A", "a", "B", "\u00e9", "e\u0301", "中", "0"]
    run(company, "create table people (id text primary key, phone text, name text)")
    for key in keys:
        run(company, "insert into people values (:key, '0912345678', 'x')", key=key)
    assert set(names(connect(url), page_size=1)) == set(keys)


@pytest.mark.parametrize(
    ("kind", "alive", "dead"),
    [
        ("boolean", (None, "false"), ("true",)),
        ("integer", (None, "0"), ("1", "2")),
        ("text", (None, "''", "'N'", "' no '", "'0'", "'否'", "'False'"), ("'Y'", "'1'", "'deleted'")),
        ("timestamp", (None,), ("'2026-01-01 10:00:00'",)),
    ],
)
def test_a_soft_deleted_row_is_known_by_what_its_column_holds(
    company: Engine, url: str, connect: Open, kind: str, alive: tuple[str | None, ...], dead: tuple[str, ...]
) -> None:
    run(company, f"create table people (id integer primary key, phone text, name text, gone {kind})")
    for number, value in enumerate((*alive, *dead)):
        run(company, f"insert into people values ({number}, '0912345678', '{number}', {value or 'null'})")
    crm = connect(url, PLAIN.replace('key = "id"', 'key = "id"\ndeleted = "gone"'))
    assert sorted(names(crm)) == [str(number) for number in range(len(alive))]


def test_one_row_with_an_impossible_moment_does_not_end_the_reading(company: Engine, url: str, connect: Open) -> None:
    strange = (
        ["9999-12-31", "infinity", "20240-01-01", "0044-03-15 BC"] if "postgres" in url else ["soon", "2024/13/45", ""]
    )
    run(company, "create table people (id integer primary key, phone text, name text, born date, at timestamp)")
    for number, value in enumerate(strange):
        run(company, f"insert into people values ({number}, '0912345678', 'x', '{value}', '{value}')")
    fields = '{ crm = "born", contact = "birthday", transform = "date" }, '
    fields += '{ crm = "at", contact = "created_at", direction = "to_contact", transform = "timestamp" }, '
    crm = connect(url, PLAIN.replace("fields = [", f'changed_at = "at"\nfields = [{fields}'))
    assert len(names(crm)) == len(strange)


def test_a_moment_without_zone_is_looked_for_half_a_day_earlier(company: Engine, url: str, connect: Open) -> None:
    run(company, "create table people (id integer primary key, phone text, name text, at timestamp)")
    for number, at in enumerate((None, NOON, NOON - timedelta(hours=11), NOON - timedelta(days=2))):
        value = f"'{at:%Y-%m-%d %H:%M:%S}'" if at else "null"
        run(company, f"insert into people values ({number}, '0912345678', 'x', {value})")
    crm = connect(url, PLAIN.replace('key = "id"', 'key = "id"\nchanged_at = "at"'))
    pages = crm.pages(None, page_size=10, changed_since=NOON)
    assert [row.crm_id for page in pages for row in page.rows] == ["0", "1", "2"]


def test_without_a_column_of_changes_every_row_is_read(company: Engine, url: str, connect: Open) -> None:
    run(company, "create table people (id integer primary key, phone text, name text)")
    run(company, "insert into people values (1, '0912345678', 'x')")
    pages = connect(url).pages(None, page_size=10, changed_since=datetime.now(UTC))
    assert [row.crm_id for page in pages for row in page.rows] == ["1"]


def test_types_other_than_text_take_what_the_engine_writes(company: Engine, url: str, connect: Open) -> None:
    run(
        company,
        "create table people (id integer primary key, phone text, name text, news boolean, bad integer, born date)",
    )
    run(company, "insert into people (id, phone) values (1, '0912345678')")
    more = (
        '{ crm = "news", contact = "marketing_consent", transform = "bool_words" }, '
        '{ crm = "bad", contact = "blocked", transform = "bool_words" }, '
        '{ crm = "born", contact = "birthday", transform = "date" }, '
    )
    crm = connect(url, PLAIN.replace("fields = [", f"fields = [{more}"))
    given = {"marketing_consent": True, "blocked": False, "birthday": "1991-03-09"}
    assert not errors(crm.write_contacts([person("1", **given)]))
    [told] = crm.translate(next(crm.pages(None, page_size=10)).rows)
    assert {name: told.fields[name] for name in given} == given
    run(company, "update people set bad = 1")
    [told] = crm.translate(next(crm.pages(None, page_size=10)).rows)
    assert told.fields["blocked"] is True


def test_a_text_too_long_for_its_column_is_cut_and_the_check_says_so(company: Engine, url: str, connect: Open) -> None:
    run(company, "create table people (id integer primary key, phone text, name text)", SAID)
    crm = connect(url, PLAIN + MESSAGES)
    assert found(crm)["messages fit whole"] is False
    assert not errors(crm.write_messages([message(None, body="字" * 50), message(None, "in-2", body="short")]))
    with company.connect() as connection:
        bodies = connection.execute(text("select body from said order by body desc")).scalars().all()
    assert sorted(bodies) == sorted(["字" * 19 + "…", "short"])


def test_a_message_id_too_long_for_its_column_is_refused_and_not_cut(company: Engine, url: str, connect: Open) -> None:
    run(company, "create table people (id integer primary key, phone text, name text)", SAID)
    crm = connect(url, PLAIN + MESSAGES)
    results = crm.write_messages([message(None, wamid="w" * 65), message(None, "in-2")])
    assert [type(result.error) for result in results] == [Never, type(None)]


def test_refused_rows_scattered_in_a_batch_are_the_only_ones_that_fail(
    company: Engine, url: str, connect: Open
) -> None:
    run(company, "create table people (id integer primary key, phone text, name text)")
    run(company, SAID.replace("direction text", "direction text check (direction <> 'sideways')"))
    crm = connect(url, PLAIN + MESSAGES)
    bad = {3, 77, 78, 199}
    batch = [message(None, f"in-{n}", direction="sideways" if n in bad else "in") for n in range(200)]
    results = crm.write_messages(batch)
    assert {index for index, result in enumerate(results) if result.error} == bad
    assert {type(error) for error in errors(results)} == {Never}
    with company.connect() as connection:
        assert connection.execute(text("select count(*) from said")).scalar_one() == 196


def test_no_error_quotes_what_a_customer_said(postgres_url: str, connect: Open) -> None:
    company = create_engine(postgres_url)
    run(company, "create table people (id integer primary key, phone text, name text)")
    run(company, SAID.replace("body varchar(20)", "body text check (body <> 'my secret')"))
    crm = connect(postgres_url, PLAIN + MESSAGES)
    [result] = crm.write_messages([message(None, body="my secret")])
    company.dispose()
    cause: BaseException | None = result.error
    assert isinstance(cause, Never)
    while cause is not None:
        assert "my secret" not in str(cause)
        cause = cause.__cause__


def test_the_check_names_what_is_wrong_with_the_tables(company: Engine, url: str, connect: Open) -> None:
    run(
        company,
        "create table people (id integer, phone text, name text, branch text not null)",
        "create table said (wamid text, person integer, direction text, body text, status text, shop text not null)",
    )
    checks = {check.name: check for check in connect(url, PLAIN + MESSAGES).check() if not check.ok}
    assert "branch" in checks["new contacts can be added"].detail
    assert "shop" in checks["new messages can be added"].detail
    assert "said.wamid" in checks["messages are written once"].detail
    assert "'id'" in checks["key is unique"].detail
    assert checks["fields mapped"].detail == "2 of at least 15"


def test_a_database_that_does_not_answer_is_worth_another_try(connect: Open) -> None:
    crm = connect("postgresql+psycopg2://someone:secret@127.0.0.1:1/crm")
    with pytest.raises(TryAgain) as caught:
        next(crm.pages(None, page_size=10))
    assert "secret" not in str(caught.value)
    with pytest.raises(TryAgain):
        crm.write_messages([message(None)])
    assert found(crm) == {"database reachable": False}


def test_a_wrong_database_name_needs_a_person(postgres_url: str, connect: Open) -> None:
    address = make_url(postgres_url).set(database="no_such_crm").render_as_string(hide_password=False)
    with pytest.raises(FixCredentials):
        next(connect(address).pages(None, page_size=10))


def test_a_table_dropped_while_we_run_needs_a_person(company: Engine, url: str, connect: Open) -> None:
    run(company, "create table people (id integer primary key, phone text, name text)", SAID)
    crm = connect(url, PLAIN + MESSAGES)
    assert list(names(crm)) == []
    run(company, "drop table said", "drop table people")
    with pytest.raises(FixCredentials):
        list(crm.pages(None, page_size=10))
    with pytest.raises(FixCredentials):
        crm.write_messages([message(None)])


def test_a_missing_right_is_found_by_the_check_before_a_write_finds_it(postgres_url: str, connect: Open) -> None:
    company = create_engine(postgres_url)
    run(company, "create table people (id integer primary key, phone text, name text)", SAID)
    run(company, "revoke insert on said from current_user")
    company.dispose()
    crm = connect(postgres_url, PLAIN + MESSAGES)
    checks = {check.name: check for check in crm.check()}
    assert checks["contacts readable and writable"].ok
    assert "permission denied" in checks["messages readable and writable"].detail
    with pytest.raises(FixCredentials):
        crm.write_messages([message(None)])


def test_the_registry_builds_what_the_settings_name(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    engine = create_engine(url)
    settings = load({"CRM": "sql", "CRM_DATABASE_URL": url})
    with pytest.raises(ConfigurationError, match=r"mappings/sql.toml contacts.table: there is no table 'customers'"):
        registry.build("sql", settings)
    engine.dispose()


def test_the_registry_lists_its_names_when_asked_for_another() -> None:
    with pytest.raises(ConfigurationError, match="names 'sqll', which has no adapter; did you mean 'sql'"):
        registry.build("sqll", load({}))


def test_the_registry_asks_for_the_setting_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="CRM_DATABASE_URL"):
        registry.build("sql", load({"CRM": "sql"}))


def test_a_crm_that_is_away_at_the_start_is_no_error() -> None:
    settings = load({"CRM_DATABASE_URL": "postgresql://someone@127.0.0.1:1/crm"})
    assert registry.build("sql", settings).name == "sql"


# Rows that cannot be read


def table_with_impossible_rows(company: Engine, rows: int, bad: set[int]) -> None:
    """`score` of the bad rows is something that no driver can give: on PostgreSQL a division by zero, on SQLite text in
    a column of numbers."""
    run(company, "create table stored (id integer primary key, phone text, name text, score numeric(8, 2))")
    for number in range(1, rows + 1):
        run(
            company,
            "insert into stored values (:key, :phone, :name, 1)",
            key=number,
            phone="0912345678",
            name=str(number),
        )
    if company.dialect.name == "postgresql":
        run(company, "update stored set score = 0 where id = any(:bad)", bad=sorted(bad))
        run(company, "create view people as select id, phone, name, cast(1 / score as numeric(8, 2)) score from stored")
    else:
        run(company, "alter table stored rename to people")
        for number in bad:
            run(company, "update people set score = 'many' where id = :key", key=number)


SCORED = PLAIN.replace("fields = [", 'fields = [{ crm = "score", contact = "notes", direction = "to_contact" }, ')


@pytest.mark.parametrize("bad", [{1}, {7}, {20}, {5, 6, 19}, {8, 9, 10, 11, 12, 13, 14}, set(range(1, 21))])
def test_a_value_that_cannot_be_read_costs_its_row_and_no_other(
    company: Engine, url: str, connect: Open, bad: set[int]
) -> None:
    table_with_impossible_rows(company, 20, bad)
    crm = connect(url, SCORED)
    pages = list(crm.pages(None, page_size=7))
    assert [row.crm_id for page in pages for row in page.rows] == [str(n) for n in range(1, 21) if n not in bad]
    assert pages[-1].cursor is None
    for number, page in enumerate(pages):
        lost = {n for n in bad if n in range(7 * number + 1, 7 * number + 8)}
        assert (page.lost is not None) == bool(lost)
        assert all(str(n) in (page.lost or "") for n in sorted(lost)[:5])


def test_a_reading_goes_on_after_a_page_of_which_no_row_can_be_read(company: Engine, url: str, connect: Open) -> None:
    table_with_impossible_rows(company, 20, {8, 9, 10, 11, 12, 13, 14})
    crm = connect(url, SCORED)
    first, second, *_ = crm.pages(None, page_size=7)
    assert (list(second.rows), second.cursor) == ([], "14")
    resumed = next(crm.pages(second.cursor, page_size=7))
    assert [row.crm_id for row in resumed.rows] == [str(n) for n in range(15, 21)]
    assert len(first.rows) == 7


def test_a_row_that_cannot_be_read_is_not_taken_for_gone(company: Engine, url: str, connect: Open) -> None:
    table_with_impossible_rows(company, 5, {3})
    crm = connect(url, SCORED)
    with pytest.raises(Never):
        crm.look_up(["2", "3"])
    assert [fate.row is None for fate in crm.look_up(["2", "6"])] == [False, True]


def test_a_page_in_which_everything_fails_is_no_matter_of_its_rows(company: Engine, url: str, connect: Open) -> None:
    table_with_impossible_rows(company, 120, set(range(1, 121)))
    with pytest.raises(Never):
        list(connect(url, SCORED).pages(None, page_size=120))


def test_thousands_of_rows_with_one_modified_stamp_are_paged_by_their_key(
    company: Engine, url: str, connect: Open
) -> None:
    run(company, "create table people (id integer primary key, phone text, name text, at timestamp)")
    with company.begin() as tx:
        rows = [{"key": n, "at": f"{NOON:%Y-%m-%d %H:%M:%S}"} for n in range(3000)]
        tx.execute(text("insert into people values (:key, '0912345678', 'x', :at)"), rows)
    crm = connect(url, PLAIN.replace('key = "id"', 'key = "id"\nchanged_at = "at"'))
    pages = list(crm.pages(None, page_size=400, changed_since=NOON))
    assert [row.crm_id for page in pages for row in page.rows] == [str(n) for n in range(3000)]
    third = crm.pages(pages[2].cursor, page_size=400, changed_since=NOON)
    assert next(third).rows[0].crm_id == "1200"
