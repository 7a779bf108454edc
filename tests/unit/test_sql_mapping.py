"""The SQL mapping against real tables: a wrong name is one clear line; and what databases' errors mean for us."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    create_engine,
    exc,
    text,
)

from config.contact_fields import FieldMap
from config.errors import ConfigurationError
from config.files import load_mapping
from config.settings import PACKAGED_FILES
from syncer.acceptance.customer_tables import metadata
from syncer.crm.sql.errors import translate
from syncer.crm.sql.mapping import Layout, is_unique, lay_out
from syncer.crm.sql.values import fit, fit_key, speller, to_crm
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Engine]:
    """The made-up company's tables, empty."""
    engine = create_engine(f"sqlite:///{tmp_path}/crm.db")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


Lay = Callable[..., Layout]


@pytest.fixture
def lay(company: Engine, folder: Path) -> Lay:
    """`lay(old, new)` lays out the shipped mapping with one line changed."""

    def lay_changed(old: str = "", new: str = "") -> Layout:
        path = folder / "mappings" / "sql.toml"
        shipped = path.read_text(encoding="utf-8")
        assert old in shipped
        path.write_text(shipped.replace(old, new, 1), encoding="utf-8")
        with company.connect() as connection:
            return lay_out(connection, load_mapping(folder, "sql"))

    return lay_changed


def test_the_shipped_mapping_fits_the_made_up_companys_tables(lay: Lay) -> None:
    layout = lay()
    assert layout.contacts.key.name == "customer_id"
    assert layout.contacts.changed_at is not None
    assert len(layout.contacts.read) >= 15
    assert layout.messages is not None
    assert layout.tasks is not None
    assert is_unique(layout.messages.columns[layout.messages.key])
    assert is_unique(layout.tasks.columns["ref"])
    assert is_unique(layout.contacts.key)
    assert not is_unique(layout.contacts.table.c.mobile)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (
            'table = "customers"',
            'table = "custmers"',
            "mappings/sql.toml contacts.table: there is no table 'custmers'; did you mean 'customers'?",
        ),
        (
            'table = "customers"',
            'table = "customers"\nschema = "crm"',
            "mappings/sql.toml contacts.schema: there is no schema 'crm'; known: main",
        ),
        (
            'key = "customer_id"',
            'key = "customerid"',
            "mappings/sql.toml contacts.key: the table 'customers' has no column 'customerid'; "
            "did you mean 'customer_id'?",
        ),
        (
            'changed_at = "updated_at"',
            'changed_at = "update_at"',
            "mappings/sql.toml contacts.changed_at: the table 'customers' has no column 'update_at'; "
            "did you mean 'updated_at'?",
        ),
        (
            'deleted = "is_deleted"',
            'deleted = "isdeleted"',
            "mappings/sql.toml contacts.deleted: the table 'customers' has no column 'isdeleted'; "
            "did you mean 'is_deleted'?",
        ),
        (
            'crm = "mobile"',
            'crm = "mobil"',
            "mappings/sql.toml contacts.fields[mobil].crm: the table 'customers' has no column 'mobil'; "
            "did you mean 'mobile'?",
        ),
        (
            'table = "whatsapp_messages"',
            'table = "whatsapp_message"',
            "mappings/sql.toml messages.table: there is no table 'whatsapp_message'; did you mean 'whatsapp_messages'?",
        ),
        (
            'status_at = "status_at"',
            'status_at = "stat_at"',
            "mappings/sql.toml messages.status_at: the table 'whatsapp_messages' has no column 'stat_at'; "
            "did you mean 'status_at'?",
        ),
        (
            'subject = "subject"',
            'subject = "topic"',
            "mappings/sql.toml tasks.subject: the table 'service_tasks' has no column 'topic'; known: ",
        ),
        (
            'key = "customer_id"',
            'key = "created_at"',
            "mappings/sql.toml contacts.key: the column 'created_at' holds DATETIME; a key must be a whole number, "
            "text or a UUID",
        ),
    ],
)
def test_a_name_that_is_not_there_is_one_line_with_the_file_the_key_and_the_nearest_name(
    lay: Lay, old: str, new: str, error: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        lay(old, new)
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)


def test_a_view_is_as_good_as_a_table(company: Engine, lay: Lay) -> None:
    with company.begin() as tx:
        tx.execute(text("create view all_customers as select * from customers"))
    assert lay('table = "customers"', 'table = "all_customers"').contacts.table.name == "all_customers"
    with pytest.raises(ConfigurationError, match="did you mean 'all_customers'"):
        lay('table = "all_customers"', 'table = "all_customer"')


def test_messages_and_tasks_may_be_absent(company: Engine) -> None:
    mapping = load_mapping(PACKAGED_FILES, "sql").model_copy(update={"messages": None, "tasks": None})
    with company.connect() as connection:
        layout = lay_out(connection, mapping)
    assert (layout.messages, layout.tasks) == (None, None)


class Coded(Exception):
    """A driver's error with a SQLSTATE."""

    def __init__(self, pgcode: str | None, words: str = "it says so\nDETAIL: Key (phone)=(+886912345678)") -> None:
        super().__init__(words)
        self.pgcode = pgcode


def wrapped(kind: type[exc.DBAPIError], original: Exception) -> exc.DBAPIError:
    return kind("select 1", {}, original)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (wrapped(exc.OperationalError, Coded("40P01")), TryAgain),
        (wrapped(exc.OperationalError, Coded("40001")), TryAgain),
        (wrapped(exc.OperationalError, Coded("55P03")), TryAgain),
        (wrapped(exc.OperationalError, Coded("57014")), TryAgain),
        (wrapped(exc.OperationalError, Coded("57P01")), TryAgain),
        (wrapped(exc.OperationalError, Coded("08006")), TryAgain),
        (wrapped(exc.OperationalError, Coded("53300")), TryLater),
        (wrapped(exc.InternalError, Coded("25006")), TryLater),
        (wrapped(exc.OperationalError, Coded("28P01")), FixCredentials),
        (wrapped(exc.OperationalError, Coded("3D000")), FixCredentials),
        (wrapped(exc.ProgrammingError, Coded("42501")), FixCredentials),
        (wrapped(exc.ProgrammingError, Coded("42P01")), FixCredentials),
        (wrapped(exc.DataError, Coded("22001")), Never),
        (wrapped(exc.IntegrityError, Coded("23505")), Never),
        (wrapped(exc.InternalError, Coded("P0001")), Never),
        (wrapped(exc.OperationalError, Coded(None, "connection refused")), TryAgain),
        (
            wrapped(exc.OperationalError, Coded(None, 'FATAL: password authentication failed for user "x"')),
            FixCredentials,
        ),
        (wrapped(exc.OperationalError, Coded(None, 'FATAL: role "x" does not exist')), FixCredentials),
        (wrapped(exc.OperationalError, sqlite3.OperationalError("database is locked")), TryAgain),
        (wrapped(exc.OperationalError, sqlite3.OperationalError("no such table: customers")), FixCredentials),
        (
            wrapped(exc.OperationalError, sqlite3.OperationalError("attempt to write a readonly database")),
            FixCredentials,
        ),
        (wrapped(exc.IntegrityError, sqlite3.IntegrityError("NOT NULL constraint failed")), Never),
        (wrapped(exc.OperationalError, Exception(1045, "Access denied for user")), FixCredentials),
        (wrapped(exc.OperationalError, Exception(1213, "Deadlock found")), TryAgain),
        (wrapped(exc.OperationalError, Exception(2006, "MySQL server has gone away")), TryAgain),
        (wrapped(exc.DataError, Exception(1406, "Data too long for column")), Never),
        (exc.TimeoutError("QueuePool limit reached"), TryAgain),
        (ValueError("A string literal cannot contain NUL (0x00) characters."), Never),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), Never),
        (TryLater("already ours"), TryLater),
    ],
)
def test_a_databases_error_is_named_by_what_to_do_next(error: Exception, meaning: type[DeliveryError]) -> None:
    translated = translate(error)
    assert type(translated) is meaning
    assert "+886912345678" not in str(translated)
    assert "\n" not in str(translated)


def column(kind: Any) -> Column[Any]:
    return Table("t", MetaData(), Column("c", kind)).c.c


NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOMEONE = UUID(int=7)


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        (Text(), None, None),
        (Text(), "a\x00b", "a\ufffdb"),
        (String(5), "abcdefg", "abcd…"),
        (Text(), ["a", "b"], "a,b"),
        (Text(), 7, "7"),
        (Text(), NOON, "2026-11-23T12:00:00+00:00"),
        (Integer(), "12", 12),
        (BigInteger(), NOON, 1_795_435_200),
        (Integer(), True, 1),
        (Boolean(), 1, True),
        (Uuid(), str(SOMEONE), SOMEONE),
        (Date(), "1991-03-09", date(1991, 3, 9)),
        (DateTime(timezone=True), NOON, NOON),
        (DateTime(), NOON, NOON.replace(tzinfo=None)),
        (DateTime(timezone=True), "2026-11-23T20:00:00+08:00", NOON),
    ],
)
def test_a_value_is_fitted_to_its_column(kind: Any, value: Any, stored: Any) -> None:
    fitted = fit(column(kind), value)
    assert fitted == stored
    assert type(fitted) is type(stored)


@pytest.mark.parametrize(
    ("kind", "value"), [(Integer(), "A-1"), (Uuid(), "A-1"), (Date(), "soon"), (DateTime(), "soon"), (Integer(), [1])]
)
def test_a_value_that_cannot_stand_in_its_column_is_an_error(kind: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="column 'c'"):
        fit(column(kind), value)


def test_a_key_is_never_cut() -> None:
    assert fit_key(column(String(5)), "abcde") == "abcde"
    with pytest.raises(ValueError, match="does not fit into the column 'c'"):
        fit_key(column(String(5)), "abcdef")


@pytest.mark.parametrize(
    ("transform", "old", "new", "written"),
    [
        ("text", " 王小明 ", "王小明", " 王小明 "),
        ("text", "王小明", "王大明", "王大明"),
        ("phone", "0912-345-678", "+886912345678", "0912-345-678"),
        ("phone", "0912-345-678", "+886922222222", "+886922222222"),
        ("bool_words", "是", True, "是"),
        ("bool_words", "是", False, "否"),
        ("bool_words", "TRUE", False, "FALSE"),
        ("bool_words", None, True, "Y"),
        ("bool_words", "??", False, "N"),
        ("gender", "先生", "m", "先生"),
        ("gender", "男", "f", "女"),
        ("gender", "先生", "x", "X"),
        ("gender", None, "f", "F"),
        ("tags", "VIP；老客戶", ["a"], "VIP；老客戶；a"),
        ("tags", "VIP", ["a", "VIP"], "VIP,a"),
        ("tags", "VIP,a", ["a"], "VIP,a"),
        ("tags", None, ["a", "b"], "a,b"),
        ("date", "民國80年3月9日", "1991-03-09", "民國80年3月9日"),
        ("language", "繁體中文", "zh_TW", "繁體中文"),
        ("language", "", "en", "en"),
    ],
)
def test_a_change_is_written_the_way_the_companys_people_write(
    transform: str, old: Any, new: Any, written: Any
) -> None:
    kept = column(Text())
    spell = speller([(kept, FieldMap(crm="c", contact="notes", transform=transform))], "TW")
    assert to_crm({"c": kept}, spell, {"notes": new}, {"c": old}) == ({} if written == old else {"c": written})


def test_nothing_empties_a_column_as_far_as_it_may_be_empty() -> None:
    for kind, nullable, old, left in (
        (Text(), True, "x", {"c": None}),
        (Text(), False, "x", {"c": ""}),
        (Integer(), True, 5, {"c": None}),
        (Integer(), False, 5, {}),
    ):
        kept = Column("c", kind, nullable=nullable)
        spell = speller([(kept, FieldMap(crm="c", contact="notes"))], "TW")
        assert to_crm({"c": kept}, spell, {"notes": None}, {"c": old}) == left
