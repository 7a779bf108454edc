"""Every statement that the adapter makes, as each database is asked: SQL Server's too, of which there is none here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Dialect, event
from sqlalchemy.dialects import mssql, mysql, postgresql

from config.errors import ConfigurationError
from syncer.crm.sql.engine import open_engine
from syncer.domain.crm_record import TakenReply
from tests.contract.crm_suite import NOON, message, person, task
from tests.contract.sql_companies import NAMES, Company, keys


@pytest.fixture(params=NAMES)
def statements(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[ClauseElement]]:
    """What one company's database is asked in all that the adapter does."""
    company = Company(request.param, f"sqlite:///{tmp_path}/crm.db", "sqlite")
    made: list[ClauseElement] = []
    company.crm.layout()
    event.listen(company.crm.engine, "before_execute", lambda _, statement, *__: made.append(statement))
    _everything(company)
    yield made
    company.close()


def _everything(company: Company) -> None:
    crm = company.crm
    known = company.adds("Anna", "0912-000-001")
    company.told(changed_since=NOON)
    crm.look_up([known])
    crm.write_contacts([person(known, full_name="Berta", phone="+886933333333"), person(None, phone="+886944444444")])
    crm.write_messages([message(known, "out-1", status="sent")])
    crm.write_messages([message(known, "out-1", status="read")])
    crm.write_tasks([task(known)])
    company.does("write", id=keys(company, known), body="first")
    [found] = crm.replies()
    crm.replies([found.record_id])
    crm.take_replies([TakenReply(found.record_id, "out-2"), TakenReply("9", "out-3")])
    crm.check()


@pytest.mark.parametrize("dialect", [mssql.dialect(), mysql.dialect(), postgresql.dialect()], ids=lambda one: one.name)
def test_every_statement_can_be_said_to_every_database(statements: list[ClauseElement], dialect: Dialect) -> None:
    assert len(statements) > 20
    for statement in statements:
        assert _said(statement, dialect)


def test_sql_server_is_asked_in_its_own_words(statements: list[ClauseElement]) -> None:
    said = [_said(statement, mssql.dialect()) for statement in statements]
    for one in said:
        assert not re.search(
            r"\blimit\b|\bfor update\b|\bis (not )?[01]\b|\breturning\b|\b(true|false)\b", one, re.I
        ), one
    assert any("TOP " in one for one in said)
    assert any("WITH (UPDLOCK, ROWLOCK)" in one for one in said)
    assert any("WITH (UPDLOCK, READPAST, ROWLOCK)" in one for one in said)


def _said(statement: ClauseElement, dialect: Dialect) -> str:
    compiled: Any = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://crm@db/crm", "psycopg2"),
        ("mysql://crm@db/crm", "pymysql"),
        ("mariadb://crm@db/crm", "pymysql"),
        ("mysql+pymysql://crm@db/crm?ssl_disabled=true", "pymysql"),
        ("sqlite:///crm.db", "pysqlite"),
    ],
)
def test_an_address_without_a_driver_gets_the_one_that_the_engine_is_tested_with(url: str, driver: str) -> None:
    engine = open_engine(url)
    assert engine.dialect.driver == driver
    engine.dispose()


def test_an_address_whose_driver_is_not_installed_is_told_with_what_to_install() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^CRM_DATABASE_URL: the driver '\w+' of oracle\+\w+ is not installed"
    ):
        open_engine("oracle+cx_oracle://crm@db/crm")
