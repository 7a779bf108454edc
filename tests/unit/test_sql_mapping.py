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
from syncer.crm.sql.errors import is_conflict, translate
from syncer.crm.sql.mapping import Layout, lay_out
from syncer.crm.sql.tables import is_unique
from syncer.crm.sql.values import fit, fit_key, speller, to_crm
from syncer.domain.errors import DeliveryError, FixCredentials, Never, TryAgain, TryLater
from tests.contract.sql_rooms import mapped


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
    assert not is_unique(layout.contacts.source.c.mobile)


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


def test_a_view_is_read_like_a_table_and_its_table_is_written(company: Engine, lay: Lay) -> None:
    with company.begin() as tx:
        tx.execute(text("create view all_customers as select * from customers"))
    contacts = lay('table = "customers"', 'table = "all_customers"\nwrite_table = "customers"').contacts
    assert contacts.source is not contacts.target
    assert contacts.target is not None
    assert (contacts.key.table.name, contacts.target.name) == ("all_customers", "customers")
    with pytest.raises(ConfigurationError, match="did you mean 'all_customers'"):
        lay('table = "all_customers"', 'table = "all_customer"')


def test_a_view_that_takes_no_changes_is_told_before_a_change_is_tried(company: Engine, lay: Lay) -> None:
    with company.begin() as tx:
        tx.execute(text("create view all_customers as select * from customers"))
    with pytest.raises(ConfigurationError) as caught:
        lay('table = "customers"', 'table = "all_customers"')
    assert str(caught.value).startswith("mappings/sql.toml contacts.table: the view 'all_customers' takes no changes")
    assert "'write_table'" in str(caught.value)


JOIN = """
[[contacts.joins]]
name = "also"
table = "service_tasks"
key = "customer_id"
value = "subject"
"""
ALSO = '{ crm = "also", contact = "custom.also" },'


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('table = "service_tasks"', 'table = "tasks"', "joins[also].table: there is no table 'tasks'"),
        (
            'key = "customer_id"\nvalue',
            'key = "custmer_id"\nvalue',
            "joins[also].key: the table 'service_tasks' has no",
        ),
        (
            'value = "subject"',
            'value = "subjekt"',
            "joins[also].value: the table 'service_tasks' has no column 'subjekt'; ",
        ),
        (
            'value = "subject"',
            'value = "subject"\non = "no"',
            "joins[also].on: the table 'customers' has no column 'no'",
        ),
        (
            'value = "subject"',
            'value = "subject"\nwhere = { created_at = "soon" }',
            "joins[also]: 'soon' is no moment for the column 'created_at'",
        ),
        (
            'name = "also"',
            'name = "email"',
            "joins[email].name: is a column of the customers' too; give it another name",
        ),
    ],
)
def test_a_wrong_join_is_told_with_its_key(lay: Lay, old: str, new: str, error: str) -> None:
    assert old in JOIN
    section = _inline(JOIN.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        lay("fields = [", f"joins = {section}\nfields = [{ALSO}")
    assert str(caught.value).startswith(f"mappings/sql.toml contacts.{error}")


def test_a_join_that_bears_a_columns_name_is_told(lay: Lay) -> None:
    joined = _inline(JOIN.replace('"also"', '"email"'))
    with pytest.raises(ConfigurationError, match=r"joins\[email\].name: is a column of the customers' too"):
        lay("fields = [", f"joins = {joined}\nfields = [")


def _inline(section: str) -> str:
    lines = [line for line in section.splitlines() if "=" in line]
    return "[{ " + ", ".join(lines) + " }]"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("select customer_id, name, mobile from custmers", "the database refuses it: no such table: custmers"),
        ("select customer_id from customers", "the query 'customers' has no column 'name'"),
        ("select from where", 'the database refuses it: near "from": syntax error'),
    ],
)
def test_a_wrong_query_is_told_with_its_key(company: Engine, query: str, error: str) -> None:
    mapping = mapped(f"""
        [contacts]
        query = "{query}"
        key = "customer_id"
        fields = [{{ crm = "name", contact = "full_name" }}, {{ crm = "mobile", contact = "phone" }}]
    """)
    with company.connect() as connection, pytest.raises(ConfigurationError) as caught:
        lay_out(connection, mapping)
    assert str(caught.value).startswith("mappings/sql.toml contacts.")
    assert error in str(caught.value)


@pytest.mark.parametrize("rows", [0, 1])
def test_the_columns_of_a_query_are_known_whether_or_not_it_has_rows(company: Engine, rows: int) -> None:
    mapping = mapped("""
        [contacts]
        query = "select customer_id, 'x' || name as name, mobile, updated_at from customers;"
        key = "customer_id"
        changed_at = "updated_at"
        fields = [{ crm = "name", contact = "full_name" }, { crm = "mobile", contact = "phone" }]
    """)
    with company.begin() as connection:
        connection.execute(text("delete from customers"))
        connection.execute(text(f"insert into customers (name) select 'A' where {rows}"))
        contacts = lay_out(connection, mapping).contacts
    assert contacts.target is None
    assert isinstance(contacts.key.type, Integer)
    assert contacts.written == ()
    assert contacts.changed_at is not None
    assert isinstance(contacts.changed_at.type, DateTime)


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
        (wrapped(exc.OperationalError, Exception(2003, "Can't connect to MySQL server on 'db'")), TryAgain),
        (wrapped(exc.OperationalError, Exception(1205, "Lock wait timeout exceeded")), TryAgain),
        (wrapped(exc.OperationalError, Exception(1044, "Access denied for user to database")), FixCredentials),
        (wrapped(exc.OperationalError, Exception(1142, "INSERT command denied to user")), FixCredentials),
        (wrapped(exc.ProgrammingError, Exception(1146, "Table 'crm.people' doesn't exist")), FixCredentials),
        (wrapped(exc.IntegrityError, Exception(1062, "Duplicate entry '+886912345678' for key 'phone'")), Never),
        (wrapped(exc.IntegrityError, Exception(1048, "Column 'name' cannot be null")), Never),
        (wrapped(exc.OperationalError, Exception(1364, "Field 'branch' doesn't have a default value")), Never),
        (wrapped(exc.DataError, Exception(1366, "Incorrect value: '+886912345678' for column 'name'")), Never),
        (wrapped(exc.InternalError, Exception(1290, "running with the --read-only option")), TryLater),
        (wrapped(exc.OperationalError, Exception(1040, "Too many connections")), TryLater),
        (wrapped(exc.OperationalError, Exception(18456, b"Login failed for user 'crm'.")), FixCredentials),
        (wrapped(exc.OperationalError, Exception((4060, b"Cannot open database"))), FixCredentials),
        (wrapped(exc.OperationalError, Exception(1222, b"Lock request time out period exceeded.")), TryAgain),
        (wrapped(exc.OperationalError, Exception(20009, b"Unable to connect: Adaptive Server")), TryAgain),
        (wrapped(exc.IntegrityError, Exception(2627, b"The duplicate key value is (+886912345678).")), Never),
        (wrapped(exc.IntegrityError, Exception(515, b"Cannot insert the value NULL")), Never),
        (wrapped(exc.OperationalError, Exception(40501, b"The service is currently busy.")), TryLater),
        (wrapped(exc.InterfaceError, Exception("28000", "[28000] Login failed for user 'x'. (18456)")), FixCredentials),
        (wrapped(exc.ProgrammingError, Exception("42000", "[42000] Lock request time out. (1222)")), TryAgain),
        (wrapped(exc.ProgrammingError, Exception("42S02", "[42S02] Invalid object name. (208)")), FixCredentials),
        (wrapped(exc.IntegrityError, Exception("23000", "[23000] Violation of UNIQUE KEY. (2627)")), Never),
        (wrapped(exc.OperationalError, Exception("HYT00", "[HYT00] Login timeout expired")), TryAgain),
        (wrapped(exc.InterfaceError, Exception("IM002", "[IM002] Data source name not found")), FixCredentials),
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


@pytest.mark.parametrize(
    ("original", "conflict"),
    [
        (Coded("23505"), True),
        (Coded("23503"), False),
        (Exception(1062, "Duplicate entry"), True),
        (Exception(1048, "Column 'name' cannot be null"), False),
        (Exception(2601, b"Cannot insert duplicate key row"), True),
        (Exception("23000", "[23000] Violation of UNIQUE KEY. (2627)"), True),
        (Exception("23000", "[23000] Cannot insert the value NULL. (515)"), False),
    ],
)
def test_two_of_a_kind_are_told_from_other_refusals(original: Exception, conflict: bool) -> None:
    assert is_conflict(wrapped(exc.IntegrityError, original)) is conflict


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
